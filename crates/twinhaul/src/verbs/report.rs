//! `report`: what a run did. Sums that close: discovered = done + skipped + failed + remaining. And its proof: the manifest
//! and the failed list, whose lines hold each other, written by `write` and read again by `proof`.

mod against;
mod chain;
mod check;
mod lines;
mod proof;
mod requests;
mod write;

use crate::cli::ReportArgs;
use crate::exit::{self, Failure};
use crate::launch::ledger_failure;
use crate::state::RunDir;
use crate::watch::EventReader;
use crate::{output, state, status};
use requests::Counted;
use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_console_model::board::Stood;
use twinhaul_ledger::{Detail, View};
use twinhaul_units::text::{counted, show, show_bytes};
use twinhaul_units::{Bytes, Rate, Ratio, Span};
use twinhaul_wire::status::Status;
use twinhaul_wire::{EventKind, QueueSize, Rule};

/// Failed transfers printed; all of them are in `failed.jsonl`.
const FAILED_SHOWN: usize = 20;

pub(crate) fn report(args: &ReportArgs) -> Result<u8, Failure> {
    if args.check {
        return proof::check(args);
    }
    let run = state::find(args.run.as_deref())?;
    let status = status::of(&run)?;
    let written = write::write(&run)?;
    if args.json.json {
        let facts = Facts::read(&run)?;
        let idle: BTreeMap<_, _> = facts.peers.iter().map(|(n, p)| (n.clone(), p.idle_share())).collect();
        output::json(&serde_json::json!({
            "status": status,
            "idle_share": facts.idle_share(),
            "idle_shares": idle,
            "asks": facts.asks,
            "needed": facts.needed,
            "not_needed": facts.not_needed,
            "ratio_moves": facts.ratio_moves,
            "elapsed_s": facts.elapsed().map(|d| d.as_secs_f64()),
            "stood_s": facts.stood.before().as_secs_f64(),
            "manifest": written.directory.join("manifest.jsonl"),
            "manifest_head": written.head,
            "failed": written.directory.join("failed.jsonl"),
            "failed_head": written.failed_head,
            "requests": facts.requests.json(),
            "done_after_retries": done_after_retries(&run)?,
            "not_kept": written.lost,
        }))?;
        return Ok(exit::COMPLETE);
    }
    for line in summary_lines(&run, &status)? {
        output::line(&line);
    }
    for (what, transfers) in &written.lost {
        let many = if *transfers == 1 { "transfer" } else { "transfers" };
        output::line(&format!("  not kept: {what} of {transfers} {many} (\"lost\" in the manifest)"));
    }
    output::line(&format!("manifest and failed list: {}", state::shown(&written.directory)));
    output::line(&format!("head of the manifest: {}", written.head));
    output::line(&format!(
        "  keep it elsewhere: later it proves that no line was changed: twinhaul report {} --check --head HEAD",
        run.file.run
    ));
    Ok(exit::COMPLETE)
}

/// One peer's end, from its own event; incarnations add up.
#[derive(Clone, Copy, Debug, Default)]
struct PeerFacts {
    idle_slot_ms: u64,
    slot_ms: u64,
}

impl PeerFacts {
    /// Of the time of its slots; `None` when no peer of that name has ended.
    fn idle_share(&self) -> Option<f64> {
        (self.slot_ms > 0).then(|| self.idle_slot_ms as f64 / self.slot_ms as f64)
    }
}

/// What the history says.
#[derive(Debug, Default)]
struct Facts {
    peers: BTreeMap<String, PeerFacts>,
    asks: u64,
    needed: u64,
    not_needed: u64,
    ratio_moves: u64,
    first_ms: Option<u64>,
    last_ms: Option<u64>,
    stood: Stood,
    requests: Counted,
}

