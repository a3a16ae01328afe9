//! Where in its life the run is: beginning, planning, ending. And a peer that has nothing to do.

use crate::look::{Look, Motion};
use crate::{Cause, Finding, Note, Standing, Subject, offer, words};
use twinhaul_wire::{PeerSnapshot, PeerState, RunState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    if look.all.state == RunState::Stopping {
        let text = "The run is being stopped, as was asked for.".to_owned();
        let found = Finding::new(Cause::Stopping, Standing::OnPurpose, Subject::default(), text);
        let asked = look.notes(2, |e| matches!(&e.kind, twinhaul_wire::EventKind::Control { command, .. } if command.starts_with("twinhaul stop")));
        out.push(found.seen(asked).offer([offer::go_on(look.run())]));
    }
    let growing = look.all.snapshot.as_ref().is_some_and(|run| run.totals.growing);
    for peer in &look.peers {
        let name = peer.name();
        let normal = |cause, text: String| Finding::new(cause, Standing::Normal, Subject::peer(name), text);
        let Some(s) = peer.fresh() else {
            if peer.is_starting() {
                out.push(normal(Cause::Starting, format!("{name} is starting.")));
            }
            continue;
        };
        let idle = peer.motion() == Some(Motion::Idle) && s.queue.transfers == 0;
        out.extend(match s.state {
            PeerState::Starting | PeerState::Recovering => Some(normal(
                Cause::Starting,
                format!("{name} is {}: it looks at what was left before.", words::state(s.state)),
            )),
            PeerState::Finishing => Some(normal(
                Cause::Finishing,
                format!("{name} finishes: times of directories, links, the sweep."),
            )),
            PeerState::Running | PeerState::Idle if idle && growing => Some(normal(
                Cause::Planning,
                format!("{name} has nothing to do yet: the sources are still being listed."),
            )),
            PeerState::Running | PeerState::Idle if idle => idle_peer(look, name, s),
            _ => None,
        });
    }
    out
}

/// It ran dry while the other has work: why it is not given any.
fn idle_peer(look: &Look<'_>, name: &str, s: &PeerSnapshot) -> Option<Finding> {
    let (other, o) = look.heard().find(|(peer, _)| peer.name() != name)?;
    let left = o.queue.transfers + o.in_flight.len() as u64;
    if left == 0 {
        return None;
    }
    let has = format!("{} has {} left", other.name(), words::transfers(left));
    let why = if s.policy == "none" {
        "the policy is none: no peer helps the other".to_owned()
    } else if o.queue.transfers == 0 {
        "all that is left is in flight already".to_owned()
    } else if o.portion <= o.minimum as f64 {
        format!(
            "its portion of {:.1} is not more than the minimum {}: no assistance needed",
            o.portion, o.minimum
        )
    } else {
        "it asks".to_owned()
    };
    let text = format!("{name} has run dry; {has}, and {why}.");
    let asked = format!(
        "{name} asked {} times: {} needed, {} not needed",
        s.assisted.asked, s.assisted.needed, s.assisted.not_needed
    );
    Some(
        Finding::new(Cause::IdlePeer, Standing::Normal, Subject::peer(name), text)
            .seen([Note::at(s.at_ms, asked)]),
    )
}
