//! The reducer, driven by keys and messages.

use crate::board::LinkState;
use crate::control::{Forecast, Target};
use crate::sample::{self, drive, peer_msg, run_msg, tell};
use crate::ui::{Layer, Panel, Subject, Times};
use crate::{Chord, Clean, Effect, Eta, Key, Left, Model, Msg, Page, Press, Pull, To, update};
use proptest::prelude::*;
use std::time::Duration;
use twinhaul_units::{Moment, PeerId, text::is_safe};
use twinhaul_wire::{
    Command, CommandResult, Event, EventKind, Preview, QueueRow, QueueSize, Refusal, Reply, Request,
    RunSnapshot, RunState,
};

mod assistance;
mod bundle;
mod diagnosis;
mod forecast;
mod gone;
mod keys;
mod leave;
mod lists;
mod mouse;
mod palette;
mod queue;
mod replay;
mod retry;
mod summary;
mod trouble;
mod undo;
mod what_if;

fn sent(effects: &[Effect]) -> Vec<(To, u64, Command)> {
    let send = |e: &Effect| match e {
        // What a setting would change is asked beside it.
        Effect::Send(_, Request { command: Command::WhatIf { .. }, .. }) => None,
        Effect::Send(to, request) => Some((*to, request.id, request.command.clone())),
        _ => None,
    };
    effects.iter().filter_map(send).collect()
}

fn reply(model: &mut Model, id: u64, result: CommandResult) -> Vec<Effect> {
    tell(model, Msg::Reply(Clean::new(Reply { id, result }).unwrap()))
}

fn preview(transfers: u64) -> CommandResult {
    let size = |transfers| QueueSize { transfers, bytes: transfers << 30 };
    CommandResult::Preview(Preview {
        from: "beta".into(),
        to: "alpha".into(),
        transfers,
        bytes: transfers << 30,
        now: [size(2_977), size(1_204)],
        after: [size(2_977 - transfers), size(1_204 + transfers)],
        eta_now_s: Some(257.0),
        eta_after_s: Some(171.0),
    })
}

fn refused(why: &str) -> CommandResult {
    CommandResult::Refused(Refusal { why: why.into(), next: String::new() })
}

#[test]
fn rebalance_asks_both_shows_the_plan_and_sends_only_what_moves() {
    let mut model = sample::mid_run();
    let questions = sent(&drive(&mut model, "xb50<enter>"));
    assert_eq!(questions.len(), 2);
    assert_eq!(questions[1].2, Command::Rebalance { keep: 0.5, dry_run: true });
    reply(&mut model, questions[0].1, refused("alpha has less than its share"));
    assert!(drive(&mut model, "y").is_empty(), "not before both have answered");
    reply(&mut model, questions[1].1, preview(886));
    drive(&mut model, "<tab><tab>");
    let orders = sent(&drive(&mut model, "y"));
    let [(to, id, command)] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!((*to, command), (To::Peer(PeerId::Second), &Command::Rebalance { keep: 0.5, dry_run: false }));
    reply(&mut model, *id, CommandResult::Done("beta hands over 886 transfers".into()));
    let toast = model.ui.toast.unwrap();
    assert!(
        toast.text.starts_with("beta hands over 886 transfers; u takes it back  (twinhaul rebalance "),
        "{}",
        toast.text
    );
    assert_eq!(model.desk.notes.len(), 1);
}

#[test]
fn a_rebalance_that_moves_nothing_cannot_be_confirmed() {
    let mut model = sample::mid_run();
    let questions = sent(&drive(&mut model, "xb30<enter>"));
    assert_eq!(questions[0].2, Command::Rebalance { keep: 0.3, dry_run: true });
    for (_, id, _) in questions {
        reply(&mut model, id, preview(0));
    }
    assert!(drive(&mut model, "<tab>y<tab><enter>").is_empty());
}

