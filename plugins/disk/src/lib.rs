//! The backend `disk`: a directory of a mounted file system as target or source.
//!
//! Objects are written under private names in `<root>/.twinhaul`, made durable in groups and published by rename; a discard
//! of the private name is the fence of a take-over (store.md 3). It must never follow a symlink, leave its root, block on a FIFO,
//! or retry an fsync. What is exported is [`Disk`]; `volume` holds what an open target shares, the other files have one call
//! group each.

mod attrs;
pub mod config;
mod copy;
mod durable;
mod extents;
mod fail;
mod lister;
mod medium;
mod mounts;
mod names;
mod node;
mod nodes;
mod parents;
mod private;
mod probe;
mod publish;
mod reader;
mod root;
mod status;
mod sweep;
mod target;
mod thaw;
mod volume;
mod writer;

pub use mounts::MountTable;
pub use reader::DiskReader;
pub use target::DiskTarget;
pub use writer::DiskWriter;

use twinhaul_backend_abi::{Backend, Caps, Host, Limits, ModuleInfo, Op, Problem, Result};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Backend for Disk {
    const INFO: ModuleInfo = ModuleInfo {
        name: c"disk",
        version: ModuleInfo::text(concat!(env!("CARGO_PKG_VERSION"), "\0")),
        description: c"directories of mounted file systems",
        license: ModuleInfo::text(concat!(env!("CARGO_PKG_LICENSE"), "\0")),
        build_id: None,
        config_schema: Some(config::SCHEMA),
        verbs: None,
        caps: CAPS,
    };
    type Target = DiskTarget;

    fn config_check(config_json: &str) -> Vec<Problem> {
        config::Config::parse(config_json).1
    }

    fn open(config_json: &str, op: &Op<'_>, host: Host) -> Result<(DiskTarget, Limits)> {
        DiskTarget::open(&config::Config::of(config_json)?, op, host)
    }
}

/// What a target can do on a file system that can do all.
pub(crate) const CAPS: Caps = Caps::RANDOM_WRITE
    .with(Caps::PARALLEL_RANGES)
    .with(Caps::SHARED_RANGES)
    .with(Caps::READ)
    .with(Caps::RANGE_READ)
    .with(Caps::LIST)
    .with(Caps::DELETE)
    .with(Caps::IF_NOT_EXISTS)
    .with(Caps::OVERWRITE)
    .with(Caps::ATOMIC_COMMIT)
    .with(Caps::TWO_PHASE)
    .with(Caps::DURABLE_COMMIT)
    .with(Caps::POSIX_METADATA)
    .with(Caps::OWNERS)
    .with(Caps::XATTRS)
    .with(Caps::EMPTY_OBJECTS)
    .with(Caps::DIRECTORIES)
    .with(Caps::SYMLINKS)
    .with(Caps::HARD_LINKS)
    .with(Caps::SPARSE)
    .with(Caps::CAPACITY);

twinhaul_backend_abi::export_backend!(Disk);
