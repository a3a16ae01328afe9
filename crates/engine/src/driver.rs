//! The driver: one loop that feeds the core with what happens and carries out what it wants.
//!
//! Everything that blocks is on a thread of its own (slots, feeder, committer, ledger); the loop itself never waits
//! for a disk. The core decides; this file only translates. Entry point: [`Driver::run`].

mod control;
pub(crate) mod dials;
mod effects;
mod end;
mod fencing;
mod hand_over;
mod ranges;
mod rebalance;
mod reports;
mod shown;
mod skips;
mod translate;
mod view;
mod waits;
mod what_if;

use crate::clock::Clock;
use crate::committer::GroupReport;
use crate::crew::Crew;
use crate::error::{EngineError, Result};
use crate::feeder::{Ahead, Feed};
use crate::fencing::FencingReport;
use crate::finishing::FinishReport;
use crate::gate::Gate;
use crate::ledger_thread::{Answer, Job, POLL_BUSY, POLL_IDLE, Polled, Reopened, Tail};
use crate::limits::Limits;
use crate::link::LinkEvent;
use crate::options::{GATHER, Options};
use crate::place::Seen;
use crate::progress::{SlotProgress, Totals};
use crate::pulse::Pulse;
use crate::scout::{Ask, Looked};
use crate::server::{Heard, Watchers};
use crate::slots::{RangeReport, SlotReport};
use crate::whole::{Whole, Wholes};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use twinhaul_assist::{Core, Effect, Event};
use twinhaul_ledger::NewEvent;
use twinhaul_units::{Bytes, Epoch, Incarnation, Moment, TransferId};
use twinhaul_wire::{Envelope, EventKind, LotIds, PeerSnapshot};

use control::Asker;
use dials::Dials;
pub use end::Ended;
use ranges::Ranges;
use view::View;
use waits::Waits;

/// Events waiting for the driver; senders wait when it is full.
pub(crate) const EVENTS_MAX: usize = 4096;
/// Events handled before time is looked at again.
const DRAIN_MAX: usize = 1024;
/// Snapshots, event batches and idle time: ten times a second.
const TICK: Duration = Duration::from_millis(100);
/// How often a peer that waits for the first wave looks for it.
const FIRST_WAVE_LOOK: Duration = Duration::from_millis(10);
/// Events kept while the ledger is busy; more are counted and dropped.
const HISTORY_MAX: usize = 4096;

/// Whatever can happen to a peer.
#[derive(Debug)]
pub(crate) enum DriverEvent {
    Slot(SlotReport),
    /// A slot is done with a range.
    Range(RangeReport),
    /// A large transfer has a slot: its exact size.
    Began {
        id: TransferId,
        bytes: u64,
    },
    /// An attempt of which something was lent is over: its ranges are moot.
    Recall {
        id: TransferId,
        epoch: Epoch,
    },
    /// The slot of a large transfer brought its last part, and sealed it: its ranges, if any, had come home before.
    Sealed(Arc<Whole>),
    /// All ranges of a transfer came home, and it was sealed or is redone.
    RangesHome(Arc<Whole>),
    Group(GroupReport),
    /// The scout is back.
    Looked(Looked),
    /// For the history.
    Told(EventKind),
    Ledger(Answer),
    Link(LinkEvent),
    Heard(Heard),
    Finishing(Result<FinishReport>),
    /// Something changed at the other peer's place.
    Place(Seen),
    Fencing(Result<FencingReport>),
    /// The ledger counted a tail for a rebalance.
    Tail {
        keep: f64,
        tail: Tail,
        asker: Asker,
    },
    /// The ledger weighed what is to be handed over.
    Weighed {
        ids: Vec<TransferId>,
        bytes: Bytes,
        asker: Asker,
    },
    Reopened {
        what: Reopened,
        asker: Asker,
    },
    /// SIGTERM or SIGINT.
    Signal,
    Fatal(EngineError),
}

