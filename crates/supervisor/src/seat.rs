//! A place in the run (a peer's or the planner's), whoever sits there now: its process, its link, its deaths, its words.
//!
//! State and small questions about it; what follows from them is decided in `run`.

use crate::{Child, ChildKind, Timing, breaker::Breaker, link::Link, process::Process, socket::seconds};
use twinhaul_units::Moment;
use twinhaul_wire::{PeerSnapshot, PeerState, Supervised};

/// Why nobody will sit here again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// Ended as it should, with this code.
    Finished(i32),
    /// Ended with a code that another start would not change.
    Fatal(i32),
    /// The breaker gave up; `reached`: its socket had answered at least once.
    GaveUp { restarts: usize, reached: bool },
    /// Ended because the run is being stopped.
    Stopped,
}

/// The place, from the start of the run to its end.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) child: Child,
    /// Counts the processes that sat here; news from an earlier one is not believed.
    pub(crate) life: u64,
    pub(crate) process: Option<Process>,
    pub(crate) link: Option<Link>,
    /// The link is up; it was up in this life; it was up ever.
    pub(crate) linked: bool,
    pub(crate) ready: bool,
    pub(crate) reached: bool,
    pub(crate) heard: Moment,
    pub(crate) snapshot: Option<Box<PeerSnapshot>>,
    /// Transfers this peer had ended at the first snapshot of this life.
    pub(crate) mark: Option<u64>,
    pub(crate) breaker: Breaker,
    pub(crate) restarts: u32,
    pub(crate) restart_at: Option<Moment>,
    /// It died and has not joined again yet.
    pub(crate) away: bool,
    /// The process has ended; its last frames may still be on their way.
    pub(crate) ending_since: Option<Moment>,
    /// Why this supervisor killed it.
    pub(crate) killed_for: Option<String>,
    pub(crate) last_exit: Option<String>,
    /// It was paused when it died; the next one is paused again, in this name.
    pub(crate) paused_by: Option<String>,
    pub(crate) over: Option<Over>,
}

impl Seat {
    pub(crate) fn new(child: Child) -> Self {
        Self {
            child,
            life: 0,
            process: None,
            link: None,
            linked: false,
            ready: false,
            reached: false,
            heard: Moment::ZERO,
            snapshot: None,
            mark: None,
            breaker: Breaker::default(),
            restarts: 0,
            restart_at: None,
            away: false,
            ending_since: None,
            killed_for: None,
            last_exit: None,
            paused_by: None,
            over: None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.child.name
    }

    pub(crate) fn is_peer(&self) -> bool {
        self.child.kind == ChildKind::Peer
    }

    /// Nobody sits here and nobody will.
    pub(crate) const fn done(&self) -> bool {
        self.over.is_some() && self.process.is_none()
    }

    /// Takes in a snapshot.
    pub(crate) fn saw(&mut self, snapshot: Box<PeerSnapshot>, now: Moment) {
        self.heard = now;
        self.mark.get_or_insert(ended(&snapshot));
        self.away &= matches!(snapshot.state, PeerState::Starting | PeerState::Recovering);
        self.snapshot = Some(snapshot);
    }

    /// Whether it ended at least one transfer in this life.
    pub(crate) fn progressed(&self) -> bool {
        match (&self.snapshot, self.mark) {
            (Some(snapshot), Some(mark)) => ended(snapshot) > mark,
            _ => false,
        }
    }

    /// It has finished, or is ending because it was asked to.
    pub(crate) fn says_ended(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|s| matches!(s.state, PeerState::Finished | PeerState::Stopping))
    }

    pub(crate) fn says_finished(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|s| s.state == PeerState::Finished)
    }

    /// It was ready and has said nothing for too long.
    pub(crate) fn silent(&self, now: Moment, timing: &Timing) -> bool {
        self.is_peer()
            && self.process.is_some()
            && self.ready
            && self.ending_since.is_none()
            && now.since(self.heard) >= timing.silent_max
    }

    /// It has not become ready in time.
    pub(crate) fn late(&self, now: Moment, timing: &Timing) -> bool {
        let since = self.process.as_ref().map(|p| p.since);
        self.is_peer() && !self.ready && since.is_some_and(|s| now.since(s) >= timing.ready_max)
    }

    /// Forgets the process that sat here.
    pub(crate) fn clear(&mut self) {
        self.process = None;
        self.link = None;
        self.linked = false;
        self.ready = false;
        self.mark = None;
        self.ending_since = None;
        self.killed_for = None;
    }

    /// As the run's snapshot shows it.
    pub(crate) fn supervised(&self, now: Moment, stopping: bool, timing: &Timing) -> Supervised {
        Supervised {
            pid: self.process.as_ref().map(|p| p.pid),
            state: self.words(now, stopping, timing),
            restarts: self.restarts,
            last_exit: self.last_exit.clone(),
        }
    }

    fn words(&self, now: Moment, stopping: bool, timing: &Timing) -> String {
        if let Some(at) = self.restart_at {
            let left = at.since(now).as_millis().div_ceil(1000).max(1);
            return format!("restarting in {left} s");
        }
        match (&self.process, self.over) {
            (None, Some(Over::Finished(_))) => "finished".into(),
            (None, Some(Over::Fatal(code))) => format!("ended with code {code}"),
            (None, Some(Over::GaveUp { restarts, .. })) => format!("gave up after {restarts} restarts"),
            (None, Some(Over::Stopped)) => "stopped".into(),
            (None, None) => "starting".into(),
            (Some(_), _) if self.ending_since.is_some() => "ending".into(),
            (Some(_), _) if stopping => "stopping".into(),
            (Some(_), _) if !self.ready => "starting".into(),
            (Some(_), _) if self.silent(now, timing) => {
                format!("has not answered for {}", seconds(timing.silent_max))
            }
            (Some(_), _) => "running".into(),
        }
    }
}

/// With `durability: end` nothing is done before the end; what is published is progress too.
fn ended(snapshot: &PeerSnapshot) -> u64 {
    [snapshot.done, snapshot.skipped, snapshot.failed, snapshot.published].iter().map(|q| q.transfers).sum()
}
