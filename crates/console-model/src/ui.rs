//! Where the operator is: focus, selections, layers over the panels, how times are shown. Nothing of the run.

use crate::board::StoredRow;
use crate::control::{Dialog, Leave, Menu, Prompt};
use crate::filter::Filter;
use crate::lists::{Filters, Sort};
use crate::{Page, words::Mood};
use std::collections::BTreeSet;
use std::time::Duration;
use twinhaul_diagnose::Diagnosis;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::QueueRow;

/// Layers over each other at most; a further one takes the place of the topmost.
pub const LAYERS_MAX: usize = 4;
/// Marks at most: what is done with them is done one by one.
pub const MARKS_MAX: usize = 48;
/// How long a note that needs no attention stays.
pub const TOAST_FOR: Duration = Duration::from_secs(5);

/// The numbered panels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panel {
    Peer(PeerId),
    Flight,
    Assist,
    Plot,
    Log,
    /// What the console said and did; full screen only.
    Messages,
    /// What the backends show of themselves; has a place in the overview when one does.
    Storage,
    /// Transfers that were given up, and why; full screen only.
    Failed,
}

impl Panel {
    pub const ALL: [Self; 9] = [
        Self::Peer(PeerId::First),
        Self::Peer(PeerId::Second),
        Self::Flight,
        Self::Assist,
        Self::Plot,
        Self::Log,
        Self::Messages,
        Self::Storage,
        Self::Failed,
    ];

    /// The digit that focuses it.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|p| *p == self).unwrap_or(0) + 1
    }
}

/// How colours are used. Each is for a kind of terminal, and none carries a meaning by colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Light text on a dark ground.
    #[default]
    Dark,
    /// Dark text on a light ground: no yellow, no grey.
    Light,
    /// The brightest colours, no dimmed text.
    Contrast,
    /// No colour at all.
    Mono,
}

impl Theme {
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::Contrast, Self::Mono];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
            Self::Mono => "mono",
        }
    }

    pub fn of(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.words() == words)
    }

    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Contrast,
            Self::Contrast => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Local time of day.
    #[default]
    Clock,
    /// Time ago.
    Ago,
    /// Time since the run's start.
    SinceStart,
}

/// Selection in a list, by the item's id. `id: None` is the tail (or the head), followed as it moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    pub id: Option<u64>,
    /// Where it was last; the place taken when the item is gone.
    pub index: usize,
}

/// A line that says what came of something, in place of the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub text: String,
    pub mood: Mood,
    pub at: Moment,
}

impl Toast {
    /// Errors stay until Esc.
    pub fn stays(&self) -> bool {
        self.mood == Mood::Bad
    }
}

/// One line of panel 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub at_ms: u64,
    pub mood: Mood,
    pub text: String,
}

/// What a detail window is about; always an id, so that it stays with its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Transfer(u64),
    /// An event, by its id in the timeline.
    Beat(u64),
    /// An event, by its id in the log.
    Line(u64),
    /// A note, by its id in panel 7.
    Note(u64),
    /// A transfer that was given up.
    Failed(u64),
    /// Everything that is wrong.
    Problems,
    /// The time to finish.
    End,
}

/// The help overlay, which is also the list of commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Help {
    pub search: String,
    pub selected: usize,
}

/// The command line, and which of the commands found is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    pub input: String,
    pub selected: usize,
    /// Why what was entered cannot be done.
    pub error: Option<String>,
}

/// What is wrong, and what can be done.
#[derive(Clone, Debug, PartialEq)]
pub struct DiagnosisView {
    /// `None`: nothing is known of the run yet.
    pub diagnosis: Option<Diagnosis>,
    /// A look at the processes is under way.
    pub looking: bool,
    /// Line of the page.
    pub selected: usize,
    /// Why the look failed.
    pub error: Option<String>,
}

/// A peer's whole queue, of which only the rows on the screen are loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueView {
    pub peer: PeerId,
    /// Selected place, from 0.
    pub row: u64,
    /// The transfer selected, once its row is loaded.
    pub id: Option<u64>,
    pub page: Option<Page>,
    /// With a filter: what it found, instead of the page.
    pub search: Option<QueueSearch>,
}

/// Rows of a queue that its filter keeps, as far as the search has come.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSearch {
    pub number: u64,
    /// Each with the place that it had; at most [`crate::FOUND_MAX`].
    pub rows: Vec<(u64, QueueRow)>,
    pub selected: usize,
    /// Rows looked at.
    pub looked: u64,
    pub ended: bool,
}

impl QueueView {
    /// The rows that are known: of the page, or those found.
    pub fn rows(&self) -> Vec<&QueueRow> {
        match &self.search {
            Some(search) => search.rows.iter().map(|(_, row)| row).collect(),
            None => self.page.iter().flat_map(|page| &page.rows).map(|row| &**row).collect(),
        }
    }
}

/// A filter while it is typed; it is applied as far as it can be read.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterInput {
    pub panel: Panel,
    pub input: String,
    /// Why the line cannot be read as it is.
    pub error: Option<String>,
    /// What Esc goes back to.
    pub before: Option<Filter>,
}

