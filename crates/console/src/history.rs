//! What only the ledger knows: events in their order, and pages of a queue. A thread of its own reads it, at most four
//! times a second and only when something may have changed; the loop never waits for a disk.

mod past_rates;
mod queue_search;

pub use past_rates::{TAIL_BYTES, tail};
pub use queue_search::{SEARCH_ROWS, Searched};

use crate::input::{Input, spawn};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};
use twinhaul_console_model::board::{FAILED_MAX, FailedRow, Past, PastPeer, STORED_MAX, StoredRow};
use twinhaul_console_model::{Clean, Found, Msg, Page, PlaceOf, Pull, Search};
use twinhaul_ledger::view::{Detail, LedgerError, QueueAt, Row, State, View};
use twinhaul_units::{Amount, PeerId, TransferId};
use twinhaul_wire::{Event, KeyText, LotIds, QueueRow, QueueSize, Totals};

/// Shortest time between two looks into the ledger.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Looks without a hint: the planner and the supervisor write events too, and say nothing here.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// Events read at once, and pages of them at one look.
const EVENTS_PAGE: usize = 1_000;
const PAGES_MAX: usize = 10;
/// Events of the past read at the start.
const PAST_MAX: u64 = 10_000;

/// Where events and queues are read.
pub trait History: Send {
    /// Events not told before, oldest first; `None` while there is no ledger.
    ///
    /// # Errors
    /// In words, for the operator.
    fn events(&mut self) -> Result<Option<Vec<Event>>, String>;

    /// The queue's length and the rows wanted; `None` while there is no ledger.
    ///
    /// # Errors
    /// In words, for the operator.
    fn page(&mut self, pull: Pull) -> Result<Option<(u64, Vec<QueueRow>)>, String>;

    /// Rows of a queue that a filter keeps, and how far was looked: at most [`SEARCH_ROWS`] rows further; `None` while there
    /// is no ledger.
    ///
    /// # Errors
    /// In words, for the operator.
    fn search(&mut self, _search: &Search) -> Result<Option<Searched>, String> {
        Ok(None)
    }

    /// Where in a queue a transfer stands; where it is instead, in words, when it does not. `None` while there is no ledger.
    ///
    /// # Errors
    /// In words, for the operator.
    fn place(&mut self, _peer: PeerId, _id: u64, _queued: Option<u64>) -> Result<Option<PlaceOf>, String> {
        Ok(None)
    }

    /// The first given-up transfers, and whether there are more; `None` while there is no ledger. At most [`FAILED_MAX`].
    ///
    /// # Errors
    /// In words, for the operator.
    fn failed(&mut self) -> Result<Option<(Vec<FailedRow>, bool)>, String> {
        Ok(None)
    }

    /// These transfers, whatever became of them, at most [`STORED_MAX`]; `None` while there is no ledger.
    ///
    /// # Errors
    /// In words, for the operator.
    fn transfers(&mut self, _lots: &[LotIds]) -> Result<Option<Vec<StoredRow>>, String> {
        Ok(None)
    }

    /// How fast each peer was when, before now: milliseconds since the epoch, bytes a second.
    fn rates(&self) -> [Vec<(u64, u64)>; 2] {
        [Vec::new(), Vec::new()]
    }

    /// The run's figures; `None` while there is no ledger.
    ///
    /// # Errors
    /// In words, for the operator.
    fn past(&mut self) -> Result<Option<Past>, String> {
        Ok(None)
    }
}

/// The run's ledger, opened when it is there.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    /// Names of the targets by their number, from the run's profile; empty where that is not known.
    targets: Vec<String>,
    /// Of the peers, the first one first.
    names: Vec<String>,
    recording: Option<PathBuf>,
    view: Option<View>,
    seq: u64,
    version: Option<u64>,
}

impl Ledger {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            targets: Vec::new(),
            names: Vec::new(),
            recording: None,
            view: None,
            seq: 0,
            version: None,
        }
    }

    /// Names the targets by their number in the ledger.
    #[must_use]
    pub fn with_targets(self, targets: Vec<String>) -> Self {
        Self { targets, ..self }
    }

    /// Names the peers.
    #[must_use]
    pub fn with_names(self, names: &[String; 2]) -> Self {
        Self { names: names.to_vec(), ..self }
    }

    /// Where the supervisor writes down what the peers say.
    #[must_use]
    pub fn with_recording(self, recording: PathBuf) -> Self {
        Self { recording: Some(recording), ..self }
    }

    fn view(&mut self) -> Result<Option<&View>, LedgerError> {
        if self.view.is_none() {
            if !self.path.exists() {
                return Ok(None);
            }
            let view = View::open(&self.path)?;
            self.seq = self.seq.max(view.last_seq()?.saturating_sub(PAST_MAX));
            self.view = Some(view);
        }
        Ok(self.view.as_ref())
    }

    /// Runs `read`; a failed connection is thrown away, the next look opens another one.
    fn reading<T>(
        &mut self,
        read: impl FnOnce(&View) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, String> {
        let outcome = match self.view() {
            Ok(None) => return Ok(None),
            Ok(Some(view)) => read(view),
            Err(error) => Err(error),
        };
        outcome.map(Some).map_err(|error| {
            self.view = None;
            self.version = None;
            format!("ledger: {error}")
        })
    }
}

