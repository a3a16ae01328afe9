//! An excerpt of the ledger, and the newest of its events. Read through its reading face alone, in pages.

use crate::launch::ledger_failure;
use crate::state::RunDir;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use twinhaul_ledger::{
    Counters, Detail, LedgerError, LotRow, QueueAt, Row, SCHEMA_VERSION, State, View, sqlite_version,
};
use twinhaul_profile::Profile;
use twinhaul_units::{PeerId, TransferId};
use twinhaul_wire::{Event, KeyText};

/// Of the events the newest, in bytes and in number.
const EVENTS_BYTES_MAX: usize = 8 << 20;
const EVENTS_READ_MAX: u64 = 50_000;
const EVENTS_PAGE: usize = 500;
/// Given-up transfers, and of each peer the head of its queue and what is authorised.
const FAILED_MAX: usize = 500;
const QUEUE_MAX: usize = 200;
const UNSETTLED_MAX: usize = 200;
/// More authorised transfers than this are only counted (`durability: end`): the ledger gives them all at once.
const UNSETTLED_READ_MAX: u64 = 20_000;
const LOTS_MAX: usize = 1_000;
/// Ranges that a peer holds of transfers of which both write.
const HOLDINGS_MAX: usize = 500;
/// Checkpointed attempts that are named.
const CHECKPOINTS_MAX: usize = 200;

/// What the ledger says.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) excerpt: Value,
    /// As JSON lines, oldest first.
    pub(super) events: Vec<u8>,
    pub(super) events_left_out: Option<String>,
}

/// Reads it; the error is in words.
pub(super) fn read(run: &RunDir, names: &Names) -> Result<Told, String> {
    let words = |e: LedgerError| ledger_failure(&e).text;
    let view = View::open(&run.ledger()).map_err(words)?;
    let (events, events_left_out) = events(&view).map_err(words)?;
    Ok(Told { excerpt: excerpt(&view, names).map_err(words)?, events, events_left_out })
}

/// The newest events, and which older ones are not among them.
fn events(view: &View) -> twinhaul_ledger::Result<(Vec<u8>, Option<String>)> {
    let last = view.last_seq()?;
    let mut seq = last.saturating_sub(EVENTS_READ_MAX);
    let mut lines: VecDeque<(u64, Vec<u8>)> = VecDeque::new();
    let mut bytes = 0;
    loop {
        let page = view.events_since(seq, EVENTS_PAGE)?;
        let Some(newest) = page.last() else { break };
        seq = newest.seq;
        for event in &page {
            let line = line(event);
            bytes += line.len();
            lines.push_back((event.seq, line));
        }
        while bytes > EVENTS_BYTES_MAX
            && let Some((_, oldest)) = lines.pop_front()
        {
            bytes -= oldest.len();
        }
    }
    let first = lines.front().map_or(0, |(seq, _)| *seq);
    let left_out = (first > 1).then(|| format!("what came before number {first} of {last}"));
    Ok((lines.into_iter().flat_map(|(_, line)| line).collect(), left_out))
}

fn line(event: &Event) -> Vec<u8> {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line
}

fn excerpt(view: &View, names: &Names) -> twinhaul_ledger::Result<Value> {
    let (row, totals, counters) = (view.run()?, view.totals()?, view.counters()?);
    let amount = |a: twinhaul_units::Amount| json!({ "transfers": a.transfers, "bytes": a.bytes.0 });
    let counts = counters.rows.iter().filter(|c| c.amount.transfers > 0).map(|c| {
        json!({ "peer": names.peer(c.peer), "target": names.target(c.target), "state": c.state.words(), "amount": amount(c.amount) })
    });
    let sums: BTreeMap<_, _> = State::ALL.map(|state| (state.words(), amount(counters.sum(state)))).into();
    let failed: Vec<Value> = view.failed_page(None, FAILED_MAX)?.iter().map(|t| names.failed(t)).collect();
    let lots: Vec<Value> = view.lots(None, LOTS_MAX)?.iter().map(|lot| names.lot(lot)).collect();
    let mut attempts = view.checkpointed_attempts()?;
    let checkpoints = attempts.len();
    attempts.truncate(CHECKPOINTS_MAX);
    Ok(json!({
        "schema": SCHEMA_VERSION,
        "sqlite": sqlite_version(),
        "wal_bytes": view.wal_bytes(),
        "data_version": view.data_version()?,
        "run": {
            "id": row.id, "name": row.name, "profile_hash": row.profile_hash, "policy": row.policy, "names": row.names,
            "created_at_ms": row.created_at_ms, "state": row.state.words(), "state_at_ms": row.state_at_ms,
            "finished": row.finished,
        },
        "totals": {
            "transfers": totals.transfers, "bytes": totals.bytes, "directories": totals.directories,
            "growing": totals.growing, "waves": totals.waves, "next": totals.next.0,
        },
        "sums": sums,
        "counts": counts.collect::<Vec<_>>(),
        "verified": counters.verified.map(amount),
        "done_after_retries": view.done_after_retries()?,
        "peers": PeerId::BOTH.map(|peer| names.of_peer(view, &counters, peer)).into_iter().collect::<Result<Vec<_>, _>>()?,
        "lots": { "shown": lots.len(), "most": LOTS_MAX, "rows": lots },
        "failed": { "shown": failed.len(), "of": counters.sum(State::Failed).transfers, "rows": failed },
        "checkpoints": { "shown": attempts.len(), "of": checkpoints, "attempts": attempts },
    }))
}

