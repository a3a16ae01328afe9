//! Taking the other peer over: when it is known to be gone, what a take-over brings, and what it says in the history.
//!
//! The core decides (protocol.md 4, "suspicion", "take-over"); here its facts are gathered and its wish is carried out:
//! one transaction in the ledger, then the discards, then the answer. No lots are loaded in between.

use super::{Driver, DriverEvent, Life};
use crate::fencing::{self, Fencing, FencingReport};
use crate::ledger_thread::Job;
use crate::place::{Fenced, Seen, Whereabouts};
use crate::{EngineError, Result};
use std::time::Duration;
use twinhaul_assist::{Event, FencedFigures, OpId, Refusal};
use twinhaul_ledger::{Refused, TakeOver, TakeOverOutcome, TakenOver};
use twinhaul_units::{Bytes, Incarnation, Moment};
use twinhaul_wire::EventKind;

/// A place that nobody has taken yet stays its peer's for so long, and a process that has taken it may be silent for so
/// long: at the start, while a supervisor restarts, while a new life recovers.
const NOBODY_CAME_WITHIN: Duration = Duration::from_secs(15);

/// What this peer knows about the other's place, and about a take-over under way.
#[derive(Debug, Default)]
pub(super) struct OtherPlace {
    seen: Option<Seen>,
    /// Since when it has been empty without a break.
    empty_since: Option<Moment>,
    /// The incarnation that the core was told is dead.
    told: Option<Incarnation>,
    mute: Mute,
    /// The number of the take-over under way.
    fencing: Option<OpId>,
    /// The finishing belongs to the other peer.
    pub(super) it_finishes: bool,
    /// It has said that it ends: that its link closes then is no news.
    pub(super) has_taken_leave: bool,
    /// What the last take-over came to beside the ledger's figures.
    last: Option<FencingReport>,
}

/// A process that sits in the other's place, and whose link has not come up.
#[derive(Debug, Default)]
struct Mute {
    since: Option<Moment>,
    /// Whose link is up. The link may come up before the place is looked at for the first time.
    linked: Option<Incarnation>,
}

impl Mute {
    /// Another incarnation was seen in the place.
    fn seen(&mut self, seen: Seen, now: Moment) {
        self.since = (seen.joined && self.linked != Some(seen.incarnation)).then_some(now);
    }

    fn link_up(&mut self, incarnation: Incarnation) {
        *self = Self { since: None, linked: Some(incarnation) };
    }

    fn link_down(&mut self) {
        self.linked = None;
    }

    /// Whether it has been silent for too long to be starting; told once.
    fn is_due(&mut self, now: Moment) -> bool {
        let due = self.since.is_some_and(|since| now.since(since) >= NOBODY_CAME_WITHIN);
        if due {
            self.since = None;
        }
        due
    }
}

impl OtherPlace {
    pub(super) fn is_being_taken(&self) -> bool {
        self.fencing.is_some()
    }
}

impl Driver {
    pub(super) fn on_place(&mut self, seen: Seen) -> Result<()> {
        if !seen.empty {
            self.other.empty_since = None;
        } else if self.other.empty_since.is_none() {
            self.other.empty_since = Some(self.clock.now());
        }
        if self.other.seen.is_none_or(|before| before.incarnation != seen.incarnation) {
            self.other.mute.seen(seen, self.clock.now());
        }
        let before = self.other.seen.replace(seen);
        // The first look says nothing of now; and of the one that was there before, nothing at all.
        let beats = before.is_some_and(|before| {
            before.incarnation == seen.incarnation && before.beat.is_some() && before.beat != seen.beat
        });
        if beats && seen.joined && !seen.empty {
            self.tell_core(Event::PeerSeen { incarnation: seen.incarnation })?;
        }
        Ok(())
    }

    /// The link is up: the process speaks.
    pub(super) fn on_other_linked(&mut self, incarnation: Incarnation) {
        self.other.mute.link_up(incarnation);
    }

    pub(super) fn on_other_unlinked(&mut self) {
        self.other.mute.link_down();
    }