#[test]
fn nothing_is_confirmed_before_it_was_seen_or_by_a_held_key() {
    let press = |c, repeat| Msg::Key(Press { chord: Chord::plain(Key::Char(c)), repeat });
    let open = || {
        let mut model = sample::mid_run();
        drive(&mut model, "xp");
        assert!(matches!(model.ui.top(), Some(Layer::Dialog(_))));
        model
    };
    let ms = Duration::from_millis;
    let mut model = open();
    let seen = model.now;
    assert!(update(&mut model, press('y', false), seen + ms(249)).is_empty(), "too early");
    assert!(update(&mut model, press('y', false), seen + ms(300)).is_empty(), "held down");
    assert!(update(&mut model, press('y', true), seen + ms(900)).is_empty(), "marked as a repeat");
    assert_eq!(sent(&update(&mut model, press('y', false), seen + ms(1_500))).len(), 2);
    let mut model = open();
    let Some(Layer::Dialog(dialog)) = model.ui.layers.last_mut() else { panic!() };
    dialog.drawn = None;
    let later = model.now + ms(60_000);
    assert!(update(&mut model, press('y', false), later).is_empty(), "never drawn");
}

#[test]
fn enter_presses_the_focused_button_and_cancel_is_the_default() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "xp<enter>").is_empty());
    assert!(model.ui.layers.is_empty());
    let orders = sent(&drive(&mut model, "1xp<tab><enter>"));
    assert_eq!(
        orders.iter().map(|o| (o.0, &o.2)).collect::<Vec<_>>(),
        [(To::Peer(PeerId::First), &Command::Pause)]
    );
}

#[test]
fn stop_takes_the_typed_name_and_nothing_less() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "xs<tab>y<enter>").is_empty());
    drive(&mut model, "<esc>");
    let orders = sent(&drive(&mut model, "xswan-bulk-3<enter>"));
    assert_eq!(
        orders.iter().map(|o| (o.0, &o.2)).collect::<Vec<_>>(),
        [(To::Supervisor, &Command::Stop { drain: true })]
    );
}

#[test]
fn ratio_and_limit_are_checked_before_anything_is_asked() {
    let mut model = sample::mid_run();
    drive(&mut model, "x1o0.99<enter>");
    let Some(Layer::Prompt(prompt)) = model.ui.top() else { panic!() };
    assert!(prompt.error.as_ref().unwrap().contains("0.05 to 0.95"));
    let orders = sent(&drive(&mut model, "<bs><bs><bs><bs>0.65<enter>y"));
    assert_eq!(orders[0].2, Command::Ratio { value: 0.65 });
    let orders = sent(&drive(&mut model, "x2l16 MiB/s<enter>y"));
    assert_eq!(orders[0].2, Command::limit(Some(16 << 20)));
    let orders = sent(&drive(&mut model, "x2lnone<enter>y"));
    assert_eq!(orders[0].2, Command::limit(None));
}

#[test]
fn drain_needs_one_peer_and_shows_its_preview() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "xd").is_empty());
    assert!(model.ui.toast.as_ref().unwrap().text.contains("choose one peer"));
    let questions = sent(&drive(&mut model, "<tab><tab>d"));
    assert_eq!(questions[0].2, Command::Drain { dry_run: true });
    reply(&mut model, questions[0].1, preview(2_977));
    drive(&mut model, "<tab>");
    assert_eq!(sent(&drive(&mut model, "y"))[0].2, Command::Drain { dry_run: false });
}

#[test]
fn read_only_disables_every_control_and_says_why() {
    let mut model = sample::mid_run();
    model.read_only = true;
    for key in ["p", "r", "b", "o", "l", "t", "s"] {
        model.ui.toast = None;
        assert!(drive(&mut model, &format!("x{key}<esc><esc>")).is_empty());
        let note = model.desk.notes.last().unwrap();
        assert!(note.text.contains("read-only"), "{key}: {}", note.text);
    }
    drive(&mut model, "q<tab><enter>");
    assert!(model.desk.notes.last().unwrap().text.contains("read-only"));
}

#[test]
fn errors_stay_until_esc_and_other_notes_pass() {
    let mut model = sample::mid_run();
    let tick = |model: &mut Model, s| {
        let now = model.now + Duration::from_secs(s);
        update(model, Msg::Tick, now);
    };
    tell(&mut model, Msg::Trouble("ledger: no such file".into()));
    tick(&mut model, 60);
    assert!(model.ui.toast.is_some());
    drive(&mut model, "<esc>");
    assert!(model.ui.toast.is_none());
    model.read_only = true;
    drive(&mut model, "xp");
    assert!(model.ui.toast.is_some());
    tick(&mut model, 6);
    assert!(model.ui.toast.is_none());
    assert_eq!(model.desk.notes.len(), 2);
}

