//! What an operator must see when something is not as usual: processes that are gone, restarts, failures, figures that
//! are of the past.

use crate::Model;
use crate::board::{LinkState, Past, PastPeer};
use crate::sample::{self, drive, peer_msg, run_msg, tell};
use crate::{Clean, Effect, Eta, Msg, To, update};
use std::time::Duration;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{
    Assisted, Command, CommandResult, Event, EventKind, PeerSnapshot, Preview, QueueSize, Reply, Rule,
    RunState, Totals,
};

fn event_msg(event: &Event) -> Msg {
    Msg::Event(Clean::new(event.clone()).unwrap())
}

fn waiting(attempt: u32) -> LinkState {
    LinkState::Waiting { attempt, retry_at: Moment::ZERO, why: "nobody listens".into() }
}

#[test]
fn a_finished_run_is_told_by_its_ledger() {
    let mut model = sample::model();
    for to in [To::Peer(PeerId::First), To::Peer(PeerId::Second), To::Supervisor] {
        tell(&mut model, Msg::Link(to, waiting(5)));
    }
    assert!(model.live.nobody());
    let amount = |transfers| QueueSize { transfers, bytes: transfers << 20 };
    let peer = |n| PastPeer {
        incarnation: 1,
        ratio: Some(0.65),
        done: amount(n),
        verified: amount(n),
        ..PastPeer::default()
    };
    let totals = Totals { transfers: 400, bytes: 400 << 20, growing: false };
    let past = Past { state: RunState::Complete, totals, peers: [peer(330), peer(70)], ..Past::default() };
    let started = EventKind::RunStarted { name: "demo".into(), policy: "learning".into() };
    let ended = EventKind::RunEnded { state: "complete".into(), done: 400, skipped: 0, failed: 0 };
    let moved = EventKind::Ratio { old: 0.65, new: 0.6, rule: Rule::R62 };
    let ask = EventKind::Ask { ask_id: 1, idle_slots: 1, rate: 1, queued: 0 };
    let events = [(-500.0, None, started), (-460.0, Some("alpha"), moved), (-450.0, Some("beta"), ask)];
    let events = (1..).zip(events).map(|(seq, (at, peer, kind))| sample::event(seq, at, peer, kind));
    let events = events.chain([sample::event(9, -440.0, None, ended)]);
    tell(&mut model, Msg::Past(Box::new(past)));
    tell(&mut model, Msg::History(events.map(|e| Clean::new(e).unwrap()).collect()));
    assert_eq!(model.live.ended(), Some(RunState::Complete));
    let progress = model.live.progress();
    assert_eq!((progress.transfers, progress.transfers_total, progress.part), (400, 400, 1.0));
    assert_eq!(model.up().unwrap().as_secs(), 60, "from its start to its end, not to now");
    assert_eq!(model.live.asks(), (1, 0, 0));
    let alpha = model.live.pane(PeerId::First).snapshot.as_ref().unwrap();
    assert_eq!((alpha.done.transfers, alpha.ratio), (330, 0.6), "the last move is newer than the row");
    assert_eq!(model.live.pane(PeerId::First).standing(model.now), crate::board::Standing::Done);
}

#[test]
fn a_run_without_any_process_says_what_to_type() {
    let mut model = sample::model();
    assert!(!model.live.nobody());
    for to in [To::Peer(PeerId::First), To::Peer(PeerId::Second), To::Supervisor] {
        tell(&mut model, Msg::Link(to, waiting(5)));
    }
    let past = Past { run: "wan-bulk-3".into(), state: RunState::Running, ..Past::default() };
    tell(&mut model, Msg::Past(Box::new(past)));
    assert_eq!(model.live.problems()[0].next, "twinhaul run --resume wan-bulk-3");
}

#[test]
fn what_is_over_in_a_moment_stays_a_problem() {
    let mut model = sample::mid_run();
    assert!(model.live.problems().is_empty());
    let mut run = sample::run();
    let beta = run.peers.get_mut("beta").unwrap();
    (beta.restarts, beta.last_exit) = (1, Some("killed by signal 9 (KILL)".into()));
    tell(&mut model, run_msg(&run));
    let problems = model.live.problems();
    assert_eq!(problems[0].text, "beta was restarted once (1); last: killed by signal 9 (KILL)");
    tell(&mut model, Msg::Link(To::Supervisor, waiting(1)));
    assert_eq!(model.live.problems().len(), 1, "one failed attempt is no news");
    tell(&mut model, Msg::Link(To::Supervisor, waiting(5)));
    assert_eq!(model.live.problems()[0].next, "twinhaul attach wan-bulk-3");
    let mut alpha = sample::alpha();
    alpha.failed.transfers = 2;
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert!(model.live.problems().iter().any(|p| p.kind == "failed" && p.text == "2 transfers given up"));
}

