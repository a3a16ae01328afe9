//! The forms a control takes between key and request: menu, prompt, preview, confirmation, the way out; and the desk
//! where requests wait for their replies. Behaviour is in [`crate::update`].

use crate::{To, action::Scope, retried::Retried, ring::Ring, ui::Note};
use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_units::{Moment, PeerId, Share};
use twinhaul_wire::{Command, Outlook, Preview};

/// A dialog takes its `y` or Enter only so long after it was drawn: a key meant for what was there before must not
/// confirm.
pub const GUARD: Duration = Duration::from_millis(250);
/// The same key again within this time is a key held down, and confirms nothing.
pub const HELD_DOWN: Duration = Duration::from_millis(150);
/// How long a reply may take before the operator is told that none came.
pub const REPLY_WITHIN: Duration = Duration::from_secs(10);
/// Requests waiting for replies at most.
pub const PENDING_MAX: usize = 64;
/// Characters that a prompt takes at most.
pub const INPUT_MAX: usize = 64;
/// Controls that can be taken back, the newest.
pub const DEEDS_MAX: usize = 16;
/// Notes kept in panel 7.
pub const NOTES_MAX: usize = 1_000;

/// Whom a control is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Both,
    One(PeerId),
}

impl Target {
    pub fn peers(self) -> Vec<PeerId> {
        match self {
            Self::Both => PeerId::BOTH.to_vec(),
            Self::One(peer) => vec![peer],
        }
    }

    /// The next one in a menu; what breaks is one peer, never both at once.
    pub(crate) fn next_in(self, scope: Scope) -> Self {
        match self {
            Self::Both => Self::One(PeerId::First),
            Self::One(PeerId::First) => Self::One(PeerId::Second),
            Self::One(PeerId::Second) if scope == Scope::Chaos => Self::One(PeerId::First),
            Self::One(PeerId::Second) => Self::Both,
        }
    }
}

/// The `x` menu, and the `c` menu of a demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Menu {
    /// Which of the two: [`Scope::Control`] or [`Scope::Chaos`].
    pub scope: Scope,
    pub target: Target,
    pub selected: usize,
}

/// What a prompt asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The first peer's share of all remaining bytes.
    Share,
    Ratio,
    Limit,
    Slots,
    /// A row of the open queue; looks only.
    Goto,
}

/// One line of input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub question: Question,
    pub target: Target,
    pub input: String,
    /// Taken when nothing is typed.
    pub default: String,
    pub error: Option<String>,
}

/// A request to send when the dialog is confirmed, and the verb it equals.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub to: To,
    pub command: Command,
    pub verb: String,
}

/// What takes a control back.
#[derive(Clone, Debug, PartialEq)]
pub enum Inverse {
    /// These orders.
    Orders(Vec<Order>),
    /// A rebalance to this share of the first peer.
    Share(Share),
}

/// A control that was done and can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// When its orders were sent: those of one dialog at the same moment.
    pub sent: Moment,
    pub verb: String,
    pub inverse: Inverse,
}

/// What a peer answered when asked what would happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    Waiting,
    Moves(Preview),
    /// What a limit, a number of slots or a ratio would change.
    Changes(Outlook),
    /// It would do nothing, and says why.
    Nothing(String),
    /// It refused, or did not answer.
    Refused(String),
}

/// Which of a dialog's buttons has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Button {
    Cancel,
    Go,
}

/// A confirmation. Default is Cancel; `y` confirms.
#[derive(Clone, Debug, PartialEq)]
pub struct Dialog {
    pub title: String,
    /// The word on the button.
    pub go: &'static str,
    /// What will happen, in sentences.
    pub text: Vec<String>,
    pub orders: Vec<Order>,
    /// Previews, one for each order, for controls that move transfers.
    pub forecasts: Vec<Forecast>,
    /// A word that must be typed, and what is typed so far.
    pub typed: Option<(String, String)>,
    /// What its orders are sent for.
    pub purpose: Purpose,
    pub focus: Button,
    /// When it was first seen with its present content.
    pub drawn: Option<Moment>,
}

