//! Taking things off the screen: the selected row to the clipboard, the whole screen to files. Changes nothing of the run.
//!
//! What is copied is what was washed (see [`crate::Clean`]): nothing of it acts in the shell it is pasted into. The JSON form
//! of a transfer has its exact key beside that.

use super::{data, nav};
use crate::ui::{Layer, Panel, Subject};
use crate::words::Mood;
use crate::words::event::log_line;
use crate::words::forecast::{self, BASIS};
use crate::{Effect, Eta, Model, clean, fit, forecast::Miss};
use serde_json::{Value, json};
use twinhaul_units::PeerId;
use twinhaul_wire::{Event, InFlight};

/// Events that a saved state has, the newest.
const EVENTS_SAVED: usize = 200;
/// Columns of the message that says what was copied.
const SAID_MAX: usize = 60;

/// A row, in both forms.
struct Row {
    text: String,
    json: Value,
}

pub(super) fn copy(model: &mut Model, as_json: bool) -> Vec<Effect> {
    let Some(row) = selected(model) else {
        data::say(model, Mood::Warn, "nothing is selected here: a row of panel 3, 4, 6, 7, 9 or of a queue");
        return Vec::new();
    };
    let text = if as_json { row.json.to_string() } else { row.text };
    let what = fit::cut_right(text.lines().next().unwrap_or_default(), SAID_MAX, "...");
    vec![Effect::Copy { text, what }]
}

/// The screen as it is drawn is known outside; the state behind it is told from here.
pub(super) fn save(model: &Model) -> Vec<Effect> {
    vec![Effect::SaveScreen { state: format!("{:#}\n", state_json(model)) }]
}

/// One at a time: it costs the machine that is looked at.
pub(super) fn bundle(model: &mut Model) -> Vec<Effect> {
    model.desk.bundling = true;
    data::say(model, Mood::Plain, "gathering what is known of the run; it is not touched");
    vec![Effect::Bundle]
}

pub(super) fn bundled(model: &mut Model, made: &Result<String, String>) -> Vec<Effect> {
    model.desk.bundling = false;
    match made {
        Ok(place) => data::say(model, Mood::Good, &format!("bundle: {}", clean::text(place))),
        Err(why) => data::say(model, Mood::Bad, &format!("no bundle was made: {}", clean::text(why))),
    }
    Vec::new()
}

/// Everything that is shown, as JSON: what `Ctrl-s` saves, and what `attach --once --json` prints.
pub fn state_json(model: &Model) -> Value {
    let board = model.board();
    let peers: Vec<Value> = PeerId::BOTH
        .into_iter()
        .map(|peer| {
            let pane = board.pane(peer);
            let age_ms = pane.heard.map(|at| model.now.since(at).as_millis() as u64);
            json!({ "peer": model.names().name(peer), "heard_ms_ago": age_ms, "snapshot": pane.snapshot })
        })
        .collect();
    let skip = board.events.len().saturating_sub(EVENTS_SAVED);
    let events: Vec<&Event> = board.events.iter().skip(skip).collect();
    json!({
        "run": model.run,
        "saved_at_ms": model.clock.ms(model.now),
        "shown_at_ms": model.clock.ms(model.shown_at()),
        "frozen": model.frozen.is_some(),
        "supervisor": board.run,
        "eta": eta_json(model),
        "peers": peers,
        "events": events,
    })
}

/// The time to finish as a script reads it: what is not known is `null`.
fn eta_json(model: &Model) -> Value {
    let (board, now) = (model.board(), model.shown_at());
    let (low_s, high_s, unknown) = match board.eta(now) {
        Eta::Range { low_s, high_s } => (Some(low_s), Some(high_s), None),
        Eta::Done => (Some(0.0), Some(0.0), None),
        Eta::Unknown(why) => (None, None, Some(why)),
    };
    let moved = board.end_moved(now);
    let earlier = |m: &Miss| {
        let f = m.forecast;
        json!({ "at_ms": model.clock.ms(f.at), "part": f.part, "low_s": f.low_s, "high_s": f.high_s,
                "late_s": m.late_s(), "over": m.over })
    };
    json!({
        "low_s": low_s,
        "high_s": high_s,
        "basis": BASIS,
        "unknown": unknown,
        "moved_s": moved.map(|m| m.by_s),
        "moved_within_s": moved.map(|m| m.within.as_secs()),
        "earlier": model.misses().iter().map(earlier).collect::<Vec<_>>(),
    })
}

fn end_text(model: &Model) -> String {
    let misses = model.misses();
    let line = |m: &Miss| if m.over { forecast::miss(m) } else { forecast::drift(m) };
    misses.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn selected(model: &Model) -> Option<Row> {
    match model.ui.top() {
        Some(Layer::Queue(view)) => of_queue(model, view.id?),
        Some(Layer::Detail { subject, .. }) => of_subject(model, *subject),
        Some(_) => None,
        // The very row: of a transfer in parts there are several.
        None if model.focus() == Panel::Flight => nav::selected_flight(model).map(of_flight),
        None => of_subject(model, nav::subject(model)?),
    }
}

fn of_subject(model: &Model, subject: Subject) -> Option<Row> {
    let board = model.board();
    match subject {
        Subject::Transfer(id) => match board.flight(id) {
            Some((_, flight)) => Some(of_flight(flight)),
            None => of_queue(model, id),
        },
        Subject::Beat(id) => board.timeline.by_id(id).map(|e| of_event(model, e)),
        Subject::Line(id) => board.events.by_id(id).map(|e| of_event(model, e)),
        Subject::Note(id) => {
            let note = model.desk.notes.by_id(id)?;
            Some(Row { text: note.text.clone(), json: json!({ "at_ms": note.at_ms, "text": note.text }) })
        }
        Subject::Failed(id) => {
            let row = board.failed.iter().flat_map(|page| &page.rows).find(|row| row.row.id == id)?;
            Some(Row { text: row.row.key.key.clone(), json: json!(row) })
        }
        Subject::End => {
            let text = end_text(model);
            (!text.is_empty()).then(|| Row { text, json: eta_json(model) })
        }
        Subject::Problems => {
            let all = board.problems();
            let texts: Vec<String> = all.iter().map(|p| format!("{}\n  {}", p.text, p.next)).collect();
            Some(Row { text: texts.join("\n"), json: json!(all) })
        }
    }
}

fn of_flight(flight: &InFlight) -> Row {
    Row { text: flight.key.key.clone(), json: json!(flight) }
}

fn of_queue(model: &Model, id: u64) -> Option<Row> {
    let (_, row) = model.ui.queued(id)?;
    Some(Row { text: row.key.key.clone(), json: json!(row) })
}

fn of_event(model: &Model, event: &Event) -> Row {
    Row { text: log_line(event, model.names()), json: json!(event) }
}
