//! Nobody works on a run that has not ended, or nobody watches over those who do.

use crate::budget::STARTING_MS;
use crate::look::{Look, PeerLook};
use crate::{Cause, Finding, Standing, Subject, offer, words};
use twinhaul_wire::{EventKind, RunState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    if look.all.supervised != Some(false) {
        return Vec::new();
    }
    // Between a run's beginning and its supervisor there is a moment.
    let begun_ms = look.events.first().map(|e| look.now_ms.saturating_sub(e.at_ms));
    if look.all.state == RunState::Starting && begun_ms.is_some_and(|ms| ms < STARTING_MS) {
        let text = "The run is starting.".to_owned();
        return vec![Finding::new(Cause::Starting, Standing::Normal, Subject::default(), text)];
    }
    let alive: Vec<&str> =
        look.peers.iter().filter(|p| p.lives() == Some(true)).map(PeerLook::name).collect();
    let last = look.notes(4, |e| {
        matches!(e.kind, EventKind::Exited { .. } | EventKind::RunEnded { .. } | EventKind::Joined { .. })
    });
    let run = look.run();
    if alive.is_empty() {
        let text = "Nobody works on this run, and it is not done: neither its supervisor nor a peer lives."
            .to_owned();
        let found = Finding::new(Cause::RunNotRunning, Standing::Trouble, Subject::default(), text);
        return vec![found.seen(last).offer([offer::go_on(run)])];
    }
    let text = format!(
        "The supervisor is gone; {} on without it. A peer that dies now is not started again.",
        if alive.len() == 1 { format!("{} goes", alive[0]) } else { format!("{} go", words::list(&alive)) }
    );
    let found = Finding::new(Cause::SupervisorGone, Standing::Trouble, Subject::default(), text);
    vec![found.seen(last).offer([offer::attach(run)])]
}
