//! What the ledger knows of the run, for when no process answers any more: a run that has ended, or whose processes are
//! gone. Its figures are durable ones: what was in flight is not in them.

use super::{Board, Pane};
use twinhaul_units::PeerId;
use twinhaul_wire::{EventKind, PeerSnapshot, PeerState, QueueSize, Rates, RatioMove, RunState, Totals};

/// Moves of a ratio that are remembered, for each peer.
pub const MOVES_MAX: usize = 64;

/// The run in the ledger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    pub run: String,
    /// Of the profile.
    pub name: String,
    pub policy: String,
    pub state: RunState,
    pub totals: Totals,
    /// The first peer, the second one.
    pub peers: [PastPeer; 2],
}

/// One peer in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PastPeer {
    /// 0: it never joined.
    pub incarnation: u64,
    pub ratio: Option<f64>,
    /// What it owns and has not done.
    pub remaining: QueueSize,
    pub done: QueueSize,
    pub verified: QueueSize,
    pub skipped: QueueSize,
    pub failed: QueueSize,
}

/// What the events told of one peer, whatever became of its process: counters of a process begin again with every
/// incarnation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub asked: u64,
    pub needed: u64,
    pub not_needed: u64,
    pub transfers: u64,
    pub bytes: u64,
    /// Ranges of its transfers in flight that it lent.
    pub lent: u64,
    pub moves: Vec<RatioMove>,
    /// When its process last ended.
    pub exited_at_ms: Option<u64>,
    /// Its last words.
    pub finished: Option<Finished>,
}

/// What a peer told at its end; the times of all its incarnations that got to tell theirs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finished {
    pub bytes: u64,
    /// Idle slot time, and all time of the slots.
    pub idle_slot_ms: u64,
    pub slot_ms: u64,
    /// Of the last incarnation.
    pub up_ms: u64,
    pub slots: u32,
}

impl Told {
    pub(crate) fn take(&mut self, at_ms: u64, kind: &EventKind) {
        match kind {
            EventKind::Ask { .. } => self.asked += 1,
            EventKind::NotNeeded { .. } => self.not_needed += 1,
            EventKind::Needed { count, bytes, .. } => {
                self.needed += 1;
                self.transfers += count;
                self.bytes += bytes;
            }
            EventKind::RangesLent { count, .. } => self.lent += count,
            EventKind::Ratio { old, new, rule } => {
                if self.moves.len() >= MOVES_MAX {
                    self.moves.remove(0);
                }
                self.moves.push(RatioMove { at_ms, old: *old, new: *new, rule: *rule });
            }
            EventKind::Exited { .. } => self.exited_at_ms = Some(at_ms),
            EventKind::PeerFinished { bytes, idle_slot_ms, up_ms, slots, .. } => {
                let before = self.finished.unwrap_or_default();
                self.finished = Some(Finished {
                    bytes: *bytes,
                    idle_slot_ms: before.idle_slot_ms + idle_slot_ms,
                    slot_ms: before.slot_ms + up_ms * u64::from(*slots),
                    up_ms: *up_ms,
                    slots: *slots,
                });
            }
            _ => {}
        }
    }
}

impl Board {
    /// Takes the ledger's figures; peers that were heard know theirs better.
    pub(crate) fn take_past(&mut self, past: Past) {
        self.past = Some(past);
        self.fill_in();
    }

    /// Gives every peer that was never heard the snapshot that the ledger and the events amount to.
    pub(crate) fn fill_in(&mut self) {
        let Some(past) = &self.past else { return };
        for peer in PeerId::BOTH {
            let at = peer.index();
            if self.panes[at].heard.is_none() && past.peers[at].incarnation > 0 {
                let told = [&self.told[at], &self.told[peer.other().index()]];
                self.panes[at].snapshot = Some(of_ledger(past, &past.peers[at], told));
            }
        }
    }

    /// The part of a peer's slot time in which slots stood idle, as the report counts it; `None` before any time has
    /// passed.
    pub fn idle_share(&self, peer: PeerId) -> Option<f64> {
        let told = self.told[peer.index()].finished.map(|f| (f.idle_slot_ms, f.slot_ms));
        let snapshot = self.pane(peer).snapshot.as_ref().map(|s| (s.idle_ms, s.up_ms));
        let (idle, all) = told.or(snapshot).filter(|(_, all)| *all > 0)?;
        Some(idle as f64 / all as f64)
    }

    /// Whether no process of the run has been heard and none can be reached.
    pub fn nobody(&self) -> bool {
        let gone = |pane: &Pane| pane.heard.is_none() && pane.link.gone();
        self.run.is_none() && self.run_link.gone() && self.panes.iter().all(gone)
    }
}

fn of_ledger(past: &Past, row: &PastPeer, [own, other]: [&Told; 2]) -> PeerSnapshot {
    let assisted = |told: &Told| twinhaul_wire::Assisted {
        asked: told.asked,
        needed: told.needed,
        not_needed: told.not_needed,
        transfers: told.transfers,
        bytes: told.bytes,
        ..twinhaul_wire::Assisted::default()
    };
    let Finished { bytes, idle_slot_ms, up_ms, slots, .. } = own.finished.unwrap_or_default();
    let average = (bytes * 1000).checked_div(up_ms).unwrap_or_default();
    PeerSnapshot {
        incarnation: row.incarnation,
        state: if past.state.ended() { PeerState::Finished } else { PeerState::default() },
        policy: past.policy.clone(),
        ratio: own.moves.last().map(|m| m.new).or(row.ratio).unwrap_or_default(),
        ratio_moves: own.moves.clone(),
        queue: row.remaining,
        done: row.done,
        verified: row.verified,
        skipped: row.skipped,
        failed: row.failed,
        rate: Rates { now: 0, one_min: 0, average },
        assisted: assisted(own),
        was_assisted: assisted(other),
        idle_ms: idle_slot_ms.checked_div(u64::from(slots)).unwrap_or_default(),
        up_ms,
        ..PeerSnapshot::default()
    }
}
