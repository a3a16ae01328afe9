//! Golden traces, worked out by hand, one claim each; where two claims mirror each other, both directions.

use crate::desk::{Desk, lot, needed, not_needed, settings};
use crate::virtual_time::{Outcome, Scenario, run};
use std::time::Duration;
use twinhaul_assist::{Answered, Control, Episode, Event, Last, Message, Report, Rule, Settings};
use twinhaul_units::{Moment, PeerId, Ratio};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn transfers_its_own_number(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 3);
    assert_eq!((desk.started(), desk.core.queued()), (vec![0], 2));
    assert_eq!(desk.complete(1).started(), [1]);
    assert_eq!(desk.complete(1).started(), [2]);
    assert_eq!((desk.core.queued(), desk.core.in_flight().len(), desk.ask_sent()), (0, 1, None));
}

#[test]
fn claim_1_1_the_first_peer_transfers_its_own_number() {
    transfers_its_own_number(PeerId::First);
}

#[test]
fn claim_1_2_the_second_peer_transfers_its_own_number() {
    transfers_its_own_number(PeerId::Second);
}

fn completes_and_asks(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 2);
    assert_eq!(desk.complete(1).ask_sent(), None, "one is in flight");
    desk.complete(1);
    assert_eq!(desk.ask_sent().map(|(id, ep)| (id.number(), ep)), Some((1, Episode(1))));
}

#[test]
fn claim_1_3_the_first_peer_completes_and_assists() {
    completes_and_asks(PeerId::First);
}

#[test]
fn claim_1_4_the_second_peer_completes_and_assists() {
    completes_and_asks(PeerId::Second);
}

#[test]
fn claim_1_3_completing_is_an_empty_queue_and_one_idle_slot_of_four() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 4), 5);
    assert_eq!(desk.started(), [0, 1, 2, 3]);
    assert_eq!(desk.complete(1).ask_sent(), None);
    assert!(desk.complete(1).ask_sent().is_some(), "three are still in flight");
    assert_eq!(desk.core.in_flight().len(), 3);
}

#[test]
fn claim_1_5_asks_again_while_not_all_is_complete() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    assert!(desk.ask_sent().is_some());
    for (number, wait) in [250, 500, 1000, 2000, 4000, 5000, 5000].into_iter().enumerate() {
        desk.hear(not_needed(number as u64 + 1, 1));
        assert_eq!(desk.tick_after(MS(wait - 1)).ask_sent(), None, "not before {wait} ms");
        let (id, episode) = desk.tick_after(MS(1)).ask_sent().expect("asked again");
        assert_eq!(
            (id.number(), episode),
            (number as u64 + 2, Episode(1)),
            "a new question, the same episode"
        );
    }
}

fn decides_from_its_own_queue(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 11);
    assert_eq!(desk.asked(1, 1).assigned_count(), Some(5));
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 1);
    assert_eq!(desk.asked(1, 1).answer(), Some((0.0, 0, 0, 0)));
}

#[test]
fn claim_2_1_the_second_peer_decides_whether_it_needs_assistance() {
    decides_from_its_own_queue(PeerId::Second);
}

#[test]
fn claim_3_1_the_first_peer_decides_whether_it_needs_assistance() {
    decides_from_its_own_queue(PeerId::First);
}

fn assigns_a_portion_from_its_tail(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.6, 0, 1), 11);
    let (_, intervals, _) = desk.asked(1, 1).assignment().expect("an assignment");
    assert_eq!(intervals, [lot(1, 5, 10)], "0.6 x 10, cut from the tail");
    assert_eq!(desk.complete(1).started(), [1], "the owner goes on at the head");
    assert_eq!((desk.core.queued(), desk.core.reserved()), (3, 6));
}

#[test]
fn claim_2_2_1_a_portion_is_assigned_from_the_second_peer_to_the_first() {
    assigns_a_portion_from_its_tail(PeerId::Second);
}

#[test]
fn claim_3_2_2_a_portion_is_assigned_from_the_first_peer_to_the_second() {
    assigns_a_portion_from_its_tail(PeerId::First);
}

