//! The evidence, arranged for the rules: who was heard, who moves, who waits for what, what happened to whom.

use crate::budget::{MOVING_MS, SILENT_MS};
use crate::{EVENTS_MAX, Evidence, Note, PeerEvidence, ProcessFacts, words};
use twinhaul_wire::{Event, EventKind, InFlight, PeerSnapshot, PeerState, Problem, Supervised, Wait};

/// All evidence and the moment.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) all: &'a Evidence,
    pub(crate) now_ms: u64,
    pub(crate) peers: Vec<PeerLook<'a>>,
    /// The newest part of the history, oldest first.
    pub(crate) events: &'a [Event],
}

/// One peer.
#[derive(Debug)]
pub(crate) struct PeerLook<'a> {
    pub(crate) of: &'a PeerEvidence,
    pub(crate) supervised: Option<&'a Supervised>,
    now_ms: u64,
}

/// How a peer that was heard gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Moves,
    /// It has nothing in flight.
    Idle,
    /// It has something in flight, and nothing has moved for so many milliseconds.
    Still(u64),
}

impl<'a> Look<'a> {
    pub(crate) fn new(all: &'a Evidence, now_ms: u64) -> Self {
        let run = all.snapshot.as_ref();
        let peer = |of: &'a PeerEvidence| PeerLook {
            of,
            supervised: run.and_then(|run| run.peers.get(&of.name)),
            now_ms,
        };
        let events = &all.events[all.events.len().saturating_sub(EVENTS_MAX)..];
        Self { all, now_ms, peers: all.peers.iter().map(peer).collect(), events }
    }

    pub(crate) fn run(&self) -> &'a str {
        &self.all.run
    }

    pub(crate) fn ended(&self) -> bool {
        self.all.state.ended()
    }

    /// Peers that were heard just now, with their word.
    pub(crate) fn heard(&self) -> impl Iterator<Item = (&PeerLook<'a>, &'a PeerSnapshot)> {
        self.peers.iter().filter_map(|peer| Some((peer, peer.fresh()?)))
    }

    /// The peer beside `peer`.
    pub(crate) fn other(&self, peer: &PeerLook<'_>) -> Option<&PeerLook<'a>> {
        self.peers.iter().find(|p| p.of.name != peer.of.name)
    }

    /// What everybody who was heard calls a problem.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &'a Problem> {
        let run = self.all.snapshot.as_ref().into_iter().flat_map(|run| &run.problems);
        let own = self.peers.iter().filter_map(PeerLook::fresh).flat_map(|s| &s.problems);
        run.chain(own)
    }

    /// Everything in flight that waits, with whose it is.
    pub(crate) fn waits(&self) -> impl Iterator<Item = (&PeerLook<'a>, &'a InFlight, &'a Wait)> {
        self.heard()
            .flat_map(|(peer, s)| s.in_flight.iter().filter_map(move |f| Some((peer, f, f.wait.as_ref()?))))
    }

    /// The newest events that `wanted` takes, oldest first, as notes.
    pub(crate) fn notes(&self, most: usize, wanted: impl Fn(&Event) -> bool) -> Vec<Note> {
        let mut found: Vec<Note> =
            self.events.iter().rev().filter(|e| wanted(e)).take(most).map(words::note).collect();
        found.reverse();
        found
    }

    /// The newest control of `peer` whose verb is `verb` and that was taken.
    pub(crate) fn control(&self, peer: &str, verb: &str) -> Option<(&'a Event, &'a str)> {
        self.latest_control(|event| words::is_taken(event, peer, verb))
    }

    /// The newest control of that kind, and who gave it.
    pub(crate) fn latest_control(&self, wanted: impl Fn(&Event) -> bool) -> Option<(&'a Event, &'a str)> {
        self.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::Control { by, .. } if wanted(event) => Some((event, by.as_str())),
            _ => None,
        })
    }

    /// Whether the history is known from its beginning.
    pub(crate) fn knows_the_beginning(&self) -> bool {
        self.events.first().is_some_and(|e| matches!(e.kind, EventKind::RunStarted { .. }))
    }

    /// Somebody with work does not get on: what a starved machine or a slow ledger must show before it is blamed.
    pub(crate) fn suffers(&self) -> bool {
        let slow = |s: &PeerSnapshot| s.rate.one_min > 0 && s.rate.now < s.rate.one_min / 4;
        self.peers.iter().any(|peer| match peer.fresh() {
            Some(s) => {
                let busy =
                    matches!(s.state, PeerState::Running | PeerState::Recovering | PeerState::Finishing);
                busy && (matches!(peer.motion(), Some(Motion::Still(_)))
                    || slow(s) && !s.in_flight.is_empty())
            }
            None => peer.is_silent() && !peer.is_frozen(),
        })
    }
}

