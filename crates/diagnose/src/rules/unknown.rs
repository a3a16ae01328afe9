//! What no rule explains is said too: a peer that stands still, and why is not known.

use super::since;
use crate::budget::STALL_MS;
use crate::look::{Look, Motion};
use crate::{Cause, Finding, Note, Standing, Subject, offer, words};
use twinhaul_wire::{PeerSnapshot, PeerState, Wait};

/// Whatever is in flight says what it waits for, and nothing has waited longer than it may.
fn is_usual(s: &PeerSnapshot) -> bool {
    let within = |wait: &Wait| wait.budget_ms.is_some() && !wait.is_stall();
    !s.in_flight.is_empty() && s.in_flight.iter().all(|f| f.wait.as_ref().is_some_and(within))
}

pub(super) fn rule(look: &Look<'_>, others: &[Finding]) -> Vec<Finding> {
    if look.ended() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (peer, s) in look.heard() {
        let Some(Motion::Still(ms)) = peer.motion() else { continue };
        let name = peer.name();
        let explains = |f: &Finding| {
            f.cause.explains_standstill() && f.subject.peer.as_deref().is_none_or(|of| of == name)
        };
        if s.state != PeerState::Running || ms < STALL_MS || others.iter().any(explains) || is_usual(s) {
            continue;
        }
        let text = format!(
            "{name} has made no progress {} with {} in flight, and the evidence does not tell why.",
            since(ms),
            s.in_flight.len()
        );
        let waits = s.in_flight.iter().take(4).map(|f| {
            let why = f.wait.as_ref().map_or_else(
                || "and says nothing of a wait".to_owned(),
                |w| format!("waits for {} {}", w.reason.words(), since(w.age_ms)),
            );
            Note::at(s.at_ms, format!("{name}: {} {why}", words::flight(f)))
        });
        let found = Finding::new(Cause::StalledNotKnown, Standing::Trouble, Subject::peer(name), text)
            .seen(words::word_of(peer.of))
            .seen(waits.collect::<Vec<_>>());
        let again = peer.process().is_none().then(|| offer::again(look.run()));
        out.push(found.offer(again).offer([offer::events(look.run()), offer::drain(look.run(), name)]));
    }
    out
}
