//! A window about one thing: a transfer, a moment of the assistance, a log line, or everything that is wrong.

mod errors;
mod handed;

use super::paint::{Brush, Part, clipped, mood, named, part};
use crate::skin::Role;
use std::time::Duration;
use twinhaul_console_model::board::StoredRow;
use twinhaul_console_model::ui::Subject;
use twinhaul_console_model::words::{self, event::log_line, explain::explain};
use twinhaul_console_model::{Eta, Model, fit};
use twinhaul_units::{Bytes, PeerId, Rate};
use twinhaul_wire::{Event, InFlight, Phase, QueueRow};

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, subject: Subject, scroll: usize) {
    let width = usize::from(brush.buf.area.width.min(100)).saturating_sub(6);
    let (title, lines) = match subject {
        Subject::Transfer(id) => (format!("Transfer {id}"), transfer(model, id, width)),
        Subject::Beat(id) => ("Assistance".into(), beat(model, id, width)),
        Subject::Line(id) => ("Event".into(), moment(model, ring_event(model, id, false), width)),
        Subject::Note(id) => ("Message".into(), note(model, id, width)),
        Subject::Failed(id) => (format!("Transfer {id}, given up"), failed(model, id, width)),
        Subject::End => ("Time to finish".into(), end(model, width)),
        Subject::Problems => ("What is wrong".into(), problems(model, width)),
    };
    let height = (lines.len() as u16 + 2).min(brush.buf.area.height.saturating_sub(2));
    let leads_on = subject == Subject::Problems && model.board().progress().failed > 0;
    let hint = if leads_on { "Enter given up  Esc back" } else { "Esc back" };
    let inner = brush.popup(width as u16 + 4, height, &title, &[part(hint, Role::Dim)]);
    let from = scroll.min(lines.len().saturating_sub(usize::from(inner.height)));
    for (row, parts) in (0..inner.height).zip(lines.iter().skip(from)) {
        let parts = clipped(parts, usize::from(inner.width), brush.skin.glyphs.cut);
        brush.line(inner, row, &parts);
    }
}

fn ring_event(model: &Model, id: u64, timeline: bool) -> Option<&Event> {
    let board = model.board();
    let ring = if timeline { &board.timeline } else { &board.events };
    ring.by_id(id)
}

fn wrapped(text: &str, width: usize, role: Role) -> Vec<Vec<Part>> {
    fit::wrap(text, width).into_iter().map(|line| vec![part(line, role)]).collect()
}

fn field(name: &str, value: impl Into<String>, role: Role) -> Vec<Part> {
    vec![part(fit::left(name, 10), Role::Dim), part(value, role)]
}

/// A moment of the assistance, and what changed hands at it.
fn beat(model: &Model, id: u64, width: usize) -> Vec<Vec<Part>> {
    let event = ring_event(model, id, true);
    let mut lines = moment(model, event, width);
    if let Some(event) = event {
        let log = lines.len().saturating_sub(fit::wrap(&log_text(model, event), width).len());
        lines.splice(log..log, handed::lines(model, id, event, width));
    }
    lines
}

fn log_text(model: &Model, event: &Event) -> String {
    format!("log: {}", log_line(event, &model.board().names))
}

fn moment(model: &Model, event: Option<&Event>, width: usize) -> Vec<Vec<Part>> {
    let Some(event) = event else { return vec![vec![part("no longer kept", Role::Dim)]] };
    let mut lines = vec![vec![part(super::time(model, event.at_ms), Role::Strong)], Vec::new()];
    for sentence in explain(event, &model.board().names) {
        lines.extend(wrapped(&sentence, width, Role::Plain));
        lines.push(Vec::new());
    }
    lines.extend(wrapped(&log_text(model, event), width, Role::Dim));
    lines
}

fn note(model: &Model, id: u64, width: usize) -> Vec<Vec<Part>> {
    let Some(note) = model.desk.notes.by_id(id) else {
        return vec![vec![part("no longer kept", Role::Dim)]];
    };
    let mut lines = vec![vec![part(super::time(model, note.at_ms), Role::Strong)], Vec::new()];
    lines.extend(wrapped(&note.text, width, mood(note.mood)));
    lines
}

