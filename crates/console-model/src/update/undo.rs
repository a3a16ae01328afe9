//! Taking the last reversible control back. It is a control like the others: it shows what will happen and waits for `y`.
//!
//! What takes a control back is worked out when it is sent, from the state before it, and kept once it was done. Transfers
//! that were handed over come back by a rebalance to the former shares, with its own preview: some of them may be done.

use super::{control, dial, dialog};
use crate::control::{DEEDS_MAX, Deed, Inverse, Order, Purpose};
use crate::ui::Layer;
use crate::{Effect, Model, To};
use twinhaul_units::{Moment, PeerId, Share};
use twinhaul_wire::{Command, PeerState};

/// What would take `order` back, as things are now; `None` when nothing would, or nothing will have changed.
pub(super) fn inverse(model: &Model, order: &Order) -> Option<Inverse> {
    if let Command::Chaos { peer, what } = &order.command {
        let command = Command::Chaos { peer: peer.clone(), what: what.undo()? };
        let verb = command.verb(&model.run, None);
        return Some(Inverse::Orders(vec![Order { to: order.to, command, verb }]));
    }
    let To::Peer(peer) = order.to else { return None };
    let before = model.live.pane(peer).snapshot.as_ref()?;
    // A resume ends a pause and a drain: where one was there before, it would take back more than was done.
    let free = !matches!(before.state, PeerState::Paused | PeerState::Draining);
    let command = match &order.command {
        Command::Resume if before.state == PeerState::Paused => Command::Pause,
        // What a drain handed over stays where it is; the peer takes work again.
        Command::Pause | Command::Drain { dry_run: false } if free => Command::Resume,
        Command::Ratio { .. } => Command::Ratio { value: before.ratio },
        Command::Turn { dial, .. } => Command::Turn { dial: dial.clone(), to: dial::before(before, dial) },
        Command::HandOver { transfers, dry_run: false } => {
            // The other one gives back what of them it has not started.
            let other = peer.other();
            let command = Command::HandOver { transfers: transfers.clone(), dry_run: false };
            let verb = command.verb(&model.run, Some(model.names().name(other)));
            return Some(Inverse::Orders(vec![Order { to: To::Peer(other), command, verb }]));
        }
        Command::Rebalance { dry_run: false, .. } => return former_share(model).map(Inverse::Share),
        _ => return None,
    };
    let verb = command.verb(&model.run, Some(model.names().name(peer)));
    Some(Inverse::Orders(vec![Order { to: order.to, command, verb }]))
}

/// The first peer's share of what is queued.
fn former_share(model: &Model) -> Option<Share> {
    let queued = PeerId::BOTH.map(|peer| model.live.pane(peer).snapshot.as_ref().map(|s| s.queue.bytes));
    let [Some(first), Some(second)] = queued else { return None };
    let all = first.checked_add(second).filter(|all| *all > 0)?;
    Share::new(first as f64 / all as f64)
}

/// A control was done: it can be taken back from now on. Orders of one dialog are one deed.
pub(super) fn done(model: &mut Model, sent: Moment, verb: &str, inverse: Inverse) {
    let deeds = &mut model.desk.deeds;
    match (deeds.last_mut().filter(|deed| deed.sent == sent), inverse) {
        (Some(Deed { inverse: Inverse::Orders(all), .. }), Inverse::Orders(more)) => all.extend(more),
        (Some(_), _) => {}
        (None, inverse) => {
            if deeds.len() >= DEEDS_MAX {
                deeds.remove(0);
            }
            deeds.push(Deed { sent, verb: verb.to_owned(), inverse });
        }
    }
}

/// An order that takes a deed back was done. What else belongs to the deed can still be taken back.
pub(super) fn undone(model: &mut Model, sent: Moment, order: &Order) {
    model.desk.deeds.retain_mut(|deed| match &mut deed.inverse {
        Inverse::Orders(orders) if deed.sent == sent => {
            orders.retain(|o| o != order);
            !orders.is_empty()
        }
        Inverse::Share(_) => deed.sent != sent,
        Inverse::Orders(_) => true,
    });
}

/// Opens the dialog that takes the last deed back. The deed is forgotten when that is done.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let Some(deed) = model.desk.deeds.last().cloned() else { return Vec::new() };
    let text = format!("Takes back: {}", deed.verb);
    match deed.inverse {
        Inverse::Share(share) => control::rebalance(model, share, Some((deed.sent, &text))),
        Inverse::Orders(orders) => {
            if let [Order { to: To::Peer(owner), command: Command::HandOver { transfers, .. }, .. }] =
                &orders[..]
            {
                let (owner, transfers) = (*owner, transfers.clone());
                let lines = vec![text, "What of them has started meanwhile stays.".to_owned()];
                let effects = control::hand_over(model, owner, &transfers, "Undo  (preview)".into(), lines);
                if let Some(Layer::Dialog(dialog)) = model.ui.layers.last_mut() {
                    dialog.purpose = Purpose::Undo { deed: deed.sent };
                }
                return effects;
            }
            let mut lines = vec![text];
            lines.extend(orders.iter().filter_map(|order| control::now_line(model, order)));
            let mut dialog = dialog::new("Undo".into(), "undo", lines, orders, None);
            dialog.purpose = Purpose::Undo { deed: deed.sent };
            dialog::open(model, dialog);
            Vec::new()
        }
    }
}
