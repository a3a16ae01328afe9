//! The table: every action with its keys, in the order of the help overlay. Keys are named here and nowhere else.

use super::allowed::{
    always, big_enough, both_connected, can_bundle, chaos_verb, current_ratio, demo, demo_peer, demo_run,
    filters, hand_over, hand_over_verb, has_problems, in_queue, no_verb, one_peer_control, peer_control,
    replays, retry_control, retry_these, retry_these_verb, slow_rate, stage_fits, stop_control, undo_control,
    undo_verb, verb,
};
use super::{Action, Danger, Group, Row, Scope, Why};
use crate::Model;
use twinhaul_units::{Dial, PeerId, Turned};
use twinhaul_wire::{Chaos, Command};

const fn look(
    action: Action,
    id: &'static str,
    title: &'static str,
    help: &'static str,
    keys: &'static [&'static str],
    group: Group,
    footer: u8,
) -> Row {
    Row {
        action,
        id,
        title,
        help,
        keys,
        scope: Scope::Main,
        group,
        danger: Danger::None,
        footer,
        enabled: always,
        verb: no_verb,
    }
}

const fn change(
    action: Action,
    id: &'static str,
    help: &'static str,
    keys: &'static [&'static str],
    danger: Danger,
    enabled: fn(&Model) -> Result<(), Why>,
    verb: fn(&Model) -> Option<String>,
) -> Row {
    Row {
        action,
        id,
        title: id,
        help,
        keys,
        scope: Scope::Control,
        group: Group::Control,
        danger,
        footer: 0,
        enabled,
        verb,
    }
}

/// What goes wrong on purpose, in a demonstration.
const fn breaks(
    action: Action,
    id: &'static str,
    help: &'static str,
    keys: &'static [&'static str],
    enabled: fn(&Model) -> Result<(), Why>,
    verb: fn(&Model) -> Option<String>,
) -> Row {
    Row { scope: Scope::Chaos, ..change(action, id, help, keys, Danger::Confirm, enabled, verb) }
}

/// In a replay, where these keys come before all others.
const fn in_replay(
    action: Action,
    id: &'static str,
    help: &'static str,
    keys: &'static [&'static str],
) -> Row {
    Row { scope: Scope::Replay, enabled: replays, ..look(action, id, id, help, keys, Group::Replay, 0) }
}

const fn in_dialog(
    action: Action,
    id: &'static str,
    help: &'static str,
    keys: &'static [&'static str],
) -> Row {
    Row { scope: Scope::Dialog, ..look(action, id, id, help, keys, Group::Control, 0) }
}

