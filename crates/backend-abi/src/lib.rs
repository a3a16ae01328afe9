//! The plugin interface: `include/twinhaul_backend.h`, its mirror in Rust ([`raw`]), and the SDK for writing a backend in Rust.
//!
//! A plugin implements [`Backend`], [`Target`], [`Writer`] and [`Reader`] in safe Rust and says [`export_backend!`] once; the
//! glue converts, catches panics and fills errors. The same safe types ([`Attrs`], [`Put`], [`Stat`], [`Limits`], …) are
//! used by `backend-host` on the other side. This crate must never do I/O, and nothing but the two exported
//! symbols may leave a plugin (backends.md 1). A guide with the file names is `plugins/README.md`.
#![allow(unsafe_code, reason = "this crate is the boundary itself; every block says why it is sound")]

pub mod attrs;
pub mod caps;
pub mod convert;
pub mod error;
pub mod glue;
pub mod object;
pub mod op;
pub mod plugin;
pub mod raw;
pub mod target;

pub use attrs::{Attrs, Kind, POSITION_MEDIUM_SHIFT};
pub use caps::{Caps, KeyRules, Lost};
pub use error::{Code, Error, Result};
pub use object::{Checksum, ChecksumKind, Private, Put, Stat, WriteMode, WriterInfo};
pub use op::{Buf, Host, LogLevel, Op, Retained, WaitReason};
pub use plugin::{
    Backend, Batch, BatchPut, Canceller, Flow, ListEnd, ListRequest, ModuleInfo, NoReader, NoWriter,
    ReadOptions, Reader, Target, Wanted, Writer,
};
pub use target::{Health, Limits, Probe, Problem, Severity};
pub use twinhaul_units::Key;

/// Exports a [`Backend`] from a `cdylib`: the two symbols of the header and a vtable of guarded entries.
///
/// ```ignore
/// twinhaul_backend_abi::export_backend!(Disk);
/// ```
#[macro_export]
macro_rules! export_backend {
    ($backend:ty) => {
        #[allow(unsafe_code, reason = "the two symbols that every backend exports")]
        const _: () = {
            static VTABLE: $crate::raw::Vtable = $crate::glue::vtable::<$backend>();

            #[unsafe(no_mangle)]
            pub static twh_module_info: $crate::raw::Module = $crate::glue::module::<$backend>();

            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn twh_module_init(
                host: *const $crate::raw::Host,
                out: *mut *const $crate::raw::Vtable,
                err: *mut $crate::raw::Error,
            ) -> $crate::raw::RawCode {
                // SAFETY: the host passes pointers that the header describes; VTABLE lives for ever.
                unsafe { $crate::glue::init(&VTABLE, host, out, err) }
            }
        };
    };
}
