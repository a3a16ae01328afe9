//! `report`: what a run did. Sums that close: discovered = done + skipped + failed + remaining.

use crate::cli::ReportArgs;
use crate::exit::{self, Failure};
use crate::launch::ledger_failure;
use crate::state::RunDir;
use crate::watch::EventReader;
use crate::{output, state, status};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;
use twinhaul_ledger::{Detail, State, View};
use twinhaul_units::text::{show, show_bytes};
use twinhaul_units::{Bytes, Rate, Ratio, Span};
use twinhaul_wire::status::Status;
use twinhaul_wire::{EventKind, KeyText, QueueSize, Rule};

/// Failed transfers printed; all of them are in `failed.jsonl`.
const FAILED_SHOWN: usize = 20;

pub(crate) fn report(args: &ReportArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let status = status::of(&run)?;
    let (directory, lost) = write_lists(&run)?;
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
            "manifest": directory.join("manifest.jsonl"),
            "failed": directory.join("failed.jsonl"),
            "not_kept": lost,
        }))?;
        return Ok(exit::COMPLETE);
    }
    for line in summary_lines(&run, &status)? {
        output::line(&line);
    }
    for (what, transfers) in &lost {
        let many = if *transfers == 1 { "transfer" } else { "transfers" };
        output::line(&format!("  not kept: {what} of {transfers} {many} (\"lost\" in the manifest)"));
    }
    output::line(&format!("manifest and failed list: {}", state::shown(&directory)));
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
}

impl Facts {
    fn read(run: &RunDir) -> Result<Self, Failure> {
        let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
        let mut facts = Self::default();
        EventReader::new(&view).each(|event| {
            facts.first_ms.get_or_insert(event.at_ms);
            facts.last_ms = Some(event.at_ms);
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

    fn elapsed(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.last_ms?.saturating_sub(self.first_ms?)))
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
        lines.push(format!("  took {}, on average {rate}", Span(elapsed)));
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
        "  assistance: {} asks, {} \"assistance needed\", {} \"no assistance needed\"; {} handed over{}, the ratios moved {}",
        facts.asks,
        facts.needed,
        facts.not_needed,
        of(QueueSize { transfers: s.assistance.assigned_transfers, bytes: s.assistance.assigned_bytes }),
        super::look::lent(s.assistance.ranges),
        if facts.ratio_moves == 1 { "once".to_owned() } else { format!("{} times", facts.ratio_moves) }
    ));
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
        _ if s.totals.growing => format!("  {}", super::look::next_of_unplanned(run)),
        _ => format!("  go on with it: twinhaul run --resume {}", s.run),
    };
    lines.push(next);
    Ok(lines)
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
        let attempts = if t.attempts == 1 { "attempt" } else { "attempts" };
        format!(
            "  failed {}: {} (transfer {}, {} {attempts})",
            show_bytes(&t.key),
            show(why),
            t.id,
            t.attempts
        )
    };
    let mut lines: Vec<String> = failed.iter().map(line).collect();
    let more = s.failed.transfers.saturating_sub(failed.len() as u64);
    if more > 0 {
        lines.push(format!("  ... and {more} more: report/failed.jsonl has them all"));
    }
    Ok(lines)
}

/// `report/manifest.jsonl` and `report/failed.jsonl` in the run's directory; and what the targets could not keep, by the
/// number of transfers.
fn write_lists(run: &RunDir) -> Result<(PathBuf, BTreeMap<&'static str, u64>), Failure> {
    let directory = run.path.join("report");
    let fail = |e: std::io::Error| Failure::other("writing the report", e);
    std::fs::create_dir_all(&directory).map_err(fail)?;
    let create =
        |name: &str| std::fs::File::create(directory.join(name)).map(std::io::BufWriter::new).map_err(fail);
    let (mut manifest, mut failed) = (create("manifest.jsonl")?, create("failed.jsonl")?);
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let mut lost = BTreeMap::new();
    for transfer in view.manifest() {
        let transfer = transfer.map_err(|e| ledger_failure(&e))?;
        for what in lost_words(transfer.lost) {
            *lost.entry(what).or_default() += 1;
        }
        let line = manifest_line(&transfer, run);
        writeln!(manifest, "{line}").map_err(fail)?;
        if transfer.state == State::Failed {
            writeln!(failed, "{line}").map_err(fail)?;
        }
    }
    manifest.flush().and_then(|()| failed.flush()).map_err(fail)?;
    Ok((directory, lost))
}

fn manifest_line(t: &Detail, run: &RunDir) -> serde_json::Value {
    let key = KeyText::from_bytes(&t.key);
    let digest = t.blake3.map(|d| blake3::Hash::from_bytes(d).to_hex().to_string());
    let mut line = serde_json::json!({
        "id": t.id.0,
        "key": key.key,
        "size": t.actual_size.unwrap_or(t.size),
        "state": t.state.words(),
        "blake3": digest,
        "peer": t.by.map(|p| run.file.order[p.index()].clone()),
        "attempts": t.attempts,
        "verified": t.verified,
        "lost": lost_words(t.lost),
        "settled_at": t.settled_at_ms.and_then(status::timestamp),
    });
    if let (Some(map), Some(b64)) = (line.as_object_mut(), key.key_b64) {
        map.insert("key_b64".into(), b64.into());
    }
    if let (Some(map), Some(error)) = (line.as_object_mut(), &t.error) {
        map.insert("error".into(), error.as_str().into());
    }
    line
}

/// The metadata that the target could not keep.
fn lost_words(bits: u32) -> Vec<&'static str> {
    const NAMES: [(u32, &str); 7] = [
        (1, "owner"),
        (2, "mode"),
        (4, "mtime"),
        (8, "xattr"),
        (16, "holes"),
        (32, "links"),
        (64, "user metadata"),
    ];
    NAMES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}