    /// Tells the core, once, that the other's process is gone: when there is something that only it would do.
    pub(super) fn look_at_the_other(&mut self) -> Result<()> {
        self.look_at_a_mute_one()?;
        let (Some(seen), Some(since)) = (self.other.seen, self.other.empty_since) else { return Ok(()) };
        // What it owed before it went, it may have settled: without a link its leave was not heard either.
        if self.polled_as_of < since {
            self.poll_now();
            return Ok(());
        }
        let nobody_will_come = self.clock.now().since(since) >= NOBODY_CAME_WITHIN;
        let wanted = self.other_owes_something(seen) && self.life == Life::Running;
        if !wanted || !(seen.joined || nobody_will_come) || self.other.told == Some(seen.incarnation) {
            return Ok(());
        }
        self.other.told = Some(seen.incarnation);
        let incarnation = seen.incarnation;
        let text = format!("{} is gone: no process holds its place", self.options.other_name());
        self.record(EventKind::Warning { text });
        self.tell_core(Event::PeerDead { incarnation })
    }

    /// A process took the place and has never answered, stopped while it recovered perhaps. The core is told that it is
    /// there, and not linked: then its silence counts.
    fn look_at_a_mute_one(&mut self) -> Result<()> {
        let Some(seen) = self.other.seen.filter(|seen| !seen.empty) else { return Ok(()) };
        if !self.other.mute.is_due(self.clock.now()) {
            return Ok(());
        }
        self.tell_core(Event::PeerJoined { incarnation: seen.incarnation })?;
        self.tell_core(Event::PeerLost)
    }

    fn other_owes_something(&self, seen: Seen) -> bool {
        if self.view.polled.run.state.ended() {
            return false;
        }
        let other = self.options.me.other();
        let remaining = self.view.polled.remaining_of(other).transfers;
        // Of a place that was taken over and that nobody has come to since, nobody holds anything: what was lent is this
        // peer's again in the ledger, and looking there brings it home. Another take-over would bring nothing.
        let holds_ranges = seen.joined && !self.lending().is_empty();
        remaining > 0 || self.other.it_finishes || holds_ranges
    }

    /// The core wants to take over; the same number again is the same wish.
    pub(super) fn fence(&mut self, op: OpId, incarnation: Incarnation) -> Result<()> {
        if self.other.fencing == Some(op) {
            return Ok(());
        }
        if self.other.is_being_taken() || self.life != Life::Running {
            return self.tell_core(Event::Fenced { op, outcome: Err(Refusal::Unavailable) });
        }
        self.other.fencing = Some(op);
        self.ledger(Job::TakeOver(TakeOver {
            op: op.0,
            by: self.options.me,
            by_incarnation: self.incarnation,
            dead_incarnation: incarnation,
        }))
    }

    /// The ledger has answered; what was left half-way comes next.
    pub(super) fn on_taken(&mut self, op: u64, outcome: TakeOverOutcome) -> Result<()> {
        match outcome {
            TakeOverOutcome::Taken(taken) => self.deal_with(op, taken),
            TakeOverOutcome::Refused(why) => {
                self.other.fencing = None;
                let text = format!("{} is not taken over: {why}", self.options.other_name());
                self.record(EventKind::Info { text });
                let why = match why {
                    // It has joined again: the core hears so from the link.
                    Refused::StaleOwner { .. } => Refusal::ReceiverNotCurrent,
                    _ => Refusal::LotChanged,
                };
                self.tell_core(Event::Fenced { op: OpId(op), outcome: Err(why) })
            }
        }
    }

    fn deal_with(&mut self, op: u64, taken: TakenOver) -> Result<()> {
        let work = Fencing {
            ledger: self.options.run_dir.join("ledger.sqlite"),
            storage: std::sync::Arc::clone(&self.shared.storage),
            tag: crate::PeerTag {
                run: self.options.run.clone(),
                me: self.options.me,
                incarnation: self.incarnation,
            },
            verify: self.options.profile.verify,
            lent: !self.lending().is_empty(),
            fenced: self.where_the_other_is(),
            op,
            taken,
        };
        let driver = self.out.driver.clone();
        let spawned = std::thread::Builder::new().name("fencing".into()).spawn(move || {
            let result = fencing::run(&work);
            // The driver waits for exactly this.
            let _ = driver.blocking_send(DriverEvent::Fencing(result));
        });
        let fail = |source| EngineError::Io { what: "starting the fencing thread".into(), source };
        spawned.map(|_| ()).map_err(fail)
    }

