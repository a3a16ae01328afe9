//! Trying again what was given up: all of it or what was chosen. What was taken is followed in the ledger, and what became
//! of it is told once.

use super::{data, dialog, items, replies};
use crate::board::StoredRow;
use crate::control::{Order, PENDING_MAX, Pending};
use crate::retried::{Retried, queued_again};
use crate::ui::Layer;
use crate::words::{self, Mood};
use crate::{Effect, Model, To};
use twinhaul_units::PeerId;
use twinhaul_wire::Command;

/// Whichever peer is there takes it, for both: the ledger knows the owners.
fn order(model: &Model, transfer: Option<u64>) -> Order {
    let peer = PeerId::BOTH.into_iter().find(|peer| model.live.pane(*peer).link.is_up());
    let command = Command::Retry { transfer };
    let verb = command.verb(&model.run, None);
    Order { to: To::Peer(peer.unwrap_or(PeerId::First)), command, verb }
}

/// Asks before everything that was given up is tried again. Which that is, is read meanwhile.
pub(super) fn all(model: &mut Model) -> Vec<Effect> {
    let text = "Given-up transfers are queued again, each with a new set of attempts.".to_owned();
    let count = words::how_many(model.live.progress().failed);
    let orders = vec![order(model, None)];
    dialog::open(model, dialog::new(format!("Retry {count}"), "retry", vec![text], orders, None));
    vec![Effect::PullFailed]
}

/// Asks before the chosen ones are.
pub(super) fn these(model: &mut Model) -> Vec<Effect> {
    let ids = items::given_up(model);
    if ids.len() + model.desk.pending.len() > PENDING_MAX {
        data::say(model, Mood::Bad, "too many requests without a reply; not asked");
        return Vec::new();
    }
    let orders: Vec<Order> = ids.iter().map(|id| order(model, Some(*id))).collect();
    let mut text = vec!["Queued again, each with a new set of attempts:".to_owned()];
    text.extend(items::named(model, &ids));
    let title = format!("Retry {}", words::how_many(ids.len() as u64));
    model.ui.layers.retain(|layer| !matches!(layer, Layer::Items(_)));
    dialog::open(model, dialog::new(title, "retry", text, orders, None));
    Vec::new()
}

/// The transfers that a request tries again, as far as they are known.
pub(super) fn ids(model: &Model, command: &Command) -> Vec<u64> {
    match (command, &model.live.failed) {
        (Command::Retry { transfer: Some(id) }, _) => vec![*id],
        (Command::Retry { transfer: None }, Some(page)) => page.rows.iter().map(|row| row.row.id).collect(),
        (Command::Retry { transfer: None }, None) => model.live.given_up_ids().into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A peer took it: they are queued again, and no rows of panel 9. What is to be told of it now; the orders of one dialog
/// are told together.
pub(super) fn taken(model: &mut Model, pending: &Pending, words: String) -> Option<(String, String)> {
    model.ui.marks.retain(|id| !pending.retries.contains(id));
    model.desk.retried.follow(&pending.retries);
    let verb = pending.order.verb.clone();
    let Command::Retry { transfer: Some(_) } = &pending.order.command else { return Some((words, verb)) };
    let taken = model.desk.retried.taken(pending.sent);
    is_last(model, pending)
        .then(|| if taken == 1 { (words, verb) } else { (queued_again(taken), format!("{verb}, and so on")) })
}

/// An order of a dialog was not taken. When it was the last one to be heard of, those that were are told.
pub(super) fn not_taken(model: &Model, pending: &Pending) -> Option<String> {
    let taken = model.desk.retried.taken_of(pending.sent);
    (taken > 0 && is_last(model, pending)).then(|| queued_again(taken))
}

/// Whether no other order of its dialog waits for a reply.
fn is_last(model: &Model, pending: &Pending) -> bool {
    let same = |other: &Pending| other.sent == pending.sent && !other.retries.is_empty();
    !pending.retries.is_empty() && !model.desk.pending.values().any(same)
}

/// How they stand in the ledger.
pub(super) fn followed(model: &mut Model, rows: &[StoredRow]) -> Vec<Effect> {
    let retried = &mut model.desk.retried;
    if retried.is_empty() {
        return Vec::new();
    }
    for row in rows {
        retried.stands(row.row.id, &row.state);
    }
    // In a run that has ended nothing changes any more.
    if retried.is_empty() || model.live.ended().is_some() {
        let (text, mood) = (retried.words(), if retried.failed() { Mood::Bad } else { Mood::Good });
        *model.desk.retried = Retried::default();
        replies::note(model, mood, &text);
    }
    Vec::new()
}
