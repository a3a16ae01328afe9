//! Finds, checks, loads and calls backends: the safe side of the plugin interface, used by engine, planner and verbs.
//!
//! A library is checked before any of its code runs (faults.md, threats 6 and 7), probed in a throw-away child, loaded
//! by descriptor and never unloaded. [`Loader`] does that; [`Library`], [`Target`], [`Writer`] and [`Reader`] are what one
//! works with; they see to the joins of header rules R4 and R10. This crate must never interpret what a backend stores.
#![allow(unsafe_code, reason = "calls into foreign libraries; every block says why it is sound")]

pub mod chunk;
pub mod conformance;
pub mod error;
mod gate;
pub mod library;
pub mod loader;
pub mod module;
pub mod op;
pub mod probe;
pub mod reader;
pub mod search;
pub mod services;
mod sinks;
pub mod target;
mod trust;
pub mod writer;

pub use chunk::Chunk;
pub use error::{BackendError, HostError};
pub use library::Library;
pub use loader::{Found, Loader};
pub use module::{ModuleInfo, Verb};
pub use op::{OpContext, WaitNote};
pub use probe::{answer_in_child, probe_in_child};
pub use reader::{Reader, ReaderCanceller};
pub use search::Search;
pub use services::Services;
pub use target::{BatchPut, Entry, ListPage, Target};
pub use writer::{Writer, WriterCanceller};

pub use twinhaul_backend_abi::{
    Attrs, Caps, Checksum, ChecksumKind, Code, Health, Key, KeyRules, Kind, Limits, ListRequest, LogLevel,
    Lost, POSITION_MEDIUM_SHIFT, Private, Probe, Problem, Put, ReadOptions, Severity, Stat, WaitReason,
    Wanted, WriteMode, WriterInfo,
};
