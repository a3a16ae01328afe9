//! The one registry of actions. Footer, help overlay, menus and the list of commands are read from it, and so is the
//! way from a key to what it does; nothing else in the console knows a key.
//!
//! Rules: bare letters look, menus change; a letter and its capital are never one safe and one dangerous; Esc goes
//! back and never quits; an action that is off says why.

use crate::control::{Menu, Target};
use crate::ui::Layer;
use crate::{Chord, Model, SizeClass, control};
use std::borrow::Cow;
use twinhaul_units::PeerId;
use twinhaul_wire::Command;

/// Everything a key can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Down,
    Up,
    PageDown,
    PageUp,
    First,
    Last,
    NextPanel,
    PreviousPanel,
    Panel,
    Drill,
    Back,
    Freeze,
    Expand,
    Times,
    ZoomIn,
    ZoomOut,
    Problems,
    Help,
    Control,
    Pause,
    Resume,
    Rebalance,
    Ratio,
    Limit,
    Drain,
    Retry,
    Stop,
    NextTarget,
    Confirm,
    NextButton,
    Redraw,
    Suspend,
    Quit,
}

/// Where a key means what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Panels and screens.
    Main,
    /// The `x` menu.
    Control,
    /// Dialogs.
    Dialog,
}

/// Heading in the help overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Move,
    Look,
    Control,
    App,
}

impl Group {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Move => "MOVE",
            Self::Look => "LOOK",
            Self::Control => "CONTROL",
            Self::App => "APP",
        }
    }
}

/// What it takes to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Danger {
    /// Changes nothing outside the console.
    None,
    /// Reversible: shown with its consequences, then `y`.
    Confirm,
    /// Loses work or stops an engine: a name must be typed.
    Name,
}

/// Why an action is off.
pub type Why = Cow<'static, str>;

/// One action.
#[derive(Debug)]
pub struct Row {
    pub action: Action,
    /// Stable name, for documentation and key maps.
    pub id: &'static str,
    pub title: &'static str,
    pub help: &'static str,
    /// Written chords; see [`Chord::parse`].
    pub keys: &'static [&'static str],
    pub scope: Scope,
    pub group: Group,
    pub danger: Danger,
    /// Place in the footer, 1 first; 0: not there.
    pub footer: u8,
    pub enabled: fn(&Model) -> Result<(), Why>,
    /// The verb on the command line that it equals.
    pub verb: fn(&Model) -> Option<String>,
}

impl Row {
    pub fn chords(&self) -> impl Iterator<Item = Chord> {
        self.keys.iter().filter_map(|k| Chord::parse(k))
    }

    /// Keys as the help overlay writes them, as many as fit: `j Dn`.
    pub fn keys_shown(&self) -> String {
        if self.action == Action::Panel {
            return "1..7".into();
        }
        let mut out = String::new();
        for chord in self.chords().map(|c| c.to_string()) {
            if !out.is_empty() && out.len() + 1 + chord.len() > KEYS_WIDTH {
                break;
            }
            out.push_str(if out.is_empty() { "" } else { " " });
            out.push_str(&chord);
        }
        out
    }
}

/// Columns of the keys in the help overlay.
pub const KEYS_WIDTH: usize = 11;

/// The row of an action.
pub fn row(action: Action) -> Option<&'static Row> {
    REGISTRY.iter().find(|row| row.action == action)
}

/// What `chord` means in `scope`.
pub fn lookup(scope: Scope, chord: Chord) -> Option<&'static Row> {
    REGISTRY.iter().find(|row| row.scope == scope && row.chords().any(|c| c == chord))
}

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
    look(Action::NextPanel, "next-panel", "panel", "next panel", &["<tab>"], Group::Move, 3),
    look(Action::PreviousPanel, "previous-panel", "panel", "previous panel", &["<s-tab>"], Group::Move, 0),
    look(
        Action::Panel,
        "panel",
        "panel",
        "to panel; 7 is messages",
        &["1", "2", "3", "4", "5", "6", "7"],
        Group::Move,
        0,
    ),
    look(Action::Drill, "open", "open", "queue, transfer, message", &["<enter>"], Group::Look, 4),
    look(Action::Back, "back", "back", "back; never quits", &["<esc>"], Group::Look, 0),
    Row {
        enabled: has_problems,
        ..look(Action::Problems, "problems", "problem", "what is wrong", &["!", "d"], Group::Look, 5)
    },
    look(Action::Freeze, "freeze", "freeze", "freeze view, engines run", &["f"], Group::Look, 6),
    look(Action::Expand, "expand", "expand", "panel to full screen", &["e"], Group::Look, 7),
    look(Action::Times, "times", "times", "clock, ago, since start", &["t"], Group::Look, 8),
    look(Action::ZoomIn, "zoom-in", "zoom", "graph: shorter window", &["+", "="], Group::Look, 0),
    look(Action::ZoomOut, "zoom-out", "zoom", "graph: longer window", &["-"], Group::Look, 0),
    Row {
        enabled: big_enough,
        ..look(Action::Control, "control", "control", "run control menu", &["x"], Group::Control, 2)
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
        verb(m, &Command::Limit { rate: None })
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
        scope: Scope::Control,
        ..look(Action::NextTarget, "target", "target", "whom: both, or one", &["<tab>"], Group::Control, 0)
    },
    in_dialog(Action::Confirm, "confirm", "do what the dialog says", &["y"]),
    in_dialog(
        Action::NextButton,
        "next-button",
        "next; Enter presses",
        &["<tab>", "<s-tab>", "<left>", "<right>"],
    ),
    look(Action::Help, "help", "help", "help, list of commands", &["?", "<f1>", ":", "<c-p>"], Group::App, 1),
    look(Action::Redraw, "redraw", "redraw", "draw the screen anew", &["<c-l>"], Group::App, 0),
    look(Action::Suspend, "suspend", "suspend", "suspend console only", &["<c-z>"], Group::App, 0),
    look(Action::Quit, "quit", "quit", "leave, engines may run on", &["q", "<c-c>"], Group::App, 9),
];

