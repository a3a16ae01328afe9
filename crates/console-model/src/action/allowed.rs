//! When an action is on, and why it is off; and the verb on the command line that it equals.

use super::Why;
use crate::control::{Inverse, Menu, Target};
use crate::ui::Layer;
use crate::update::items::{chosen, given_up};
use crate::{Model, SizeClass, To, control};
use twinhaul_units::PeerId;
use twinhaul_wire::{Chaos, Command};

#[allow(clippy::unnecessary_wraps, reason = "the registry's type: other actions can be off")]
pub(super) fn always(_: &Model) -> Result<(), Why> {
    Ok(())
}

pub(super) fn no_verb(_: &Model) -> Option<String> {
    None
}

#[allow(clippy::unnecessary_wraps, reason = "the registry's type: actions that only look have no verb")]
pub(super) fn verb(model: &Model, command: &Command) -> Option<String> {
    let peer = match target(model) {
        Target::Both => None,
        Target::One(peer) => Some(model.names().name(peer)),
    };
    Some(command.verb(&model.run, peer))
}

/// Whom the open menu is for; without a menu, both.
fn target(model: &Model) -> Target {
    let menu = model.ui.layers.iter().rev().find_map(|layer| match layer {
        Layer::Menu(Menu { target, .. }) => Some(*target),
        _ => None,
    });
    menu.unwrap_or(Target::Both)
}

pub(super) fn current_ratio(model: &Model) -> f64 {
    let peer = target(model).peers().first().copied().unwrap_or(PeerId::First);
    model.live.pane(peer).snapshot.as_ref().map_or(0.5, |s| s.ratio)
}

/// In the smallest layout there is one list, and a menu, a dialog or a line to type in could not be read.
pub(super) fn big_enough(model: &Model) -> Result<(), Why> {
    if model.class() == SizeClass::Status { Err("too small: it needs 60x16".into()) } else { Ok(()) }
}

/// The stage is for large letters.
pub(super) fn stage_fits(model: &Model) -> Result<(), Why> {
    let (w, h) = model.size;
    if SizeClass::fits_stage(w, h) { Ok(()) } else { Err("too small for the stage: it needs 100x30".into()) }
}

pub(super) fn has_problems(model: &Model) -> Result<(), Why> {
    if model.board().problems().is_empty() { Err("no problems".into()) } else { Ok(()) }
}

/// It changes nothing: a console that may only look can make one, and one whose run has ended.
pub(super) fn can_bundle(model: &Model) -> Result<(), Why> {
    if model.replay.is_some() {
        Err("this is a replay: a bundle is made where the run is".into())
    } else if model.desk.bundling {
        Err("one is being made".into())
    } else {
        Ok(())
    }
}

/// What every control needs.
pub(crate) fn may_control(model: &Model) -> Result<(), Why> {
    big_enough(model)?;
    if model.replay.is_some() {
        Err("this is a replay: what is shown has happened".into())
    } else if model.read_only {
        Err("read-only: start without --read-only".into())
    } else if model.live.ended().is_some() {
        Err("the run has ended".into())
    } else if model.desk.pending.len() >= control::PENDING_MAX {
        Err("too many requests without a reply".into())
    } else {
        Ok(())
    }
}

fn connected(model: &Model, peer: PeerId) -> Result<(), Why> {
    if model.live.pane(peer).link.is_up() {
        Ok(())
    } else {
        Err(format!("{} is not connected", model.names().name(peer)).into())
    }
}

pub(super) fn peer_control(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    target(model).peers().into_iter().try_for_each(|peer| connected(model, peer))
}

pub(super) fn both_connected(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    PeerId::BOTH.into_iter().try_for_each(|peer| connected(model, peer))
}

pub(super) fn one_peer_control(model: &Model) -> Result<(), Why> {
    peer_control(model)?;
    if target(model) == Target::Both { Err("choose one peer: Tab".into()) } else { Ok(()) }
}

/// Whichever peer is there does it for both.
fn some_connected(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    if PeerId::BOTH.into_iter().any(|peer| model.live.pane(peer).link.is_up()) {
        Ok(())
    } else {
        Err("no peer is connected".into())
    }
}

pub(super) fn retry_control(model: &Model) -> Result<(), Why> {
    some_connected(model)?;
    let snapshots = model.live.panes.iter().filter_map(|p| p.snapshot.as_ref());
    if snapshots.map(|s| s.failed.transfers).sum::<u64>() == 0 {
        Err("nothing was given up".into())
    } else {
        Ok(())
    }
}

pub(super) fn stop_control(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    if model.live.run_link.is_up() { Ok(()) } else { Err("the supervisor is not connected".into()) }
}