#[test]
fn a_request_without_a_reply_is_told() {
    let mut model = sample::mid_run();
    assert_eq!(sent(&drive(&mut model, "x1py")).len(), 1);
    let later = model.now + Duration::from_secs(11);
    update(&mut model, Msg::Tick, later);
    assert!(model.ui.toast.as_ref().unwrap().text.contains("no reply"));
    assert_eq!(sent(&drive(&mut model, "<esc>x1py")).len(), 1);
    let gone = LinkState::Waiting { attempt: 1, retry_at: Moment(0), why: "gone".into() };
    tell(&mut model, Msg::Link(To::Peer(PeerId::First), gone));
    assert!(model.ui.toast.as_ref().unwrap().text.contains("connection lost"));
    assert!(model.desk.pending.is_empty());
}

#[test]
fn selection_follows_the_transfer_not_the_row() {
    let mut model = sample::mid_run();
    drive(&mut model, "3jjj<enter>");
    assert_eq!(model.ui.top(), Some(&Layer::Detail { subject: Subject::Transfer(48_234), scroll: 0 }));
    drive(&mut model, "<esc>");
    let mut alpha = sample::alpha();
    alpha.in_flight.remove(0);
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    drive(&mut model, "<enter>");
    assert_eq!(model.ui.top(), Some(&Layer::Detail { subject: Subject::Transfer(48_234), scroll: 0 }));
}

#[test]
fn the_log_follows_its_end_until_it_is_left() {
    let mut model = sample::mid_run();
    drive(&mut model, "6");
    assert_eq!(model.ui.log.id, None);
    drive(&mut model, "kk");
    let anchor = model.ui.log.id.unwrap();
    for seq in 100..110 {
        let event = sample::event(seq, 1.0, None, EventKind::Info { text: "x".into() });
        tell(&mut model, Msg::Event(Clean::new(event).unwrap()));
    }
    assert_eq!(model.ui.log.id, Some(anchor));
    drive(&mut model, "G");
    assert_eq!(model.ui.log.id, None);
}

#[test]
fn freezing_keeps_the_picture_while_data_flows() {
    let mut model = sample::mid_run();
    drive(&mut model, "f");
    let before = model.board().events_taken;
    let mut alpha = sample::alpha();
    alpha.queue.transfers = 7;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    let event = sample::event(99, 1.0, None, EventKind::Info { text: "x".into() });
    tell(&mut model, Msg::Event(Clean::new(event).unwrap()));
    let queued = |m: &Model| m.board().pane(PeerId::First).snapshot.as_ref().unwrap().queue.transfers;
    assert_eq!((queued(&model), model.board().events_taken), (1_204, before));
    assert_eq!(model.live.events_taken, before + 1);
    drive(&mut model, "f");
    assert_eq!((queued(&model), model.board().events_taken), (7, before + 1));
}

#[test]
fn esc_goes_back_and_never_quits() {
    let mut model = sample::mid_run();
    for keys in ["", "x", "q", "?", "1<enter>", "3<enter>", "xb", "xp", "e", "7", "f"] {
        assert!(drive(&mut model, keys).iter().all(|e| !matches!(e, Effect::Leave(_))));
        assert!(drive(&mut model, "<esc><esc><esc><esc><esc><esc>").is_empty(), "{keys}");
    }
    assert!(model.ui.layers.is_empty());
}

#[test]
fn panels_tabs_and_views() {
    let mut model = sample::mid_run();
    model.size = (160, 50);
    drive(&mut model, "1<s-tab>");
    assert_eq!(model.ui.focus, Panel::Log);
    drive(&mut model, "<tab><tab>e");
    assert_eq!((model.ui.focus, model.ui.expanded), (Panel::Peer(PeerId::Second), true));
    drive(&mut model, "7");
    assert_eq!((model.ui.focus, model.ui.expanded), (Panel::Messages, true));
    drive(&mut model, "<esc>ttt+++---");
    assert_eq!((model.ui.times, model.window_s()), (Times::Clock, 600));
}

#[test]
fn the_menu_takes_the_focused_peer() {
    let mut model = sample::mid_run();
    drive(&mut model, "2x");
    let Some(Layer::Menu(menu)) = model.ui.top() else { panic!() };
    assert_eq!(menu.target, Target::One(PeerId::Second));
}

