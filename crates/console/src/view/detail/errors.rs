//! What failed of a transfer so far, as the log tells it: the first error says most of the cause, the last one what is so now.

use super::super::paint::{Part, part};
use crate::skin::Role;
use twinhaul_console_model::{Model, fit};
use twinhaul_wire::{Event, EventKind};

/// Of the names of fields.
const NAME: usize = 10;

pub(super) fn lines(model: &Model, id: u64, width: usize) -> Vec<Vec<Part>> {
    let told = |event: &Event| match &event.kind {
        EventKind::Retry { id: of, error, attempts, .. } if *of == id => {
            Some(format!("{} attempt {attempts}: {error}", super::super::time(model, event.at_ms)))
        }
        _ => None,
    };
    let events = &model.board().events;
    let first = events.iter().find_map(told);
    let last = events.iter().rev().find_map(told).filter(|last| first.as_ref() != Some(last));
    let named = [("first error", first), ("last error", last)];
    let told = named.into_iter().filter_map(|(name, text)| Some((name, text?)));
    told.flat_map(|(name, text)| {
        let lines = fit::wrap(&text, width.saturating_sub(NAME + 2)).into_iter().enumerate();
        lines.map(move |(at, line)| {
            let name = if at == 0 { name } else { "" };
            vec![part(fit::left(name, NAME + 2), Role::Dim), part(line, Role::Warn)]
        })
    })
    .collect()
}
