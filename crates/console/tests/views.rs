//! What the screen looks like: text of whole frames at the sizes of the drawings, in both glyph sets; and that no size,
//! no order of messages and no name breaks a frame.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::{Terminal, backend::TestBackend};
use std::time::Duration;
use twinhaul_console::skin::Skin;
use twinhaul_console::view::{draw, view};
use twinhaul_console_model::keymap::Wish;
use twinhaul_console_model::sample::{self, drive, peer_msg, run_msg, tell};
use twinhaul_console_model::ui::{Layer, Panel};
use twinhaul_console_model::{Chord, Clean, Found, Keys, Model, Msg, Page, Press, update};
use twinhaul_units::{PeerId, text::is_safe};
use twinhaul_wire::{
    CommandResult, EventKind, InFlight, KeyText, Outlook, PeerSnapshot, Preview, Problem, QueueRow,
    QueueSize, Reply, RunSnapshot,
};

/// The frame as text, one line a row; blanks at line ends are kept out.
fn frame(model: &Model, skin: &Skin, w: u16, h: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(w, h)).unwrap();
    terminal.draw(|frame| view(model, skin, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y: u16| {
        let mut line = String::new();
        let mut x = 0;
        while x < w {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        line.trim_end().to_owned()
    };
    (0..h).map(row).collect::<Vec<_>>().join("\n")
}

fn at(mut model: Model, w: u16, h: u16) -> Model {
    model.size = (w, h);
    model
}

/// A dialog that `keys` open in a terminal of `w` x `h`, once its questions are answered in their order.
fn answered(keys: &str, (w, h): (u16, u16), answers: impl IntoIterator<Item = CommandResult>) -> Model {
    let mut model = at(sample::mid_run(), w, h);
    drive(&mut model, keys);
    for (id, result) in (1..).zip(answers) {
        tell(&mut model, Msg::Reply(Clean::new(Reply { id, result }).unwrap()));
    }
    model
}

const UNICODE: Skin = Skin::new(false, true);
const ASCII: Skin = Skin::new(true, false);

macro_rules! frames {
    ($($name:ident: $model:expr;)*) => {$(
        #[test]
        fn $name() {
            for (w, h) in [(40, 12), (60, 16), (80, 24), (100, 30), (160, 50)] {
                let model = at($model, w, h);
                insta::assert_snapshot!(format!("{}_{w}x{h}", stringify!($name)), frame(&model, &UNICODE, w, h));
                insta::assert_snapshot!(format!("{}_{w}x{h}_ascii", stringify!($name)), frame(&model, &ASCII, w, h));
            }
        }
    )*};
}

frames! {
    mid_run: sample::mid_run();
    stalled: sample::stalled();
    planning: sample::planning();
    finished: sample::finished();
    failed: sample::failed();
    tape: sample::tape();
}

/// The demo with its caption, times since the start, and a peer that is not heard any more.
fn demo() -> Model {
    let mut model = sample::model();
    let caption =
        "The arrow turns: beta had given too much, and now helps alpha. No key was pressed.".to_owned();
    let run = RunSnapshot { demo: true, caption: Some(caption), name: "demo".into(), ..sample::run() };
    model.now = twinhaul_units::Moment(5_000_000);
    sample::refresh(&mut model, &sample::alpha(), &sample::beta(), &run);
    for event in sample::events() {
        tell(&mut model, Msg::Event(Clean::new(event).unwrap()));
    }
    let now = model.now + Duration::from_secs(12);
    update(&mut model, peer_msg(PeerId::First, &sample::alpha()), now);
    model
}

#[test]
fn demo_with_a_stale_peer() {
    for (w, h) in [(80, 24), (100, 30)] {
        let model = at(demo(), w, h);
        insta::assert_snapshot!(format!("demo_{w}x{h}"), frame(&model, &UNICODE, w, h));
    }
}

/// A transfer that has failed twice and is tried again.
#[test]
fn errors_of_a_transfer() {
    let mut model = at(sample::mid_run(), 80, 24);
    drive(&mut model, "3g");
    let flight = model.flights()[0].1.clone();
    let errors = ["the server closed the connection (HTTP 503)", "no route to host archive.example.org:443"];
    for (seq, (attempts, error)) in (900..).zip((1..).zip(errors)) {
        let kind = EventKind::Retry {
            id: flight.id,
            key: flight.key.clone(),
            error: error.into(),
            attempts,
            in_ms: 1_000,
        };
        let event = sample::event(seq, -9.0 + f64::from(attempts), Some("alpha"), kind);
        tell(&mut model, Msg::Event(Clean::new(event).unwrap()));
    }
    drive(&mut model, "<enter>");
    insta::assert_snapshot!("errors_of_a_transfer_80x24", frame(&model, &UNICODE, 80, 24));
}

/// On the stage what is worked on is seen too, where there is room: captions speak of panels 3 and 8.
#[test]
fn stage_with_what_is_worked_on() {
    let sizes = [("flight", 160, 50), ("tape", 160, 50), ("tape", 100, 30)];
    for (name, w, h) in sizes {
        let mut model = at(if name == "tape" { sample::tape() } else { sample::mid_run() }, w, h);
        model.ui.stage = Some(true);
        insta::assert_snapshot!(format!("stage_{name}_{w}x{h}"), frame(&model, &UNICODE, w, h));
    }
}

/// Every screen and window that keys lead to, at 80x24.
#[test]
fn windows() {
    for (name, keys) in [
        ("help", "?"),
        ("help_search", "?reb"),
        ("menu", "x"),
        ("menu_beta", "2xjjjjj"),
        ("prompt_share", "xb"),
        ("prompt_error", "x1o7<enter>"),
        ("dialog_pause", "xp"),
        ("dialog_ratio", "x2o0.7<enter>"),
        ("dialog_stop", "xswan"),
        ("leave", "q"),
        ("detail_transfer", "3jjjjj<enter>"),
        ("detail_needed", "4kkk<enter>"),
        ("detail_ratio", "4kkkkk<enter>"),
        ("problems", "!"),
        ("queue", "1<enter>"),
        ("queue_go_to", "1<enter>#id 5"),
        ("log", "6"),
        ("plot", "5"),
        ("time_to_finish", "5<enter>"),
        ("assist_expanded", "4e"),
        ("peer_expanded", "2e"),
        ("frozen", "f"),
        ("filter_typed", "3/video size>1G"),
        ("filter_error", "3/sze>1G"),
        ("filtered_by_size", "3/video<enter>szI"),
        ("log_filtered", "6/needed<enter>"),
        ("sort", "s"),
        ("diagnosis", "d<tab>"),
        ("command", ":lim"),
        ("command_error", ":ratio alpha 7<enter>"),
        ("marks", "3<space>j<space>a"),
        ("given_up", "9<space>j"),
        ("given_up_why", "9<enter>"),
        ("given_up_act", "9*a"),
    ] {
        let mut model = at(sample::stalled(), 80, 24);
        tell(&mut model, sample::given_up(3));
        drive(&mut model, keys);
        insta::assert_snapshot!(format!("window_{name}"), frame(&model, &UNICODE, 80, 24));
    }
}

/// A run that became slower on its way, as it goes on and at its end.
#[test]
fn earlier_forecasts() {
    let slowing = sample::slowing();
    let mut looked_at = at(slowing.clone(), 80, 24);
    drive(&mut looked_at, "5<enter>");
    insta::assert_snapshot!("forecasts_80x24", frame(&looked_at, &UNICODE, 80, 24));
    insta::assert_snapshot!("forecasts_160x50", frame(&at(slowing.clone(), 160, 50), &UNICODE, 160, 50));
    let ended = sample::slowed(slowing);
    insta::assert_snapshot!("forecasts_ended_80x24", frame(&at(ended, 80, 24), &ASCII, 80, 24));
}

/// A whole queue far from its head, with marks; and what a filter found of it so far.
#[test]
fn whole_queue() {
    let row = |id: u64| {
        let key = KeyText::from_bytes(format!("genomics/run88/lane{}/S{id}.fastq.gz", id % 4).as_bytes());
        let attempts = u32::from(id.is_multiple_of(5)) * 2;
        Clean::new(QueueRow { id, key, target: "vault".into(), bytes: id << 12, attempts }).unwrap()
    };
    for (w, h) in [(80, 24), (160, 50)] {
        let mut model = at(sample::mid_run(), w, h);
        drive(&mut model, "2<enter>#1,204,331<enter>");
        let (peer, total) = (PeerId::Second, 2_977_000);
        let rows = (0..200).map(|n| row(48_240 + n)).collect();
        tell(&mut model, Msg::Page(Page { peer, from: 1_204_230, total, rows }));
        drive(&mut model, "<space>jj<space>");
        insta::assert_snapshot!(format!("queue_deep_{w}x{h}"), frame(&model, &UNICODE, w, h));
        drive(&mut model, "/lane3<enter>");
        let number = model.ui.searches;
        let rows = (0..3).map(|n| (1_204_230 + n * 4, row(48_243 + n * 4))).collect();
        tell(&mut model, Msg::Found(Found { number, rows, looked: 1_250_000, after: None, ended: false }));
        insta::assert_snapshot!(format!("queue_found_{w}x{h}"), frame(&model, &ASCII, w, h));
        tell(&mut model, Msg::Page(Page { peer, from: 0, total, rows: Vec::new() }));
        drive(&mut model, "/nowhere<enter>");
        let number = model.ui.searches;
        let found = Found { number, rows: Vec::new(), looked: total, after: None, ended: true };
        tell(&mut model, Msg::Found(found));
        insta::assert_snapshot!(format!("queue_not_found_{w}x{h}"), frame(&model, &ASCII, w, h));
    }
}

/// The moment of an assistance is chosen: its transfers, and its place in the plot.
#[test]
fn chosen_assistance() {
    for (name, skin) in [("chosen", UNICODE), ("chosen_ascii", ASCII)] {
        let mut model = at(sample::mid_run(), 160, 50);
        drive(&mut model, "4kkk");
        insta::assert_snapshot!(format!("{name}_160x50"), frame(&model, &skin, 160, 50));
        let mut model = at(model, 80, 24);
        drive(&mut model, "5");
        insta::assert_snapshot!(format!("{name}_plot"), frame(&model, &skin, 80, 24));
    }
}

#[test]
fn rebalance_preview() {
    let size = |transfers, gib: u64| QueueSize { transfers, bytes: gib << 30 };
    let preview = Preview {
        from: "beta".into(),
        to: "alpha".into(),
        transfers: 886,
        bytes: 6_900 << 30,
        now: [size(2_977, 22_400), size(1_204, 8_612)],
        after: [size(2_091, 15_500), size(2_090, 15_512)],
        eta_now_s: Some(257.0),
        eta_after_s: Some(171.0),
    };
    let refusal = twinhaul_wire::Refusal { why: "has less than its share".into(), next: String::new() };
    let answers = [CommandResult::Refused(refusal), CommandResult::Preview(preview)];
    let model = answered("xb50<enter>", (80, 24), answers);
    insta::assert_snapshot!(frame(&model, &ASCII, 80, 24));
}

/// In 60x16 what is now makes way; what will be, what moves and the time stay.
#[test]
fn previews_in_a_small_terminal() {
    let size = |transfers, gib: u64| QueueSize { transfers, bytes: gib << 30 };
    let preview = Preview {
        from: "beta".into(),
        to: "alpha".into(),
        transfers: 886_123,
        bytes: 6_900 << 30,
        now: [size(2_977_000, 22_400), size(1_204, 8_612)],
        after: [size(2_091_000, 15_500), size(887_327, 15_512)],
        eta_now_s: Some(257.0),
        eta_after_s: Some(171.0),
    };
    let refusal = twinhaul_wire::Refusal { why: "has less than its share".into(), next: String::new() };
    let outlook = |peer: &str| Outlook {
        peer: peer.into(),
        rate: [Some(790 << 20), Some(100 << 20)],
        basis: "the limit".into(),
        ..Outlook::default()
    };
    let moves = vec![CommandResult::Refused(refusal), CommandResult::Preview(preview)];
    let limits = ["alpha", "beta"].map(|peer| CommandResult::Outlook(outlook(peer))).to_vec();
    for (name, keys, answers) in [
        ("rebalance", "xb50<enter>", moves),
        ("limit", "x0l100 MiB/s<enter>", limits),
        ("pause", "xp", Vec::new()),
        ("stop", "xswan", Vec::new()),
    ] {
        let model = answered(keys, (60, 16), answers);
        insta::assert_snapshot!(format!("small_{name}"), frame(&model, &UNICODE, 60, 16));
        insta::assert_snapshot!(format!("small_{name}_ascii"), frame(&model, &ASCII, 60, 16));
    }
}

/// The command that mends it is the last thing to be cut.
#[test]
fn problems_in_a_small_terminal_keep_their_next_step() {
    let mut model = at(sample::mid_run(), 60, 16);
    let failed = QueueSize { transfers: 3, bytes: 3 << 20 };
    tell(&mut model, peer_msg(PeerId::First, &PeerSnapshot { failed, ..sample::alpha() }));
    drive(&mut model, "!");
    let shown = frame(&model, &ASCII, 60, 16);
    assert!(shown.contains("next   mend the cause first (panel 9)"), "{shown}");
    assert!(shown.contains("retry wan-bulk-3"), "{shown}");
}

/// Keys are for what is on the screen: in the smallest layout nothing opens that is not drawn there.
#[test]
fn the_smallest_layout_opens_nothing_unseen() {
    let mut model = at(sample::mid_run(), 40, 12);
    for keys in ["1", "1<enter>", "x", "a", "/", "s", "#", "d"] {
        drive(&mut model, "<esc><esc>");
        let effects = drive(&mut model, keys);
        let opened = model.ui.layers.iter().any(|layer| matches!(layer, Layer::Queue(_) | Layer::Filter(_)));
        assert!(!opened && effects.is_empty(), "{keys}: {:?} {effects:?}", model.ui.layers);
    }
    drive(&mut model, "<esc><esc>1");
    assert!(model.ui.toast.as_ref().unwrap().text.contains("needs 60x16"), "{:?}", model.ui.toast);
    drive(&mut model, "<esc>j<enter>");
    assert!(
        matches!(model.ui.layers[..], [Layer::Detail { .. }]),
        "the row that is marked: {:?}",
        model.ui.layers
    );
    insta::assert_snapshot!("small_detail", frame(&model, &ASCII, 40, 12));
    // What was open before the terminal became small.
    let mut model = at(sample::mid_run(), 80, 24);
    drive(&mut model, "1<enter>");
    tell(&mut model, Msg::Resize { w: 40, h: 12 });
    assert!(model.ui.layers.is_empty());
}

/// Two transfers of a queue are to be the other peer's.
#[test]
fn hand_over_preview() {
    let row = |id: u64| {
        let key = KeyText::from_bytes(format!("genomics/run88/S{id}.fastq.gz").as_bytes());
        Clean::new(QueueRow { id, key, target: "vault".into(), bytes: 40 << 30, attempts: 0 }).unwrap()
    };
    let mut model = at(sample::mid_run(), 80, 24);
    drive(&mut model, "1<enter>");
    let rows = (50_000..50_200).map(row).collect();
    tell(&mut model, Msg::Page(Page { peer: PeerId::First, from: 0, total: 1_204, rows }));
    drive(&mut model, "<space>j<space>a");
    insta::assert_snapshot!("hand_over_menu", frame(&model, &UNICODE, 80, 24));
    drive(&mut model, "h");
    let size = |transfers, gib: u64| QueueSize { transfers, bytes: gib << 30 };
    let preview = Preview {
        from: "alpha".into(),
        to: "beta".into(),
        transfers: 2,
        bytes: 80 << 30,
        now: [size(1_204, 8_612), size(2_977, 9_425)],
        after: [size(1_202, 8_532), size(2_979, 9_505)],
        eta_now_s: Some(257.0),
        eta_after_s: Some(251.0),
    };
    let result = CommandResult::Preview(preview);
    tell(&mut model, Msg::Reply(Clean::new(Reply { id: 1, result }).unwrap()));
    insta::assert_snapshot!("hand_over_preview", frame(&model, &UNICODE, 80, 24));
}

/// What a limit would bring, for one peer and for both; and a ratio.
#[test]
fn outlooks() {
    let outlook = |peer: &str, rate: [Option<u64>; 2], basis: &str| Outlook {
        peer: peer.into(),
        rate: rate.map(|rate| rate.map(|mib| mib << 20)),
        basis: basis.into(),
        ..Outlook::default()
    };
    let told = |keys: &str, outlooks: Vec<Outlook>| {
        let model = answered(keys, (80, 24), outlooks.into_iter().map(CommandResult::Outlook));
        frame(&model, &ASCII, 80, 24)
    };
    let ratio = Outlook {
        gives: Some([1_935, 2_381]),
        eta_now_s: Some(257.0),
        eta_after_s: Some(171.0),
        ..outlook("beta", [Some(230), Some(230)], "if it were asked now")
    };
    let one = vec![outlook("alpha", [Some(790), Some(100)], "the limit")];
    let both = vec![
        outlook("alpha", [Some(790), Some(790)], "the limit is not what holds it"),
        outlook("beta", [Some(230), None], "how fast it is without the limit was not seen"),
    ];
    for (name, keys, outlooks) in [
        ("waiting", "x1l100 MiB/s<enter>", Vec::new()),
        ("one", "x1l100 MiB/s<enter>", one),
        ("both", "x0lnone<enter>", both),
        ("ratio", "x2o0.8<enter>", vec![ratio]),
    ] {
        insta::assert_snapshot!(format!("outlook_{name}"), told(keys, outlooks));
    }
}

/// Severity must be readable without colour: the styles of the mono skin carry no colour at all.
#[test]
fn mono_uses_no_colour() {
    let model = sample::stalled();
    let mut buffer = Buffer::empty(Rect::new(0, 0, 160, 50));
    draw(&model, &Skin::new(false, false), &mut buffer);
    for cell in &buffer.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset));
    }
}