#[test]
fn help_searches_and_runs() {
    let mut model = sample::mid_run();
    drive(&mut model, "?freeze<enter>");
    assert!(model.frozen.is_some() && model.ui.layers.is_empty());
    // A key that is typed asks what it does, also where its letter is in many words.
    drive(&mut model, "?I");
    let Some(Layer::Help(help)) = model.ui.top() else { panic!("{:?}", model.ui.top()) };
    let rows = update::help::matches(&model.keys, help);
    assert_eq!(rows[help.selected].id, "invert");
    drive(&mut model, "<esc>");
    drive(&mut model, ":rebalance<enter>");
    assert!(matches!(model.ui.top(), Some(Layer::Prompt(_))));
}

#[test]
fn pasted_text_never_acts() {
    let mut model = sample::mid_run();
    assert!(tell(&mut model, Msg::Paste("xpy\nq".into())).is_empty());
    assert!(model.ui.layers.is_empty());
    drive(&mut model, "x1l");
    assert!(tell(&mut model, Msg::Paste("16 MiB/s\n".into())).is_empty());
    let Some(Layer::Prompt(prompt)) = model.ui.top() else { panic!() };
    assert_eq!(prompt.input, "16 MiB/s");
}

fn page(peer: PeerId, from: u64, rows: u64, total: u64, shift: u64) -> Msg {
    let row = |i: u64| QueueRow { id: from + i + shift, ..QueueRow::default() };
    Msg::Page(Page { peer, from, total, rows: (0..rows).map(|i| Clean::new(row(i)).unwrap()).collect() })
}

/// The peer's own count goes along: what it has started is not in its queue.
fn pull(from: u64) -> Effect {
    Effect::PullQueue(Pull { peer: PeerId::Second, from, limit: 200, queued: Some(2_977) })
}

#[test]
fn a_queue_of_ten_million_is_read_in_pages() {
    let mut model = sample::mid_run();
    let total = 10_000_000;
    assert_eq!(drive(&mut model, "2<enter>"), [pull(0)]);
    tell(&mut model, page(PeerId::Second, 0, 200, total, 0));
    assert!(drive(&mut model, "jjj").is_empty(), "loaded rows are not read again");
    let pulls = drive(&mut model, "G");
    assert_eq!(pulls, [pull(total - 101)]);
    tell(&mut model, page(PeerId::Second, total - 101, 101, total, 0));
    let Some(Layer::Queue(view)) = model.ui.top() else { panic!() };
    assert_eq!((view.row, view.id), (total - 1, Some(total - 1)));
    // Five transfers left the head of the queue: the selection stays on its transfer.
    tell(&mut model, page(PeerId::Second, total - 111, 106, total - 5, 5));
    let Some(Layer::Queue(view)) = model.ui.top() else { panic!() };
    assert_eq!((view.row, view.id), (total - 6, Some(total - 1)));
}

#[test]
fn the_bar_never_goes_back_and_ends_at_all_done() {
    let mut model = sample::mid_run();
    let part = model.live.progress().part;
    let mut alpha = sample::alpha();
    alpha.in_flight.clear();
    alpha.done.bytes -= 1 << 40;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert!(model.live.progress().part >= part);
    alpha.done.bytes += 99 << 40;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert!(model.live.progress().part < 1.0, "not every transfer is done");
    assert!((sample::finished().live.progress().part - 1.0).abs() < 1e-9);
    assert!(sample::failed().live.progress().part < 1.0);
}

#[test]
fn the_forecast_is_a_range_or_nothing() {
    let model = sample::mid_run();
    let Eta::Range { low_s, high_s } = model.live.eta(model.now) else { panic!() };
    assert!(low_s > 0.0 && low_s <= high_s && high_s < 1.1 * low_s);
    let mut model = sample::mid_run();
    let mut alpha = sample::alpha();
    alpha.rate.one_min = 0;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert!(matches!(model.live.eta(model.now), Eta::Unknown(_)));
    let stale = sample::mid_run();
    assert!(matches!(stale.live.eta(stale.now + Duration::from_secs(4)), Eta::Unknown(_)));
    let planning = sample::planning();
    assert_eq!(planning.live.eta(planning.now), Eta::Unknown("planning goes on"));
}

#[test]
fn the_summary_stays_until_a_key() {
    let mut model = sample::finished();
    assert!(model.summary_shown());
    assert!(drive(&mut model, "<esc>").is_empty());
    assert!(!model.summary_shown());
    assert!(drive(&mut model, "<esc>").is_empty());
    assert_eq!(drive(&mut model, "<enter>"), [Effect::Leave(Left::Ended { exit: 0 })]);
    let mut model = sample::failed();
    assert_eq!(drive(&mut model, "q"), [Effect::Leave(Left::Ended { exit: 3 })]);
    let mut model = sample::finished();
    model.exit_when_done = true;
    assert_eq!(tell(&mut model, Msg::Tick), [Effect::Leave(Left::Ended { exit: 0 })]);
}

