//! Single transfers that fail, by the reason in their errors: no right to read, a source that changes, anything else.

use crate::budget::{RETRIES_MANY, RETRY_LATELY_MS};
use crate::look::Look;
use crate::{Cause, Confidence, Finding, Standing, Subject, offer, words};
use std::collections::{BTreeMap, BTreeSet};
use twinhaul_wire::{Event, EventKind, RunState};

/// What an error of the engine or of a backend says.
fn cause_of(error: &str) -> Cause {
    let lower = error.to_lowercase();
    if lower.contains("source changed while it was read") {
        Cause::SourceChanging
    } else if lower.contains("not authenticated") {
        Cause::Credentials
    } else if lower.contains("permission denied")
        || lower.contains("not permitted")
        || lower.contains("read-only file system")
    {
        Cause::Permission
    } else if lower.contains("no answer within") {
        // The engine's words come first; behind them there may be any name.
        if lower.starts_with("read from") { Cause::SourceSlow } else { Cause::TargetSlow }
    } else {
        Cause::TransfersFail
    }
}

/// Failures of one cause.
#[derive(Default)]
struct Met<'a> {
    given_up: BTreeSet<u64>,
    again: u64,
    last: Option<(u64, &'a str, &'a str)>,
}

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let mut met: BTreeMap<Cause, Met<'_>> = BTreeMap::new();
    // Given-up transfers that were taken back are no failures any more.
    let all_well = look.all.state == RunState::Complete;
    let none_left = look.heard().count() == look.peers.len()
        && !look.peers.is_empty()
        && look.heard().all(|(_, s)| s.failed.transfers == 0);
    // An attempt that failed is worth a word while its transfer is at it again, or when there are many of them.
    let at_it: BTreeSet<u64> = look.heard().flat_map(|(_, s)| &s.in_flight).map(|f| f.id).collect();
    let is_retry = |e: &Event| matches!(e.kind, EventKind::Retry { .. }) && is_recent(look, e);
    let many = look.events.iter().filter(|e| is_retry(e)).count() >= RETRIES_MANY;
    for event in look.events.iter().filter(|_| !all_well) {
        let (id, key, error, over) = match &event.kind {
            EventKind::Failed { id, key, error, .. } if !none_left && is_still(look, *id) => {
                (*id, key, error, true)
            }
            EventKind::Retry { id, key, error, .. } if is_retry(event) && (many || at_it.contains(id)) => {
                (*id, key, error, false)
            }
            _ => continue,
        };
        let one = met.entry(cause_of(error)).or_default();
        if over {
            // One that was tried again and given up again is one.
            one.given_up.insert(id);
        } else {
            one.again += 1;
        }
        one.last = Some((id, &key.key, error));
    }
    met.into_iter().filter_map(|(cause, met)| told(look, cause, &met)).collect()
}

/// Whether a transfer that was given up is given up now: a retry takes it back.
fn is_still(look: &Look<'_>, id: u64) -> bool {
    look.all.given_up.as_ref().is_none_or(|now| now.contains(&id))
}

fn is_recent(look: &Look<'_>, event: &Event) -> bool {
    !look.ended() && look.now_ms.saturating_sub(event.at_ms) <= RETRY_LATELY_MS
}

fn told(look: &Look<'_>, cause: Cause, met: &Met<'_>) -> Option<Finding> {
    let (id, key, error) = met.last?;
    let given_up = met.given_up.len() as u64;
    let whole = if look.knows_the_beginning() { "" } else { " or more" };
    let count = if given_up > 0 {
        format!("{}{whole} given up", words::transfers(given_up))
    } else {
        format!(
            "{} failed",
            if met.again == 1 { "1 attempt".to_owned() } else { format!("{} attempts", met.again) }
        )
    };
    let what = match cause {
        Cause::SourceChanging => "The source changes while it is read",
        Cause::Credentials => "Credentials are refused",
        Cause::Permission => "Permission is denied",
        Cause::SourceSlow => "The source does not answer in time",
        Cause::TargetSlow => "The target does not answer in time",
        _ => "Transfers fail",
    };
    let text = format!("{what}: {count}; the last is {} #{id}: {error}.", words::tail(key));
    let subject = Subject { transfer: (given_up + met.again == 1).then_some(id), ..Subject::default() };
    let found = Finding::new(cause, Standing::Trouble, subject.clone(), text)
        .sure(if given_up > 0 { Confidence::Certain } else { Confidence::Likely })
        .seen(look.notes(5, |e| match &e.kind {
            EventKind::Failed { error, .. } | EventKind::Retry { error, .. } => cause_of(error) == cause,
            _ => false,
        }));
    let way = match cause {
        Cause::SourceChanging => {
            Some("let whoever writes the source finish, or take a snapshot of it and copy that")
        }
        Cause::Permission => Some("give the user of the run the right to read (or write) what is named"),
        Cause::Credentials => Some("renew the credentials"),
        _ => None,
    };
    let run = look.run();
    let retry = (given_up > 0).then(|| offer::retry(run, subject.transfer));
    let go_on = (given_up > 0 && look.ended()).then(|| offer::go_on(run));
    let report = (given_up > 0).then(|| offer::report(run));
    Some(found.offer(report).offer(way.map(offer::act)).offer(retry).offer(go_on))
}
