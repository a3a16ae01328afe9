//! The command line says in words what the keys do, and leads to the same dialogs.

use super::sent;
use crate::action::{REGISTRY, Scope};
use crate::lists::SortBy;
use crate::sample::{self, drive, tell};
use crate::ui::{Layer, Palette, Panel, Theme};
use crate::update::palette::matches;
use crate::{Model, To};
use twinhaul_units::{Dial, PeerId, Turned};
use twinhaul_wire::{Chaos, Command};

fn error(model: &Model) -> &str {
    match model.ui.top() {
        Some(Layer::Palette(palette)) => palette.error.as_deref().unwrap_or("no error"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn controls_take_a_peer_and_a_value() {
    for (line, to, command) in [
        ("limit beta 16 MiB/s", PeerId::Second, Command::limit(Some(16 << 20))),
        ("lim B none", PeerId::Second, Command::limit(None)),
        ("ratio alpha 0.65", PeerId::First, Command::Ratio { value: 0.65 }),
        ("pause a", PeerId::First, Command::Pause),
    ] {
        let mut model = sample::mid_run();
        assert!(sent(&drive(&mut model, &format!(":{line}<enter>"))).is_empty(), "it asks first");
        assert!(matches!(model.ui.layers.as_slice(), [Layer::Dialog(_)]), "{line}: {:?}", model.ui.layers);
        let orders = sent(&drive(&mut model, "y"));
        assert_eq!(
            orders.iter().map(|o| (o.0, o.2.clone())).collect::<Vec<_>>(),
            [(To::Peer(to), command)],
            "{line}"
        );
    }
}

#[test]
fn both_peers_are_meant_unless_one_is_looked_at() {
    let mut model = sample::mid_run();
    assert_eq!(sent(&drive(&mut model, ":pause<enter>y")).len(), 2);
    let mut model = sample::mid_run();
    assert_eq!(sent(&drive(&mut model, "2:pause<enter>y")).len(), 1);
}

#[test]
fn rebalance_leads_to_its_preview() {
    let mut model = sample::mid_run();
    let questions = sent(&drive(&mut model, ":reb 60<enter>"));
    assert_eq!(questions[0].2, Command::Rebalance { keep: 0.6, dry_run: true });
}

#[test]
fn what_cannot_be_done_stays_in_the_line_with_the_reason() {
    let mut model = sample::mid_run();
    drive(&mut model, ":ratio alpha 7<enter>");
    assert!(error(&model).contains("0.05 to 0.95"), "{}", error(&model));
    assert_eq!(model.ui.layers.len(), 1);
    drive(&mut model, "<esc>:drain<enter>");
    assert!(error(&model).contains("choose one peer"), "{}", error(&model));
    drive(&mut model, "<esc>:pause alpha now<enter>");
    assert!(error(&model).contains("takes [peer]"), "{}", error(&model));
    drive(&mut model, "<esc>3:filter sze>1<enter>");
    assert!(error(&model).contains("no field"), "{}", error(&model));
    model.read_only = true;
    drive(&mut model, "<esc>:stop<enter>");
    assert!(error(&model).contains("read-only"), "{}", error(&model));
}

#[test]
fn looks_are_changed_by_name() {
    let mut model = sample::mid_run();
    drive(&mut model, "3:filter video<enter>:sort size<enter>:theme mono<enter>");
    assert!(model.ui.layers.is_empty());
    assert_eq!(model.ui.filters.get(Panel::Flight).unwrap().source(), "video");
    assert_eq!((model.ui.sort.by, model.ui.theme), (SortBy::Size, Theme::Mono));
    drive(&mut model, ":free<enter>");
    assert!(model.frozen.is_some(), "freeze, by the beginning of its name");
}

#[test]
fn tab_completes_and_every_action_has_its_name_here() {
    let mut model = sample::mid_run();
    drive(&mut model, ":reb<tab>");
    assert!(matches!(model.ui.top(), Some(Layer::Palette(p)) if p.input == "rebalance "));
    let all = matches(&Palette::default());
    for row in
        REGISTRY.iter().filter(|row| row.scope != Scope::Dialog && row.group != crate::action::Group::Move)
    {
        assert!(all.iter().any(|c| c.name == row.id), "{}", row.id);
    }
}

#[test]
fn whose_share_it_is_is_minded() {
    let mut model = sample::mid_run();
    let questions = sent(&drive(&mut model, ":rebalance beta 60<enter>"));
    assert_eq!(questions[0].2, Command::Rebalance { keep: 0.4, dry_run: true }, "alpha keeps the rest");
}

#[test]
fn a_name_in_full_is_meant_and_what_it_does_not_take_is_refused() {
    let mut model = sample::mid_run();
    tell(&mut model, sample::given_up(2));
    drive(&mut model, "3:retry<enter>");
    assert!(error(&model).contains("nothing was given up"), "{}", error(&model));
    drive(&mut model, "<esc>:freeze now<enter>");
    assert!(error(&model).contains("takes nothing"), "{}", error(&model));
    drive(&mut model, "<esc>:sort eta<enter>");
    assert_eq!(model.ui.sort.by, SortBy::Eta);
}

/// What breaks is the peer that was named, and only in a demonstration.
#[test]
fn chaos_is_for_a_demonstration_and_for_the_peer_named() {
    for line in [":slow beta<enter>", ":kill-peer beta<enter>", "?slow<enter>", "c"] {
        let mut model = sample::mid_run();
        assert!(sent(&drive(&mut model, &format!("{line}y"))).is_empty(), "{line}");
    }
    let demo = || {
        let mut model = sample::mid_run();
        tell(&mut model, sample::run_msg(&twinhaul_wire::RunSnapshot { demo: true, ..sample::run() }));
        model
    };
    let chaos = |what| Command::Chaos { peer: "beta".into(), what };
    for (keys, command) in [
        (":kill-peer beta<enter>y", chaos(Chaos::Kill)),
        ("c2xy", chaos(Chaos::Kill)),
        ("2cfy", chaos(Chaos::Freeze)),
        ("c0<tab>ty", chaos(Chaos::Thaw)),
        ("c2ly", chaos(Chaos::Cut)),
        (":write-files beta<enter>y", chaos(Chaos::Write)),
        ("c2by", chaos(Chaos::Storm)),
        (":calm beta<enter>y", chaos(Chaos::Calm)),
    ] {
        let orders = sent(&drive(&mut demo(), keys));
        assert_eq!(orders.iter().map(|o| &o.2).collect::<Vec<_>>(), [&command], "{keys}");
    }
    let orders = sent(&drive(&mut demo(), ":slow beta<enter>y"));
    assert!(
        matches!(
            orders.as_slice(),
            [(To::Peer(PeerId::Second), _, Command::Turn { dial: Dial::Limit, to: Turned::Set(_) })]
        ),
        "{orders:?}"
    );
}
