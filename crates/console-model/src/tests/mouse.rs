//! The mouse looks; it never acts.

use crate::msg::{Hit, Mouse};
use crate::sample::{self, drive, tell};
use crate::ui::{Layer, Panel, Subject};
use crate::{Effect, Msg};

fn click(panel: Panel, row: Option<(u64, usize)>) -> Msg {
    Msg::Mouse(Mouse::Click(Hit { panel, row }))
}

#[test]
fn a_click_selects_and_a_second_one_opens() {
    let mut model = sample::mid_run();
    let id = model.flights()[2].1.id;
    tell(&mut model, click(Panel::Flight, Some((id, 2))));
    assert_eq!((model.focus(), model.ui.flight.id), (Panel::Flight, Some(id)));
    assert!(model.ui.layers.is_empty());
    tell(&mut model, click(Panel::Flight, Some((id, 2))));
    assert_eq!(model.ui.top(), Some(&Layer::Detail { subject: Subject::Transfer(id), scroll: 0 }));
    tell(&mut model, click(Panel::Log, None));
    assert_eq!(model.focus(), Panel::Flight, "what lies in front takes no clicks");
}

#[test]
fn the_wheel_scrolls_what_it_is_over_and_nothing_in_a_menu() {
    let mut model = sample::mid_run();
    let over = Some(Hit { panel: Panel::Log, row: None });
    tell(&mut model, Msg::Mouse(Mouse::Wheel { up: true, over }));
    assert!(model.focus() == Panel::Log && model.ui.log.id.is_some());
    drive(&mut model, "x");
    let before = model.ui.layers.clone();
    tell(&mut model, Msg::Mouse(Mouse::Wheel { up: false, over }));
    assert_eq!(model.ui.layers, before);
}

#[test]
fn m_gives_the_mouse_to_the_terminal_and_takes_it_back() {
    let mut model = sample::mid_run();
    assert_eq!(drive(&mut model, "MM"), [Effect::TakeMouse(false), Effect::TakeMouse(true)]);
}
