//! Looking around: focus, selections by id, scrolling, freezing, expanding, drilling down. Changes nothing outside.

use super::{queue, queue_search};
use crate::action::Action;
use crate::lists::{Sort, SortBy};
use crate::ui::{Cursor, Layer, Panel, Subject, Times, WINDOWS_S};
use crate::{Chord, Effect, Frozen, Key, Model, SizeClass};
use twinhaul_units::PeerId;
use twinhaul_wire::InFlight;

pub(super) fn run(model: &mut Model, action: Action, chord: Option<Chord>) -> Vec<Effect> {
    match action {
        Action::NextPanel => focus(model, step_panel(model, 1)),
        Action::PreviousPanel => focus(model, step_panel(model, -1)),
        Action::Panel => {
            if let Some(Key::Char(c)) = chord.map(|c| c.key) {
                let index = c.to_digit(10).unwrap_or(1).saturating_sub(1) as usize;
                focus(model, Panel::ALL.get(index).copied().unwrap_or(Panel::Flight));
                if model.ui.focus == Panel::Failed {
                    return vec![Effect::PullFailed];
                }
            }
        }
        Action::Drill => return drill(model),
        Action::Back => return back(model),
        Action::Freeze => freeze(model),
        Action::Expand => {
            model.ui.layers.clear();
            model.ui.expanded = !model.ui.expanded && model.class() > SizeClass::Status;
        }
        Action::Stage => {
            model.ui.layers.clear();
            let shown = model.class() == SizeClass::Stage && !model.ui.expanded;
            model.ui.expanded = false;
            model.ui.stage = Some(!shown);
        }
        Action::Times => {
            model.ui.times = match model.ui.times {
                Times::Clock => Times::Ago,
                Times::Ago => Times::SinceStart,
                Times::SinceStart => Times::Clock,
            };
        }
        Action::Sort => model.ui.push(Layer::Sort),
        Action::Invert => model.ui.sort.inverted = !model.ui.sort.inverted,
        Action::ZoomIn => model.ui.window = Some(model.window().saturating_sub(1)),
        Action::ZoomOut => model.ui.window = Some((model.window() + 1).min(WINDOWS_S.len() - 1)),
        Action::Problems => model.ui.push(Layer::Detail { subject: Subject::Problems, scroll: 0 }),
        Action::Down => return shift(model, 1),
        Action::Up => return shift(model, -1),
        Action::PageDown => return shift(model, page_rows(model)),
        Action::PageUp => return shift(model, -page_rows(model)),
        Action::First => return shift(model, i64::MIN),
        Action::Last => return shift(model, i64::MAX),
        _ => {}
    }
    Vec::new()
}

/// Panels that Tab goes through: all but the message log, which only its digit shows, and the storage panel only when a
/// backend shows something.
fn step_panel(model: &Model, by: isize) -> Panel {
    let storage = model.board().shows_storage();
    let stops = |p: &Panel| match p {
        Panel::Messages | Panel::Failed => false,
        Panel::Storage => storage,
        _ => true,
    };
    let mut panels = Panel::ALL.into_iter().filter(stops);
    // From a panel that is none of them the way leads where its number would.
    let at = model.focus().number();
    let (first, last) = (Panel::ALL[0], panels.clone().next_back());
    if by < 0 {
        panels.rfind(|p| p.number() < at).or(last).unwrap_or(first)
    } else {
        panels.find(|p| p.number() > at).unwrap_or(first)
    }
}

/// The focus goes to a panel that is on the screen.
pub(super) fn look_at(model: &mut Model, panel: Panel) {
    model.ui.focus = panel;
}

/// Panels without a place in the present layout take the whole screen.
fn focus(model: &mut Model, panel: Panel) {
    model.ui.layers.clear();
    model.ui.summary_closed |= model.live.ended().is_some();
    let unseen = panel == Panel::Storage && !model.board().shows_storage();
    let hidden = match model.class() {
        SizeClass::Wide => matches!(panel, Panel::Messages | Panel::Failed) || unseen,
        SizeClass::Stage => !matches!(panel, Panel::Peer(_) | Panel::Assist) || unseen,
        SizeClass::Full => {
            matches!(panel, Panel::Plot | Panel::Log | Panel::Messages | Panel::Failed) || unseen
        }
        SizeClass::Compact | SizeClass::Status => false,
    };
    let was_hidden = model.ui.expanded && model.ui.focus != panel;
    model.ui.expanded = hidden || (model.ui.expanded && !was_hidden);
    model.ui.focus = panel;
}

fn freeze(model: &mut Model) {
    model.frozen = match model.frozen.take() {
        Some(_) => None,
        None => Some(Box::new(Frozen { board: model.live.clone(), at: model.now })),
    };
}