    pub(super) fn where_the_other_is(&self) -> Whereabouts {
        Whereabouts {
            run_dir: self.options.run_dir.clone(),
            name: self.options.other_name().to_owned(),
            peer: self.options.me.other(),
        }
    }

    /// Everything is discarded or accepted: now the core may have the lots.
    pub(super) fn on_fencing(&mut self, report: FencingReport) -> Result<()> {
        self.other.fencing = None;
        if let Some(process) = &report.process {
            self.tell_of_process(process);
        }
        let taken = report.taken;
        let op = OpId(report.op);
        let figures =
            FencedFigures { incarnation: taken.incarnation, count: taken.count, bytes: Bytes(taken.bytes) };
        let may_still_write = matches!(report.process, Some(Fenced::Remains { .. }));
        self.other.last = Some(report);
        self.other_was_fenced(may_still_write)?;
        self.tell_core(Event::Fenced { op, outcome: Ok(figures) })
    }

    pub(super) fn tell_of_process(&mut self, process: &Fenced) {
        let other = self.options.other_name();
        let text = match process {
            Fenced::Gone => return,
            Fenced::Killed { pid } => {
                format!(
                    "the process of {other} that was taken over (pid {pid}) had not woken up, and was killed"
                )
            }
            Fenced::Remains { pid } => {
                format!(
                    "the process of {other} that was taken over (pid {pid}) is still there; it can write nothing that counts"
                )
            }
        };
        self.record(EventKind::Warning { text });
    }

    /// The core's report, with what happened at the targets.
    pub(super) fn tell_of_take_over(
        &mut self,
        from: Incarnation,
        figures: FencedFigures,
        why: twinhaul_assist::FenceWhy,
    ) {
        let recovered = self.other.last.take().map(|report| report.recovered).unwrap_or_default();
        self.record(EventKind::TakenOver {
            from: self.options.other_name().to_owned(),
            fenced: from.0,
            count: figures.count,
            bytes: figures.bytes.0,
            discarded: recovered.discarded,
            accepted: recovered.accepted,
            why: super::translate::fence_why(why).to_owned(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment(1_000_000);
    const LATER: Moment = Moment(60_000_000);

    fn seen(incarnation: u64) -> Seen {
        Seen { incarnation: Incarnation(incarnation), joined: true, empty: false, beat: None }
    }

    /// The link comes up in the first milliseconds, the place is looked at a moment later: it was then told lost after fifteen
    /// seconds, said nothing any more, and was taken over by the other.
    #[test]
    fn one_whose_link_was_up_before_its_place_was_seen_is_not_mute() {
        let mut mute = Mute::default();
        mute.link_up(Incarnation(1));
        mute.seen(seen(1), START);
        assert!(!mute.is_due(LATER));
        let mut mute = Mute::default();
        mute.seen(seen(1), START);
        mute.link_up(Incarnation(1));
        assert!(!mute.is_due(LATER));
    }

    #[test]
    fn one_that_never_links_is_mute_once() {
        let mut mute = Mute::default();
        mute.seen(seen(1), START);
        assert!(!mute.is_due(START + NOBODY_CAME_WITHIN / 2));
        assert!(mute.is_due(LATER) && !mute.is_due(LATER));
    }

    #[test]
    fn the_link_of_an_earlier_life_says_nothing_of_the_next() {
        let mut mute = Mute::default();
        mute.link_up(Incarnation(1));
        mute.link_down();
        mute.seen(seen(3), START);
        assert!(mute.is_due(LATER));
        mute.link_up(Incarnation(1));
        mute.seen(seen(3), START);
        assert!(mute.is_due(LATER));
    }
}
