//! What a peer process is started with.

use std::path::PathBuf;
use std::time::Duration;
use twinhaul_profile::Profile;
use twinhaul_units::{PeerId, Ratio};

/// One peer of one run. The binary reads this from the run's directory.
#[derive(Clone, Debug)]
pub struct Options {
    pub run_dir: PathBuf,
    /// The run's id.
    pub run: String,
    pub me: PeerId,
    pub profile: Profile,
    /// What the last run of this profile learned; `None`: the profile's own.
    pub remembered_ratio: Option<Ratio>,
    /// Targets that held nothing when the run was made, by name: see [`crate::Opened::is_vacant`].
    pub vacant: Vec<String>,
    /// For the lock file and the ledger.
    pub boot_id: String,
    pub pid_start: u64,
    pub host: String,
}

impl Options {
    pub fn name(&self) -> &str {
        &self.profile.peer(self.me).name
    }

    pub fn other_name(&self) -> &str {
        &self.profile.peer(self.me.other()).name
    }
}

/// A group closes at so many transfers (store.md 3) …
pub(crate) const GROUP_TRANSFERS_MAX: usize = 4096;
/// … or so many bytes …
pub(crate) const GROUP_BYTES_MAX: u64 = 256 << 20;
/// … or after so long.
pub(crate) const GROUP_AGE_MAX: Duration = Duration::from_secs(1);
/// Complete transfers that wait for their group; more hold their slots back.
pub(crate) const SETTLING_MAX: usize = 2 * GROUP_TRANSFERS_MAX;
/// How often the driver, while its slots have more to do than one transfer each, and the committer, while a group is open, listen:
/// small transfers end by the thousand a second, and to be woken for each costs more than they do.
pub(crate) const GATHER: Duration = Duration::from_millis(2);
/// Attempts at one transfer before it is given up.
pub(crate) const ATTEMPTS_MAX: u32 = 4;
/// Pause before the second attempt; doubles.
pub(crate) const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// Pause between looks at a target that is full.
pub(crate) const SPACE_PAUSE: Duration = Duration::from_secs(1);
/// Bytes read, hashed and written at a time.
pub(crate) const CHUNK: usize = 1 << 20;
/// Chunks between the reading and the writing thread of one open object.
pub(crate) const PIPE_CHUNKS: usize = 4;
