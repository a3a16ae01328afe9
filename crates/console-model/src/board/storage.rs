//! What the backends show of themselves: of storage that both peers see alike, the younger answer; of what is a peer's own,
//! both.

use super::{Board, Standing};
use crate::words;
use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_units::{Moment, PeerId};
use twinhaul_wire::{BackendStatus, RowState, Wait, WaitReason};

/// A shorter wait is work.
const NEWS: Duration = Duration::from_secs(1);

/// A source or target, and whose view of it this is; `None`: it looks the same from both peers.
#[derive(Clone, Copy, Debug)]
pub struct Storage<'a> {
    pub status: &'a BackendStatus,
    pub peer: Option<PeerId>,
}

impl Board {
    /// Whether any backend shows more than one line, which then has a place among the panels.
    pub fn shows_storage(&self) -> bool {
        let worth =
            |s: &BackendStatus| !(s.rows.is_empty() && s.problems.is_empty() && s.simulated.is_empty());
        self.panes.iter().filter_map(|p| p.snapshot.as_ref()).any(|s| s.backends.iter().any(worth))
    }

    /// In the profile's order, targets first.
    pub fn storage(&self, now: Moment) -> Vec<Storage<'_>> {
        let mut out: Vec<(Storage<'_>, u64)> = Vec::new();
        for peer in PeerId::BOTH {
            let pane = self.pane(peer);
            // A peer that is not heard shows the past.
            let stale = if pane.standing(now) == Standing::Live { 0 } else { u64::MAX / 2 };
            for status in pane.snapshot.iter().flat_map(|s| &s.backends) {
                let age = stale.saturating_add(status.age_ms);
                let own = Storage { status, peer: (!status.shared).then_some(peer) };
                let same = |(s, _): &&mut (Storage<'_>, u64)| {
                    s.peer == own.peer && (s.status.source, &s.status.name) == (status.source, &status.name)
                };
                match out.iter_mut().find(same) {
                    Some((_, known)) if *known <= age => {}
                    Some(older) => *older = (own, age),
                    None => out.push((own, age)),
                }
            }
        }
        let shown: Vec<Storage<'_>> = out.into_iter().map(|(storage, _)| storage).collect();
        // Both peers' views of one stand together.
        let place = |s: &Storage<'_>| {
            let same =
                |o: &Storage<'_>| (o.status.source, &o.status.name) == (s.status.source, &s.status.name);
            (s.status.source, shown.iter().position(same))
        };
        let mut ordered = shown.clone();
        ordered.sort_by_key(place);
        ordered
    }

    /// What transfers wait for at a source or target, and where their time went there: of both peers, or of the one whose view
    /// it is. `None`: they have not waited for a second.
    pub fn waits_at(&self, storage: Storage<'_>) -> Option<(Option<String>, Vec<String>)> {
        let of = |peer: &PeerId| storage.peer.is_none_or(|own| own == *peer);
        let name = &storage.status.name;
        let (mut now, mut sums): (Option<&Wait>, BTreeMap<WaitReason, u64>) = (None, BTreeMap::new());
        for s in PeerId::BOTH.into_iter().filter(of).filter_map(|peer| self.pane(peer).snapshot.as_ref()) {
            for (reason, ms) in s.waits_at.get(name).into_iter().flatten() {
                *sums.entry(*reason).or_default() += ms;
            }
            now = now.into_iter().chain(s.wait_at(name)).max_by_key(|wait| wait.age_ms);
        }
        let age = |wait: &Wait| Duration::from_millis(wait.age_ms);
        let now = now.filter(|wait| age(wait) >= NEWS);
        let now = now.map(|wait| format!("{} {}", wait.reason.words(), words::age(age(wait))));
        let past = words::waited(&sums);
        (now.is_some() || !past.is_empty()).then_some((now, past))
    }

    /// The peer that a process is.
    pub fn peer_of(&self, pid: u32) -> Option<PeerId> {
        let is = |peer: &PeerId| self.pane(*peer).snapshot.as_ref().is_some_and(|s| s.pid == pid);
        PeerId::BOTH.into_iter().find(is)
    }

    /// Which times are a model's, by source or target: `vault: LTO-8 times, 200 x as fast`.
    pub fn simulated(&self, now: Moment) -> Vec<String> {
        let told = self.storage(now).into_iter().filter(|s| !s.status.simulated.is_empty());
        let mut out: Vec<String> =
            told.map(|s| format!("{}: {}", s.status.name, s.status.simulated)).collect();
        out.dedup();
        out
    }
}

/// The sign before a row: what it says does not hang on a colour.
pub const fn sign(state: RowState) -> &'static str {
    match state {
        RowState::Bad | RowState::Warn => "!",
        RowState::Busy => "*",
        RowState::Waiting => "~",
        RowState::Idle | RowState::Good => " ",
    }
}
