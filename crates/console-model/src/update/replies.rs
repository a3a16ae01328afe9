//! Requests and what came of them. Every request ends as a note: done, refused with the reason and the next command,
//! or without a reply; nothing vanishes.

use super::{dialog, retry, undo};
use crate::action::Action;
use crate::control::{Forecast, Order, PENDING_MAX, Pending, Purpose, REPLY_WITHIN};
use crate::ui::{Note, Toast};
use crate::{Effect, Left, Model, To, words::Mood};
use twinhaul_wire::{Command, CommandResult, Reply, Request};

/// Puts a request under way.
pub(super) fn send(model: &mut Model, order: Order, purpose: Purpose) -> Vec<Effect> {
    if model.desk.pending.len() >= PENDING_MAX {
        note(model, Mood::Bad, "too many requests without a reply; not sent");
        return Vec::new();
    }
    let id = model.desk.next_id;
    model.desk.next_id += 1;
    let request = Request { id, by: "console".into(), command: order.command.clone() };
    let to = order.to;
    // What was taken back is not taken back again: going on with `u` leads to what was done before it.
    let inverse = if purpose == Purpose::Act { undo::inverse(model, &order) } else { None };
    let retries = retry::ids(model, &order.command);
    model.desk.pending.insert(id, Pending { order, purpose, sent: model.now, inverse, retries });
    vec![Effect::Send(to, request)]
}

pub(super) fn reply(model: &mut Model, reply: Reply) -> Vec<Effect> {
    let Some(pending) = model.desk.pending.remove(&reply.id) else { return Vec::new() };
    let verb = &pending.order.verb;
    if let CommandResult::Done(_) = &reply.result {
        if let Command::HandOver { dry_run: false, .. } = &pending.order.command {
            // They are the other peer's now, and no rows here.
            model.ui.marks.clear();
        }
        if let Some(inverse) = pending.inverse.clone() {
            undo::done(model, pending.sent, verb, inverse);
        }
        if let Purpose::Undo { deed } = pending.purpose {
            undo::undone(model, deed, &pending.order);
        }
    }
    let undo = if pending.purpose == Purpose::Act
        && model.desk.deeds.last().is_some_and(|d| d.sent == pending.sent)
    {
        format!("; {} takes it back", model.keys.way_to(Action::Undo))
    } else {
        String::new()
    };
    match (pending.purpose, reply.result) {
        (Purpose::Forecast, CommandResult::Preview(preview)) => {
            dialog::forecast(model, &pending.order, Forecast::Moves(preview));
        }
        (Purpose::Forecast, CommandResult::Outlook(outlook)) => {
            dialog::forecast(model, &pending.order, Forecast::Changes(outlook));
        }
        (Purpose::Forecast, CommandResult::Done(why)) => {
            dialog::forecast(model, &pending.order, Forecast::Nothing(why));
        }
        (Purpose::Forecast, CommandResult::Refused(refusal)) => {
            dialog::forecast(model, &pending.order, Forecast::Refused(refusal.why));
        }
        (Purpose::Forecast, CommandResult::Status(_)) => {
            dialog::forecast(
                model,
                &pending.order,
                Forecast::Refused("it did not say what would move".into()),
            );
        }
        (_, CommandResult::Refused(refusal)) => {
            let next =
                if refusal.next.is_empty() { String::new() } else { format!("; try: {}", refusal.next) };
            let text = format!("refused: {}{next}  ({verb})", refusal.why);
            tell_taken(model, &pending);
            note(model, Mood::Bad, &text);
        }
        (Purpose::LeaveAfter { drain }, _) => return vec![Effect::Leave(Left::Stopped { drain })],
        (_, CommandResult::Done(what)) if matches!(pending.order.command, Command::Retry { .. }) => {
            if let Some((what, verb)) = retry::taken(model, &pending, what) {
                note(model, Mood::Good, &format!("{what}  ({verb})"));
            }
        }
        (Purpose::Undo { .. }, CommandResult::Done(what)) => {
            note(model, Mood::Good, &format!("undone: {what}  ({verb})"));
        }
        (Purpose::Act, CommandResult::Done(what)) => {
            note(model, Mood::Good, &format!("{what}{undo}  ({verb})"));
        }
        (Purpose::Act | Purpose::Undo { .. }, _) => note(model, Mood::Good, &format!("done  ({verb})")),
    }
    Vec::new()
}

/// The connection is gone: its replies will not come.
pub(super) fn lost(model: &mut Model, to: To) {
    give_up(
        model,
        |pending| pending.order.to == to,
        "connection lost before the reply; look whether it was done",
    );
}

/// Tells about requests that wait too long for a reply.
pub(super) fn overdue(model: &mut Model) {
    let now = model.now;
    give_up(
        model,
        |pending| now.since(pending.sent) >= REPLY_WITHIN,
        "no reply in 10 s; look whether it was done",
    );
}

fn give_up(model: &mut Model, which: impl Fn(&Pending) -> bool, why: &str) {
    let ids: Vec<u64> = model.desk.pending.iter().filter(|(_, p)| which(p)).map(|(id, _)| *id).collect();
    for id in ids {
        let Some(pending) = model.desk.pending.remove(&id) else { continue };
        if pending.purpose == Purpose::Forecast {
            dialog::forecast(model, &pending.order, Forecast::Refused(why.into()));
        } else {
            tell_taken(model, &pending);
            note(model, Mood::Bad, &format!("{why}  ({})", pending.order.verb));
        }
    }
}

/// What was taken of a dialog's orders before one that was not.
fn tell_taken(model: &mut Model, pending: &Pending) {
    if let Some(text) = retry::not_taken(model, pending) {
        note(model, Mood::Good, &text);
    }
}

/// Says something in the footer and keeps it in panel 7.
pub(super) fn note(model: &mut Model, mood: Mood, text: &str) {
    let at_ms = model.clock.ms(model.now);
    model.desk.notes.push(Note { at_ms, mood, text: text.to_owned() });
    model.ui.toast = Some(Toast { text: text.to_owned(), mood, at: model.key_time() });
}
