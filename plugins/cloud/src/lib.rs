//! The backend `cloud`: object stores and remote file servers, through OpenDAL.
//!
//! Objects become visible whole, at commit; there is no private phase. It must never call an object there that it has not seen confirmed,
//! leave an upload of its own behind, or show a secret. [`services`] is what it reaches; `store` the opened service; `transport` what goes
//! over the wire; `writer` and its files how objects are sent; the other files one call group each.

mod budget;
mod canary;
mod check;
mod class;
pub mod config;
mod control;
mod cost;
mod fail;
mod lister;
mod meta;
mod meter;
mod names;
mod probe;
mod reader;
pub mod services;
mod status;
mod store;
mod target;
mod transport;
mod trials;
mod uploads;
mod writer;

pub use reader::CloudReader;
pub use target::CloudTarget;
pub use writer::CloudWriter;

use twinhaul_backend_abi::{Backend, Caps, Host, Limits, ModuleInfo, Op, Problem, Result};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Cloud;

impl Backend for Cloud {
    const INFO: ModuleInfo = ModuleInfo {
        name: c"cloud",
        version: ModuleInfo::text(concat!(env!("CARGO_PKG_VERSION"), "\0")),
        description: c"object stores through OpenDAL: s3, azblob, webdav, sftp, memory; untested here: gcs, azdls, oss, cos, obs, b2, swift",
        license: ModuleInfo::text(concat!(env!("CARGO_PKG_LICENSE"), "\0")),
        build_id: None,
        config_schema: Some(config::SCHEMA),
        verbs: Some(control::VERBS),
        caps: CAPS,
    };
    type Target = CloudTarget;

    fn config_check(config_json: &str) -> Vec<Problem> {
        config::Config::parse(config_json).1
    }

    fn open(config_json: &str, op: &Op<'_>, host: Host) -> Result<(CloudTarget, Limits)> {
        CloudTarget::open(config::Config::of(config_json)?, op, host)
    }
}

/// What a cloud target can do at most; an open one says what its service really does.
pub(crate) const CAPS: Caps = Caps::READ
    .with(Caps::RANGE_READ)
    .with(Caps::LIST)
    .with(Caps::DELETE)
    .with(Caps::IF_NOT_EXISTS)
    .with(Caps::OVERWRITE)
    .with(Caps::ATOMIC_COMMIT)
    .with(Caps::USER_METADATA)
    .with(Caps::POSIX_METADATA)
    .with(Caps::OWNERS)
    .with(Caps::EMPTY_OBJECTS)
    .with(Caps::DURABLE_COMMIT)
    .with(Caps::ONE_SHOT)
    .with(Caps::REMOVABLE);

twinhaul_backend_abi::export_backend!(Cloud);