/// The `a` menu: it acts on the ids that it was opened for, whatever moves meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    pub ids: Vec<u64>,
    pub selected: usize,
}

/// Something in front of the panels.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    Help(Help),
    Palette(Palette),
    Diagnosis(Box<DiagnosisView>),
    Queue(QueueView),
    Detail {
        subject: Subject,
        scroll: usize,
    },
    Menu(Menu),
    /// What panel 3 can be sorted by.
    Sort,
    /// What can be done with the rows that are marked, or the selected one.
    Items(Items),
    Filter(FilterInput),
    Prompt(Prompt),
    Dialog(Box<Dialog>),
    Leave(Leave),
}

impl Layer {
    /// Whether it can be read in the smallest layout too: what only tells something, and the way out.
    pub(crate) const fn fits_any_size(&self) -> bool {
        match self {
            Self::Help(_) | Self::Palette(_) | Self::Detail { .. } | Self::Leave(_) => true,
            Self::Diagnosis(_)
            | Self::Queue(_)
            | Self::Menu(_)
            | Self::Sort
            | Self::Items(_)
            | Self::Filter(_)
            | Self::Prompt(_)
            | Self::Dialog(_) => false,
        }
    }
}

/// Seconds that the plot shows, by zoom step.
pub const WINDOWS_S: [usize; 3] = [60, 300, 600];

/// The operator's place.
#[derive(Clone, Debug)]
pub struct Ui {
    pub focus: Panel,
    pub expanded: bool,
    /// The stage instead of the panels, where it fits; `None`: in a demonstration.
    pub stage: Option<bool>,
    pub layers: Vec<Layer>,
    pub flight: Cursor,
    pub assist: Cursor,
    pub log: Cursor,
    pub messages: Cursor,
    pub failed: Cursor,
    pub sort: Sort,
    pub filters: Filters,
    /// Marked transfers, by id; at most [`MARKS_MAX`].
    pub marks: BTreeSet<u64>,
    /// Searches of queues so far.
    pub searches: u64,
    /// Transfers of a moment of the assistance, by that moment's id, as the ledger had them last.
    pub stored: Option<(u64, Vec<StoredRow>)>,
    /// The transfer whose window is open while no peer tells of it, as the ledger had it last.
    pub gone: Option<StoredRow>,
    /// First row shown of the storage panel.
    pub storage: usize,
    pub times: Times,
    pub theme: Theme,
    /// Clicks and the wheel come here; else the terminal keeps them, for selecting text.
    pub mouse: bool,
    /// Index into [`WINDOWS_S`]; `None`: the shortest that holds what is known, at most the second.
    pub window: Option<usize>,
    pub toast: Option<Toast>,
    /// The summary was left for a look at the panels.
    pub summary_closed: bool,
    /// The keys of a sequence that is not complete.
    pub typed: Vec<crate::Chord>,
    /// Last key and when, for telling a key held down from a key pressed.
    pub last_key: Option<(crate::Chord, Moment)>,
}

impl Default for Ui {
    fn default() -> Self {
        Self {
            focus: Panel::Flight,
            expanded: false,
            stage: None,
            layers: Vec::new(),
            flight: Cursor::default(),
            assist: Cursor::default(),
            log: Cursor::default(),
            messages: Cursor::default(),
            failed: Cursor::default(),
            sort: Sort::default(),
            filters: Filters::default(),
            marks: BTreeSet::new(),
            searches: 0,
            stored: None,
            gone: None,
            storage: 0,
            times: Times::default(),
            theme: Theme::default(),
            mouse: true,
            window: None,
            toast: None,
            summary_closed: false,
            typed: Vec::new(),
            last_key: None,
        }
    }
}

impl Ui {
    pub fn top(&self) -> Option<&Layer> {
        self.layers.last()
    }

    /// Where the operator is in a list; `None`: the panel is none.
    pub fn cursor(&mut self, panel: Panel) -> Option<&mut Cursor> {
        match panel {
            Panel::Flight => Some(&mut self.flight),
            Panel::Assist => Some(&mut self.assist),
            Panel::Log => Some(&mut self.log),
            Panel::Messages => Some(&mut self.messages),
            Panel::Failed => Some(&mut self.failed),
            Panel::Peer(_) | Panel::Plot | Panel::Storage => None,
        }
    }

    /// The queue that is open, below whatever lies over it.
    pub fn queue(&self) -> Option<&QueueView> {
        self.layers.iter().rev().find_map(|layer| match layer {
            Layer::Queue(view) => Some(view),
            _ => None,
        })
    }

    /// A row of the queue that is open, below whatever lies over it, and whose queue that is.
    pub fn queued(&self, id: u64) -> Option<(PeerId, &QueueRow)> {
        let view = self.queue()?;
        view.rows().into_iter().find(|row| row.id == id).map(|row| (view.peer, row))
    }

    pub(crate) fn push(&mut self, layer: Layer) {
        if self.layers.len() >= LAYERS_MAX {
            self.layers.pop();
        }
        self.layers.push(layer);
    }
}