impl<'a> PeerLook<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.of.name
    }

    /// Milliseconds since its last word; `None`: it never said one.
    pub(crate) fn age_ms(&self) -> Option<u64> {
        self.of.snapshot.as_ref().map(|s| self.now_ms.saturating_sub(s.at_ms))
    }

    /// Its word, if it is of now.
    pub(crate) fn fresh(&self) -> Option<&'a PeerSnapshot> {
        let snapshot = self.of.snapshot.as_ref()?;
        let heard = match self.of.answered {
            Some(answered) => answered,
            None => self.now_ms.saturating_sub(snapshot.at_ms) < SILENT_MS && self.lives() != Some(false),
        };
        heard.then_some(snapshot)
    }

    /// Whether its process is there; `None`: not known.
    pub(crate) fn lives(&self) -> Option<bool> {
        let answers = (self.of.answered == Some(true)).then_some(true);
        let seen = self.of.process.as_ref().map(|process| process.exists);
        answers.or(seen).or_else(|| self.supervised.map(|s| s.pid.is_some()))
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        let seen = self.of.process.as_ref().filter(|p| p.exists).map(|p| p.pid);
        seen.or_else(|| self.supervised.and_then(|s| s.pid))
    }

    pub(crate) fn process(&self) -> Option<&'a ProcessFacts> {
        self.of.process.as_ref().filter(|p| p.exists)
    }

    /// It is there and says nothing.
    pub(crate) fn is_silent(&self) -> bool {
        self.fresh().is_none()
            && self.lives() == Some(true)
            && !self.is_starting()
            && (self.of.answered == Some(false) || self.age_ms().is_some_and(|age| age >= SILENT_MS))
    }

    /// Something keeps its process from running.
    pub(crate) fn is_frozen(&self) -> bool {
        self.process().is_some_and(ProcessFacts::is_frozen)
    }

    /// Its process has just been started.
    pub(crate) fn is_starting(&self) -> bool {
        self.supervised.is_some_and(|s| s.state == "starting")
    }

    /// It ended as it should.
    pub(crate) fn is_over(&self) -> bool {
        self.supervised.is_some_and(|s| matches!(s.state.as_str(), "finished" | "stopped"))
            || self.of.snapshot.as_ref().is_some_and(|s| s.state == PeerState::Finished)
    }

    /// `None`: it was not heard.
    pub(crate) fn motion(&self) -> Option<Motion> {
        let s = self.fresh()?;
        let still_ms = s.last_progress_ms.unwrap_or(s.up_ms);
        Some(if s.in_flight.is_empty() && s.awaiting.is_empty() && s.settling.transfers == 0 {
            Motion::Idle
        } else if s.rate.now > 0 || still_ms < MOVING_MS {
            Motion::Moves
        } else {
            Motion::Still(still_ms)
        })
    }

    /// A thread of it that looked the same at the beginning and at the end of the look.
    pub(crate) fn thread(&self, name: &str) -> Option<&'a crate::ThreadFacts> {
        self.process()?.threads.iter().find(|t| t.name == name)
    }
}
