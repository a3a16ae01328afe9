//! The backend `tape`: virtual cartridges as files that other people's tools read, with the manners of tape.
//!
//! Objects go to cartridges in data sets (one pax archive between labels) and are durable when their data set is closed; a catalogue
//! says what is visible, and is made again from the cartridges when it is lost. It must never overwrite what it did not write, call
//! an object durable before its tapemark is, or wait without saying for what. [`format`] is what lies on a cartridge; `library` the
//! drives, slots and mounts; `catalogue` what is known; `stream` how objects become data sets; the other files one call group each.

mod catalogue;
pub mod config;
mod control;
mod fail;
pub mod format;
mod library;
mod probe;
mod reader;
mod shared;
mod status;
mod stream;
mod target;
mod writer;

pub use reader::TapeReader;
pub use target::TapeTarget;
pub use writer::TapeWriter;

use twinhaul_backend_abi::{Backend, Caps, Host, Limits, ModuleInfo, Op, Problem, Result};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Tape;

impl Backend for Tape {
    const INFO: ModuleInfo = ModuleInfo {
        name: c"tape",
        version: ModuleInfo::text(concat!(env!("CARGO_PKG_VERSION"), "\0")),
        description: c"virtual tape libraries: cartridges as files that other tools read",
        license: ModuleInfo::text(concat!(env!("CARGO_PKG_LICENSE"), "\0")),
        build_id: None,
        config_schema: Some(config::SCHEMA),
        verbs: Some(control::VERBS),
        caps: CAPS,
    };
    type Target = TapeTarget;

    fn config_check(config_json: &str) -> Vec<Problem> {
        config::Config::parse(config_json).1
    }

    fn open(config_json: &str, op: &Op<'_>, host: Host) -> Result<(TapeTarget, Limits)> {
        TapeTarget::open(config::Config::of(config_json)?, op, host)
    }
}

/// What a tape target can do.
pub(crate) const CAPS: Caps = Caps::SEQUENTIAL
    .with(Caps::READ)
    .with(Caps::LIST)
    .with(Caps::LIST_ORDERED)
    .with(Caps::DELETE)
    .with(Caps::IF_NOT_EXISTS)
    .with(Caps::OVERWRITE)
    .with(Caps::ATOMIC_COMMIT)
    .with(Caps::TWO_PHASE)
    .with(Caps::DURABLE_COMMIT)
    .with(Caps::USER_METADATA)
    .with(Caps::POSIX_METADATA)
    .with(Caps::OWNERS)
    .with(Caps::XATTRS)
    .with(Caps::EMPTY_OBJECTS)
    .with(Caps::DIRECTORIES)
    .with(Caps::SYMLINKS)
    .with(Caps::HARD_LINKS)
    .with(Caps::CAPACITY)
    .with(Caps::REMOVABLE);

twinhaul_backend_abi::export_backend!(Tape);
