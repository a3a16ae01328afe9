//! What changed hands at a moment of the assistance: the transfers, one by one as far as they are known, and what became of
//! them. What is in flight or next up is told by the peers, the rest by the ledger; a recording has no ledger.

use super::{Part, field};
use crate::skin::Role;
use twinhaul_console_model::assistance::Handed;
use twinhaul_console_model::board::STORED_MAX;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::Bytes;
use twinhaul_wire::Event;

/// Lots that are written out.
const LOTS_SHOWN: usize = 6;

/// A known transfer: its id, what it is in, its bytes, its path.
struct Known {
    id: u64,
    state: String,
    bytes: u64,
    path: String,
}

pub(super) fn lines(model: &Model, beat: u64, event: &Event, width: usize) -> Vec<Vec<Part>> {
    let Some(handed) = model.board().handed(event) else { return Vec::new() };
    let mut lines = vec![field("moved", counted(&handed), Role::Strong)];
    if handed.unnamed() > 0 {
        let words =
            if handed.lots.is_empty() { "which is not recorded" } else { "further ones are not recorded" };
        lines.push(field("", words, Role::Dim));
    }
    if !handed.lots.is_empty() {
        lines.push(field("ids", fit::cut_right(&ids(&handed), width.saturating_sub(10), ".."), Role::Plain));
    }
    let known = known(model, beat, &handed);
    for row in &known {
        let head = format!("{:>9} {:<11} {:>9}  ", row.id, row.state, Bytes(row.bytes).to_string());
        let path = fit::cut_left(&row.path, width.saturating_sub(fit::width(&head)), "..");
        lines.push(vec![super::part(head, Role::Dim), super::part(path, Role::Plain)]);
    }
    let rest = handed.transfers.saturating_sub(known.len() as u64);
    if rest > 0 && !handed.lots.is_empty() {
        let more = format!("and {} more", words::count(rest));
        lines.push(field(
            "",
            if known.len() >= STORED_MAX { more } else { format!("{more}, not known here") },
            Role::Dim,
        ));
    }
    lines.push(Vec::new());
    lines
}

fn counted(handed: &Handed) -> String {
    match (handed.transfers, handed.ranges) {
        (n, 0) => words::how_many(n),
        (0, ranges) => words::how_many_ranges(ranges),
        (n, ranges) => format!("{}, {}", words::how_many(n), words::how_many_ranges(ranges)),
    }
}

/// `48,241-48,255, 50,003`.
fn ids(handed: &Handed) -> String {
    let one = |lot: &twinhaul_wire::LotIds| {
        if lot.first == lot.last { lot.first.to_string() } else { format!("{}-{}", lot.first, lot.last) }
    };
    let mut all: Vec<String> = handed.lots.iter().take(LOTS_SHOWN).map(one).collect();
    if handed.lots.len() > LOTS_SHOWN {
        all.push(format!("{} lots more", handed.lots.len() - LOTS_SHOWN));
    }
    all.join(", ")
}

/// In the order of the ids; each once, by whoever knows most of it.
fn known(model: &Model, beat: u64, handed: &Handed) -> Vec<Known> {
    let board = model.board();
    let mut rows: Vec<Known> = Vec::new();
    for (peer, flight) in board.flights() {
        let (state, _) = words::flight_state(flight, board.stalled(peer, Some(flight.id)));
        let (id, bytes, path) = (flight.id, flight.bytes, flight.key.key.clone());
        rows.push(Known { id, state: fit::cut_right(&state, 11, ""), bytes, path });
    }
    let stored = model.ui.stored.iter().filter(|(of, _)| *of == beat).flat_map(|(_, rows)| rows);
    for row in stored {
        let (id, bytes, path) = (row.row.id, row.row.bytes, row.row.key.key.clone());
        rows.push(Known { id, state: row.state.clone(), bytes, path });
    }
    for row in board.panes.iter().filter_map(|pane| pane.snapshot.as_ref()).flat_map(|s| &s.next_up) {
        let (id, bytes, path) = (row.id, row.bytes, row.key.key.clone());
        rows.push(Known { id, state: "queued".into(), bytes, path });
    }
    for failed in board.failed.iter().flat_map(|page| &page.rows) {
        let (id, bytes, path) = (failed.row.id, failed.row.bytes, failed.row.key.key.clone());
        rows.push(Known { id, state: "given up".into(), bytes, path });
    }
    rows.retain(|row| handed.holds(row.id));
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    rows
}
