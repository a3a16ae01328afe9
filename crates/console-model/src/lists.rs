//! The lists as they are shown: what the operator's filter keeps, in the order wanted. Keys and views ask here, so that they
//! never mean different rows.

use crate::board::FailedRow;
use crate::board::pane::Standing;
use crate::filter::{Facts, Filter, Value};
use crate::ring::Ring;
use crate::ui::{Cursor, Note, Panel};
use crate::words::event::{log_line, speaker};
use crate::words::{self, beat::beat};
use crate::{Model, Names};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use twinhaul_units::PeerId;
use twinhaul_wire::{Event, InFlight, Level, QueueRow, WaitReason};

const FLIGHT_FIELDS: &[&str] =
    &["peer", "target", "state", "size", "done", "rate", "eta", "age", "id", "try"];
const EVENT_FIELDS: &[&str] = &["peer", "level"];
const NOTE_FIELDS: &[&str] = &["level"];
const FAILED_FIELDS: &[&str] = &["peer", "target", "error", "size", "id", "try"];

const QUEUE_FIELDS: &[&str] = &["target", "size", "id", "try"];

/// What panel 3 can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// First peer first, by slot: rows stay where they are.
    #[default]
    Slot,
    Path,
    Size,
    Done,
    Rate,
    Eta,
    Age,
    State,
}

impl SortBy {
    /// Each with the letter that chooses it after `s`.
    pub const ALL: [(char, Self); 8] = [
        ('p', Self::Slot),
        ('n', Self::Path),
        ('z', Self::Size),
        ('d', Self::Done),
        ('r', Self::Rate),
        ('e', Self::Eta),
        ('a', Self::Age),
        ('s', Self::State),
    ];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Slot => "peer and slot",
            Self::Path => "path",
            Self::Size => "size",
            Self::Done => "part done",
            Self::Rate => "rate",
            Self::Eta => "eta",
            Self::Age => "age",
            Self::State => "state, trouble first",
        }
    }
}

/// How panel 3 is sorted. Numbers begin with the largest, because that is what is looked for; `inverted` turns it round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sort {
    pub by: SortBy,
    pub inverted: bool,
}

/// Fields of a list's rows; `None`: it takes no filter.
pub const fn fields(panel: Panel) -> Option<&'static [&'static str]> {
    match panel {
        Panel::Flight => Some(FLIGHT_FIELDS),
        Panel::Assist | Panel::Log => Some(EVENT_FIELDS),
        Panel::Messages => Some(NOTE_FIELDS),
        Panel::Failed => Some(FAILED_FIELDS),
        // The whole queue, when it is open.
        Panel::Peer(_) => Some(QUEUE_FIELDS),
        Panel::Plot | Panel::Storage => None,
    }
}

/// Filters of the lists that have one, by the panel's number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filters(BTreeMap<usize, Filter>);

impl Filters {
    pub fn get(&self, panel: Panel) -> Option<&Filter> {
        self.0.get(&panel.number())
    }

    /// Sets a list's filter, or takes it away; the one before.
    pub fn set(&mut self, panel: Panel, filter: Option<Filter>) -> Option<Filter> {
        match filter {
            Some(filter) => self.0.insert(panel.number(), filter),
            None => self.0.remove(&panel.number()),
        }
    }

    /// Whether the list shows a row.
    fn keeps(&self, panel: Panel, row: &impl Facts) -> bool {
        self.get(panel).is_none_or(|filter| filter.keeps(row))
    }
}

impl Model {
    /// The list that `/` filters: the queue that is open, or the focused panel's.
    pub fn filtered(&self) -> Option<Panel> {
        if let Some(view) = self.ui.queue() {
            return Some(Panel::Peer(view.peer));
        }
        let panel = self.focus();
        let is_list = !matches!(panel, Panel::Peer(_)) && fields(panel).is_some();
        is_list.then_some(panel)
    }

    /// Rows of panel 3.
    pub fn flights(&self) -> Vec<(PeerId, &InFlight)> {
        let board = self.board();
        let mut rows = board.flights();
        let filters = &self.ui.filters;
        rows.retain(|(peer, flight)| {
            filters.keeps(Panel::Flight, &Flying { model: self, peer: *peer, flight })
        });
        let Sort { by, inverted } = self.ui.sort;
        if by != SortBy::Slot {
            // Stable, and ties by id: rows of equal worth do not dance.
            rows.sort_by(|a, b| self.compare(by, *a, *b).then(a.1.id.cmp(&b.1.id)));
        }
        if inverted {
            rows.reverse();
        }
        rows
    }