#[allow(clippy::unnecessary_wraps, reason = "the registry's type: other actions can be off")]
fn always(_: &Model) -> Result<(), Why> {
    Ok(())
}

fn no_verb(_: &Model) -> Option<String> {
    None
}

#[allow(clippy::unnecessary_wraps, reason = "the registry's type: actions that only look have no verb")]
fn verb(model: &Model, command: &Command) -> Option<String> {
    let peer = match target(model) {
        Target::Both => None,
        Target::One(peer) => Some(model.names().name(peer)),
    };
    Some(command.verb(&model.run, peer))
}

/// Whom the open menu is for; without a menu, both.
fn target(model: &Model) -> Target {
    let menu = model.ui.layers.iter().rev().find_map(|layer| match layer {
        Layer::Menu(Menu { target, .. }) => Some(*target),
        _ => None,
    });
    menu.unwrap_or(Target::Both)
}

fn current_ratio(model: &Model) -> f64 {
    let peer = target(model).peers().first().copied().unwrap_or(PeerId::First);
    model.live.pane(peer).snapshot.as_ref().map_or(0.5, |s| s.ratio)
}

/// In the smallest layout a menu or a dialog could not be read.
fn big_enough(model: &Model) -> Result<(), Why> {
    if model.class() == SizeClass::Status {
        Err("the window is too small: 60x16 at least".into())
    } else {
        Ok(())
    }
}

fn has_problems(model: &Model) -> Result<(), Why> {
    if model.board().problems().is_empty() { Err("no problems".into()) } else { Ok(()) }
}

/// What every control needs.
pub(crate) fn may_control(model: &Model) -> Result<(), Why> {
    big_enough(model)?;
    if model.read_only {
        Err("read-only: start without --read-only".into())
    } else if model.live.ended().is_some() {
        Err("the run has ended".into())
    } else if model.desk.pending.len() >= control::PENDING_MAX {
        Err("too many requests without a reply".into())
    } else {
        Ok(())
    }
}

fn connected(model: &Model, peer: PeerId) -> Result<(), Why> {
    if model.live.pane(peer).link.is_up() {
        Ok(())
    } else {
        Err(format!("{} is not connected", model.names().name(peer)).into())
    }
}

fn peer_control(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    target(model).peers().into_iter().try_for_each(|peer| connected(model, peer))
}

fn both_connected(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    PeerId::BOTH.into_iter().try_for_each(|peer| connected(model, peer))
}

fn one_peer_control(model: &Model) -> Result<(), Why> {
    peer_control(model)?;
    if target(model) == Target::Both { Err("choose one peer: Tab".into()) } else { Ok(()) }
}

fn retry_control(model: &Model) -> Result<(), Why> {
    peer_control(model)?;
    let snapshots = model.live.panes.iter().filter_map(|p| p.snapshot.as_ref());
    if snapshots.map(|s| s.failed.transfers).sum::<u64>() == 0 {
        Err("nothing was given up".into())
    } else {
        Ok(())
    }
}

fn stop_control(model: &Model) -> Result<(), Why> {
    may_control(model)?;
    if model.live.run_link.is_up() { Ok(()) } else { Err("the supervisor is not connected".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        for (i, a) in REGISTRY.iter().enumerate() {
            assert!(a.chords().count() == a.keys.len(), "{} has an unreadable key", a.id);
            for b in &REGISTRY[i + 1..] {
                assert_ne!(a.id, b.id);
                let clash = a.scope == b.scope && a.chords().any(|c| b.chords().any(|d| c == d));
                assert!(!clash, "{} and {} share a key", a.id, b.id);
            }
        }
    }

    #[test]
    fn no_bare_letter_changes_a_run() {
        let main = REGISTRY.iter().filter(|row| row.scope == Scope::Main);
        assert!(main.clone().all(|row| row.danger == Danger::None));
        assert!(main.count() > 15);
    }

    #[test]
    fn a_letter_and_its_capital_are_never_safe_and_dangerous() {
        for a in REGISTRY.iter().filter(|row| row.danger != Danger::None) {
            for chord in a.chords() {
                let crate::Key::Char(c) = chord.key else { continue };
                let capital = Chord::plain(crate::Key::Char(c.to_ascii_uppercase()));
                assert!(lookup(a.scope, capital).is_none(), "{}", a.id);
            }
        }
    }

    #[test]
    fn every_control_shows_its_verb() {
        let model = crate::sample::model();
        for row in REGISTRY.iter().filter(|row| row.danger != Danger::None) {
            let verb = (row.verb)(&model).unwrap();
            assert!(verb.starts_with("twinhaul "), "{verb}");
        }
    }
}