/// What a silent peer said last is the past of what the other one has now: shown at both, it would be there twice.
#[test]
fn what_was_taken_over_is_shown_once() {
    let mut model = sample::mid_run();
    let queued = |model: &Model, peer| model.live.pane(peer).snapshot.as_ref().unwrap().queue.transfers;
    let (alpha, beta) = (sample::alpha(), sample::beta());
    assert!(queued(&model, PeerId::First) > 0 && !alpha.in_flight.is_empty());
    let taken = EventKind::TakenOver {
        from: "alpha".into(),
        fenced: alpha.incarnation,
        count: alpha.queue.transfers,
        bytes: alpha.queue.bytes,
        discarded: 0,
        accepted: 0,
        why: "silent".into(),
    };
    tell(&mut model, event_msg(&sample::event(300, 0.0, Some("beta"), taken)));
    let is_lost = |model: &Model| {
        assert_eq!(model.live.pane(PeerId::First).remaining_transfers(), 0);
        assert!(model.live.flights().iter().all(|(peer, _)| *peer == PeerId::Second));
        assert!(model.live.pane(PeerId::First).is_taken_over());
    };
    is_lost(&model);
    // The end is that of whom it was given to, at its own rate.
    let rate = beta.rate.now.max(beta.rate.one_min) as f64;
    let alone = model.live.pane(PeerId::Second).remaining_bytes() as f64 / rate;
    let Eta::Range { low_s, .. } = model.live.eta(model.now) else {
        panic!("{:?}", model.live.eta(model.now))
    };
    assert!((low_s - alone).abs() < 1.0, "{low_s} {alone}");
    assert_eq!(queued(&model, PeerId::Second), beta.queue.transfers, "its own words are awaited");
    // It wakes, and says once more what it believes, before it is refused.
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    is_lost(&model);
    let back = PeerSnapshot { incarnation: alpha.incarnation + 1, ..alpha };
    tell(&mut model, peer_msg(PeerId::First, &back));
    assert!(!model.live.pane(PeerId::First).is_taken_over());
    assert_eq!(queued(&model, PeerId::First), back.queue.transfers);
}

#[test]
fn bytes_to_be_moved_again_explain_a_bar_that_stands() {
    let mut model = sample::mid_run();
    let before = model.live.progress();
    assert_eq!(before.again, 0);
    let alpha = PeerSnapshot { in_flight: Vec::new(), incarnation: 2, ..sample::alpha() };
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    let after = model.live.progress();
    let lost = before.bytes - after.bytes;
    assert!(lost > 0 && after.again.abs_diff(lost) < 1 << 20, "{lost} {}", after.again);
}

#[test]
fn counts_do_not_go_back_with_a_new_incarnation() {
    let mut model = sample::mid_run();
    let ask = |id| EventKind::Ask { ask_id: id, idle_slots: 1, rate: 1, queued: 0 };
    for id in 0..200 {
        tell(&mut model, event_msg(&sample::event(100 + id, 1.0, Some("alpha"), ask(id))));
    }
    let alpha = PeerSnapshot { assisted: Assisted::default(), incarnation: 2, ..sample::alpha() };
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert_eq!(model.live.asks().0, 201 + 49, "the sample's own ask, these, and beta's");
}

#[test]
fn the_rate_of_now_leaves_out_who_is_not_heard() {
    let model = sample::mid_run();
    let rate = |after_s| model.live.rate_now(model.now + Duration::from_secs(after_s)).0 >> 20;
    assert_eq!(rate(0), 814 + 216);
    assert_eq!(rate(4), 0, "both are stale");
}