#[test]
fn ascii_is_ascii() {
    for make in [sample::mid_run, sample::stalled, sample::finished, demo] {
        let model = make();
        for (w, h) in [(40, 12), (80, 24), (160, 50)] {
            assert!(frame(&model, &ASCII, w, h).is_ascii());
        }
    }
}

/// Everything that comes from outside and is shown somewhere.
fn hostile() -> Model {
    let bad = "\x1b[31mX\u{202e}gpj\u{200b}\u{9b}2J\r\n\u{e000}";
    let key = || KeyText { key: bad.into(), key_b64: None };
    let mut model = sample::mid_run();
    let problem = Problem { kind: bad.into(), text: bad.into(), next: bad.into(), ..Problem::default() };
    let alpha = PeerSnapshot {
        paused_by: Some(bad.into()),
        problems: vec![problem],
        in_flight: vec![InFlight { key: key(), target: bad.into(), ..InFlight::default() }],
        next_up: vec![QueueRow { key: key(), target: bad.into(), ..Default::default() }],
        ..sample::alpha()
    };
    let run = RunSnapshot { name: bad.into(), caption: Some(bad.into()), ..sample::run() };
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    tell(&mut model, run_msg(&run));
    for kind in [
        EventKind::Warning { text: bad.into() },
        EventKind::Control { command: bad.into(), by: bad.into(), result: bad.into() },
        EventKind::Failed { id: 1, key: key(), error: bad.into(), attempts: 1 },
    ] {
        tell(&mut model, Msg::Event(Clean::new(sample::event(9, 0.0, Some(bad), kind)).unwrap()));
    }
    tell(&mut model, Msg::Trouble(bad.into()));
    model
}

