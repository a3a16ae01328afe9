//! What failed of a transfer so far, as the log tells it: the first error says most of the cause, the last one what is so now.

use super::super::paint::{Part, named};
use crate::skin::Role;
use twinhaul_console_model::Model;
use twinhaul_wire::{Event, EventKind};

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
    let both = [("first error", first), ("last error", last)];
    both.iter()
        .filter_map(|(name, text)| Some(named(name, 12, text.as_ref()?, width, Role::Warn)))
        .flatten()
        .collect()
}