#[test]
fn the_ledger_tells_the_end_when_the_supervisor_is_gone() {
    let mut model = sample::mid_run();
    let ended = |state: &str| EventKind::RunEnded { state: state.into(), done: 1, skipped: 0, failed: 0 };
    let event = |kind| Clean::new(sample::event(90, 1.0, None, kind)).unwrap();
    tell(&mut model, Msg::History(vec![event(ended("complete"))]));
    assert_eq!(model.live.ended(), None, "a connected supervisor knows better");
    let gone = LinkState::Waiting { attempt: 1, retry_at: Moment(0), why: "gone".into() };
    tell(&mut model, Msg::Link(To::Supervisor, gone));
    assert_eq!(model.live.ended(), Some(RunState::Complete));
    tell(&mut model, Msg::History(vec![event(EventKind::Joined { pid: 1 })]));
    assert_eq!(model.live.ended(), None, "the run was resumed");
}

#[test]
fn the_ledger_replaces_what_sockets_told() {
    let mut model = sample::mid_run();
    assert!(model.live.events_taken > 3);
    let events: Vec<Clean<Event>> = sample::events().into_iter().filter_map(Clean::new).take(2).collect();
    tell(&mut model, Msg::History(events));
    let doubled = sample::event(3, 0.0, None, EventKind::Info { text: "x".into() });
    tell(&mut model, Msg::Event(Clean::new(doubled).unwrap()));
    assert_eq!((model.live.events.len(), model.live.timeline.len()), (2, 1));
}

#[test]
fn both_messages_are_told_in_the_claims_own_words() {
    let model = sample::mid_run();
    let lines: Vec<String> = model
        .live
        .timeline
        .iter()
        .filter_map(|e| crate::words::beat::beat(e, model.names()))
        .map(|b| format!("{}|{}|{}|{}", b.word, b.short, b.message, b.long))
        .collect();
    let told = [
        "ASK|#118 1 slot idle, 0 queued, 812 MiB/s|do you need assistance?|#118, 1 slot idle",
        "ratio|0.60 to 0.65  gave too little, alpha is back first (6.1)||ratio 0.60 to 0.65: gave too little, alpha is back first (6.1)",
        "NEEDED|#118 48 of 74 queued / 300 GiB  ratio 0.65  25 ms|assistance needed|0.65 x 74: 48 transfers, 300 GiB",
        "ASK|#119 1 slot idle, 0 queued, 790 MiB/s|do you need assistance?|#119, 1 slot idle",
        "NO NEED|#119 portion 0.5 <= min 1, 1 queued|no assistance needed|0.50 x 1 = 0.5 <= minimum 1",
        "control|verb: limited||verb: limited",
    ];
    assert_eq!(lines, told);
}

#[test]
fn a_control_told_by_its_giver_and_by_its_peer_is_one_mark() {
    let mut model = sample::mid_run();
    let before = model.live.timeline.len();
    for (seq, at_s, marks) in [(50, 1.0, 1), (51, 1.2, 1), (52, 9.0, 2)] {
        let kind = EventKind::Control { command: "pause".into(), by: "verb".into(), result: "paused".into() };
        tell(&mut model, Msg::Event(Clean::new(sample::event(seq, at_s, None, kind)).unwrap()));
        assert_eq!(model.live.timeline.len(), before + marks);
    }
}

#[test]
fn forecasts_from_elsewhere_change_no_dialog() {
    let mut model = sample::mid_run();
    drive(&mut model, "xb<enter>");
    reply(&mut model, 999, preview(5));
    let Some(Layer::Dialog(dialog)) = model.ui.top() else { panic!() };
    assert_eq!(dialog.forecasts, [Forecast::Waiting, Forecast::Waiting]);
}

