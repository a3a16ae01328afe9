//! What one world is made of: how many transfers of which size, who has them first, which policy, and which deliberate
//! bug, if any. Fixed for the life of a world and shared by all its states.

use crate::Mutant;
use crate::target::GRAINS_MAX;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use twinhaul_assist::{Policy, Settings, Timing};
use twinhaul_ledger::{NewLot, NewRun, NodeKind, Planned, Sim};
use twinhaul_units::{PeerId, TransferId};

/// When published transfers become done (store.md 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    #[default]
    Group,
    /// Published before they are durable; done after the final sync.
    End,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Grains of each transfer, at most [`GRAINS_MAX`].
    pub grains: Vec<u8>,
    /// What an earlier run left under the keys, by transfer: 0: nothing; else an object with the times of that version
    /// (1: the one that the source has).
    pub there: Vec<u8>,
    /// The first so many are the first peer's.
    pub first: u64,
    /// Lots at the beginning, of both peers together.
    pub lots: u64,
    pub policy: Policy,
    /// Where learning begins.
    pub ratio: f64,
    pub slots: u32,
    pub minimum: u64,
    pub timing: Timing,
    /// Transfers in one group at most.
    pub group: usize,
    pub durability: Durability,
    /// `on_exists: skip_same`; otherwise what is there is overwritten.
    pub skip_same: bool,
    /// The target takes one object from two peers.
    pub ranges: bool,
    /// Read back and compare what was published.
    pub read_back: bool,
    /// Letters on the way at most; what does not fit is lost.
    pub letters: usize,
    /// What peers have moved is measured and told.
    pub measured: bool,
    /// What the method learned is kept in the ledger for the next life.
    pub remember: bool,
    /// The model check takes at once what leaves nothing behind it (`world/brisk.rs`).
    pub brisk: bool,
    pub mutant: Option<Mutant>,
}

impl Setup {
    /// `n` transfers of one grain, divided in halves, one slot, the claims literally, and no time.
    pub fn small(n: u64) -> Self {
        Self {
            grains: (0..n).map(|_| 1).collect(),
            there: Vec::new(),
            first: n.div_ceil(2),
            lots: 2,
            policy: Policy::Learning,
            ratio: 0.5,
            slots: 1,
            minimum: 0,
            timing: Timing::untimed(),
            group: 1,
            durability: Durability::Group,
            skip_same: true,
            ranges: false,
            read_back: false,
            letters: 3,
            measured: false,
            remember: false,
            brisk: false,
            mutant: None,
        }
    }

    pub fn transfers(&self) -> u64 {
        self.grains.len() as u64
    }

    pub fn grains_of(&self, id: TransferId) -> u8 {
        usize::try_from(id.0).ok().and_then(|at| self.grains.get(at)).copied().unwrap_or(0)
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    /// Nothing but a lease takes time: whatever else waits for a tick happens at the next one.
    pub(crate) const fn is_untimed(&self) -> bool {
        self.timing.load_every.is_zero()
    }

    pub(crate) fn lease_us(&self) -> Option<u64> {
        self.timing.lease.map(|lease| u64::try_from(lease.as_micros()).unwrap_or(u64::MAX))
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            policy: self.policy,
            slots: self.slots,
            minimum: self.minimum,
            timing: self.timing,
            ..Settings::default()
        }
    }

    /// The ledger with the whole plan in it.
    pub(crate) fn ledger(&self) -> twinhaul_ledger::Result<Sim> {
        let run = NewRun {
            id: "proof-1".to_owned(),
            name: "proof".to_owned(),
            profile_hash: String::new(),
            policy: String::new(),
            names: ["alpha".to_owned(), "beta".to_owned()],
            created_at_ms: 0,
        };
        let mut ledger = Sim::new(&run);
        let plan: Vec<Planned> = (0..self.transfers()).map(|id| self.planned(id)).collect();
        if !plan.is_empty() {
            ledger.add_wave(1, &plan, &self.new_lots())?;
        }
        ledger.plan_finished()?;
        Ok(ledger)
    }

    fn planned(&self, id: u64) -> Planned {
        Planned {
            id: TransferId(id),
            key: vec![b'k', id.to_le_bytes()[0]],
            kind: NodeKind::File,
            size: u64::from(self.grains_of(TransferId(id))) * crate::target::GRAIN,
            mtime_ns: 1,
            ..Planned::default()
        }
    }

    fn new_lots(&self) -> Vec<NewLot> {
        let half = |owner, from: u64, to: u64| -> Vec<NewLot> {
            let n = to - from;
            let pieces = (self.lots / 2).clamp(1, n.max(1));
            (0..pieces)
                .map(|at| (from + n * at / pieces, from + n * (at + 1) / pieces))
                .filter(|(first, beyond)| first < beyond)
                .map(|(first, beyond)| NewLot {
                    target: 0,
                    first: TransferId(first),
                    last: TransferId(beyond - 1),
                    owner,
                })
                .collect()
        };
        let mut lots = half(PeerId::First, 0, self.first.min(self.transfers()));
        lots.extend(half(PeerId::Second, self.first.min(self.transfers()), self.transfers()));
        lots
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.grains.iter().all(|n| usize::from(*n) <= GRAINS_MAX) && self.transfers() <= 255 && self.slots > 0
    }
}

/// A setup as a part of a state: the same in all of them, so neither compared nor hashed.
#[derive(Clone, Debug)]
pub(crate) struct Fixed(pub(crate) Arc<Setup>);

impl PartialEq for Fixed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Fixed {}

impl Hash for Fixed {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl std::ops::Deref for Fixed {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.0
    }
}
