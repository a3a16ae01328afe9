//! What everything that is open on one target shares: the root, its medium, and the books about durability.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use rustix::fs::Mode;
use rustix::io::Errno;
use twinhaul_backend_abi::{Caps, Result};

use crate::config::Config;
use crate::durable::pulse::Pulse;
use crate::durable::{Flights, Touched};
use crate::fail::failed;
use crate::medium::Medium;
use crate::private::LatestDir;
use crate::root::Root;
use crate::thaw::Thaw;

/// The umask of a process that cannot tell it: private.
const UMASK_UNKNOWN: u32 = 0o077;

/// See the module.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) root: Root,
    pub(crate) medium: Medium,
    /// Extended attributes are wanted and possible.
    pub(crate) xattrs: bool,
    /// Blocks may be shared with a source.
    pub(crate) reflink: bool,
    /// Bytes from which objects are read past the page cache.
    pub(crate) direct_above: u64,
    pub(crate) euid: u32,
    /// Of objects without attributes: 0666 less the umask.
    pub(crate) plain_mode: Mode,
    pub(crate) thaw: Thaw,
    pub(crate) flights: Flights,
    pub(crate) latest_dir: LatestDir,
    pub(crate) touched: Touched,
    pub(crate) pulse: Pulse,
    /// Held during a syncfs.
    pub(crate) barrier: Mutex<()>,
    /// Held during a `publish_sync`.
    pub(crate) names_barrier: Mutex<()>,
    /// The file system refused `RENAME_NOREPLACE`.
    pub(crate) no_noreplace: AtomicBool,
}

impl Volume {
    pub(crate) fn new(root: Root, config: &Config) -> Result<Self> {
        let medium = Medium::of(root.fd()).map_err(|e| failed("ask the file system of", b"", e))?;
        let xattrs = config.xattrs && medium.can(Caps::XATTRS) && keeps_xattrs(&root);
        Ok(Self {
            root,
            medium,
            xattrs,
            reflink: config.reflink,
            direct_above: config.direct_above.0,
            euid: rustix::process::geteuid().as_raw(),
            plain_mode: Mode::from_raw_mode(0o666 & !umask()),
            thaw: Thaw::default(),
            flights: Flights::default(),
            latest_dir: LatestDir::default(),
            touched: Touched::default(),
            pulse: Pulse::default(),
            barrier: Mutex::new(()),
            names_barrier: Mutex::new(()),
            no_noreplace: AtomicBool::new(false),
        })
    }

    #[cfg(test)]
    pub(crate) fn for_tests(dir: &std::path::Path) -> Self {
        let config = Config::of(&format!("{{\"root\":{:?}}}", dir.to_str().unwrap())).unwrap();
        Self::new(Root::at(dir).unwrap(), &config).unwrap()
    }

    /// What is not there although the medium's type could have it.
    pub(crate) fn missing(&self) -> Caps {
        let xattrs = if self.xattrs { Caps::NONE } else { Caps::XATTRS };
        // Others can give files away only within their groups: then owners are lost, and the plan says so.
        let owners = if self.euid == 0 { Caps::NONE } else { Caps::OWNERS };
        xattrs | owners
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        self.thaw.restore(&self.root);
    }
}

fn keeps_xattrs(root: &Root) -> bool {
    let mut none = [0u8; 0];
    let answer = rustix::fs::fgetxattr(root.fd(), c"user.twinhaul", &mut none[..]);
    !matches!(answer, Err(Errno::NOTSUP | Errno::NOSYS))
}

/// Read, not asked for with umask(2), which would change it for a moment for all threads (header R8).
fn umask() -> u32 {
    let read = || {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|l| l.strip_prefix("Umask:"))?;
        u32::from_str_radix(line.trim(), 8).ok()
    };
    read().unwrap_or(UMASK_UNKNOWN) & 0o777
}