/// What numbers are called.
pub(super) struct Names {
    peers: [String; 2],
    sources: Vec<String>,
    targets: Vec<String>,
}

impl Names {
    /// Without a profile, sources and targets are numbers.
    pub(super) fn new(run: &RunDir, profile: Option<&Profile>) -> Self {
        let names = |ends: &[twinhaul_profile::End]| ends.iter().map(|end| end.name.clone()).collect();
        Self {
            peers: run.file.order.clone(),
            sources: profile.map(|p| names(&p.sources)).unwrap_or_default(),
            targets: profile.map(|p| names(&p.targets)).unwrap_or_default(),
        }
    }

    fn peer(&self, peer: PeerId) -> &str {
        &self.peers[peer.index()]
    }

    fn target(&self, target: u16) -> Value {
        self.targets.get(usize::from(target)).map_or_else(|| target.into(), |name| name.as_str().into())
    }

    fn source(&self, source: u16) -> Value {
        self.sources.get(usize::from(source)).map_or_else(|| source.into(), |name| name.as_str().into())
    }

    fn lot(&self, lot: &LotRow) -> Value {
        json!({
            "id": lot.id.0, "wave": lot.wave, "target": self.target(lot.target), "first": lot.first.0, "last": lot.last.0,
            "low": lot.low.0, "owner": self.peer(lot.owner), "epoch": lot.epoch.0, "planned": lot.planned,
            "authorised": lot.authorised,
        })
    }

    fn failed(&self, t: &Detail) -> Value {
        json!({
            "id": t.id.0, "key": KeyText::from_bytes(&t.key), "source": self.source(t.source),
            "target": self.target(t.target), "size": t.size, "attempts": t.attempts_in_all(), "error": t.error,
            "class": t.class, "first_error": t.first_error, "settled_at_ms": t.settled_at_ms,
            "peer": t.by.map(|peer| self.peer(peer)),
        })
    }

    fn row(&self, row: &Row) -> Value {
        json!({
            "id": row.id.0, "key": KeyText::from_bytes(&row.key), "target": self.target(row.target), "size": row.size,
            "attempts": row.attempts, "written": row.written, "state": row.state.words(),
        })
    }

    /// One peer: its row, the head of its queue, what it has authorised, and the ranges that it holds.
    fn of_peer(&self, view: &View, counters: &Counters, peer: PeerId) -> twinhaul_ledger::Result<Value> {
        let row = &view.peers()?[peer.index()];
        let queue = view.queue_page(peer, QueueAt::Offset(0), QUEUE_MAX)?;
        let authorised = counters.at(peer, State::Authorised).transfers;
        let unsettled = if authorised <= UNSETTLED_READ_MAX { view.unsettled(peer)? } else { Vec::new() };
        let holdings = view.holdings(peer, row.incarnation, HOLDINGS_MAX)?;
        let mut ranges = BTreeMap::new();
        for held in &holdings {
            ranges.entry(held.held.id.0).or_insert(self.ranges(view, held.held.id)?);
        }
        let dials: BTreeMap<String, String> =
            row.dials.iter().map(|(dial, turned)| (dial.to_string(), turned.to_string())).collect();
        Ok(json!({
            "peer": row.name, "incarnation": row.incarnation.0, "joined": row.joined.0, "joined_at_ms": row.joined_at_ms,
            "process": row.process.as_ref().map(|p| json!({ "pid": p.pid, "boot_id": p.boot_id, "host": p.host })),
            "ratio": row.memory.as_ref().map(|m| m.live_ratio), "ratio_remembered": row.memory.as_ref().map(|m| m.ratio),
            "dials": dials,
            "gave": row.gave, "given_transfers": row.given.transfers, "given_bytes": row.given.bytes.0,
            "lent": row.lent, "lent_bytes": row.lent_bytes,
            "queue": { "shown": queue.len(), "of": view.queue_len(peer)?.transfers,
                "rows": queue.iter().map(|row| self.row(row)).collect::<Vec<_>>() },
            "authorised": { "shown": unsettled.len().min(UNSETTLED_MAX), "of": authorised,
                "rows": unsettled.iter().take(UNSETTLED_MAX).map(|u| self.row(&u.row)).collect::<Vec<_>>() },
            "holds_ranges_of": ranges,
        }))
    }

    fn ranges(&self, view: &View, id: TransferId) -> twinhaul_ledger::Result<Vec<Value>> {
        let ranges = view.ranges(id)?;
        let one = |r: &twinhaul_ledger::RangeRow| json!({ "from": r.from, "to": r.to, "holder": self.peer(r.holder), "hedge": r.hedge, "done": r.done });
        Ok(ranges.iter().take(HOLDINGS_MAX).map(one).collect())
    }
}
