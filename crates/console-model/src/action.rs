//! The one registry of actions. Footer, help overlay, menus and the list of commands are read from it; the keys that it names
//! are in force unless a keys file says otherwise ([`crate::keymap`]).
//!
//! Rules: bare letters look, menus change; a letter and its capital are never one safe and one dangerous; Esc goes
//! back and never quits; an action that is off says why.

mod allowed;
mod registry;

pub(crate) use allowed::{may_control, slow_rate, victim};
pub use registry::REGISTRY;

use crate::{Chord, Model};
use std::borrow::Cow;

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
    Filter,
    Goto,
    Sort,
    Invert,
    Mark,
    MarkAll,
    Items,
    HandOver,
    RetryThese,
    CopyPaths,
    Freeze,
    Expand,
    Stage,
    Times,
    ZoomIn,
    ZoomOut,
    Copy,
    CopyJson,
    Save,
    Problems,
    Diagnose,
    Bundle,
    Help,
    Palette,
    Control,
    Pause,
    Resume,
    Rebalance,
    Ratio,
    Limit,
    Slots,
    Drain,
    Retry,
    Stop,
    Undo,
    Chaos,
    Slow,
    Freezing,
    Thaw,
    Kill,
    Crash,
    Cut,
    Mend,
    Write,
    Leave,
    Storm,
    Calm,
    NextTarget,
    Confirm,
    NextButton,
    Mouse,
    Theme,
    Play,
    Faster,
    Slower,
    SeekOn,
    SeekBack,
    TroubleOn,
    TroubleBack,
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
    /// The `a` menu.
    Items,
    /// The `c` menu of a demonstration.
    Chaos,
    /// Dialogs.
    Dialog,
    /// Panels and screens of a replay, before [`Self::Main`].
    Replay,
}

impl Scope {
    /// Stable word, for scripts.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Control => "control",
            Self::Items => "items",
            Self::Chaos => "chaos",
            Self::Dialog => "dialog",
            Self::Replay => "replay",
        }
    }
}

/// Heading in the help overlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Move,
    Look,
    Control,
    Replay,
    App,
}

impl Group {
    /// In the order of the help overlay.
    pub const ALL: [Self; 5] = [Self::Move, Self::Look, Self::Control, Self::Replay, Self::App];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Move => "MOVE",
            Self::Look => "LOOK",
            Self::Control => "CONTROL",
            Self::Replay => "REPLAY",
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
    /// The keys that it has unless a keys file says otherwise; those in force are in [`crate::Keys`].
    pub fn chords(&self) -> impl Iterator<Item = Chord> {
        self.keys.iter().filter_map(|k| Chord::parse(k))
    }
}

/// Columns of the keys in the help overlay.
pub const KEYS_WIDTH: usize = 11;

/// The row of an action.
pub fn row(action: Action) -> Option<&'static Row> {
    REGISTRY.iter().find(|row| row.action == action)
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
                assert!(crate::Keys::default().lookup(a.scope, capital).is_none(), "{}", a.id);
            }
        }
    }

    #[test]
    fn every_control_shows_its_verb() {
        let mut model = crate::sample::model();
        crate::sample::drive(&mut model, "9");
        crate::sample::tell(&mut model, crate::sample::given_up(3));
        for row in REGISTRY.iter().filter(|row| row.danger != Danger::None) {
            let verb = (row.verb)(&model).unwrap();
            assert!(verb.starts_with("twinhaul "), "{verb}");
        }
    }
}
