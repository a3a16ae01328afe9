//! News from outside: connections, snapshots, events, time.

use super::{gone, nav, queue, replies};
use crate::Board;
use crate::board::{Failed, FailedRow, Past};
use crate::forecast::Forecasts;
use crate::ui::Panel;
use crate::{Clean, Effect, Left, LinkState, Model, To, words::Mood};
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{Event, PeerSnapshot, RunSnapshot};

pub(super) fn link(model: &mut Model, to: To, state: LinkState) -> Vec<Effect> {
    if !state.is_up() {
        replies::lost(model, to);
    }
    let before = match to {
        To::Peer(peer) => &model.live.pane(peer).link,
        To::Supervisor => &model.live.run_link,
    };
    if let LinkState::Refused { why } = &state
        && *before != state
    {
        let name = match to {
            To::Peer(peer) => model.names().name(peer),
            To::Supervisor => "supervisor",
        };
        let text = format!("{name}: connection given up for now: {why}");
        say(model, Mood::Bad, &text);
    }
    match to {
        To::Peer(peer) => model.live.panes[peer.index()].link = state,
        To::Supervisor => model.live.run_link = state,
    }
    Vec::new()
}

pub(super) fn peer(model: &mut Model, peer: PeerId, snapshot: PeerSnapshot) -> Vec<Effect> {
    let now = model.now;
    let failures = failures(model);
    model.live.panes[peer.index()].take(snapshot, now);
    model.live.remember_part();
    model.live.remember_forecast(now);
    let mut effects = queue::moved(model, peer);
    effects.extend(look_at_failures(model, failures));
    effects
}

/// How many are given up, and whether the run has ended.
fn failures(model: &Model) -> (u64, bool) {
    (model.live.progress().failed, model.live.ended().is_some())
}

/// Which transfers are given up is read anew where it is shown: in panel 9, and at the end. Elsewhere what was read before
/// is forgotten once it is not so any more.
fn look_at_failures(model: &mut Model, before: (u64, bool)) -> Option<Effect> {
    let now = failures(model);
    if now == before {
        return None;
    }
    let (count, ended) = now;
    if model.ui.focus == Panel::Failed || (ended && count > 0 && model.replay.is_none()) {
        return Some(Effect::PullFailed);
    }
    if count != before.0 {
        model.live.failed = None;
    }
    None
}

pub(super) fn run(model: &mut Model, run: RunSnapshot) -> Vec<Effect> {
    let failures = failures(model);
    // Going back in a replay is no beginning.
    let first = model.live.run.is_none() && model.replay.is_none_or(|replay| replay.at == Moment::ZERO);
    if first && run.demo {
        model.ui.times = crate::ui::Times::SinceStart;
    }
    if model.live.run.as_ref().is_some_and(|before| before.state.ended()) && !run.state.ended() {
        // It goes on after an end: what was forecast before knew nothing of the time between.
        model.live.forecasts = Forecasts::default();
    }
    model.live.run_heard = Some(model.now);
    model.live.run = Some(run);
    model.live.remember_part();
    look_at_failures(model, failures).into_iter().collect()
}

pub(super) fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    if !model.live.from_ledger {
        model.live.take(event);
    }
    Vec::new()
}

pub(super) fn history(model: &mut Model, events: Vec<Clean<Event>>) -> Vec<Effect> {
    if !model.live.from_ledger {
        // What sockets told so far is told again by the ledger, in full and in order.
        model.live.from_ledger = true;
        model.live.forget_events();
    }
    for event in events {
        model.live.take(event.into_inner());
    }
    model.live.fill_in();
    Vec::new()
}

pub(super) fn past(model: &mut Model, mut past: Past) -> Vec<Effect> {
    for text in [&mut past.run, &mut past.name, &mut past.policy] {
        *text = crate::clean::text(text);
    }
    let failures = failures(model);
    model.live.take_past(past);
    look_at_failures(model, failures).into_iter().collect()
}

/// The plot begins before this console does.
pub(super) fn rates(model: &mut Model, rates: &[Vec<(u64, u64)>; 2]) -> Vec<Effect> {
    let zero = model.clock.zero_ms;
    // By the seconds that the samples go by; those before this console's start are below 0.
    let second = |at_ms: u64| (i128::from(at_ms) - i128::from(zero)).div_euclid(1000);
    for (pane, told) in model.live.panes.iter_mut().zip(rates) {
        let told: Vec<(i128, u64)> = told.iter().map(|(at_ms, rate)| (second(*at_ms), *rate)).collect();
        pane.rates.fill_in(model.now, &told);
    }
    Vec::new()
}

pub(super) fn failed(model: &mut Model, rows: Vec<Clean<FailedRow>>, more: bool) -> Vec<Effect> {
    let page = Failed::new(rows, more);
    let gone = |id: &u64, old: &Failed| old.holds(*id) && !page.holds(*id);
    if let Some(old) = &model.live.failed {
        // A mark is of a row; what left the panel is none.
        model.ui.marks.retain(|id| !gone(id, old));
    }
    model.live.failed = Some(page);
    Vec::new()
}

pub(super) fn tick(model: &mut Model) -> Vec<Effect> {
    let now = model.now;
    for pane in &mut model.live.panes {
        if pane.heard.is_some() {
            pane.rates.advance(now);
        }
    }
    let keys = model.key_time();
    if model.ui.toast.as_ref().is_some_and(|t| !t.stays() && keys.since(t.at) >= crate::ui::TOAST_FOR) {
        model.ui.toast = None;
    }
    replies::overdue(model);
    if model.exit_when_done && model.live.ended().is_some() && model.ui.layers.is_empty() {
        return vec![Effect::Leave(Left::Ended { exit: model.live.exit() })];
    }
    let chosen = if model.frozen.is_some() { None } else { nav::pull_transfers(model) };
    // Until all that was tried again is settled, and as long as a transfer is looked at that nobody tells of.
    gone::forget(model);
    let mut followed = model.desk.retried.next();
    followed.extend(gone::id(model));
    (!followed.is_empty()).then_some(Effect::FollowTransfers(followed)).into_iter().chain(chosen).collect()
}

/// Where the operator is stays as it is: the same panel, filter and selection at another time.
pub(super) fn rewound(model: &mut Model) -> Vec<Effect> {
    model.live = Board::new(model.live.names.clone());
    Vec::new()
}

/// A sentence for the footer and the message log.
pub(super) fn say(model: &mut Model, mood: Mood, text: &str) {
    replies::note(model, mood, text);
}