#[test]
fn hostile_names_never_reach_the_buffer() {
    for keys in ["", "<esc>", "<esc>3<enter>", "<esc>6", "<esc>!", "<esc>4<enter>", "7", "1e"] {
        for (w, h) in [(40, 12), (80, 24), (160, 50)] {
            let mut model = at(hostile(), w, h);
            drive(&mut model, keys);
            let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
            draw(&model, &UNICODE, &mut buffer);
            let clean = buffer.content.iter().all(|cell| cell.symbol().chars().all(is_safe));
            assert!(clean, "{keys} at {w}x{h}");
        }
    }
    let shown = frame(&at(hostile(), 160, 50), &UNICODE, 160, 50);
    assert!(shown.contains("\\x1b[31mX\\u{202e}"), "made visible, not dropped");
}

proptest! {
    #[test]
    fn no_size_and_no_keys_break_a_frame(
        w in 0u16..200,
        h in 0u16..80,
        which in 0usize..6,
        keys in prop::collection::vec(prop::sample::select(Chord::parse_all(
            "jkgG<tab>123456789<enter><esc>!fet+-xprbolds?qy05<pgup><pgdn><end>abeth<esc>/:uaIM<space>*<space>s>v"
        )), 0..12),
        ascii in any::<bool>(),
    ) {
        let sample: [fn() -> Model; 6] = [sample::mid_run, sample::stalled, sample::planning, sample::finished, hostile, sample::model];
        let mut model = at(sample[which](), w, h);
        for chord in keys {
            let now = model.now + Duration::from_millis(300);
            update(&mut model, Msg::Key(Press { chord, repeat: false }), now);
            update(&mut model, Msg::Drawn, now);
            let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
            draw(&model, &Skin::new(ascii, !ascii), &mut buffer);
        }
        let mut buffer = Buffer::empty(Rect::new(0, 0, w, h));
        draw(&model, &Skin::new(ascii, !ascii), &mut buffer);
    }
}

