//! What the planner writes: the run, its waves, their lots, the directories.

use twinhaul_units::{PeerId, TransferId};

/// A run about to begin; fixed for its whole life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Speakable and unique on this machine: `projects-to-vault-3`.
    pub id: String,
    /// The profile's name.
    pub name: String,
    /// SHA-256 or BLAKE3 of the frozen profile, in hexadecimal.
    pub profile_hash: String,
    /// `balanced`, `learning` or `none`.
    pub policy: String,
    /// The names of the first and the second peer.
    pub names: [String; 2],
    pub created_at_ms: u64,
}

/// What kind of object a transfer moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    #[default]
    File,
    Symlink,
    /// One file with several names at the target; one transfer (store.md 3).
    HardLinkGroup,
}

/// One transfer as the planner found it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// One more than the id before it in the wave.
    pub id: TransferId,
    /// At the target.
    pub key: Vec<u8>,
    /// At the source; stored only when it differs from `key` (a route with a prefix).
    pub source_key: Vec<u8>,
    pub source: u16,
    pub target: u16,
    pub kind: NodeKind,
    /// Bytes; 0 for a symbolic link.
    pub size: u64,
    /// Nanoseconds since the epoch.
    pub mtime_ns: i64,
    /// Further names of a hard-link group: keys at the target.
    pub names: Vec<Vec<u8>>,
}

/// An interval of a wave's ids with its first owner; the ledger gives it its id and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewLot {
    pub target: u16,
    /// First and last id, inclusive.
    pub first: TransferId,
    pub last: TransferId,
    pub owner: PeerId,
}

/// A directory whose times and modes are set at the end, deepest first (store.md 3, "finishing").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlannedDirectory {
    pub source: u16,
    pub source_key: Vec<u8>,
    pub target: u16,
    pub key: Vec<u8>,
    /// Number of components of `key`.
    pub depth: u32,
    /// The backend's attributes, as it wrote them.
    pub attrs_json: String,
}