fn transfer(model: &Model, id: u64, width: usize) -> Vec<Vec<Part>> {
    let mut lines = match (model.board().flight(id), model.ui.queued(id)) {
        (Some((peer, flight)), _) => in_flight(model, peer, flight, width),
        (None, Some((peer, row))) => queued(model, peer, row, width),
        (None, None) => model.ui.gone.as_ref().filter(|row| row.row.id == id).map_or_else(
            || {
                vec![vec![part(
                    "no longer in flight: it is done, or it waits for another attempt",
                    Role::Plain,
                )]]
            },
            |row| stored(row, width),
        ),
    };
    lines.extend(errors::lines(model, id, width));
    lines
}

/// As the ledger has it: no peer tells of it.
fn stored(stored: &StoredRow, width: usize) -> Vec<Vec<Part>> {
    let (state, role) = match stored.state.as_str() {
        "done" => ("done: it is at the target, verified as asked", Role::Good),
        "skipped" => ("skipped: the same was at the target", Role::Good),
        "given up" => ("given up (9 says why)", Role::Bad),
        "queued" if stored.attempts > 0 => ("queued, for another attempt", Role::Warn),
        other => (other, Role::Plain),
    };
    let mut lines = wrapped(&stored.row.key.key, width, Role::Strong);
    lines.extend([
        Vec::new(),
        field("state", state, role),
        field("target", stored.row.target.clone(), Role::Plain),
        field("size", Bytes(stored.row.bytes).to_string(), Role::Plain),
        field("attempts", stored.attempts.to_string(), Role::Plain),
    ]);
    lines
}

fn queued(model: &Model, peer: PeerId, row: &QueueRow, width: usize) -> Vec<Vec<Part>> {
    let mut lines = wrapped(&row.key.key, width, Role::Strong);
    lines.extend([
        Vec::new(),
        field("state", "queued", Role::Plain),
        field("owner", model.names().name(peer), super::peer::role(peer)),
        field("target", row.target.clone(), Role::Plain),
        field("size", Bytes(row.bytes).to_string(), Role::Plain),
    ]);
    lines
}

fn in_flight(model: &Model, peer: PeerId, flight: &InFlight, width: usize) -> Vec<Vec<Part>> {
    let stalled = model.board().stalled(peer, Some(flight.id));
    let (state, state_mood) = words::flight_state(flight, stalled);
    let stands = model.stands(peer, flight);
    let mut lines = wrapped(&flight.key.key, width, Role::Strong);
    let percent = if flight.bytes > 0 { flight.done as f64 / flight.bytes as f64 * 100.0 } else { 100.0 };
    let waits = flight.phase == Phase::Ranges;
    let slot = if waits { "no slot".to_owned() } else { format!("slot {}", flight.slot) };
    lines.extend([
        Vec::new(),
        field("state", state, mood(state_mood)),
        field("phase", words::phase(flight.phase), Role::Plain),
        field("peer", format!("{}, {slot}", model.names().name(peer)), super::peer::role(peer)),
        field("target", flight.target.clone(), Role::Plain),
        field(
            "done",
            format!("{} of {} ({percent:.1}%)", Bytes(flight.done), Bytes(flight.bytes)),
            Role::Plain,
        ),
        field(
            "rate",
            format!(
                "{}, eta {}",
                Rate(if stands { 0 } else { flight.rate }),
                words::clock5(model.flight_eta(peer, flight))
            ),
            Role::Plain,
        ),
        field("age", words::age(Duration::from_millis(flight.age_ms)), Role::Plain),
        field("attempts", flight.attempts.to_string(), Role::Plain),
    ]);
    for range in &flight.ranges {
        let who = model.names().id(&range.peer);
        let role = who.map_or(Role::Plain, super::peer::role);
        lines.push(field("range", words::share(range), role));
    }
    if let Some(wait) = &flight.wait {
        let age = words::age(Duration::from_millis(wait.age_ms));
        let detail = if wait.detail.is_empty() { String::new() } else { format!(", {}", wait.detail) };
        let role = if wait.is_stall() { Role::Bad } else { Role::Warn };
        lines.push(field("waits for", format!("{}{detail}, for {age}", wait.reason.words()), role));
        let budget = wait.budget_ms.map(|ms| words::age(Duration::from_millis(ms)));
        lines.extend(budget.map(|budget| field("may take", budget, Role::Dim)));
        lines.extend(call_times(model, peer, flight).map(|text| field("calls", text, Role::Dim)));
    }
    lines
}