#[test]
fn what_stands_still_has_no_time_to_its_end() {
    let mut model = at(sample::mid_run(), 80, 24);
    let mut alpha = sample::alpha();
    alpha.in_flight.truncate(1);
    let row = |model: &Model| frame(model, &UNICODE, 80, 24).lines().nth(10).unwrap().to_owned();
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert!(row(&model).contains("62.0 04:54"), "{}", row(&model));
    let wait = twinhaul_wire::Wait::new(twinhaul_wire::WaitReason::Paused, "", 4_000);
    alpha.in_flight[0].wait = Some(wait);
    tell(&mut model, peer_msg(PeerId::First, &alpha));
    assert!(row(&model).contains("0.0 --:-- paused 4s"), "{}", row(&model));
}

#[test]
fn why_a_peer_is_not_heard_has_room_and_a_new_incarnation_is_named() {
    let mut model = at(sample::mid_run(), 80, 24);
    let beta = PeerSnapshot { incarnation: 2, ..sample::beta() };
    tell(&mut model, peer_msg(PeerId::Second, &beta));
    let state = twinhaul_console_model::LinkState::Waiting {
        attempt: 5,
        retry_at: model.now + Duration::from_secs(2),
        why: "nobody listens".into(),
    };
    tell(&mut model, Msg::Link(twinhaul_console_model::To::Peer(PeerId::Second), state));
    let text = frame(&model, &UNICODE, 80, 24);
    assert!(text.contains("2 beta (B) incarnation 2"), "{text}");
    assert!(text.contains("nobody listens"), "{text}");
}