pub(super) fn undo_control(model: &Model) -> Result<(), Why> {
    let Some(deed) = model.desk.deeds.last() else {
        return Err("nothing done here that can be undone".into());
    };
    may_control(model)?;
    match &deed.inverse {
        Inverse::Share(_) => both_connected(model),
        Inverse::Orders(orders) => orders.iter().try_for_each(|order| match order.to {
            To::Peer(peer) => connected(model, peer),
            To::Supervisor => stop_control(model),
        }),
    }
}

/// The verbs that take the last deed back.
pub(super) fn undo_verb(model: &Model) -> Option<String> {
    match &model.desk.deeds.last()?.inverse {
        Inverse::Orders(orders) => {
            Some(orders.iter().map(|o| o.verb.as_str()).collect::<Vec<_>>().join("; "))
        }
        Inverse::Share(share) => {
            let first = Some(model.names().name(PeerId::First));
            Some(Command::Rebalance { keep: share.get(), dry_run: false }.verb(&model.run, first))
        }
    }
}

/// Lists can be filtered; what is no list cannot.
pub(super) fn filters(model: &Model) -> Result<(), Why> {
    big_enough(model)?;
    match model.filtered() {
        Some(_) => Ok(()),
        None => Err("nothing to filter here: panels 3, 4, 6, 7, 9 and an open queue can be".into()),
    }
}

/// Only in a queue are there too many rows to go to one by one.
pub(super) fn in_queue(model: &Model) -> Result<(), Why> {
    match model.ui.queue() {
        Some(_) => Ok(()),
        None => Err("only in a queue: Enter in panel 1 or 2".into()),
    }
}

pub(super) fn retry_these(model: &Model) -> Result<(), Why> {
    if given_up(model).is_empty() {
        return Err("none of these was given up (panel 9 has those that were)".into());
    }
    if model.live.ended().is_some() {
        return Err(format!("the run has ended: twinhaul retry {0}, then run --resume {0}", model.run).into());
    }
    some_connected(model)
}

pub(super) fn retry_these_verb(model: &Model) -> Option<String> {
    let ids = given_up(model);
    let first = Command::Retry { transfer: Some(*ids.first()?) }.verb(&model.run, None);
    Some(if ids.len() > 1 { format!("{first}, and so on") } else { first })
}

/// Transfers that have started stay where they are, so it is the rows of a queue.
pub(super) fn hand_over(model: &Model) -> Result<(), Why> {
    let Some(view) = model.ui.queue() else {
        return Err("only what is queued: mark it in a queue (Enter in panel 1 or 2)".into());
    };
    let ids = chosen(model);
    if ids.is_empty() {
        return Err("nothing is selected".into());
    }
    if model.board().flights().iter().any(|(_, flight)| ids.len() == 1 && ids[0] == flight.id) {
        return Err("it is in flight: only what has not started can be handed over".into());
    }
    may_control(model)?;
    connected(model, view.peer)?;
    connected(model, view.peer.other())
}

pub(super) fn hand_over_verb(model: &Model) -> Option<String> {
    let transfers = chosen(model);
    let owner = model.ui.queue().map(|view| model.names().name(view.peer));
    let verb = |transfers| Command::HandOver { transfers, dry_run: false }.verb(&model.run, owner);
    (!transfers.is_empty()).then(|| verb(transfers))
}

/// What goes wrong on purpose exists only where the data is the demonstration's own.
pub(super) fn demo(model: &Model) -> Result<(), Why> {
    if !model.live.run.as_ref().is_some_and(|run| run.demo) {
        return Err("only in a demonstration: twinhaul demo".into());
    }
    may_control(model)
}

/// As [`demo`], for what a peer does to itself.
pub(super) fn demo_peer(model: &Model) -> Result<(), Why> {
    demo(model)?;
    connected(model, victim(model))
}

/// As [`demo`], for what the supervisor does.
pub(super) fn demo_run(model: &Model) -> Result<(), Why> {
    demo(model)?;
    stop_control(model)
}

/// Whom something happens to: one peer, the first where none is chosen.
pub(crate) fn victim(model: &Model) -> PeerId {
    target(model).peers().first().copied().unwrap_or(PeerId::First)
}

pub(super) fn chaos_verb(model: &Model, what: Chaos) -> String {
    let peer = model.names().name(victim(model)).to_owned();
    Command::Chaos { peer, what }.verb(&model.run, None)
}

/// A sixteenth of what the peer does now, and no less than it can be seen to move with.
pub(crate) fn slow_rate(model: &Model) -> u64 {
    const SLOWEST: u64 = 64 << 10;
    let now = model.live.pane(victim(model)).snapshot.as_ref().map_or(0, |s| s.rate.now);
    (now / 16).max(SLOWEST)
}

pub(super) fn replays(model: &Model) -> Result<(), Why> {
    if model.replay.is_some() { Ok(()) } else { Err("only in a replay: twinhaul replay".into()) }
}
