//! The way out: by itself it ends nothing, and what ends the run asks for its name.

use super::{refused, reply, sent};
use crate::sample::{self, drive};
use crate::words::Mood;
use crate::{Effect, Left};
use twinhaul_wire::{Command, CommandResult};

#[test]
fn quit_offers_three_ways_and_detaches_by_default() {
    let mut model = sample::mid_run();
    assert!(drive(&mut model, "q<esc>").is_empty());
    assert_eq!(drive(&mut model, "q<enter>"), [Effect::Leave(Left::Detached)]);
    let mut model = sample::mid_run();
    assert_eq!(drive(&mut model, "<c-c><c-c>"), [Effect::Leave(Left::Detached)]);
    let mut model = sample::mid_run();
    // What ends the run asks as `x s` does: for the run's name.
    assert!(drive(&mut model, "q<tab><tab><enter>yyy<enter>").is_empty());
    let orders = sent(&drive(&mut model, "<bs><bs><bs>wan-bulk-3<enter>"));
    assert_eq!(orders[0].2, Command::Stop { drain: false });
    let left = reply(&mut model, orders[0].1, CommandResult::Done("stopping".into()));
    assert_eq!(left, [Effect::Leave(Left::Stopped { drain: false })]);
}

#[test]
fn a_refused_stop_keeps_the_console_and_says_why() {
    let mut model = sample::mid_run();
    let orders = sent(&drive(&mut model, "q<tab><enter>wan-bulk-3y"));
    assert!(orders.is_empty(), "y is a letter of a name here");
    let orders = sent(&drive(&mut model, "<bs><enter>"));
    assert_eq!(orders[0].2, Command::Stop { drain: true });
    assert!(reply(&mut model, orders[0].1, refused("it is stopping already")).is_empty());
    assert!(model.ui.layers.is_empty());
    assert_eq!(model.ui.toast.as_ref().unwrap().mood, Mood::Bad);
}