/// Every row that is drawn is the row that a click on it means.
#[test]
fn a_click_means_the_row_under_it() {
    for (w, h, keys) in
        [(80, 24, ""), (160, 50, ""), (80, 24, "3e"), (160, 50, "3sz/video<enter>"), (80, 24, "9")]
    {
        let mut model = at(sample::mid_run(), w, h);
        tell(&mut model, sample::given_up(6));
        drive(&mut model, keys);
        let names = model.flights().iter().map(|(_, f)| (f.id, f.key.key.clone())).collect::<Vec<_>>();
        let names = if keys == "9" {
            model.failed().iter().map(|row| (row.row.id, row.row.key.key.clone())).collect()
        } else {
            names
        };
        let shown = frame(&model, &UNICODE, w, h);
        let mut met = 0;
        for (y, line) in (0..).zip(shown.lines()) {
            let Some(hit) = twinhaul_console::view::hit(&model, 10, y) else { continue };
            let Some((id, _)) = hit.row.filter(|_| matches!(hit.panel, Panel::Flight | Panel::Failed)) else {
                continue;
            };
            let (_, name) = names.iter().find(|(known, _)| *known == id).unwrap();
            let end = name.chars().rev().take(10).collect::<Vec<_>>().into_iter().rev().collect::<String>();
            assert!(line.contains(&end), "{w}x{h} {keys}: {y}: {id} {name} is not in {line}");
            met += 1;
        }
        assert!(met + 1 >= names.len(), "{w}x{h} {keys}: {met} rows are met; one at most does not fit");
    }
}

