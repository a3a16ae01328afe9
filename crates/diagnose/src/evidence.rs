//! What a diagnosis is made from. Everything is optional: what nobody looked at is not known.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use twinhaul_wire::{Event, PeerSnapshot, RunSnapshot, RunState};

/// Events that are looked at: the newest.
pub const EVENTS_MAX: usize = 2_000;
/// Threads of one process that are kept.
pub const THREADS_MAX: usize = 512;

/// All that is known of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// The run's id, for the verbs that are offered.
    pub run: String,
    /// As the supervisor says, else the ledger.
    pub state: RunState,
    /// The supervisor's word; `None`: it said nothing.
    pub snapshot: Option<RunSnapshot>,
    /// Whether a supervisor lives; `None`: nobody looked.
    pub supervised: Option<bool>,
    /// A look at its process; `None`: nobody looked.
    pub supervisor: Option<ProcessFacts>,
    /// The first peer first.
    pub peers: Vec<PeerEvidence>,
    /// The history, oldest first; [`EVENTS_MAX`] of its newest count.
    pub events: Vec<Event>,
    /// Of the transfers that the history says were given up, those that still are; `None`: nobody looked.
    pub given_up: Option<BTreeSet<u64>>,
    pub probes: Probes,
}

impl Evidence {
    /// What a console has: snapshots and events, no look at the processes.
    pub fn of_snapshots(run: &RunSnapshot, peers: &[PeerSnapshot], events: &[Event]) -> Self {
        let of = |name: &String| PeerEvidence {
            name: name.clone(),
            snapshot: peers.iter().find(|p| p.peer == *name).cloned(),
            ..PeerEvidence::default()
        };
        Self {
            run: run.run.clone(),
            state: run.state,
            snapshot: Some(run.clone()),
            supervised: None,
            supervisor: None,
            peers: run.order.iter().map(of).collect(),
            events: events[events.len().saturating_sub(EVENTS_MAX)..].to_vec(),
            given_up: None,
            probes: Probes::default(),
        }
    }
}

/// One peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeerEvidence {
    pub name: String,
    /// Its last own word; `at_ms` tells how old that is.
    pub snapshot: Option<PeerSnapshot>,
    /// Whether it answered when it was asked just now; `None`: nobody asked, its snapshot's age decides.
    pub answered: Option<bool>,
    /// A look at its process; `None`: nobody looked, or there is nothing to look at.
    pub process: Option<ProcessFacts>,
}

/// A process from outside (`/proc/PID`); what could not be read is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessFacts {
    pub pid: u32,
    pub exists: bool,
    /// As in `/proc/PID/stat`: R runs, S sleeps, D waits for a device, T is stopped, t is traced.
    pub state: Option<char>,
    /// Processor time it took, in processors (1.0: all of one), over `watched_ms`.
    pub cpu: Option<f64>,
    /// Time its threads stood ready and got no processor, summed, in threads (1.0: one all the time).
    pub cpu_wait: Option<f64>,
    /// Time that its control group was kept from running because its quota was used up, in processors; `None`: not
    /// known.
    #[serde(default)]
    pub throttled: Option<f64>,
    pub watched_ms: u64,
    /// A frozen control group that it is in.
    pub frozen: Option<FrozenGroup>,
    /// Whether its control groups could be looked at.
    pub groups_known: bool,
    /// The memory that its control group allows; `None`: as much as there is, or it is not known.
    #[serde(default)]
    pub memory: Option<MemoryLimit>,
    pub threads: Vec<ThreadFacts>,
}

impl ProcessFacts {
    /// Something keeps it from running: a signal, a debugger, a frozen group.
    pub fn is_frozen(&self) -> bool {
        self.frozen.is_some() || matches!(self.state, Some('T' | 't'))
    }
}

/// A control group that keeps its processes from running.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenGroup {
    /// Its directory.
    pub path: String,
    /// What to type to thaw it, and to freeze it again.
    pub thaw: String,
    pub freeze: String,
}

/// The memory that a control group allows its processes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryLimit {
    /// Its directory.
    pub path: String,
    pub limit_bytes: u64,
    pub used_bytes: Option<u64>,
    /// Processes in it that the kernel has killed for want of memory, ever.
    pub kills: u64,
}

/// A thread, the same at the beginning and at the end of the look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadFacts {
    /// "slot-3", "write-3", "ledger".
    pub name: String,
    pub state: Option<char>,
    /// Where in the kernel it waits; empty: not known, or nowhere.
    pub wchan: String,
    /// The system call it is in, by name or number; empty: not known, or none.
    pub syscall: String,
}

/// Per cent of the last 10 s in which somebody, or everybody, waited for it (`/proc/pressure`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pressure {
    pub some: f64,
    pub full: f64,
}

/// Room at a target with a file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    pub target: String,
    pub path: String,
    pub free_bytes: Option<u64>,
    pub total_bytes: Option<u64>,
    /// `None` also where the file system does not count them.
    pub free_inodes: Option<u64>,
    /// Milliseconds until the file system answered; `None`: it did not within the time of the look.
    pub answered_ms: Option<u64>,
}

/// The ledger from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerFacts {
    /// Milliseconds that a read transaction took; `None`: it did not end.
    pub read_ms: Option<u64>,
    /// The process that held its write lock all through the look.
    pub writer: Option<Writer>,
    /// Room on its file system.
    pub free_bytes: Option<u64>,
}

/// Who has a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    pub pid: u32,
    /// Its program's name; may be empty.
    pub name: String,
    /// Whether it is a process of this run, or another of ours.
    pub ours: bool,
}

/// A look at the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    pub cpu: Option<Pressure>,
    pub io: Option<Pressure>,
    pub memory: Option<Pressure>,
    pub spaces: Vec<Space>,
    pub ledger: Option<LedgerFacts>,
}