impl Facts {
    fn read(run: &RunDir) -> Result<Self, Failure> {
        let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
        let mut facts = Self::default();
        EventReader::new(&view).each(|event| {
            facts.first_ms.get_or_insert(event.at_ms);
            facts.last_ms = Some(event.at_ms);
            facts.stood.take(event.at_ms, &event.kind);
            facts.requests.take(&event);
            match event.kind {
                EventKind::Ask { .. } => facts.asks += 1,
                EventKind::Needed { .. } => facts.needed += 1,
                EventKind::NotNeeded { .. } => facts.not_needed += 1,
                EventKind::Ratio { rule, .. } if rule != Rule::Operator => facts.ratio_moves += 1,
                EventKind::PeerFinished { idle_slot_ms, up_ms, slots, .. } => {
                    let peer = facts.peers.entry(event.peer.unwrap_or_default()).or_default();
                    peer.idle_slot_ms += idle_slot_ms;
                    peer.slot_ms += up_ms * u64::from(slots);
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(facts)
    }

    /// Of both peers together.
    fn idle_share(&self) -> Option<f64> {
        let sum = self.peers.values().fold(PeerFacts::default(), |a, b| PeerFacts {
            idle_slot_ms: a.idle_slot_ms + b.idle_slot_ms,
            slot_ms: a.slot_ms + b.slot_ms,
        });
        sum.idle_share()
    }

    /// Without the time in which the run stood.
    fn elapsed(&self) -> Option<Duration> {
        let (first_ms, last_ms) = (self.first_ms?, self.last_ms?);
        let all = Duration::from_millis(last_ms.saturating_sub(first_ms));
        Some(all.saturating_sub(self.stood.until(last_ms)))
    }
}

/// The summary that a run ends with, and that the report begins with.
pub(crate) fn summary_lines(run: &RunDir, s: &Status) -> Result<Vec<String>, Failure> {
    let facts = Facts::read(run)?;
    let of = |q: QueueSize| format!("{} ({})", q.transfers, Bytes(q.bytes));
    let mut lines = vec![
        format!("run {}: {}", s.run, s.state.words()),
        format!(
            "  discovered {} = done {} + skipped {} + failed {} + remaining {}",
            of(QueueSize { transfers: s.totals.transfers, bytes: s.totals.bytes }),
            of(s.done),
            of(s.skipped),
            of(s.failed),
            of(s.remaining)
        ),
        format!("  verified {} of {} done", s.verified.transfers, s.done.transfers),
    ];
    if let Some(elapsed) = facts.elapsed().filter(|d| !d.is_zero()) {
        let rate = Rate((s.done.bytes as f64 / elapsed.as_secs_f64()) as u64);
        let stood = facts.stood.before();
        let stood =
            if stood.as_secs() > 0 { format!("; it stood still for {}", Span(stood)) } else { String::new() };
        lines.push(format!("  took {}, on average {rate}{stood}", Span(elapsed)));
    }
    for (name, p) in &s.peers {
        let idle = facts.peers.get(name).and_then(PeerFacts::idle_share);
        let idle = idle.map_or_else(|| "not known".to_owned(), |share| format!("{:.1} %", share * 100.0));
        lines.push(format!(
            "  {name}: done {}, idle share {idle}, ratio {}",
            of(p.done),
            p.ratio.map_or_else(|| "not known".to_owned(), |r| Ratio::clamped(r).to_string())
        ));
    }
    lines.push(format!(
        "  assistance: {}, {} \"assistance needed\", {} \"no assistance needed\"; the ratios moved {}",
        counted(facts.asks, "ask"),
        facts.needed,
        facts.not_needed,
        if facts.ratio_moves == 1 { "once".to_owned() } else { format!("{} times", facts.ratio_moves) }
    ));
    lines.push(format!(
        "  handed over, by hand too: {}{}",
        of(QueueSize { transfers: s.assistance.assigned_transfers, bytes: s.assistance.assigned_bytes }),
        twinhaul_console_model::words::lent(s.assistance.ranges),
    ));
    lines.extend(facts.requests.lines());
    let again = done_after_retries(run)?;
    if again > 0 {
        lines.push(format!("  {again} of the done needed more than one attempt"));
    }
    lines.extend(s.simulated.iter().map(|words| format!("  simulated: {}", show(words))));
    lines.extend(failed_lines(run, s)?);
    let next = match s.state {
        twinhaul_wire::RunState::Complete => {
            format!("  read it again from the targets: twinhaul verify {}", s.run)
        }
        twinhaul_wire::RunState::Failed => {
            format!(
                "  try what failed again: twinhaul run --resume {0}; all of it: twinhaul report {0}",
                s.run
            )
        }
        _ if twinhaul_supervisor::is_supervised(&run.path).is_some() => {
            format!("  look at it: twinhaul attach {}", s.run)
        }
        _ => format!("  {}", super::look::next_of_abandoned(run, s.totals.growing)),
    };
    lines.push(next);
    Ok(lines)
}

/// "Ok after three attempts" is an outcome of its own: whoever reads only "done" would not look for the bad cable.
pub(super) fn done_after_retries(run: &RunDir) -> Result<u64, Failure> {
    View::open(&run.ledger()).and_then(|view| view.done_after_retries()).map_err(|e| ledger_failure(&e))
}

/// What failed, by name and with its reason.
fn failed_lines(run: &RunDir, s: &Status) -> Result<Vec<String>, Failure> {
    if s.failed.transfers == 0 {
        return Ok(Vec::new());
    }
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let failed = view.failed_page(None, FAILED_SHOWN).map_err(|e| ledger_failure(&e))?;
    let line = |t: &Detail| {
        let why = t.error.as_deref().unwrap_or_default();
        let attempts = if t.attempts_in_all() == 1 { "attempt" } else { "attempts" };
        let first = t.first_error.as_deref().filter(|first| *first != why);
        let first = first.map_or_else(String::new, |first| format!("; the first error was: {}", show(first)));
        format!(
            "  failed {}: {} (transfer {}, {} {attempts}{first})",
            show_bytes(&t.key),
            show(why),
            t.id,
            t.attempts_in_all()
        )
    };
    let mut lines: Vec<String> = failed.iter().map(line).collect();
    let more = s.failed.transfers.saturating_sub(failed.len() as u64);
    if more > 0 {
        lines.push(format!("  ... and {more} more: report/failed.jsonl has them all"));
    }
    Ok(lines)
}
