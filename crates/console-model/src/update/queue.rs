//! A peer's whole queue as a virtual list: ten million rows scroll, and only the page around the selection is read.

use super::{data, queue_search};
use crate::ui::{Layer, QueueView};
use crate::words::Mood;
use crate::{Effect, Model, Page, Pull};
use twinhaul_units::PeerId;

/// Rows read around the selection.
const PAGE_ROWS: u32 = 200;

pub(super) fn open(model: &mut Model, peer: PeerId) -> Vec<Effect> {
    if model.replay.is_some() {
        data::say(
            model,
            Mood::Warn,
            "a recording has the heads of the queues only; they are in panels 1 and 2",
        );
        return Vec::new();
    }
    // Marks of other lists are no rows of this one.
    model.ui.marks.clear();
    model.ui.push(Layer::Queue(QueueView { peer, row: 0, id: None, page: None, search: None }));
    let mut effects = vec![pull(model, peer, 0)];
    effects.extend(queue_search::begin(model));
    effects
}

/// How many the peer says that it has queued, if it is heard.
pub(super) fn queued(model: &Model, peer: PeerId) -> Option<u64> {
    let pane = model.live.pane(peer);
    pane.snapshot.as_ref().filter(|_| pane.heard.is_some()).map(|s| s.queue.transfers)
}

pub(super) fn pull(model: &Model, peer: PeerId, row: u64) -> Effect {
    let queued = queued(model, peer);
    let from = row.saturating_sub(u64::from(PAGE_ROWS / 2));
    Effect::PullQueue(Pull { peer, from, limit: PAGE_ROWS, queued })
}

pub(super) fn view(model: &mut Model) -> Option<&mut QueueView> {
    model.ui.layers.iter_mut().rev().find_map(|layer| match layer {
        Layer::Queue(view) => Some(view),
        _ => None,
    })
}

/// The selection moves; rows that are not loaded are asked for.
pub(super) fn shift(model: &mut Model, by: i64) -> Vec<Effect> {
    let frozen = model.frozen.is_some();
    let height = u64::from(model.size.1);
    let snapshot_len = |model: &Model, peer: PeerId| {
        model.board().pane(peer).snapshot.as_ref().map_or(0, |s| s.queue.transfers)
    };
    let Some(peer) = view(model).map(|view| view.peer) else { return Vec::new() };
    let known = snapshot_len(model, peer);
    let Some(view) = view(model) else { return Vec::new() };
    if let Some(search) = &mut view.search {
        search.selected = super::nav::moved(search.selected, by, search.rows.len());
        view.id = search.rows.get(search.selected).map(|(_, row)| row.id);
        return Vec::new();
    }
    let len = view.page.as_ref().map_or(known, |page| page.total);
    view.row = view.row.saturating_add_signed(by).min(len.saturating_sub(1));
    view.id = row_id(view);
    let margin = height.min(u64::from(PAGE_ROWS / 2));
    let loaded = view.page.as_ref().is_some_and(|page| {
        let end = page.from + page.rows.len() as u64;
        (page.from == 0 || page.from + margin <= view.row) && (end >= page.total || view.row + margin <= end)
    });
    let row = view.row;
    if loaded || frozen { Vec::new() } else { vec![pull(model, peer, row)] }
}

/// Rows have been read. The selection stays on its transfer if that is still queued.
pub(super) fn page(model: &mut Model, page: Page) -> Vec<Effect> {
    let frozen = model.frozen.is_some();
    let Some(view) = view(model).filter(|view| view.search.is_none()) else { return Vec::new() };
    if view.peer != page.peer || (frozen && view.page.is_some()) {
        return Vec::new();
    }
    if let Some(at) = view.id.and_then(|id| page.rows.iter().position(|row| row.id == id)) {
        view.row = page.from + at as u64;
    }
    view.row = view.row.min(page.total.saturating_sub(1));
    view.page = Some(page);
    view.id = row_id(view);
    Vec::new()
}

/// A snapshot came: the queue on the screen may have moved.
pub(super) fn moved(model: &mut Model, peer: PeerId) -> Vec<Effect> {
    if model.frozen.is_some() {
        return Vec::new();
    }
    // What a search found stays as it was found.
    let shown = view(model).filter(|view| view.search.is_none());
    match shown.map(|view| (view.peer, view.row)) {
        Some((shown, row)) if shown == peer => vec![pull(model, peer, row)],
        _ => Vec::new(),
    }
}

fn row_id(view: &QueueView) -> Option<u64> {
    let page = view.page.as_ref()?;
    let at = usize::try_from(view.row.checked_sub(page.from)?).ok()?;
    page.rows.get(at).map(|row| row.id)
}