#[test]
fn what_is_in_flight_cannot_be_shared() {
    let mut model = sample::mid_run();
    let none = QueueSize::default();
    let mut alpha = PeerSnapshot { queue: none, ..sample::alpha() };
    let beta = PeerSnapshot { queue: none, in_flight: Vec::new(), ..sample::beta() };
    alpha.in_flight.truncate(1);
    let left = (alpha.in_flight[0].bytes - alpha.in_flight[0].done) as f64;
    let alone = left / alpha.rate.now.max(alpha.rate.one_min) as f64;
    sample::refresh(&mut model, &alpha, &beta, &sample::run());
    let Eta::Range { low_s, .. } = model.live.eta(model.now) else { panic!() };
    assert!(low_s >= alone * 0.999, "{low_s} {alone}");
}

#[test]
fn an_idle_peer_can_be_drained() {
    let mut model = sample::mid_run();
    let asked = drive(&mut model, "x2d");
    let [Effect::Send(_, request)] = asked.as_slice() else { panic!() };
    let reply = Reply {
        id: request.id,
        result: CommandResult::Preview(Preview {
            from: "beta".into(),
            to: "alpha".into(),
            transfers: 0,
            bytes: 0,
            now: [QueueSize::default(); 2],
            after: [QueueSize::default(); 2],
            eta_now_s: None,
            eta_after_s: None,
        }),
    };
    tell(&mut model, Msg::Reply(Clean::new(reply).unwrap()));
    let now = model.now;
    update(&mut model, Msg::Drawn, now);
    let sent = drive(&mut model, "y");
    assert!(
        matches!(sent.as_slice(), [Effect::Send(_, r)] if r.command == Command::Drain { dry_run: false })
    );
}

#[test]
fn a_question_of_a_dialog_is_no_moment_of_the_timeline() {
    let mut model = sample::mid_run();
    let before = (model.live.timeline.len(), model.live.events.len());
    let control = |command: &str| EventKind::Control {
        command: command.into(),
        by: "story".into(),
        result: String::new(),
    };
    let ask = "twinhaul rebalance wan-bulk-3 --peer beta --share 30% --dry-run";
    tell(&mut model, event_msg(&sample::event(50, 0.0, Some("beta"), control(ask))));
    assert_eq!((model.live.timeline.len(), model.live.events.len()), (before.0, before.1 + 1));
    // Told by the story and by the peer: one line in both.
    for (seq, peer) in [(51, None), (52, Some("alpha"))] {
        let limit = control("twinhaul limit demo-1 --peer alpha '128 KiB/s'");
        tell(&mut model, event_msg(&sample::event(seq, 0.1, peer, limit)));
    }
    assert_eq!((model.live.timeline.len(), model.live.events.len()), (before.0 + 1, before.1 + 2));
}

#[test]
fn a_library_that_both_peers_see_is_shown_once_as_the_younger_answer_has_it() {
    let model = sample::tape();
    let storage = model.board().storage(model.now);
    assert_eq!(storage.len(), 1);
    assert!(storage[0].peer.is_none() && storage[0].status.headline.contains("215 GiB"));
    let problems = model.board().problems();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].peer.as_deref(), problems[0].next.contains("import A00007L8")), (None, true));
    assert_eq!(model.board().simulated(model.now), ["vault: LTO-8 times, 200 x as fast"]);
    assert_eq!(model.board().peer_of(41_221), Some(PeerId::Second));
}

#[test]
fn what_is_a_peers_own_use_of_storage_is_shown_for_both() {
    let mut model = sample::model();
    let status = twinhaul_wire::BackendStatus { name: "offsite".into(), ..Default::default() };
    for (peer, snapshot) in [(PeerId::First, sample::alpha()), (PeerId::Second, sample::beta())] {
        tell(&mut model, peer_msg(peer, &PeerSnapshot { backends: vec![status.clone()], ..snapshot }));
    }
    let peers: Vec<_> = model.board().storage(model.now).iter().map(|s| s.peer).collect();
    assert_eq!(peers, [Some(PeerId::First), Some(PeerId::Second)]);
}

#[test]
fn both_peers_views_of_a_target_stand_together_before_the_sources() {
    let mut model = sample::model();
    let of = |name: &str, source| twinhaul_wire::BackendStatus {
        name: name.into(),
        source,
        shared: source,
        ..Default::default()
    };
    let backends = vec![of("far", false), of("near", false), of("here", true)];
    for (peer, snapshot) in [(PeerId::First, sample::alpha()), (PeerId::Second, sample::beta())] {
        tell(&mut model, peer_msg(peer, &PeerSnapshot { backends: backends.clone(), ..snapshot }));
    }
    let storage = model.board().storage(model.now);
    let names: Vec<_> = storage.iter().map(|s| s.status.name.as_str()).collect();
    assert_eq!(names, ["far", "far", "near", "near", "here"]);
}