fn adjusts_once_before_the_portion(me: PeerId) {
    let mut desk = Desk::helped(me, settings(0.5, 0, 1), 101);
    desk.asked(1, 1);
    assert_eq!(desk.assigned_count(), Some(55), "the raised ratio decides this portion");
    assert!(desk.move_of_ratio().is_some());
    assert_eq!(desk.assigned().move_of_ratio(), None, "2.2.2 and 3.2.1 are the adjustment of 4.1 and 5.1");
    assert_eq!(desk.core.ratio().to_string(), "0.55");
}

#[test]
fn claim_2_2_2_ratios_are_adjusted_once_by_the_second_peer() {
    adjusts_once_before_the_portion(PeerId::Second);
}

#[test]
fn claim_3_2_1_ratios_are_adjusted_once_by_the_first_peer() {
    adjusts_once_before_the_portion(PeerId::First);
}

fn transfers_the_portion(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 0);
    assert_eq!(desk.hear(needed(1, 3, 6)).loads(), 1);
    assert_eq!(desk.core.last(), Last::IHelpedIt);
    assert_eq!(desk.ask_sent(), None, "work is on its way");
    assert_eq!(desk.load(vec![lot(9, 40, 42)]).started(), [40]);
    assert!(desk.reports().contains(&Report::EpisodeEnded { episode: Episode(1), queued: 3 }));
    assert_eq!(desk.complete(2).started(), [42]);
    assert_eq!(desk.complete(1).ask_sent().map(|(_, ep)| ep), Some(Episode(2)), "completed again");
}

#[test]
fn claim_2_2_3_the_first_peer_transfers_the_portion() {
    transfers_the_portion(PeerId::First);
}

#[test]
fn claim_3_2_3_the_second_peer_transfers_the_portion() {
    transfers_the_portion(PeerId::Second);
}

#[test]
fn claim_4_1_and_5_1_each_peer_has_its_own_ratio() {
    let first = Desk::new(PeerId::First, settings(0.3, 0, 1), 11);
    let second = Desk::new(PeerId::Second, settings(0.7, 0, 1), 11);
    let portions = [first.core.portion().get(), second.core.portion().get()].map(|p| p.to_string());
    assert_eq!(portions, ["3", "7"]);
}

fn portion_is_ratio_times_queued(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.55, 0, 4), 1240);
    assert_eq!(desk.asked(1, 1).assigned_count(), Some(679), "0.55 x 1236, the 4 in flight excluded");
    let (portion, minimum, queued, count) = desk.assigned().answer().expect("an answer");
    assert_eq!((portion.to_string(), minimum, queued, count), ("679.8".into(), 0, 1236, 679));
}

#[test]
fn claim_4_2_portion_is_the_second_ratio_times_the_remaining_number() {
    portion_is_ratio_times_queued(PeerId::Second);
}

#[test]
fn claim_5_2_portion_is_the_first_ratio_times_the_remaining_number() {
    portion_is_ratio_times_queued(PeerId::First);
}

fn needed_when_portion_exceeds_minimum(me: PeerId) {
    let mut desk = Desk::new(me, settings(0.5, 4, 1), 10);
    desk.asked(1, 1);
    assert!(desk.sent().is_empty(), "no word before the ledger has it");
    desk.assigned();
    assert!(matches!(desk.sent()[..], [Message::Needed { .. }]));
    assert_eq!(desk.answer(), Some((4.5, 4, 9, 4)), "4.5 > 4");
    assert_eq!(desk.core.last(), Last::ItHelpedMe);
}

#[test]
fn claim_4_3_needed_when_portion_exceeds_minimum() {
    needed_when_portion_exceeds_minimum(PeerId::Second);
}

#[test]
fn claim_5_3_needed_when_portion_exceeds_minimum() {
    needed_when_portion_exceeds_minimum(PeerId::First);
}

fn not_needed_when_portion_is_minimum_or_less(me: PeerId) {
    let mut desk = Desk::helped(me, settings(0.45, 4, 1), 9);
    desk.asked(1, 1); // 6.1/7.1: 0.45 -> 0.50; 0.50 x 8 = 4
    assert!(matches!(desk.sent()[..], [Message::NotNeeded { .. }]));
    assert_eq!(desk.answer(), Some((4.0, 4, 8, 0)), "4 <= 4");
    assert_eq!((desk.core.last(), desk.assignment()), (Last::None, None));
}

