//! Nobody works on a run that has not ended, or nobody watches over those who do.

use super::since;
use crate::budget::{SILENT_MS, STARTING_MS};
use crate::look::{Look, PeerLook};
use crate::{Cause, Finding, Note, Standing, Subject, Undo, offer, words};
use twinhaul_wire::{EventKind, RunState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    if look.all.supervised != Some(false) {
        return silent(look).into_iter().collect();
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

/// It is there and says nothing. The peers do not need it to go on; a peer that dies does.
fn silent(look: &Look<'_>) -> Option<Finding> {
    let age_ms = match (look.all.supervised, &look.all.snapshot) {
        // It was asked.
        (Some(true), None) => None,
        // Only its last word is known.
        (None, Some(run)) => {
            let age_ms = look.now_ms.saturating_sub(run.at_ms);
            if age_ms < SILENT_MS {
                return None;
            }
            Some(age_ms)
        }
        _ => return None,
    };
    let process = look.all.supervisor.as_ref().filter(|p| p.exists);
    let frozen = process.filter(|p| p.is_frozen());
    let why = match (frozen, process) {
        (Some(_), _) => "its process is kept from running",
        (None, Some(_)) => "its process lives; why it says nothing is not known",
        (None, None) => "why is not known from here",
    };
    let heard =
        age_ms.map_or_else(|| "does not answer".to_owned(), |ms| format!("has said nothing {}", since(ms)));
    let text = format!(
        "The supervisor {heard}: {why}. The peers go on without it, but one that dies is not started again."
    );
    let note = process.map(|p| {
        let state = p.state.map(|s| format!(", state {s}")).unwrap_or_default();
        Note::at(look.now_ms, format!("process {} of the supervisor{state}", p.pid))
    });
    let wake = frozen.map(|p| match &p.frozen {
        Some(group) => {
            offer::shell("let its control group run again", &group.thaw, Undo::By(group.freeze.clone()))
        }
        None => offer::shell(
            "wake it",
            format!("kill -CONT {}", p.pid),
            Undo::By(format!("kill -STOP {}", p.pid)),
        ),
    });
    let again = process.is_none().then(|| offer::again(look.run()));
    let found = Finding::new(Cause::SupervisorSilent, Standing::Trouble, Subject::default(), text);
    Some(found.seen(note).offer(wake).offer(again).offer([offer::status(look.run())]))
}