fn any_msg() -> impl Strategy<Value = Msg> {
    let keys = prop::sample::select(Chord::parse_all(
        "jkgG<tab><s-tab>1234567<enter><esc>!fet+-xprbolds?q<c-c><c-z><c-l>y05 <bs><pgup><pgdn><end><home>abeth",
    ));
    prop_oneof![
        8 => (keys, any::<bool>()).prop_map(|(chord, repeat)| Msg::Key(Press { chord, repeat })),
        1 => ".{0,12}".prop_map(Msg::Paste),
        1 => (0u16..200, 0u16..80).prop_map(|(w, h)| Msg::Resize { w, h }),
        1 => any::<bool>().prop_map(|up| {
            let state = if up { LinkState::Up } else { LinkState::Refused { why: "x".into() } };
            Msg::Link(To::Supervisor, state)
        }),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(queued, done)| {
            let mut s = sample::beta();
            (s.queue.transfers, s.queue.bytes, s.done.bytes) = (queued >> 20, queued, done >> 2);
            peer_msg(PeerId::Second, &s)
        }),
        1 => prop_oneof![Just(RunState::Running), Just(RunState::Complete)].prop_map(|state| {
            run_msg(&RunSnapshot { state, ..sample::run() })
        }),
        1 => (1u64..20).prop_map(|id| {
            Msg::Reply(Clean::new(Reply { id, result: preview(3) }).unwrap())
        }),
        1 => (0u64..300, 0u64..300).prop_map(|(from, rows)| page(PeerId::First, from, rows, from + rows, 1)),
        1 => ".{0,30}".prop_map(|text| {
            let kind = EventKind::Warning { text };
            Msg::Event(Clean::new(sample::event(1, 0.0, Some("beta"), kind)).unwrap())
        }),
        1 => Just(Msg::Drawn),
        1 => Just(Msg::Tick),
    ]
}

proptest! {
    #[test]
    fn no_order_of_messages_breaks_the_model(msgs in prop::collection::vec((any_msg(), 0u64..2_000), 0..60)) {
        let mut model = sample::mid_run();
        for (msg, ms) in msgs {
            let now = model.now + Duration::from_millis(ms);
            update(&mut model, msg, now);
            prop_assert!(model.ui.layers.len() <= crate::ui::LAYERS_MAX);
            prop_assert!(model.live.progress().part <= 1.0);
            prop_assert!(model.desk.pending.len() <= crate::control::PENDING_MAX);
        }
        for note in model.desk.notes.iter() {
            prop_assert!(note.text.chars().all(is_safe), "{}", note.text);
        }
    }
}

#[test]
fn the_selected_row_is_copied_and_json_has_the_exact_key() {
    let copied = |model: &mut Model, keys: &str| match drive(model, keys).as_slice() {
        [Effect::Copy { text, .. }] => text.clone(),
        other => panic!("{other:?}"),
    };
    let mut model = sample::mid_run();
    let (_, flight) = model.board().flights()[0];
    let (id, key) = (flight.id, flight.key.key.clone());
    assert_eq!(copied(&mut model, "3y"), key);
    let row: serde_json::Value = serde_json::from_str(&copied(&mut model, "Y")).unwrap();
    assert_eq!((&row["id"], &row["key"]), (&id.into(), &key.as_str().into()));
    assert_eq!(copied(&mut model, "<enter>y"), key, "its detail too");
    let line = copied(&mut model, "<esc>6y");
    let last = model.board().events.last().unwrap();
    assert_eq!(line, crate::words::event::log_line(last, model.names()));
    // What has no rows says so, and copies nothing.
    assert!(drive(&mut model, "5y").is_empty());
    assert!(model.ui.toast.as_ref().is_some_and(|t| t.text.contains("nothing is selected")));
}

#[test]
fn a_saved_state_has_both_peers_and_says_how_old_they_are() {
    let mut model = sample::mid_run();
    let effects = drive(&mut model, "<c-s>");
    let [Effect::SaveScreen { state }] = effects.as_slice() else { panic!("{effects:?}") };
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    assert_eq!(state["run"], model.run.as_str());
    let peers = state["peers"].as_array().unwrap();
    assert_eq!(peers.iter().map(|p| p["peer"].as_str().unwrap()).collect::<Vec<_>>(), ["alpha", "beta"]);
    assert!(peers.iter().all(|p| p["heard_ms_ago"].is_u64() && p["snapshot"]["in_flight"].is_array()));
    assert_eq!(state["events"].as_array().unwrap().len(), model.board().events.len());
    // What came of it is a message, not a change of the run.
    let now = model.now;
    update(&mut model, Msg::Told("saved: here".into()), now);
    assert_eq!(model.desk.notes.last().unwrap().text, "saved: here");
}
