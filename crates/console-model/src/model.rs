//! The root of the state. `live` is what is known; `frozen` a copy of it that the screen shows while the view is
//! frozen; `ui` where the operator is; `desk` what was asked and not yet answered.

use crate::ui::{Panel, Ui, WINDOWS_S};
use crate::{Board, Keys, Names, Replay, SizeClass, clean, control::Desk};
use std::time::Duration;
use twinhaul_units::Moment;

/// What the console is told at its start.
#[derive(Clone, Debug)]
pub struct Setup {
    pub run: String,
    pub names: [String; 2],
    pub read_only: bool,
    /// Leave by itself when the run has ended, instead of showing the summary until a key.
    pub exit_when_done: bool,
    pub clock: WallClock,
    pub size: (u16, u16),
}

/// How a [`Moment`] relates to the clock on the wall.
#[derive(Clone, Copy, Debug, Default)]
pub struct WallClock {
    /// Milliseconds since the epoch at [`Moment::ZERO`].
    pub zero_ms: u64,
    /// Local time minus UTC.
    pub offset_s: i32,
}

impl WallClock {
    /// Milliseconds since the epoch at `now`.
    pub const fn ms(self, now: Moment) -> u64 {
        self.zero_ms + now.0 / 1000
    }

    /// Local time of day: `12:04:31.402`.
    pub fn of_day(self, at_ms: u64) -> String {
        let local_ms = i128::from(at_ms) + i128::from(self.offset_s) * 1000;
        let ms = local_ms.rem_euclid(86_400_000);
        let s = ms / 1000;
        format!("{:02}:{:02}:{:02}.{:03}", s / 3600, s / 60 % 60, s % 60, ms % 1000)
    }
}

/// What the screen showed when it was frozen.
#[derive(Clone, Debug)]
pub struct Frozen {
    pub board: Board,
    pub at: Moment,
}

/// Everything the console knows.
#[derive(Clone, Debug)]
pub struct Model {
    pub run: String,
    pub read_only: bool,
    pub exit_when_done: bool,
    pub clock: WallClock,
    /// The time of the last message.
    pub now: Moment,
    /// The time of keys and messages, where that is not the run's: in a replay.
    pub ui_now: Option<Moment>,
    /// Columns and rows.
    pub size: (u16, u16),
    pub live: Board,
    pub frozen: Option<Box<Frozen>>,
    pub ui: Ui,
    pub desk: Desk,
    /// The keys in force.
    pub keys: Keys,
    /// What is shown is the past, from a recording.
    pub replay: Option<Replay>,
    version: u64,
}

impl Model {
    pub fn new(setup: Setup) -> Self {
        let names = Names::new(setup.names.map(|name| clean::text(&name)));
        Self {
            run: clean::text(&setup.run),
            read_only: setup.read_only,
            exit_when_done: setup.exit_when_done,
            clock: setup.clock,
            now: Moment::ZERO,
            ui_now: None,
            size: setup.size,
            live: Board::new(names),
            frozen: None,
            ui: Ui::default(),
            desk: Desk::default(),
            keys: Keys::default(),
            replay: None,
            version: 1,
        }
    }

    /// Grows whenever the screen may look different.
    pub const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) const fn touch(&mut self) {
        self.version += 1;
    }

    /// The time that keys and toasts are measured by.
    pub fn key_time(&self) -> Moment {
        self.ui_now.unwrap_or(self.now)
    }

    /// What the screen shows: the present, or the moment of freezing.
    pub fn board(&self) -> &Board {
        self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.board)
    }

    /// The time that ages on the screen are counted to.
    pub fn shown_at(&self) -> Moment {
        self.frozen.as_ref().map_or(self.now, |frozen| frozen.at)
    }

    /// As [`Self::shown_at`], in milliseconds since the epoch.
    pub fn shown_at_ms(&self) -> u64 {
        self.clock.ms(self.shown_at())
    }

    pub fn class(&self) -> SizeClass {
        self.class_of(self.size.0, self.size.1)
    }

    /// The layout on a terminal of `w` columns and `h` rows.
    pub fn class_of(&self, w: u16, h: u16) -> SizeClass {
        SizeClass::of(w, h, self.stage_wanted())
    }

    /// A demonstration begins on the stage; the operator's word counts in any run.
    pub fn stage_wanted(&self) -> bool {
        self.ui.stage.unwrap_or_else(|| self.live.run.as_ref().is_some_and(|run| run.demo))
    }

    /// The panel that keys are for. The smallest layout has one list. The stage has three of them; where the focus is on one that
    /// it does not show, they are for the assistance, which the stage is about.
    pub fn focus(&self) -> Panel {
        let shown = matches!(self.ui.focus, Panel::Peer(_) | Panel::Assist);
        if self.class() == SizeClass::Status {
            return Panel::Flight;
        }
        if self.class() == SizeClass::Stage && !self.ui.expanded && !shown {
            Panel::Assist
        } else {
            self.ui.focus
        }
    }

    pub fn names(&self) -> &Names {
        &self.live.names
    }

    /// Whether the summary of an ended run is on the screen.
    pub fn summary_shown(&self) -> bool {
        self.live.ended().is_some() && !self.ui.summary_closed && self.frozen.is_none()
    }

    /// How long the run has been going on, or went on, without the time in which it stood; `None` before its start is known.
    pub fn up(&self) -> Option<Duration> {
        self.board().worked(self.shown_at_ms())
    }

    /// Index of the plot's window.
    pub(crate) fn window(&self) -> usize {
        let known = self.board().panes.iter().map(|p| p.rates.len()).max().unwrap_or(0);
        self.ui
            .window
            .unwrap_or(usize::from(known > WINDOWS_S[0] + WINDOWS_S[0] / 2))
            .min(WINDOWS_S.len() - 1)
    }

    /// Seconds that the plot shows.
    pub fn window_s(&self) -> usize {
        WINDOWS_S[self.window()]
    }

    /// Whether something on the screen changes by the mere passing of time.
    pub fn ticks(&self) -> bool {
        !self.summary_shown()
            || self.ui.toast.is_some()
            || !self.desk.pending.is_empty()
            || !self.desk.retried.is_empty()
    }
}