impl History for Ledger {
    fn events(&mut self) -> Result<Option<Vec<Event>>, String> {
        let (seen, known) = (self.seq, self.version);
        let read = self.reading(|view| {
            let version = view.data_version()?;
            if known == Some(version) {
                return Ok((version, Vec::new()));
            }
            // A fresh connection decides itself how much of the past it shows.
            let from = seen.max(view.last_seq()?.saturating_sub(PAST_MAX));
            view.events_since(from, EVENTS_PAGE).map(|events| (version, events))
        })?;
        let Some((version, events)) = read else { return Ok(None) };
        if let Some(last) = events.last() {
            self.seq = last.seq;
        }
        // A full page means that there is more, whatever the version says.
        self.version = (events.len() < EVENTS_PAGE).then_some(version);
        Ok(Some(events))
    }

    fn page(&mut self, pull: Pull) -> Result<Option<(u64, Vec<QueueRow>)>, String> {
        let targets = self.targets.clone();
        self.reading(|view| {
            let planned = view.queue_len(pull.peer)?.transfers;
            // The head of it has been started.
            let started = planned.saturating_sub(pull.queued.unwrap_or(planned));
            let at = QueueAt::Offset(pull.from.saturating_add(started));
            let rows = view.queue_page(pull.peer, at, pull.limit as usize)?;
            Ok((planned - started, rows.iter().map(|row| queue_row(&targets, row)).collect()))
        })
    }

    fn search(&mut self, search: &Search) -> Result<Option<Searched>, String> {
        let targets = self.targets.clone();
        self.reading(|view| queue_search::search(view, &targets, search))
    }

    fn place(&mut self, peer: PeerId, id: u64, queued: Option<u64>) -> Result<Option<PlaceOf>, String> {
        let names = self.names.clone();
        self.reading(|view| queue_search::place(view, &names, peer, id, queued))
    }

    fn failed(&mut self) -> Result<Option<(Vec<FailedRow>, bool)>, String> {
        let (targets, names) = (self.targets.clone(), self.names.clone());
        self.reading(|view| {
            let mut rows = Vec::new();
            let mut after = None;
            // One more than is shown tells that there are more.
            while rows.len() <= FAILED_MAX {
                let page = view.failed_page(after, FAILED_MAX + 1 - rows.len())?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                rows.extend(page);
            }
            let more = rows.len() > FAILED_MAX;
            rows.truncate(FAILED_MAX);
            let row = |d: Detail| FailedRow {
                row: row_of(&targets, &d),
                peer: d.by.and_then(|peer| names.get(peer.index()).cloned()).unwrap_or_default(),
                error: d.error.unwrap_or_default(),
                attempts: d.attempts,
            };
            Ok((rows.into_iter().map(row).collect(), more))
        })
    }

    fn transfers(&mut self, lots: &[LotIds]) -> Result<Option<Vec<StoredRow>>, String> {
        let targets = self.targets.clone();
        self.reading(|view| {
            let mut rows: Vec<StoredRow> = Vec::new();
            for lot in lots {
                let room = STORED_MAX - rows.len();
                let all = usize::try_from(lot.last.saturating_sub(lot.first)).unwrap_or(usize::MAX);
                let before = lot.first.checked_sub(1).map(TransferId);
                let page = view.manifest_page(before, all.saturating_add(1).min(room))?;
                rows.extend(page.into_iter().filter(|d| lot.holds(d.id.0)).map(|d| stored(&targets, &d)));
                if rows.len() >= STORED_MAX {
                    break;
                }
            }
            Ok(rows)
        })
    }

    fn rates(&self) -> [Vec<(u64, u64)>; 2] {
        let none = || [Vec::new(), Vec::new()];
        self.recording.as_ref().map_or_else(none, |path| past_rates::read(path, &self.names))
    }

