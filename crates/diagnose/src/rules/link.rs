//! Both peers live and do not hear each other.

use crate::budget::LINK_MS;
use crate::look::{Look, PeerLook};
use crate::{Cause, Finding, Note, Standing, Subject, offer, words};
use twinhaul_wire::{EventKind, PeerSnapshot, PeerState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let heard: Vec<(&PeerLook<'_>, &PeerSnapshot)> = look.heard().collect();
    let [(a, one), (b, two)] = heard[..] else { return Vec::new() };
    // One that begins or ends has a reason not to be linked.
    let settled = |s: &PeerSnapshot| {
        s.up_ms >= LINK_MS
            && matches!(
                s.state,
                PeerState::Running | PeerState::Idle | PeerState::Paused | PeerState::Draining
            )
    };
    if !settled(one) || !settled(two) || !deaf(one) || !deaf(two) {
        return Vec::new();
    }
    let silent = [one, two].iter().filter_map(|s| s.link.heard_ms_ago).min();
    let silent = silent.map(|ms| format!(" for {}", words::age(ms))).unwrap_or_default();
    let text = format!(
        "{} and {} both work and have not heard each other{silent}: nobody is helped meanwhile, and nothing is lost.",
        a.name(),
        b.name()
    );
    let found = Finding::new(Cause::LinkDown, Standing::Trouble, Subject::default(), text)
        .seen(look.notes(5, |e| {
            matches!(
                e.kind,
                EventKind::Unlinked { .. } | EventKind::Linked { .. } | EventKind::Suspected { .. }
            )
        }))
        .seen([(a, one), (b, two)].map(|(peer, s)| {
            Note::at(
                s.at_ms,
                format!(
                    "{} answers here, and its link is {}",
                    peer.name(),
                    if s.link.up { "silent" } else { "down" }
                ),
            )
        }));
    vec![found.offer([offer::events(look.run()), offer::stop_and_go_on(look.run())])]
}

fn deaf(s: &PeerSnapshot) -> bool {
    !s.link.up || s.link.heard_ms_ago.is_none_or(|ms| ms >= LINK_MS)
}
