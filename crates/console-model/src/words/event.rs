//! Events as log lines: what happened, to what, why; one line each.

use super::beat::{beat, rule_words};
use super::{count, how_many};
use crate::Names;
use std::time::Duration;
use twinhaul_units::{Bytes, PeerId, Span};
use twinhaul_wire::{AssignWhy, Event, EventKind, RangeName, RequestCount, Requests};

/// `event` as the log shows it, without time, level and peer.
pub fn log_line(event: &Event, names: &Names) -> String {
    match &event.kind {
        EventKind::RunStarted { name, policy } => format!("run of profile {name} started, policy {policy}"),
        EventKind::Planned { wave, transfers, bytes, growing, .. } => {
            let more = if *growing { "; more will follow" } else { "; that is all" };
            format!("wave {wave} planned: {}, {}{more}", how_many(*transfers), Bytes(*bytes))
        }
        EventKind::Joined { pid } => format!("joined, pid {pid}, incarnation {}", event.incarnation),
        EventKind::Ask { .. } | EventKind::Needed { .. } | EventKind::NotNeeded { .. } => {
            message(event, names)
        }
        EventKind::Ratio { old, new, rule } => {
            let at = event.peer.as_deref().and_then(|n| names.id(n));
            let other = at.map_or("the other", |p| names.name(p.other()));
            format!("ratio {old:.2} to {new:.2}: {}", rule_words(*rule, other))
        }
        EventKind::Assigned { to, count: n, bytes, why, .. } => {
            let why = match why {
                AssignWhy::Assistance => "assistance",
                AssignWhy::Rebalance => "rebalance",
                AssignWhy::Drain => "drain",
                AssignWhy::TakeOver => "take-over",
            };
            format!("assigned {} / {} to {to} ({why}), in the ledger", how_many(*n), Bytes(*bytes))
        }
        EventKind::RangesLent { to, count: n, bytes, ranges, .. } => {
            let named: Vec<String> = ranges.iter().map(range_name).collect();
            let more = if (named.len() as u64) < *n { ", …" } else { "" };
            format!(
                "lent {} / {} to {to}: {}{more}",
                super::how_many_ranges(*n),
                Bytes(*bytes),
                named.join(", ")
            )
        }
        EventKind::RangesHome { id, key, ranges } => {
            format!("all of {} #{id} is home: {}", key.key, super::shares(ranges))
        }
        EventKind::Control { command, by, result } => format!("{by}: {command}: {result}"),
        EventKind::Say { text } | EventKind::Warning { text } | EventKind::Info { text } => text.clone(),
        EventKind::Failed { id, key, error, attempts } => {
            let attempts = if *attempts == 1 { "1 attempt".into() } else { format!("{attempts} attempts") };
            format!("given up after {attempts}: {} #{id}: {error}", key.key)
        }
        EventKind::Retry { id, key, error, attempts, in_ms } => {
            let wait = Span(Duration::from_millis(*in_ms));
            format!("attempt {attempts} failed, again in {wait}: {} #{id}: {error}", key.key)
        }
        EventKind::ProblemBegan { problem, text } => format!("{problem}: {text}"),
        EventKind::ProblemEnded { problem } => format!("{problem} is over"),
        EventKind::Simulated { name, backend, words } => {
            format!("{name} ({backend}) is simulated: {words}")
        }
        EventKind::Linked { other } => format!("hears the other peer, incarnation {other}"),
        EventKind::Unlinked { why } => format!("does not hear the other peer: {why}"),
        EventKind::Exited { process, words, restart_in_ms } => {
            let restart = restart_in_ms.map(|ms| format!("; restart in {}", Span(Duration::from_millis(ms))));
            format!("{process} ended: {words}{}", restart.unwrap_or_default())
        }
        EventKind::Recovered { discarded, accepted } => {
            format!("recovered: {} accepted, {} discarded", how_many(*accepted), how_many(*discarded))
        }
        EventKind::Suspected { other, silent_ms } => {
            format!("has heard nothing of {other} for {}", Span(Duration::from_millis(*silent_ms)))
        }
        EventKind::TakenOver { from, fenced, count: n, bytes, discarded, accepted, why } => {
            let found = match (*discarded, *accepted) {
                (0, 0) => String::new(),
                (d, 0) => format!("; {} discarded", how_many(d)),
                (0, a) => format!("; {} accepted", how_many(a)),
                (d, a) => format!("; {} discarded, {} accepted", how_many(d), how_many(a)),
            };
            format!(
                "took over {} / {} of {from}, incarnation {fenced}: {why}{found}",
                how_many(*n),
                Bytes(*bytes)
            )
        }
        EventKind::Finishing { directories } => format!("finishing {} directories", count(*directories)),
        EventKind::PeerFinished { transfers, bytes, .. } => {
            format!("finished: {} / {}", how_many(*transfers), Bytes(*bytes))
        }
        EventKind::Requests { place, source, counts } => {
            let way = if *source { "from" } else { "to" };
            format!("requests {way} {place}: {}", requests(counts))
        }
        EventKind::RunEnded { state, done, skipped, failed } => format!(
            "run ended: {state}; {} done, {} skipped, {} failed",
            count(*done),
            count(*skipped),
            count(*failed)
        ),
    }
}

/// "22 put (1 failed), 3 part; 19.1 MiB sent, 512 B received; 1 sent again".
pub fn requests(of: &Requests) -> String {
    let class = |(class, n): (&String, &RequestCount)| match n.failed {
        0 => format!("{} {class}", count(n.sent)),
        failed => format!("{} {class} ({} failed)", count(n.sent), count(failed)),
    };
    let classes: Vec<String> = of.by_class.iter().filter(|(_, n)| n.sent > 0).map(class).collect();
    let noted: Vec<String> = of.noted.iter().map(|(what, n)| format!("{} {what}", count(*n))).collect();
    let noted = if noted.is_empty() { String::new() } else { format!("; {}", noted.join(", ")) };
    format!(
        "{}; {} sent, {} received{noted}",
        classes.join(", "),
        Bytes(of.bytes_sent),
        Bytes(of.bytes_received)
    )
}

/// "4.0 MiB at 12.0 MiB of #7".
fn range_name(range: &RangeName) -> String {
    format!("{} at {} of #{}", Bytes(range.to.saturating_sub(range.from)), Bytes(range.from), range.id)
}

/// A message between the peers as a sentence: `alpha asks beta: do you need assistance? #3, 1 slot idle`.
fn message(event: &Event, names: &Names) -> String {
    let Some(beat) = beat(event, names) else { return String::new() };
    let name = |peer: Option<PeerId>| peer.map_or("?", |p| names.name(p));
    format!("to {}: {}  {}", name(beat.to), beat.message, beat.short)
}

/// The peer that a log line starts with: who says the message, or where it happened.
pub fn speaker(event: &Event, names: &Names) -> Option<PeerId> {
    let at = event.peer.as_deref().and_then(|name| names.id(name));
    match event.kind {
        EventKind::Needed { .. } | EventKind::NotNeeded { .. } => at.map(PeerId::other),
        _ => at,
    }
}