impl Dialog {
    /// Why it cannot be confirmed yet; empty when it can.
    pub fn obstacle(&self) -> &'static str {
        if self.forecasts.contains(&Forecast::Waiting) && !self.only_sets() {
            return "asking what would move ...";
        }
        if self.moves_nothing() {
            return if self.only_sets() { "nothing would change" } else { "nothing would move" };
        }
        match &self.typed {
            Some((need, got)) if need != got => "type the name first",
            _ => "",
        }
    }

    /// What it sets is said in its text; what that brings is an estimate, and is not waited for.
    fn only_sets(&self) -> bool {
        self.orders.iter().all(|o| matches!(o.command, Command::Ratio { .. } | Command::Turn { .. }))
    }

    /// All have answered, and nothing would move.
    pub fn moves_nothing(&self) -> bool {
        let asked = !self.forecasts.is_empty() && !self.forecasts.contains(&Forecast::Waiting);
        asked && self.worth_sending().is_empty()
    }

    /// The orders that would do something.
    pub fn worth_sending(&self) -> Vec<&Order> {
        // A drained peer takes no more work, even if it has none to hand over now.
        let drains = |i: usize| matches!(self.orders[i].command, Command::Drain { .. });
        let moves = |i: usize| !matches!(self.forecasts.get(i), Some(Forecast::Moves(p)) if p.transfers == 0 && !drains(i));
        let asked = |i: usize| match self.forecasts.get(i) {
            None | Some(Forecast::Moves(_) | Forecast::Changes(_)) => true,
            Some(Forecast::Waiting) => self.only_sets(),
            Some(Forecast::Nothing(_) | Forecast::Refused(_)) => false,
        };
        self.orders
            .iter()
            .enumerate()
            .filter(|(i, _)| moves(*i) && asked(*i))
            .map(|(_, order)| order)
            .collect()
    }
}

/// The three ways out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayOut {
    Detach,
    Drain,
    Stop,
}

impl WayOut {
    pub const ALL: [Self; 3] = [Self::Detach, Self::Drain, Self::Stop];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Detach => "Detach",
            Self::Drain => "Drain and quit",
            Self::Stop => "Stop now",
        }
    }

    /// What happens to the engines.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Detach => "both engines go on without this console",
            Self::Drain => "both finish what is in flight, then end",
            Self::Stop => "both end at once; what is in flight is done again",
        }
    }
}

/// The leave dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    pub focus: WayOut,
    pub opened: Moment,
    pub drawn: Option<Moment>,
}

/// Why a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To fill in a dialog's forecast.
    Forecast,
    /// To do something; the reply becomes a note.
    Act,
    /// As that, to take back what was done before: the deed whose orders were sent at that moment.
    Undo { deed: Moment },
    /// To stop the run on the way out.
    LeaveAfter { drain: bool },
}

/// A request without a reply yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    pub order: Order,
    pub purpose: Purpose,
    pub sent: Moment,
    /// What takes it back, if it is done and anything does.
    pub inverse: Option<Inverse>,
    /// Transfers that it tries again, as far as they are known.
    pub retries: Vec<u64>,
}

/// Requests under way, and the notes of what came of earlier ones.
#[derive(Clone, Debug)]
pub struct Desk {
    pub pending: BTreeMap<u64, Pending>,
    pub notes: Ring<Note>,
    /// Oldest first; at most [`DEEDS_MAX`].
    pub deeds: Vec<Deed>,
    /// A bundle is being made.
    pub bundling: bool,
    pub retried: Box<Retried>,
    pub(crate) next_id: u64,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            pending: BTreeMap::new(),
            notes: Ring::new(NOTES_MAX),
            deeds: Vec::new(),
            bundling: false,
            retried: Box::default(),
            next_id: 1,
        }
    }
}