/// In the list of what panel 3 can be sorted by: its letter chooses.
pub(super) fn sort_key(model: &mut Model, chord: Chord) -> Vec<Effect> {
    let letter = match chord.key {
        Key::Char(c) if !chord.ctrl => c,
        _ if model.keys.is(Action::Invert, chord) => {
            model.ui.sort.inverted = !model.ui.sort.inverted;
            return Vec::new();
        }
        _ => {
            model.ui.layers.pop();
            return Vec::new();
        }
    };
    if let Some((_, by)) = SortBy::ALL.into_iter().find(|(key, _)| *key == letter) {
        model.ui.layers.pop();
        // The same again turns it round.
        let inverted = model.ui.sort.by == by && !model.ui.sort.inverted;
        model.ui.sort = Sort { by, inverted };
    } else if model.keys.is(Action::Invert, chord) {
        model.ui.sort.inverted = !model.ui.sort.inverted;
    }
    Vec::new()
}

/// Esc: the topmost layer, then the full screen, then the error in the footer, then freezing stays as it is.
fn back(model: &mut Model) -> Vec<Effect> {
    if matches!(model.ui.top(), Some(Layer::Queue(_)))
        && let Some(panel) = model.filtered()
        && super::filter::clear(model, panel)
    {
        return queue_search::end(model);
    }
    go_back(model);
    Vec::new()
}

fn go_back(model: &mut Model) {
    if model.ui.layers.pop().is_some() {
        return;
    }
    if model.ui.toast.take().is_some() {
        return;
    }
    if model.ui.expanded {
        model.ui.expanded = false;
        if matches!(model.ui.focus, Panel::Messages | Panel::Failed) {
            model.ui.focus = Panel::Flight;
        }
        return;
    }
    if super::filter::clear(model, model.focus()) {
        return;
    }
    if !model.ui.marks.is_empty() {
        model.ui.marks.clear();
        return;
    }
    for cursor in [&mut model.ui.assist, &mut model.ui.log, &mut model.ui.messages] {
        cursor.id = None;
    }
    if model.live.ended().is_some() {
        model.ui.summary_closed = false;
    }
}

fn drill(model: &mut Model) -> Vec<Effect> {
    if let Some(Layer::Queue(view)) = model.ui.top() {
        if let Some(id) = view.id {
            model.ui.push(Layer::Detail { subject: Subject::Transfer(id), scroll: 0 });
        }
        return Vec::new();
    }
    if let Some(Layer::Detail { subject, .. }) = model.ui.top() {
        let leads_on = *subject == Subject::Problems && model.board().progress().failed > 0;
        model.ui.layers.pop();
        if leads_on {
            model.ui.layers.clear();
            focus(model, Panel::Failed);
            return vec![Effect::PullFailed];
        }
        return Vec::new();
    }
    match model.focus() {
        Panel::Peer(peer) => return queue::open(model, peer),
        Panel::Storage => model.ui.expanded = true,
        _ => {
            if let Some(subject) = subject(model) {
                model.ui.push(Layer::Detail { subject, scroll: 0 });
                return pull_transfers(model).into_iter().collect();
            }
        }
    }
    Vec::new()
}

/// The transfers of the moment whose window is open, from the ledger; a recording has none.
pub(super) fn pull_transfers(model: &Model) -> Option<Effect> {
    let Some(Layer::Detail { subject: Subject::Beat(beat), .. }) = model.ui.top() else { return None };
    let event = model.board().timeline.by_id(*beat).filter(|_| model.replay.is_none())?;
    let lots = model.board().handed(event)?.lots;
    (!lots.is_empty()).then_some(Effect::PullTransfers { beat: *beat, lots })
}

/// What the selected row of the focused panel is about.
pub(super) fn subject(model: &Model) -> Option<Subject> {
    match model.focus() {
        Panel::Flight => selected_flight(model).map(|f| Subject::Transfer(f.id)),
        Panel::Assist => {
            tail_id(model.ui.assist, &model.board().timeline, |e| model.in_timeline(e)).map(Subject::Beat)
        }
        Panel::Log => tail_id(model.ui.log, &model.board().events, |e| model.in_log(e)).map(Subject::Line),
        Panel::Messages => {
            tail_id(model.ui.messages, &model.desk.notes, |n| model.in_messages(n)).map(Subject::Note)
        }
        Panel::Failed => super::items::selected(model).map(Subject::Failed),
        Panel::Plot => Some(Subject::End),
        Panel::Peer(_) | Panel::Storage => None,
    }
}

pub(super) fn selected_flight(model: &Model) -> Option<&InFlight> {
    let flights = model.flights();
    flights.get(flight_index(model.ui.flight, &flights)).map(|(_, f)| *f)
}