/// Every action, in the order of the help overlay.
pub const REGISTRY: &[Row] = &[
    look(Action::Down, "down", "down", "row down", &["j", "<down>"], Group::Move, 0),
    look(Action::Up, "up", "up", "row up", &["k", "<up>"], Group::Move, 0),
    look(Action::PageDown, "page-down", "page", "page down", &["<pgdn>", "<c-d>"], Group::Move, 0),
    look(Action::PageUp, "page-up", "page", "page up", &["<pgup>", "<c-u>"], Group::Move, 0),
    look(Action::First, "first", "first", "first row", &["g", "<home>"], Group::Move, 0),
    look(Action::Last, "last", "last", "last row, follow", &["G", "<end>"], Group::Move, 0),
    Row {
        enabled: big_enough,
        ..look(Action::NextPanel, "next-panel", "panel", "next panel", &["<tab>"], Group::Move, 4)
    },
    Row {
        enabled: big_enough,
        ..look(
            Action::PreviousPanel,
            "previous-panel",
            "panel",
            "previous panel",
            &["<s-tab>"],
            Group::Move,
            0,
        )
    },
    Row {
        enabled: big_enough,
        ..look(
            Action::Panel,
            "panel",
            "panel",
            "to panel; 7 said, 9 failed",
            &["1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Group::Move,
            0,
        )
    },
    look(Action::Drill, "open", "open", "queue, transfer, message", &["<enter>"], Group::Look, 5),
    look(Action::Back, "back", "back", "back; never quits", &["<esc>"], Group::Look, 0),
    Row {
        enabled: has_problems,
        ..look(Action::Problems, "problems", "problem", "list of problems", &["!"], Group::Look, 6)
    },
    Row {
        enabled: filters,
        ..look(Action::Filter, "filter", "filter", "words, !not, peer:beta, size>1G", &["/"], Group::Look, 8)
    },
    Row {
        enabled: in_queue,
        ..look(Action::Goto, "goto", "go to", "row of a queue, by place or id", &["#"], Group::Look, 0)
    },
    Row {
        enabled: big_enough,
        ..look(Action::Sort, "sort", "sort", "sort panel 3 by ...", &["s"], Group::Look, 0)
    },
    look(Action::Invert, "invert", "sort", "turn the order round", &["I"], Group::Look, 0),
    look(Action::Mark, "mark", "mark", "mark row", &["<space>"], Group::Look, 0),
    look(Action::MarkAll, "mark-all", "mark", "mark all that are shown", &["*"], Group::Look, 0),
    Row {
        enabled: big_enough,
        ..look(Action::Diagnose, "diagnose", "diagnose", "why, how known, what to do", &["d"], Group::Look, 6)
    },
    Row {
        enabled: can_bundle,
        verb: |m| Some(format!("twinhaul bundle {}", m.run)),
        ..look(Action::Bundle, "bundle", "bundle", "all evidence into one file", &["B"], Group::Look, 0)
    },
    look(Action::Freeze, "freeze", "freeze", "freeze view, engines run", &["f"], Group::Look, 10),
    Row {
        enabled: big_enough,
        ..look(Action::Expand, "expand", "expand", "panel to full screen", &["e"], Group::Look, 12)
    },
    Row {
        enabled: stage_fits,
        ..look(Action::Stage, "stage", "stage", "stage: who helps whom, large", &["v"], Group::Look, 13)
    },
    look(Action::Times, "times", "times", "clock, ago, since start", &["t"], Group::Look, 11),
    look(Action::ZoomIn, "zoom-in", "zoom", "graph: shorter window", &["+", "="], Group::Look, 0),
    look(Action::ZoomOut, "zoom-out", "zoom", "graph: longer window", &["-"], Group::Look, 0),
    look(Action::Copy, "copy", "copy", "copy row: path or line", &["y"], Group::Look, 0),
    look(Action::CopyJson, "copy-json", "copy", "copy row as JSON", &["Y"], Group::Look, 0),
    look(Action::Save, "save", "save", "save screen and state", &["<c-s>"], Group::Look, 0),
    Row {
        enabled: big_enough,
        ..look(Action::Control, "control", "control", "run control menu", &["x"], Group::Control, 2)
    },
    Row {
        enabled: undo_control,
        verb: undo_verb,
        ..look(Action::Undo, "undo", "undo", "undo last control; asks", &["u"], Group::Control, 9)
    },
    Row {
        enabled: big_enough,
        ..look(Action::Items, "actions", "act", "act on marked or selected", &["a"], Group::Control, 7)
    },
    Row {
        scope: Scope::Items,
        title: "retry",
        ..change(
            Action::RetryThese,
            "retry-these",
            "try given-up transfers again",
            &["t"],
            Danger::Confirm,
            retry_these,
            retry_these_verb,
        )
    },
    Row {
        scope: Scope::Items,
        title: "hand over",
        ..change(
            Action::HandOver,
            "hand-over",
            "to the other peer, if queued",
            &["h"],
            Danger::Confirm,
            hand_over,
            hand_over_verb,
        )
    },
    Row {
        scope: Scope::Items,
        ..look(Action::CopyPaths, "copy-paths", "copy", "copy their paths", &["y"], Group::Control, 0)
    },
    change(Action::Pause, "pause", "start nothing new", &["p"], Danger::Confirm, peer_control, |m| {
        verb(m, &Command::Pause)
    }),
    change(Action::Resume, "resume", "start again", &["r"], Danger::Confirm, peer_control, |m| {
        verb(m, &Command::Resume)
    }),
    change(
        Action::Rebalance,
        "rebalance",
        "move queued to a share",
        &["b"],
        Danger::Confirm,
        both_connected,
        |m| {
            let peer = m.names().name(PeerId::First);
            Some(Command::Rebalance { keep: 0.5, dry_run: false }.verb(&m.run, Some(peer)))
        },
    ),
    change(Action::Ratio, "ratio", "set the share given", &["o"], Danger::Confirm, peer_control, |m| {
        verb(m, &Command::Ratio { value: current_ratio(m) })
    }),
    change(Action::Limit, "limit", "set or lift bandwidth", &["l"], Danger::Confirm, peer_control, |m| {
        verb(m, &Command::limit(None))
    }),
    change(Action::Slots, "slots", "set slots of a peer", &["n"], Danger::Confirm, peer_control, |m| {
        verb(m, &Command::Turn { dial: Dial::Slots, to: Turned::Set(8) })
    }),
    change(
        Action::Drain,
        "drain",
        "one peer hands over all",
        &["d"],
        Danger::Confirm,
        one_peer_control,
        |m| verb(m, &Command::Drain { dry_run: false }),
    ),
    change(Action::Retry, "retry", "retry given-up transfers", &["t"], Danger::Confirm, retry_control, |m| {
        verb(m, &Command::Retry { transfer: None })
    }),
    change(Action::Stop, "stop", "end both, run is kept", &["s"], Danger::Name, stop_control, |m| {
        verb(m, &Command::Stop { drain: true })
    }),
    Row {
        enabled: demo,
        ..look(Action::Chaos, "chaos", "chaos", "break something (demo)", &["c"], Group::Control, 0)
    },
    breaks(Action::Slow, "slow", "a sixteenth of its pace", &["s"], demo_peer, |m| {
        verb(m, &Command::limit(Some(slow_rate(m))))
    }),
    breaks(Action::Freezing, "freeze-peer", "it stands still, unheard", &["f"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Freeze))
    }),
    breaks(Action::Thaw, "thaw-peer", "it goes on", &["t"], demo_run, |m| Some(chaos_verb(m, Chaos::Thaw))),
    breaks(Action::Kill, "kill-peer", "gone, as by a power cut", &["x"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Kill))
    }),
    breaks(Action::Crash, "crash-peer", "it aborts, as by a bad library", &["a"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Crash))
    }),
    breaks(Action::Cut, "cut-link", "neither hears the other", &["l"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Cut))
    }),
    breaks(Action::Mend, "mend-link", "they hear each other", &["m"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Mend))
    }),
    breaks(Action::Write, "write-files", "they change while copied", &["w"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Write))
    }),
    breaks(Action::Leave, "leave-files", "nobody writes any more", &["o"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Leave))
    }),
    breaks(Action::Storm, "storm", "bad weather at the store", &["b"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Storm))
    }),
    breaks(Action::Calm, "calm", "good weather at the store", &["g"], demo_run, |m| {
        Some(chaos_verb(m, Chaos::Calm))
    }),
    Row {
        scope: Scope::Control,
        ..look(Action::NextTarget, "target", "target", "whom: both, or one", &["<tab>"], Group::Control, 0)
    },
    in_replay(Action::Play, "play", "hold, or go on", &["<space>"]),
    in_replay(Action::SeekOn, "seek-on", "ten seconds on", &["."]),
    in_replay(Action::SeekBack, "seek-back", "ten seconds back", &[","]),
    in_replay(Action::TroubleOn, "next-trouble", "next moment of trouble", &["n"]),
    in_replay(Action::TroubleBack, "last-trouble", "trouble before", &["N"]),
    in_replay(Action::Faster, "faster", "twice as fast", &[">"]),
    in_replay(Action::Slower, "slower", "half as fast", &["<"]),
    in_dialog(Action::Confirm, "confirm", "do what the dialog says", &["y"]),
    in_dialog(
        Action::NextButton,
        "next-button",
        "next; Enter presses",
        &["<tab>", "<s-tab>", "<left>", "<right>"],
    ),
    look(Action::Help, "help", "help", "help, every key", &["?", "<f1>"], Group::App, 1),
    look(
        Action::Palette,
        "command",
        "cmd",
        "command line: limit beta 16 MiB/s",
        &[":", "<c-p>"],
        Group::App,
        3,
    ),
    look(Action::Mouse, "mouse", "mouse", "mouse: ours, or the terminal's", &["M"], Group::App, 14),
    look(Action::Theme, "theme", "theme", "dark, light, contrast, mono", &["T"], Group::App, 0),
    look(Action::Redraw, "redraw", "redraw", "draw the screen anew", &["<c-l>"], Group::App, 0),
    look(Action::Suspend, "suspend", "suspend", "suspend console only", &["<c-z>"], Group::App, 0),
    look(Action::Quit, "quit", "quit", "leave, engines may run on", &["q", "<c-c>"], Group::App, 9),
];