    fn past(&mut self) -> Result<Option<Past>, String> {
        self.reading(|view| {
            let (run, totals, counters, peers) =
                (view.run()?, view.totals()?, view.counters()?, view.peers()?);
            let at = |peer: PeerId, state: State| size(counters.at(peer, state));
            let peer = |peer: PeerId| PastPeer {
                incarnation: peers[peer.index()].incarnation.0,
                ratio: peers[peer.index()].memory.as_ref().map(|m| m.live_ratio),
                remaining: size(counters.at(peer, State::Planned) + counters.at(peer, State::Authorised)),
                done: at(peer, State::Done),
                verified: size(counters.verified[peer.index()]),
                skipped: at(peer, State::Skipped),
                failed: at(peer, State::Failed),
            };
            Ok(Past {
                run: run.id,
                name: run.name,
                policy: run.policy,
                state: run.state,
                totals: Totals { transfers: totals.transfers, bytes: totals.bytes, growing: totals.growing },
                peers: PeerId::BOTH.map(peer),
            })
        })
    }
}

fn queue_row(targets: &[String], row: &Row) -> QueueRow {
    QueueRow {
        id: row.id.0,
        key: KeyText::from_bytes(&row.key),
        target: targets.get(usize::from(row.target)).cloned().unwrap_or_default(),
        bytes: row.size,
        attempts: row.attempts,
    }
}

/// Its attempts are told beside it.
fn row_of(targets: &[String], d: &Detail) -> QueueRow {
    QueueRow {
        id: d.id.0,
        key: KeyText::from_bytes(&d.key),
        target: targets.get(usize::from(d.target)).cloned().unwrap_or_default(),
        bytes: d.size,
        attempts: 0,
    }
}

fn stored(targets: &[String], d: &Detail) -> StoredRow {
    let state = match d.state {
        // In the ledger a transfer in a slot is planned: the peers tell those.
        State::Planned => "queued",
        State::Authorised => "settling",
        State::Failed => "given up",
        settled => settled.words(),
    };
    StoredRow { row: row_of(targets, d), state: state.to_owned(), attempts: d.attempts }
}

fn size(amount: Amount) -> QueueSize {
    QueueSize { transfers: amount.transfers, bytes: amount.bytes.0 }
}

/// What the thread is asked.
#[derive(Debug, Default)]
struct Wish {
    /// Something may have changed.
    nudged: bool,
    /// The newest page wanted; older wishes are of no use any more.
    page: Option<Pull>,
    /// The given-up transfers are looked at.
    failed: bool,
    /// The transfers of this moment of the assistance are.
    transfers: Option<(u64, Vec<LotIds>)>,
    /// These are followed until they are settled.
    followed: Vec<u64>,
    /// A queue is searched; only the newest search is of use.
    search: Option<Search>,
    /// The place of a transfer is wanted.
    place: Option<(PeerId, u64, Option<u64>)>,
    ended: bool,
}

impl Wish {
    const fn is_idle(&self) -> bool {
        let asks = self.page.is_some() || self.search.is_some() || self.place.is_some();
        let rows = self.failed || self.transfers.is_some() || !self.followed.is_empty();
        !(self.nudged || asks || rows || self.ended)
    }
}

/// The thread's other end.
#[derive(Debug)]
pub(crate) struct Reader {
    wish: Arc<(Mutex<Wish>, Condvar)>,
}

impl Reader {
    pub(crate) fn start(history: Box<dyn History>, tx: SyncSender<Input>) -> io::Result<Self> {
        let wish = Arc::new((Mutex::new(Wish { nudged: true, ..Wish::default() }), Condvar::new()));
        let shared = Arc::clone(&wish);
        spawn("history", tx.clone(), move || read(history, &shared, &tx))?;
        Ok(Self { wish })
    }

