//! Small transfers stand by: a slot that ends one goes on without a word.

use crate::desk::{Desk, lot};
use crate::weighed::{MS, sized};
use twinhaul_assist::{Control, Effect, Event, LoadedLot, Memory, Policy, STANDBY_MAX, Settings, Sizes};
use twinhaul_units::{Bytes, PeerId};

/// Two slots and a queue of equal transfers; a megabyte a second was measured.
fn measured(policy: Policy, standby: u32, transfers: usize, bytes: u64) -> Desk {
    let settings = Settings { policy, slots: 2, standby, ..Settings::default() };
    let mut desk = Desk::bare(PeerId::First, settings, Memory::fresh(settings.ratio));
    desk.load_sized(vec![sized(&vec![bytes; transfers])]);
    assert_eq!(desk.core.in_flight().len(), 2, "nothing is measured yet, so nothing stands by");
    desk.feed(Event::Measured { moved: Bytes(0), parts: vec![] });
    desk.now = desk.now + MS(500);
    desk.feed(Event::Measured { moved: Bytes(500_000), parts: vec![] });
    desk
}

#[test]
fn as_many_stand_by_as_twenty_milliseconds_hold() {
    for policy in [Policy::None, Policy::Learning, Policy::Balanced] {
        let desk = measured(policy, STANDBY_MAX, 1000, 1_000);
        assert_eq!(desk.core.in_flight().len(), 2 + 20, "{policy:?}: a thousandth of a second each");
        assert_eq!(desk.core.queued(), 1000 - 22, "{policy:?}: they are started, and no part of a portion");
        assert_eq!(measured(policy, 7, 1000, 1_000).core.in_flight().len(), 2 + 7, "never more than allowed");
        assert_eq!(
            measured(policy, STANDBY_MAX, 1000, 100_000).core.in_flight().len(),
            2,
            "large ones do not"
        );
        assert_eq!(measured(policy, 0, 1000, 1_000).core.in_flight().len(), 2);
    }
}

#[test]
fn each_that_ends_brings_the_next_and_a_pause_none() {
    let mut desk = measured(Policy::Learning, STANDBY_MAX, 1000, 1_000);
    desk.complete(1);
    assert_eq!(desk.started(), [22]);
    desk.feed(Event::Control(Control::Pause));
    desk.complete(5);
    assert!(desk.started().is_empty());
}

#[test]
fn who_has_some_that_stand_by_has_not_completed() {
    let mut desk = measured(Policy::Learning, STANDBY_MAX, 10, 1_000);
    assert_eq!((desk.core.in_flight().len(), desk.core.queued()), (10, 0));
    desk.complete(8);
    assert!(desk.ask_sent().is_none(), "both slots still have one");
    desk.complete(1);
    assert!(desk.ask_sent().is_some());
    assert!(desk.out.iter().all(|e| !matches!(e, Effect::Start(_))));
}

#[test]
fn slots_that_were_idle_and_have_some_that_stand_by_now_are_measured_as_busy() {
    let mut desk = measured(Policy::Learning, STANDBY_MAX, 30, 1_000);
    desk.complete(29);
    let more = lot(2, 30, 1029);
    let sizes = Sizes::exact(more.first, &[1_000; 1000]);
    desk.load_sized(vec![LoadedLot { interval: more, target: 0, sizes, shared_ranges: false }]);
    assert!(desk.core.in_flight().len() > 2, "the price is known from before");
    desk.now = desk.now + MS(100);
    desk.feed(Event::Measured { moved: Bytes(510_000), parts: vec![] });
    assert!(desk.core.in_flight().len() > 2);
}