#[test]
fn every_theme_draws_and_none_gives_colour_where_there_is_none() {
    use twinhaul_console_model::ui::Theme;
    for theme in Theme::ALL {
        let mut model = at(sample::stalled(), 80, 24);
        model.ui.theme = theme;
        let coloured = |skin: &Skin| {
            let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
            draw(&model, skin, &mut buffer);
            buffer.content.iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
        };
        assert_eq!(coloured(&Skin::new(false, true)), theme != Theme::Mono, "{theme:?}");
        assert!(!coloured(&Skin::new(false, false)), "{theme:?}");
    }
}

#[test]
fn own_keys_are_shown_wherever_keys_are() {
    let wish = |id: &str, keys: &[&str]| Wish {
        id: id.into(),
        keys: keys.iter().map(ToString::to_string).collect(),
    };
    let keys = Keys::with(&[
        wish("control", &["X"]),
        wish("pause", &["P"]),
        wish("first", &["gg", "<home>"]),
        wish("help", &["<f2>"]),
        wish("theme", &[]),
    ]);
    let mut model = at(sample::mid_run(), 80, 24);
    model.keys = keys.unwrap();
    insta::assert_snapshot!("own_keys_footer", frame(&model, &UNICODE, 80, 24).lines().last().unwrap());
    drive(&mut model, "g");
    insta::assert_snapshot!("own_keys_sequence", frame(&model, &UNICODE, 80, 24).lines().last().unwrap());
    drive(&mut model, "<esc><f2>");
    insta::assert_snapshot!("own_keys_help", frame(&model, &UNICODE, 80, 24));
    drive(&mut model, "<esc>X");
    insta::assert_snapshot!("own_keys_menu", frame(&model, &UNICODE, 80, 24));
    drive(&mut model, "<esc>:pau");
    insta::assert_snapshot!("own_keys_command", frame(&model, &UNICODE, 80, 24));
}

/// What the run as a whole waits for stands on top; a moment in which nobody works is no news.
#[test]
fn the_header_says_what_all_wait_for() {
    let mut model = sample::mid_run();
    let top = |model: &mut Model, age_ms| {
        let wait = twinhaul_wire::Wait::new(twinhaul_wire::WaitReason::Mount, "drive 1", age_ms);
        let run = RunSnapshot { wait: Some(wait), ..sample::run() };
        sample::refresh(model, &sample::alpha(), &sample::beta(), &run);
        frame(model, &UNICODE, 160, 50).lines().next().unwrap().to_owned()
    };
    assert!(top(&mut model, 12_000).contains("waits for mount 12s"), "{}", top(&mut model, 12_000));
    assert!(!top(&mut model, 900).contains("waits for"));
}