    fn tell(&self, change: impl FnOnce(&mut Wish)) {
        change(&mut self.wish.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.wish.1.notify_one();
    }

    /// Something may have changed.
    pub(crate) fn nudge(&self) {
        self.tell(|wish| wish.nudged = true);
    }

    pub(crate) fn want_page(&self, pull: Pull) {
        self.tell(|wish| wish.page = Some(pull));
    }

    pub(crate) fn want_failed(&self) {
        self.tell(|wish| wish.failed = true);
    }

    pub(crate) fn want_transfers(&self, beat: u64, lots: Vec<LotIds>) {
        self.tell(|wish| wish.transfers = Some((beat, lots)));
    }

    pub(crate) fn want_followed(&self, ids: Vec<u64>) {
        self.tell(|wish| wish.followed = ids);
    }

    pub(crate) fn want_search(&self, search: Search) {
        self.tell(|wish| wish.search = Some(search));
    }

    pub(crate) fn want_place(&self, peer: PeerId, id: u64, queued: Option<u64>) {
        self.tell(|wish| wish.place = Some((peer, id, queued)));
    }

    pub(crate) fn close(&self) {
        self.tell(|wish| wish.ended = true);
    }
}

fn read(mut history: Box<dyn History>, wish: &(Mutex<Wish>, Condvar), tx: &SyncSender<Input>) {
    let mut said = String::new();
    let mut looked: Option<Instant> = None;
    let mut past: Option<Past> = None;
    loop {
        let (wish, anyway) = {
            let guard = wish.0.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = wish.1.wait_timeout_while(guard, LOOK_ANYWAY, |wish| wish.is_idle());
            let (mut guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if guard.ended {
                return;
            }
            (std::mem::take(&mut *guard), timeout.timed_out() || looked.is_none())
        };
        let nudged = wish.nudged || anyway;
        let mut msgs = Vec::new();
        let mut trouble = None;
        let mut tell = |answer: Result<Option<Msg>, String>| match answer {
            Ok(msg) => msgs.extend(msg),
            Err(error) => trouble = Some(error),
        };
        if let Some(pull) = wish.page {
            tell(history.page(pull).map(|page| page.map(|(total, rows)| page_msg(pull, total, rows))));
        }
        if let Some(search) = wish.search {
            tell(history.search(&search).map(|found| found.map(|found| found_msg(&search, found))));
        }
        if let Some((peer, id, queued)) = wish.place {
            let placed = history.place(peer, id, queued);
            tell(placed.map(|place| place.map(|place| Msg::Place { peer, id, place })));
        }
        if wish.failed {
            let msg = |(rows, more): (Vec<FailedRow>, bool)| Msg::Failed { rows: Clean::all(rows), more };
            tell(history.failed().map(|failed| failed.map(msg)));
        }
        if let Some((beat, lots)) = wish.transfers {
            let msg = |rows: Vec<StoredRow>| Msg::Transfers { beat, rows: Clean::all(rows) };
            tell(history.transfers(&lots).map(|rows| rows.map(msg)));
        }
        if !wish.followed.is_empty() {
            let lots: Vec<LotIds> = wish.followed.iter().map(|id| LotIds { first: *id, last: *id }).collect();
            let msg = |rows: Vec<StoredRow>| Msg::Followed(Clean::all(rows));
            tell(history.transfers(&lots).map(|rows| rows.map(msg)));
        }
        if nudged {
            for _ in 0..PAGES_MAX {
                match history.events() {
                    Ok(Some(events)) => {
                        let more = events.len() >= EVENTS_PAGE;
                        msgs.push(Msg::History(Clean::all(events)));
                        if !more {
                            break;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        trouble = Some(error);
                        break;
                    }
                }
            }
        }
        // While processes tell their figures, those of the ledger are not needed.
        if anyway {
            match history.past() {
                Ok(now) if now != past => {
                    past.clone_from(&now);
                    msgs.extend(now.map(|past| Msg::Past(Box::new(past))));
                }
                Ok(_) => {}
                Err(error) => trouble = Some(error),
            }
        }
        // The same trouble is told once, not four times a second.
        if let Some(trouble) = trouble.filter(|trouble| *trouble != said) {
            said.clone_from(&trouble);
            msgs.push(Msg::Trouble(trouble));
        }
        for msg in msgs {
            let empty = matches!(&msg, Msg::History(events) if events.is_empty() && looked.is_some());
            if !empty && tx.send(Input::Msg(msg)).is_err() {
                return;
            }
        }
        if looked.is_none() {
            // Once, and last: nothing on the screen waits for it.
            let rates = history.rates();
            let known = rates.iter().any(|of| !of.is_empty());
            if known && tx.send(Input::Msg(Msg::Rates(rates))).is_err() {
                return;
            }
        }
        looked = Some(Instant::now());
        std::thread::sleep(LOOK_EVERY);
    }
}

fn found_msg(search: &Search, found: Searched) -> Msg {
    let row = |(place, row)| Clean::new(row).map(|row| (place, row));
    Msg::Found(Found {
        number: search.number,
        rows: found.rows.into_iter().filter_map(row).collect(),
        looked: found.looked,
        after: found.after,
        ended: found.ended,
    })
}

fn page_msg(pull: Pull, total: u64, rows: Vec<QueueRow>) -> Msg {
    let Pull { peer, from, .. } = pull;
    Msg::Page(Page { peer, from, total, rows: Clean::all(rows) })
}