#[test]
fn claim_4_4_not_needed_when_portion_is_minimum_or_less() {
    not_needed_when_portion_is_minimum_or_less(PeerId::Second);
}

#[test]
fn claim_5_4_not_needed_when_portion_is_minimum_or_less() {
    not_needed_when_portion_is_minimum_or_less(PeerId::First);
}

#[test]
fn claim_4_3_a_portion_below_one_is_one() {
    let mut desk = Desk::new(PeerId::Second, settings(0.5, 0, 1), 2);
    assert_eq!(desk.asked(1, 1).assigned_count(), Some(1), "0.5 x 1 > 0");
}

fn grows_when_the_helper_is_back_first(me: PeerId, rule: Rule) {
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 101);
    assert_eq!(desk.asked(1, 1).move_of_ratio(), None, "nobody assisted before");
    desk.assigned();
    assert_eq!(desk.asked(2, 2).move_of_ratio(), Some(("0.55".into(), rule)));
}

#[test]
fn claim_6_1_the_second_ratio_grows_when_the_first_peer_is_back_first() {
    grows_when_the_helper_is_back_first(PeerId::Second, Rule::Claim6_1);
}

#[test]
fn claim_7_1_the_first_ratio_grows_when_the_second_peer_is_back_first() {
    grows_when_the_helper_is_back_first(PeerId::First, Rule::Claim7_1);
}

fn shrinks_when_the_owner_ran_dry_first(me: PeerId, rule: Rule) {
    let mut desk = Desk::new(me, settings(0.5, 0, 1), 11);
    desk.asked(1, 1).assigned();
    desk.complete(5);
    assert_eq!(desk.move_of_ratio(), None);
    assert_eq!(desk.complete(1).move_of_ratio(), Some(("0.45".into(), rule)));
    assert!(desk.ask_sent().is_some(), "the same moment it asks");
}

#[test]
fn claim_6_2_the_first_ratio_shrinks_when_it_ran_dry_although_helped() {
    shrinks_when_the_owner_ran_dry_first(PeerId::First, Rule::Claim6_2);
}

#[test]
fn claim_7_2_the_second_ratio_shrinks_when_it_ran_dry_although_helped() {
    shrinks_when_the_owner_ran_dry_first(PeerId::Second, Rule::Claim7_2);
}

#[test]
fn claims_6_and_7_nothing_moves_when_the_previous_answer_was_not_needed() {
    let mut desk = Desk::helped(PeerId::First, settings(0.5, 100, 1), 2);
    assert!(desk.asked(1, 1).move_of_ratio().is_some());
    assert_eq!(desk.core.last(), Last::None, "answered: not needed");
    assert_eq!(desk.complete(2).move_of_ratio(), None, "it ran dry, but nobody had helped");
    assert!(desk.ask_sent().is_some());
}

#[test]
fn claims_6_and_7_nothing_moves_at_the_peer_that_assisted() {
    let mut desk = Desk::new(PeerId::First, settings(0.5, 0, 1), 0);
    desk.hear(needed(1, 20, 40)).load(vec![lot(9, 0, 19)]);
    assert_eq!(desk.asked(1, 1).move_of_ratio(), None);
}

/// Two and eight transfers of 100 ms, one slot each, 0.1 ms round trip, by hand:
/// 200 ms the small one asks: 0.50 x 5 = 2.5 gives 2 · 400 ms it is back: += ; 0.55 x 1 gives 1 ·
/// 500 ms the large one ran dry: -= ; asks: 0 <= 0, not needed · 500.2 ms all done.
fn whole_run(large: PeerId, up: Rule, down: Rule) {
    let mut split = [2; 2];
    split[large.index()] = 8;
    let Outcome { end, reports, memory, asks, answers, assignments, .. } = run(&Scenario {
        split,
        each: [MS(100); 2],
        one_way: Duration::from_micros(50),
        settings: [Settings::default(); 2],
        ratios: [Ratio::default(); 2],
    });
    let story: Vec<String> = reports
        .iter()
        .filter_map(|(peer, report)| {
            let who = if *peer == large { "large" } else { "small" };
            match report {
                Report::AskSent { episode, .. } => Some(format!("{who} asks in {episode}")),
                Report::RatioMoved { old, new, rule } => Some(format!("{who} {old} {new} {rule:?}")),
                Report::AnswerGiven { figures, answered, .. } => {
                    let count = if let Answered::Needed { count, .. } = answered { *count } else { 0 };
                    Some(format!("{who} {} x {} gives {count}", figures.ratio, figures.queued))
                }
                _ => None,
            }
        })
        .collect();
    let expected = [
        "small asks in 1".into(),
        "large 0.50 x 5 gives 2".into(),
        "small asks in 2".into(),
        format!("large 0.50 0.55 {up:?}"),
        "large 0.55 x 1 gives 1".into(),
        format!("large 0.55 0.50 {down:?}"),
        "large asks in 1".into(),
        "small 0.50 x 0 gives 0".into(),
    ];
    assert_eq!(story, expected);
    assert_eq!((end, asks, answers, assignments), (Moment(500_200), 3, 3, 2));
    // Back with 1 queued counts; dry while the other had 0 queued is noise of the tail.
    assert_eq!(memory[large.index()].ratio.to_string(), "0.55");
}

