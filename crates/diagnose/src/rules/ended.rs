//! A run that ended before it was done: because somebody stopped it, or because its peers did not live.

use crate::look::Look;
use crate::{Cause, Confidence, Finding, Standing, Subject, offer, words};
use twinhaul_wire::{Event, EventKind, RunState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    if look.all.state != RunState::Stopped {
        return Vec::new();
    }
    // What an earlier session of a resumed run met is past.
    let session = look.events.iter().rposition(|e| matches!(e.kind, EventKind::RunEnded { .. }));
    let before = session.map_or(look.events, |end| &look.events[..end]);
    let begun =
        before.iter().rposition(|e| matches!(e.kind, EventKind::RunEnded { .. })).map_or(0, |at| at + 1);
    let own = &before[begun..];
    // The supervisor passes a stop on to the peers, and that is told too.
    let mut stops = own.iter().rev().filter_map(|e| match &e.kind {
        EventKind::Control { command, by, .. } if command.starts_with("twinhaul stop") => Some((e.at_ms, by)),
        _ => None,
    });
    let passed_on = stops.clone().next();
    let stop = stops.find(|(_, by)| by.as_str() != "supervisor").or(passed_on);
    let deaths: Vec<&str> = look.peers.iter().filter_map(|p| last_death(own, p.name())).collect();
    let evidence = look.notes(6, |e| {
        matches!(&e.kind, EventKind::Exited { .. } | EventKind::RunEnded { .. })
            || matches!(&e.kind, EventKind::Control { command, .. } if command.starts_with("twinhaul stop"))
    });
    // Nobody asked for it: the supervisor ends the peers of a run that cannot be planned.
    if let Some(words) = planning_failed(own).filter(|_| stop.is_none_or(|(_, by)| by == "supervisor")) {
        return vec![unplanned(words).seen(evidence)];
    }
    let (cause, standing, text, sure) = match stop {
        Some((at_ms, by)) => {
            let ago = words::age(look.now_ms.saturating_sub(at_ms));
            let text = format!("The run was stopped, {} {ago} ago; it can go on.", words::giver(by, "stop"));
            (Cause::RunStopped, Standing::OnPurpose, text, Confidence::Certain)
        }
        None if !deaths.is_empty() => {
            let text = format!("The run ended before it was done: {}.", deaths.join("; "));
            (Cause::RunNotRunning, Standing::Trouble, text, Confidence::Certain)
        }
        None => {
            let text = "The run was ended before it was done, by a signal or with its machine; it can go on.";
            (Cause::RunStopped, Standing::OnPurpose, text.to_owned(), Confidence::Possible)
        }
    };
    let found = Finding::new(cause, standing, Subject::default(), text).sure(sure).seen(evidence);
    vec![found.offer([offer::go_on(look.run())])]
}

/// The planner's own words, when it ended because it could not plan.
fn planning_failed(events: &[Event]) -> Option<&str> {
    events.iter().rev().find_map(|e| match &e.kind {
        EventKind::Exited { process, words, .. } if process == "planner" => {
            words.split_once("error: ").map(|(_, why)| why)
        }
        _ => None,
    })
}

/// What was not planned cannot be gone on with: nobody knows what it did not see.
fn unplanned(words: &str) -> Finding {
    let no_room = words.contains("too little space");
    let target = words.strip_prefix("target ").and_then(|rest| rest.split_once(": ")).map(|(name, _)| name);
    let cause = if no_room { Cause::TargetFull } else { Cause::RunNotRunning };
    let subject = Subject { target: target.filter(|_| no_room).map(str::to_owned), ..Subject::default() };
    let text = format!("The run could not be planned, and nothing was copied: {words}");
    let way = "put right what it names, then start it anew: twinhaul run PROFILE";
    Finding::new(cause, Standing::Trouble, subject, text).offer([offer::act(way)])
}

/// How a peer ended last, if that was not what was asked of it, and nobody came after it.
fn last_death<'a>(events: &'a [Event], name: &str) -> Option<&'a str> {
    events
        .iter()
        .rev()
        .find_map(|e| match &e.kind {
            EventKind::Exited { process, words, .. } if process == name => Some(Some(words.as_str())),
            EventKind::Joined { .. } if e.peer.as_deref() == Some(name) => Some(None),
            _ => None,
        })?
        .filter(|words| !words.contains("ended on request") && !words.contains("interrupted"))
}
