//! A filter over a whole queue, and the way to one row of it. The rows are in the ledger: it is asked for a bounded number of
//! them at a time, and goes on where it was until it has come to the end or found as many as are kept.

use super::{data, queue};
use crate::ui::QueueSearch;
use crate::words::Mood;
use crate::{Effect, FOUND_MAX, Found, Model, PlaceOf, Search, clean};
use twinhaul_units::PeerId;

/// Begins a search with the filter of the queue that is open; without a filter the queue is shown as it is.
pub(super) fn begin(model: &mut Model) -> Vec<Effect> {
    let Some(panel) = model.filtered() else { return Vec::new() };
    let filter = model.ui.filters.get(panel).cloned();
    let number = model.ui.searches + 1;
    let Some(view) = queue::view(model) else { return Vec::new() };
    let peer = view.peer;
    let Some(filter) = filter else { return end(model) };
    view.search = Some(QueueSearch { number, rows: Vec::new(), selected: 0, looked: 0, ended: false });
    view.id = None;
    model.ui.searches = number;
    let queued = queue::queued(model, peer);
    vec![Effect::SearchQueue(Search { number, peer, filter, after: None, looked: 0, found: 0, queued })]
}

/// The filter is gone: the whole queue, at the row that was selected among those found.
pub(super) fn end(model: &mut Model) -> Vec<Effect> {
    let Some(view) = queue::view(model) else { return Vec::new() };
    let Some(search) = view.search.take() else { return Vec::new() };
    if let Some((place, row)) = search.rows.get(search.selected) {
        (view.row, view.id) = (*place, Some(row.id));
    }
    let (peer, row) = (view.peer, view.row);
    vec![queue::pull(model, peer, row)]
}

/// More was found; the search goes on.
pub(super) fn found(model: &mut Model, found: Found) -> Vec<Effect> {
    let Some(view) = queue::view(model) else { return Vec::new() };
    let peer = view.peer;
    let Some(search) = view.search.as_mut().filter(|search| search.number == found.number) else {
        return Vec::new();
    };
    for (place, row) in found.rows {
        // What moved while it was looked for may be met again.
        if search.rows.len() < FOUND_MAX && search.rows.iter().all(|(_, known)| known.id != row.id) {
            search.rows.push((place, row.into_inner()));
        }
    }
    search.looked = found.looked;
    search.ended = found.ended;
    let (count, number) = (search.rows.len(), search.number);
    view.id = search.rows.get(search.selected).map(|(_, row)| row.id);
    let filter = model.filtered().and_then(|panel| model.ui.filters.get(panel).cloned());
    let Some(filter) = filter.filter(|_| !found.ended) else { return Vec::new() };
    let queued = queue::queued(model, peer);
    let (after, looked) = (found.after, found.looked);
    vec![Effect::SearchQueue(Search { number, peer, filter, after, looked, found: count, queued })]
}

/// "1204331": that row; "id 48213": the row of that transfer.
///
/// # Errors
/// In words, when it cannot be read.
pub(super) fn go_to(model: &mut Model, typed: &str) -> Result<Vec<Effect>, String> {
    let typed = typed.trim();
    let by_id = typed.strip_prefix("id").or_else(|| typed.strip_prefix('#'));
    let digits: String = by_id.unwrap_or(typed).chars().filter(|c| !matches!(c, ' ' | ',' | '_')).collect();
    let number: u64 = digits.parse().map_err(|_| format!("\"{typed}\" is no row: 1204331, or id 48213"))?;
    let Some(view) = queue::view(model) else { return Err("no queue is open".into()) };
    let peer = view.peer;
    model.ui.layers.retain(|layer| !matches!(layer, crate::ui::Layer::Prompt(_)));
    if by_id.is_some() {
        let queued = queue::queued(model, peer);
        return Ok(vec![Effect::FindPlace { peer, id: number, queued }]);
    }
    Ok(show(model, number.saturating_sub(1), None))
}

/// Where a transfer stands is known now.
pub(super) fn placed(model: &mut Model, peer: PeerId, id: u64, place: PlaceOf) -> Vec<Effect> {
    if queue::view(model).is_none_or(|view| view.peer != peer) {
        return Vec::new();
    }
    match place {
        PlaceOf::Row(row) => show(model, row, Some(id)),
        PlaceOf::Elsewhere(words) => {
            data::say(model, Mood::Warn, &clean::text(&words));
            Vec::new()
        }
    }
}

/// Selects a row of the whole queue; a filter would hide where that is.
fn show(model: &mut Model, row: u64, id: Option<u64>) -> Vec<Effect> {
    if let Some(panel) = model.filtered() {
        super::filter::clear(model, panel);
    }
    let Some(view) = queue::view(model) else { return Vec::new() };
    let last = view.page.as_ref().map_or(row, |page| page.total.saturating_sub(1));
    view.search = None;
    (view.row, view.id) = (row.min(last), id);
    let (peer, row) = (view.peer, view.row);
    vec![queue::pull(model, peer, row)]
}