/// The ways out of the driver.
#[derive(Debug)]
pub(crate) struct Outlets {
    pub ledger: crossbeam_channel::Sender<Job>,
    pub feeder: crossbeam_channel::Sender<Feed>,
    pub committer: crossbeam_channel::Sender<crate::committer::Item>,
    pub closer: crossbeam_channel::Sender<Arc<Whole>>,
    pub scout: crossbeam_channel::Sender<Ask>,
    pub outbox: mpsc::Sender<Envelope>,
    /// The link is held cut: see [`crate::link::keep`].
    pub cut: watch::Sender<bool>,
    pub snapshots: watch::Sender<Arc<PeerSnapshot>>,
    pub watchers: Watchers,
    /// For work that the driver starts (finishing) to report back.
    pub driver: mpsc::Sender<DriverEvent>,
}

/// What the driver shares with the data path.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub gate: Arc<Gate>,
    pub limits: Arc<Limits>,
    pub slots: Arc<[SlotProgress]>,
    pub totals: Arc<Totals>,
    pub pulse: Arc<Pulse>,
    pub ahead: Arc<Ahead>,
    pub storage: Arc<crate::storage::Storage>,
    /// Large transfers in flight at this peer.
    pub wholes: Arc<Wholes>,
}

/// Where in its life the peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// Ending on request; `cut`: what is in flight is given up.
    Stopping {
        cut: bool,
    },
    /// This peer does the directories and the sweep.
    Finishing,
    Ended(Ended),
}

/// See the module.
pub(crate) struct Driver {
    options: Options,
    clock: Clock,
    incarnation: Incarnation,
    core: Core,
    shared: Shared,
    out: Outlets,
    life: Life,
    crew: Crew,
    /// What operators turned.
    dials: Dials,
    view: View,
    history: Vec<NewEvent>,
    /// The first lots of the last assignment, by its number.
    lots_told: (u64, Vec<LotIds>),
    seq: u64,
    timer: Option<Moment>,
    /// The committer was told to close its group, since the last tick or group.
    hurried: bool,
    poll_pending: bool,
    polled_at: Moment,
    /// When the poll was asked for whose answer is the newest: what it says was so then.
    poll_asked_at: Moment,
    polled_as_of: Moment,
    claim_pending: bool,
    /// Since when finishing is done without an end of the run.
    finished_since: Option<Moment>,
    /// A load that waits for the first wave, or for the end of a take-over.
    load_later: Option<usize>,
    ranges: Ranges,
    skips: skips::Skips,
    other: fencing::OtherPlace,
    waits: Waits,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("life", &self.life).field("core", &self.core).finish_non_exhaustive()
    }
}

impl Driver {
    pub(crate) fn new(
        options: Options,
        clock: Clock,
        core: Core,
        shared: Shared,
        out: Outlets,
        polled: Polled,
        (crew, dials): (Crew, Dials),
    ) -> Self {
        Self {
            view: View::new(&options, clock.ms(), polled),
            options,
            clock,
            incarnation: core.incarnation(),
            core,
            shared,
            out,
            life: Life::Running,
            crew,
            dials,
            history: Vec::new(),
            lots_told: (0, Vec::new()),
            seq: 0,
            timer: None,
            hurried: false,
            poll_pending: false,
            polled_at: Moment::ZERO,
            poll_asked_at: Moment::ZERO,
            polled_as_of: Moment::ZERO,
            claim_pending: false,
            finished_since: None,
            load_later: None,
            ranges: Ranges::default(),
            skips: skips::Skips::default(),
            other: fencing::OtherPlace::default(),
            waits: Waits::default(),
        }
    }