    fn compare(&self, by: SortBy, a: (PeerId, &InFlight), b: (PeerId, &InFlight)) -> Ordering {
        let part = |f: &InFlight| if f.bytes > 0 { f.done as f64 / f.bytes as f64 } else { 1.0 };
        let rate = |(peer, f): (PeerId, &InFlight)| if self.stands(peer, f) { 0 } else { f.rate };
        // What has no time to its end ends last.
        let eta = |(peer, f)| self.flight_eta(peer, f).unwrap_or(f64::INFINITY);
        let trouble = |(peer, f): (PeerId, &InFlight)| {
            let waits = f.wait.as_ref().map_or(0, |w| w.age_ms.max(1));
            (self.board().stalled(peer, Some(f.id)), waits)
        };
        match by {
            SortBy::Slot => Ordering::Equal,
            SortBy::Path => a.1.key.key.cmp(&b.1.key.key),
            SortBy::Size => b.1.bytes.cmp(&a.1.bytes),
            SortBy::Done => part(b.1).total_cmp(&part(a.1)),
            SortBy::Rate => rate(b).cmp(&rate(a)),
            SortBy::Eta => eta(b).total_cmp(&eta(a)),
            SortBy::Age => b.1.age_ms.cmp(&a.1.age_ms),
            SortBy::State => trouble(b).cmp(&trouble(a)),
        }
    }

    /// A transfer that stands still has no time to its end, however fast it was.
    pub fn stands(&self, peer: PeerId, flight: &InFlight) -> bool {
        let stale = matches!(self.board().pane(peer).standing(self.shown_at()), Standing::Stale(_));
        let paused = flight.wait.as_ref().is_some_and(|wait| wait.reason == WaitReason::Paused);
        stale || paused || self.board().stalled(peer, Some(flight.id))
    }

    /// Seconds to the end of a transfer in flight; `None` where nothing tells.
    pub fn flight_eta(&self, peer: PeerId, flight: &InFlight) -> Option<f64> {
        // Who waits for a drive has no rate that tells when it ends.
        let waits = flight.wait.as_ref().is_some_and(|wait| wait.age_ms >= 1_000);
        let left = flight.bytes.saturating_sub(flight.done);
        let moves = flight.rate > 0 && !waits && !self.stands(peer, flight);
        moves.then(|| left as f64 / flight.rate as f64)
    }

    /// Whether the log's filter keeps an event.
    pub fn in_log(&self, event: &Event) -> bool {
        let names = &self.board().names;
        self.ui.filters.keeps(Panel::Log, &Told { event, names, assist: false })
    }

    /// Whether the filter of the assistance keeps an event.
    pub fn in_timeline(&self, event: &Event) -> bool {
        let names = &self.board().names;
        self.ui.filters.keeps(Panel::Assist, &Told { event, names, assist: true })
    }

    /// Whether the filter of the messages keeps a note.
    pub fn in_messages(&self, note: &Note) -> bool {
        self.ui.filters.keeps(Panel::Messages, note)
    }

    /// Rows of panel 9.
    pub fn failed(&self) -> Vec<&FailedRow> {
        let rows = self.board().failed.iter().flat_map(|page| &page.rows);
        rows.filter(|row| self.ui.filters.keeps(Panel::Failed, *row)).collect()
    }
}

/// At most `height` rows of a list that grows at its end: around the selected one, or the last ones. Only as many items are
/// looked at as it takes to find them.
pub fn rows_shown<T>(
    ring: &Ring<T>,
    cursor: Cursor,
    height: usize,
    keeps: impl Fn(&T) -> bool,
) -> Vec<usize> {
    let len = ring.len();
    let kept = |at: &usize| ring.get(*at).is_some_and(&keeps);
    let at = cursor.id.map(|id| ring.index(id).unwrap_or(0));
    let Some(at) = at else {
        let mut rows: Vec<usize> = (0..len).rev().filter(kept).take(height).collect();
        rows.reverse();
        return rows;
    };
    let before: Vec<usize> = (0..at).rev().filter(kept).take(height).collect();
    let after: Vec<usize> = (at..len).filter(kept).take(height).collect();
    let above = (height / 2).max(height.saturating_sub(after.len())).min(before.len());
    let mut rows: Vec<usize> = before[..above].to_vec();
    rows.reverse();
    rows.extend(after.into_iter().take(height - above));
    rows
}

