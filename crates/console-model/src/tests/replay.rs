//! A replay shows and steers nothing: its keys are about time.

use crate::sample::{self, drive};
use crate::ui::Panel;
use crate::{Effect, Left, Model, Msg, Replay, Seek, update};
use std::time::Duration;
use twinhaul_units::Moment;

fn replay() -> Model {
    let mut model = sample::mid_run();
    model.replay = Some(Replay::new(Duration::from_mins(1)));
    model
}

#[test]
fn its_keys_seek_and_set_the_pace() {
    let mut model = replay();
    let effects = drive(&mut model, ".,nN");
    let seeks =
        [Seek::By(10), Seek::By(-10), Seek::Trouble { forward: true }, Seek::Trouble { forward: false }];
    assert_eq!(effects, seeks.map(Effect::Seek));
    drive(&mut model, ">>><");
    assert_eq!(model.replay.unwrap().speed, 4);
    drive(&mut model, "<space>");
    assert!(!model.replay.unwrap().playing);
    assert_eq!(drive(&mut model, "q"), [Effect::Leave(Left::Detached)], "there is nothing to stop");
}

#[test]
fn nothing_can_be_steered_and_it_says_why() {
    let mut model = replay();
    for keys in ["xp<esc><esc>", "u", "c"] {
        assert!(drive(&mut model, keys).is_empty());
    }
    let said: Vec<&str> = model.desk.notes.iter().map(|n| n.text.as_str()).collect();
    assert!(said[0].contains("this is a replay"), "{said:?}");
    assert!(model.desk.pending.is_empty());
    let mut live = sample::mid_run();
    assert!(drive(&mut live, ".,").is_empty());
    assert!(live.desk.notes.is_empty(), "its keys mean nothing elsewhere");
}

#[test]
fn going_back_forgets_the_run_and_keeps_the_place() {
    let mut model = replay();
    drive(&mut model, "6/needed<enter>");
    update(&mut model, Msg::Rewound, Moment::ZERO);
    assert_eq!(model.now, Moment::ZERO);
    assert!(model.live.events.is_empty() && model.live.panes[0].snapshot.is_none());
    assert!(model.ui.filters.get(Panel::Log).is_some());
}