    /// Runs until the peer ends.
    ///
    /// # Errors
    /// What is fatal for the process: the ledger, or a place taken by a newer incarnation.
    pub(crate) async fn run(mut self, mut events: mpsc::Receiver<DriverEvent>) -> Result<Ended> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.joined();
        self.set_all_dials()?;
        self.tell_core(Event::Started)?;
        loop {
            let timer = self.timer.map(|at| tokio::time::Instant::from_std(self.clock.instant(at)));
            tokio::select! {
                event = events.recv() => {
                    let Some(event) = event else { return Err(EngineError::Bug("the driver lost its senders")) };
                    self.on(event)?;
                    if self.slots_have_more() {
                        tokio::time::sleep(GATHER).await;
                    }
                    for _ in 0..DRAIN_MAX {
                        let Ok(event) = events.try_recv() else { break };
                        self.on(event)?;
                    }
                }
                () = sleep_until(timer) => {
                    self.timer = None;
                    self.tell_core(Event::Tick)?;
                }
                // Nothing else would tell that there is a wave; a tick is long for a run that takes a second.
                () = tokio::time::sleep(FIRST_WAVE_LOOK), if self.load_later.is_some() => self.load_again()?,
                () = std::future::ready(()), if self.skips.is_waiting() => {}
                _ = tick.tick() => self.tick()?,
            }
            self.end_skipped()?;
            self.hurry_the_group();
            self.look_at_the_end()?;
            if let Life::Ended(ended) = &self.life {
                let ended = ended.clone();
                self.leave(&ended).await;
                return Ok(ended);
            }
        }
    }

    fn on(&mut self, event: DriverEvent) -> Result<()> {
        match event {
            DriverEvent::Slot(report) => self.on_slot(&report),
            DriverEvent::Range(report) => self.on_range(report),
            DriverEvent::Began { id, bytes } => self.tell_core(Event::Began { id, bytes: Bytes(bytes) }),
            DriverEvent::Recall { id, epoch } => self.ledger(Job::RecallRanges(id, epoch)),
            DriverEvent::Sealed(whole) => {
                self.note_home(&whole);
                Ok(())
            }
            DriverEvent::RangesHome(whole) => {
                self.view.progressed(self.clock.ms());
                self.note_home(&whole);
                // One that is done again is nothing the core waits for.
                if whole.job.redo { Ok(()) } else { self.tell_core(Event::RangesHome { id: whole.id() }) }
            }
            DriverEvent::Group(report) => {
                self.on_group(report);
                Ok(())
            }
            DriverEvent::Looked(looked) => self.on_looked(looked),
            DriverEvent::Told(event) => {
                self.record(event);
                Ok(())
            }
            DriverEvent::Ledger(answer) => self.on_ledger(answer),
            DriverEvent::Link(event) => self.on_link(event),
            DriverEvent::Heard(Heard::Message(envelope)) => self.on_message(envelope),
            DriverEvent::Heard(Heard::Request { request, answer }) => self.on_request(request, answer),
            DriverEvent::Finishing(result) => self.on_finished(result?),
            DriverEvent::Place(seen) => self.on_place(seen),
            DriverEvent::Fencing(result) => self.on_fencing(result?),
            DriverEvent::Weighed { ids, bytes, asker } => self.on_weighed(ids, bytes, asker),
            DriverEvent::Tail { keep, tail, asker } => self.on_tail(keep, tail, asker),
            DriverEvent::Reopened { what, asker } => self.on_reopened(what, asker),
            DriverEvent::Signal => {
                self.stop(false, "signal");
                Ok(())
            }
            DriverEvent::Fatal(error) => Err(error),
        }
    }

    fn on_slot(&mut self, report: &SlotReport) -> Result<()> {
        self.view.progressed(self.clock.ms());
        if report.redo {
            return Ok(());
        }
        self.view.owned_bytes = self.view.owned_bytes - Bytes(report.bytes);
        let outcome = report.outcome;
        self.skips.note(outcome);
        self.tell_core(Event::SlotDone { id: report.unit.id, outcome })
    }

    fn on_group(&mut self, report: GroupReport) {
        self.view.progressed(self.clock.ms());
        self.view.settle(&report);
        for kind in report.events {
            self.record(kind);
        }
        self.hurried = false;
        // What a group settled is news for everybody who watches; the poll brings the sums.
        if self.core_is_idle() {
            self.poll_now();
        } else {
            self.polled_at = Moment::ZERO;
        }
    }

    fn tick(&mut self) -> Result<()> {
        let now = self.clock.now();
        self.shared.pulse.turns();
        self.view.pass_time(self.clock.ms(), &self.core, self.slots_used(), self.is_busy());
        self.measure()?;
        let every = if self.core_is_idle() || self.life != Life::Running { POLL_IDLE } else { POLL_BUSY };
        if now.since(self.polled_at) >= every {
            self.poll_now();
        }
        self.load_again()?;
        self.look_after_the_scout()?;
        self.look_at_the_other()?;
        self.look_at_the_timetables()?;
        self.look_at_the_waits();
        self.hurried = false;
        self.flush_history();
        self.publish_snapshot();
        Ok(())
    }

    /// A load that waited, once nothing keeps it from being complete.
    fn load_again(&mut self) -> Result<()> {
        if !self.other.is_being_taken()
            && let Some(limit) = self.load_later.take()
        {
            self.ledger(Job::Load { limit })?;
        }
        Ok(())
    }

    /// Tells the core what has moved, and how far each part has come.
    fn measure(&mut self) -> Result<()> {
        let moved = Bytes(self.shared.totals.bytes.load(Ordering::Relaxed));
        let parts = self.part_progress();
        self.tell_core(Event::Measured { moved, parts })
    }

    /// Looks into the ledger, unless a look is under way.
    fn poll_now(&mut self) {
        if !self.poll_pending {
            let (head, lending) = (self.queue_head(), self.lending());
            let holding = self.ranges.has_guests();
            // Busy: the next tick tries again. Gone: the fatal error is on its way.
            self.poll_pending = self.out.ledger.try_send(Job::Poll { head, lending, holding }).is_ok();
            self.poll_asked_at = self.clock.now();
        }
    }

    /// With nothing else in hand, waiting for a group to fill would only be waiting.
    fn hurry_the_group(&mut self) {
        let nothing_else = self.core.queued() == 0 && self.core.in_flight().is_empty();
        let stopping = matches!(self.life, Life::Stopping { .. });
        if !self.hurried && (nothing_else || stopping) && self.shared.storage.settling.get().transfers > 0 {
            // A committer that is busy closes its group without being told.
            let _ = self.out.committer.try_send(crate::committer::Item::Flush);
            self.hurried = true;
        }
    }

    fn core_is_idle(&self) -> bool {
        self.core.is_idle()
    }

    /// By the core's count; the slots themselves may be a moment behind.
    fn slots_used(&self) -> u32 {
        u32::try_from(self.in_hand()).unwrap_or(u32::MAX).min(self.slots_max())
    }

    /// Transfers and ranges in slots, and those that wait for the next free one.
    fn in_hand(&self) -> usize {
        self.core.in_flight().len() + self.core.ranges_in_flight().len()
    }

    fn slots_have_more(&self) -> bool {
        self.in_hand() > self.slots_max() as usize
    }

    fn slots_max(&self) -> u32 {
        u32::try_from(self.core.slots()).unwrap_or(u32::MAX)
    }

    /// Whether this peer could use its slots: not paused, not drained, the run not over.
    fn is_busy(&self) -> bool {
        self.life == Life::Running && self.view.paused_by.is_none() && !self.view.draining
    }

    /// Gives the core one event and carries out all its effects.
    fn tell_core(&mut self, event: Event) -> Result<()> {
        let mut effects: Vec<Effect> = Vec::new();
        self.core.handle(self.clock.now(), event, &mut effects);
        for effect in effects {
            self.carry_out(effect)?;
        }
        Ok(())
    }
}

async fn sleep_until(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