struct Flying<'a> {
    model: &'a Model,
    peer: PeerId,
    flight: &'a InFlight,
}

impl Facts for Flying<'_> {
    fn text(&self) -> String {
        self.flight.key.key.clone()
    }

    fn field(&self, name: &str) -> Option<Value> {
        let f = self.flight;
        Some(match name {
            "peer" => {
                let names = self.model.names();
                Value::Text(format!("{} {}", names.name(self.peer), names.tag(self.peer)))
            }
            "target" => Value::Text(f.target.clone()),
            "state" => {
                let stalled = self.model.board().stalled(self.peer, Some(f.id));
                Value::Text(format!("{} {}", words::flight_state(f, stalled).0, words::phase(f.phase)))
            }
            "size" => Value::Number(f.bytes as f64),
            "done" => Value::Number(f.done as f64),
            "rate" => Value::Number(if self.model.stands(self.peer, f) { 0.0 } else { f.rate as f64 }),
            "eta" => self.model.flight_eta(self.peer, f).map_or(Value::Unknown, Value::Number),
            "age" => Value::Number(f.age_ms as f64 / 1000.0),
            "id" => Value::Number(f.id as f64),
            "try" => Value::Number(f64::from(f.attempts)),
            _ => return None,
        })
    }
}

struct Told<'a> {
    event: &'a Event,
    names: &'a Names,
    assist: bool,
}

impl Facts for Told<'_> {
    fn text(&self) -> String {
        let line = log_line(self.event, self.names);
        // The timeline says it in other words: either finds it.
        match beat(self.event, self.names).filter(|_| self.assist) {
            Some(beat) => format!("{line} {} {} {}", beat.word, beat.message, beat.short),
            None => line,
        }
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "peer" => match speaker(self.event, self.names) {
                Some(peer) => Value::Text(format!("{} {}", self.names.name(peer), self.names.tag(peer))),
                None => Value::Unknown,
            },
            "level" => Value::Text(level_word(self.event.kind.level()).into()),
            _ => return None,
        })
    }
}

impl Facts for Note {
    fn text(&self) -> String {
        self.text.clone()
    }

    fn field(&self, name: &str) -> Option<Value> {
        let level = match self.mood {
            words::Mood::Bad => Level::Error,
            words::Mood::Warn => Level::Warn,
            words::Mood::Good | words::Mood::Plain => Level::Info,
        };
        (name == "level").then(|| Value::Text(level_word(level).into()))
    }
}

/// A row of a queue; whoever has the queue asks the filter.
#[derive(Clone, Copy, Debug)]
pub struct Queued<'a>(pub &'a QueueRow);

impl Facts for Queued<'_> {
    fn text(&self) -> String {
        self.0.key.key.clone()
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "target" => Value::Text(self.0.target.clone()),
            "size" => Value::Number(self.0.bytes as f64),
            "id" => Value::Number(self.0.id as f64),
            "try" => Value::Number(f64::from(self.0.attempts)),
            _ => return None,
        })
    }
}

impl Facts for FailedRow {
    fn text(&self) -> String {
        format!("{} {}", self.row.key.key, self.error)
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "peer" => Value::Text(self.peer.clone()),
            "target" => Value::Text(self.row.target.clone()),
            "error" => Value::Text(self.error.clone()),
            "size" => Value::Number(self.row.bytes as f64),
            "id" => Value::Number(self.row.id as f64),
            "try" => Value::Number(f64::from(self.attempts)),
            _ => return None,
        })
    }
}

/// As the log writes it.
pub const fn level_word(level: Level) -> &'static str {
    match level {
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_is_among_those_shown() {
        let mut ring = Ring::new(100);
        for n in 0..90_u64 {
            ring.push(n);
        }
        let even = |n: &u64| n.is_multiple_of(2);
        let rows = |id, height| rows_shown(&ring, Cursor { id, index: 0 }, height, even);
        assert_eq!(rows(None, 3), [84, 86, 88]);
        assert_eq!(rows(Some(40), 5), [36, 38, 40, 42, 44]);
        assert_eq!(rows(Some(0), 3), [0, 2, 4]);
        assert_eq!(rows(Some(88), 4), [82, 84, 86, 88]);
        assert_eq!(rows_shown(&ring, Cursor::default(), 3, |n| *n == 7), [7]);
        assert!(rows_shown(&ring, Cursor::default(), 3, |_| false).is_empty());
    }
}