fn tail_id<T>(cursor: Cursor, ring: &crate::ring::Ring<T>, keeps: impl Fn(&T) -> bool) -> Option<u64> {
    let kept = |at: &usize| ring.get(*at).is_some_and(&keeps);
    let last = (0..ring.len()).rev().find(kept).map(|at| ring.id(at));
    // What the filter hides is not selected.
    cursor.id.filter(|id| ring.by_id(*id).is_some_and(&keeps)).or(last)
}

/// Rows that a page key moves by.
fn page_rows(model: &Model) -> i64 {
    let rows = i64::from(model.size.1);
    let full = model.ui.expanded || !model.ui.layers.is_empty();
    (if full { rows - 6 } else { rows / 4 }).max(1)
}

/// Where a cursor is in a list of `len`, given how to find an id.
pub fn index_of(cursor: Cursor, len: usize, find: impl Fn(u64) -> Option<usize>) -> usize {
    cursor.id.and_then(find).unwrap_or(cursor.index).min(len.saturating_sub(1))
}

/// As [`index_of`], where one transfer may have several rows: its parts.
pub fn flight_index(cursor: Cursor, flights: &[(PeerId, &InFlight)]) -> usize {
    let here = flights.get(cursor.index).is_some_and(|(_, f)| Some(f.id) == cursor.id);
    if here {
        return cursor.index;
    }
    index_of(cursor, flights.len(), |id| flights.iter().position(|(_, f)| f.id == id))
}

pub(super) fn shift(model: &mut Model, by: i64) -> Vec<Effect> {
    match model.ui.layers.last_mut() {
        Some(Layer::Queue(_)) => return queue::shift(model, by),
        Some(Layer::Detail { scroll, .. }) => {
            *scroll = moved(*scroll, by, usize::from(u16::MAX));
            return Vec::new();
        }
        _ => {}
    }
    match model.focus() {
        Panel::Flight => {
            let flights = model.flights();
            let index = moved(flight_index(model.ui.flight, &flights), by, flights.len());
            model.ui.flight = Cursor { id: flights.get(index).map(|(_, f)| f.id), index };
        }
        Panel::Assist => {
            model.ui.assist = along(model.ui.assist, &model.board().timeline, by, |e| model.in_timeline(e));
        }
        Panel::Log => model.ui.log = along(model.ui.log, &model.board().events, by, |e| model.in_log(e)),
        Panel::Messages => {
            model.ui.messages = along(model.ui.messages, &model.desk.notes, by, |n| model.in_messages(n));
        }
        Panel::Failed => {
            let ids: Vec<u64> = model.failed().iter().map(|row| row.row.id).collect();
            let at = index_of(model.ui.failed, ids.len(), |id| ids.iter().position(|i| *i == id));
            let index = moved(at, by, ids.len());
            model.ui.failed = Cursor { id: ids.get(index).copied(), index };
        }
        Panel::Storage => {
            let all = model.board().storage(model.shown_at());
            let rows = all.iter().map(|s| 2 + s.status.rows.len() + s.status.problems.len()).sum();
            model.ui.storage = moved(model.ui.storage, by, rows);
        }
        Panel::Peer(PeerId::First | PeerId::Second) | Panel::Plot => {}
    }
    Vec::new()
}

/// A step in a list that grows at its end. The end itself is followed: leaving it stops following, reaching it
/// follows again.
fn along<T>(cursor: Cursor, ring: &crate::ring::Ring<T>, by: i64, keeps: impl Fn(&T) -> bool) -> Cursor {
    let kept = |at: &usize| ring.get(*at).is_some_and(&keeps);
    let Some(last) = (0..ring.len()).rev().find(kept) else { return Cursor::default() };
    let at = match cursor.id {
        None => last,
        // What was selected may have been forgotten: the oldest is nearest to it.
        Some(id) => ring.index(id).unwrap_or(0),
    };
    let steps = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
    // As many rows on as there are, and the last of them where there are fewer.
    let index = if by > 0 {
        (at + 1..ring.len()).filter(kept).take(steps).last()
    } else {
        (0..at).rev().filter(kept).take(steps).last()
    };
    let index = index.unwrap_or(at);
    Cursor { id: (index < last).then(|| ring.id(index)), index }
}

pub(super) fn moved(at: usize, by: i64, len: usize) -> usize {
    let at = i64::try_from(at).unwrap_or(i64::MAX);
    let last = i64::try_from(len).unwrap_or(i64::MAX).saturating_sub(1).max(0);
    usize::try_from(at.saturating_add(by).clamp(0, last)).unwrap_or(0)
}