#[test]
fn claims_1_to_7_a_whole_run_where_the_second_peer_is_assisted() {
    whole_run(PeerId::Second, Rule::Claim6_1, Rule::Claim7_2);
}

#[test]
fn claims_1_to_7_a_whole_run_where_the_first_peer_is_assisted() {
    whole_run(PeerId::First, Rule::Claim7_1, Rule::Claim6_2);
}

/// The demonstration's numbers at beta, the second peer: 2720 transfers, four slots, minimum 4.
#[test]
fn the_demonstration_at_beta() {
    let mut beta = Desk::new(PeerId::Second, settings(0.5, 4, 4), 2720);
    beta.complete(36);
    assert_eq!(beta.asked(1, 1).assigned_count(), Some(1340), "0.50 x 2680");
    beta.assigned().complete(104);
    assert_eq!(beta.asked(2, 2).move_of_ratio(), Some(("0.55".into(), Rule::Claim6_1)));
    assert_eq!(beta.assigned_count(), Some(679), "0.55 x 1236");
    beta.assigned().complete(52);
    assert_eq!(beta.asked(3, 3).move_of_ratio(), Some(("0.60".into(), Rule::Claim6_1)));
    assert_eq!(beta.assigned_count(), Some(303), "0.60 x 505");
    beta.assigned().complete(202);
    assert_eq!(beta.move_of_ratio(), None, "four are in flight");
    assert_eq!(beta.complete(1).move_of_ratio(), Some(("0.55".into(), Rule::Claim7_2)), "the arrow turns");
    assert!(beta.ask_sent().is_some());
}

/// And at alpha, the first peer, from the turn on.
#[test]
fn the_demonstration_at_alpha() {
    let mut alpha = Desk::new(PeerId::First, settings(0.5, 4, 4), 223);
    assert_eq!(alpha.asked(1, 1).assigned_count(), Some(109), "0.50 x 219");
    alpha.assigned().complete(10);
    assert_eq!(alpha.asked(2, 2).move_of_ratio(), Some(("0.55".into(), Rule::Claim7_1)));
    assert_eq!(alpha.assigned_count(), Some(55), "0.55 x 100");
    alpha.assigned().complete(6);
    assert_eq!(alpha.asked(3, 3).move_of_ratio(), Some(("0.60".into(), Rule::Claim7_1)));
    assert_eq!(alpha.assigned_count(), Some(23), "0.60 x 39");
    alpha.assigned().complete(17);
    assert_eq!(
        alpha.move_of_ratio(),
        Some(("0.55".into(), Rule::Claim6_2)),
        "dry first, the throttle lifted"
    );
}

#[test]
fn claim_5_4_the_demonstration_ends_with_not_needed() {
    let mut beta = Desk::new(PeerId::Second, settings(0.55, 4, 4), 5);
    beta.asked(1, 1);
    let (portion, minimum, queued, count) = beta.answer().expect("an answer");
    assert_eq!((portion.to_string(), minimum, queued, count), ("0.55".into(), 4, 1, 0), "0.55 x 1 <= 4");
    beta.feed(Event::Control(Control::Minimum(0)));
    assert_eq!(beta.asked(2, 1).assigned_count(), Some(1));
}