fn told_given_up(model: &Model) -> Vec<u64> {
    model.live.given_up_ids().into_iter().collect()
}

/// Attached late: the plot begins where the recording does, and what is heard goes on from there.
#[test]
fn the_plot_begins_before_the_console_does() {
    let mut model = sample::model();
    let ago = |s: u64| sample::WALL_MS - s * 1000;
    tell(&mut model, Msg::Rates([vec![(ago(3), 7), (ago(2), 8)], vec![(ago(700), 9)]]));
    let rates = |model: &Model, peer, ago| model.live.pane(peer).rates.ago(ago);
    let seen: Vec<_> = (0..4).map(|ago| rates(&model, PeerId::First, ago)).collect();
    assert_eq!(seen, [None, None, Some(8), Some(7)]);
    assert_eq!(model.live.pane(PeerId::Second).rates.len(), 1, "longer ago than a plot shows");
    assert!(model.live.panes.iter().all(|pane| pane.snapshot.is_none()), "only rates");
    let now = Moment(2_000_000);
    update(&mut model, peer_msg(PeerId::First, &sample::alpha()), now);
    assert_eq!((rates(&model, PeerId::First, 0).is_some(), rates(&model, PeerId::First, 4)), (true, Some(8)));
}

/// The history holds the failures of those that were retried for ever; they are not failures any more.
#[test]
fn what_was_retried_and_is_done_is_not_told_as_given_up() {
    let mut model = sample::mid_run();
    for id in [7, 8, 9, 8] {
        let key = twinhaul_wire::KeyText::from_bytes(format!("dir/file-{id}").as_bytes());
        let kind = EventKind::Failed { id, key, error: "no such file".into(), attempts: 5 };
        tell(&mut model, event_msg(&sample::event(20, -1.0, Some("alpha"), kind)));
    }
    let failed = |model: &mut Model, transfers| {
        let failed = QueueSize { transfers, bytes: transfers << 20 };
        tell(model, peer_msg(PeerId::First, &PeerSnapshot { failed, ..sample::alpha() }))
    };
    failed(&mut model, 3);
    assert_eq!(told_given_up(&model), [7, 8, 9]);
    failed(&mut model, 1);
    let last = |model: &Model| model.live.problems().into_iter().find(|p| p.kind == "failed").unwrap().text;
    assert!(last(&model).contains("dir/file-8"), "{}", last(&model));
    // The ledger knows which one it is.
    drive(&mut model, "9");
    tell(&mut model, sample::given_up(7));
    assert_eq!(told_given_up(&model), [7]);
    assert!(last(&model).contains("dir/file-7"), "{}", last(&model));
    drive(&mut model, "<esc>");
    failed(&mut model, 0);
    assert!(told_given_up(&model).is_empty() && model.live.failed.is_none());
}

#[test]
fn at_the_end_the_ledger_is_asked_what_is_given_up() {
    let mut model = sample::mid_run();
    let failed = QueueSize { transfers: 1, bytes: 1 };
    tell(&mut model, peer_msg(PeerId::First, &PeerSnapshot { failed, ..sample::alpha() }));
    let ended = run_msg(&twinhaul_wire::RunSnapshot { state: RunState::Failed, ..sample::run() });
    assert_eq!(tell(&mut model, ended.clone()), [Effect::PullFailed]);
    assert!(tell(&mut model, ended).is_empty(), "once");
}

#[test]
fn the_problems_lead_to_what_was_given_up() {
    let mut model = sample::mid_run();
    let failed = QueueSize { transfers: 2, bytes: 2 };
    tell(&mut model, peer_msg(PeerId::First, &PeerSnapshot { failed, ..sample::alpha() }));
    let next = model.live.problems().into_iter().find(|p| p.kind == "failed").unwrap().next;
    assert_eq!(next, "mend the cause first (panel 9), then twinhaul retry wan-bulk-3");
    assert_eq!(drive(&mut model, "!<enter>"), [Effect::PullFailed]);
    assert!(model.ui.focus == crate::ui::Panel::Failed && model.ui.layers.is_empty());
    // Where nothing was given up, there is nothing to go on to.
    let mut model = sample::stalled();
    drive(&mut model, "!<enter>");
    assert!(model.ui.focus != crate::ui::Panel::Failed && model.ui.layers.is_empty());
}