/// How long the calls of its peer take that are like the one it waits for.
fn call_times(model: &Model, peer: PeerId, flight: &InFlight) -> impl Iterator<Item = String> {
    let reason = flight.wait.as_ref().map(|wait| wait.reason);
    let calls = model.board().pane(peer).snapshot.iter().flat_map(|s| &s.calls);
    let like = calls.filter(move |c| Some(c.reason) == reason && c.lately.count + c.before.count > 0);
    like.map(|c| format!("of {}: {}; before {}", c.place, c.lately, c.before))
}

fn failed(model: &Model, id: u64, width: usize) -> Vec<Vec<Part>> {
    let found = model.board().failed.iter().flat_map(|page| &page.rows).find(|row| row.row.id == id);
    let Some(found) = found else { return vec![vec![part("it is not given up any more", Role::Plain)]] };
    let mut lines = wrapped(&found.row.key.key, width, Role::Strong);
    lines.push(Vec::new());
    lines.extend(wrapped(&found.error, width, Role::Bad));
    lines.extend([
        Vec::new(),
        field("attempts", found.attempts.to_string(), Role::Plain),
        field("by", found.peer.clone(), Role::Plain),
        field("target", found.row.target.clone(), Role::Plain),
        field("size", Bytes(found.row.bytes).to_string(), Role::Plain),
    ]);
    lines.extend(errors::lines(model, id, width));
    lines.push(field("again", format!("twinhaul retry {} --transfer {id}", model.run), Role::Strong));
    lines
}

/// The time to finish: what it is based on, how it moved, and how far off earlier forecasts were.
fn end(model: &Model, width: usize) -> Vec<Vec<Part>> {
    let (board, now) = (model.board(), model.shown_at());
    let eta = board.eta(now);
    let mut lines = vec![match eta {
        Eta::Unknown(why) => field("eta", format!("not known: {why}"), Role::Warn),
        Eta::Done => {
            field("took", model.up().map_or_else(|| "--:--".into(), words::clock_over), Role::Strong)
        }
        Eta::Range { .. } => field("eta", super::eta(eta), Role::Strong),
    }];
    if eta != Eta::Done {
        let moved = board.end_moved(now).map_or_else(|| "not known yet".into(), words::forecast::moved);
        lines.push(field("basis", words::forecast::BASIS, Role::Plain));
        lines.push(field("end moved", moved, Role::Plain));
        for peer in PeerId::BOTH {
            let alone = words::clock_s(board.alone_s(peer));
            let text = format!("{} needs {alone} for what it owns", model.names().name(peer));
            lines.push(field("alone", text, super::peer::role(peer)));
        }
    }
    lines.push(Vec::new());
    let misses = model.misses();
    if misses.is_empty() {
        lines.push(vec![part("no earlier forecast is known here", Role::Dim)]);
    }
    let line = |m| if eta == Eta::Done { words::forecast::miss(m) } else { words::forecast::drift(m) };
    for (at, miss) in misses.iter().enumerate() {
        let name = if at == 0 { "forecasts" } else { "" };
        lines.push(field(name, fit::cut_right(&line(miss), width.saturating_sub(10), ".."), Role::Plain));
    }
    lines
}

fn problems(model: &Model, width: usize) -> Vec<Vec<Part>> {
    let problems = model.board().problems();
    if problems.is_empty() {
        return vec![vec![part("nothing is wrong any more", Role::Good)]];
    }
    let mut lines = Vec::new();
    for problem in &problems {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        let age = Duration::from_millis(model.shown_at_ms().saturating_sub(problem.since_ms));
        let peer = problem.peer.as_ref().map_or_else(String::new, |peer| format!(" {peer}"));
        let transfer = problem.transfer.map(|id| format!(" #{id}")).unwrap_or_default();
        let age = if problem.since_ms > 0 { format!(", for {}", words::age(age)) } else { String::new() };
        let head = format!("! {}{peer}{transfer}{age}", problem.kind);
        lines.push(vec![part(head, Role::Bad)]);
        lines.extend(wrapped(&problem.text, width, Role::Plain));
        if !problem.next.is_empty() {
            lines.extend(named("next", 7, &problem.next, width, Role::Strong));
        }
    }
    lines
}
