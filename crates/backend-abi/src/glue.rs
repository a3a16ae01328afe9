//! The vtable of a Rust backend: every entry converts, catches panics, fills the error, and never unwinds (header R5).
//!
//! `export_backend!` uses [`vtable`], [`module`] and [`init`]; nothing else is public.

mod guard;
mod nodes;
mod reader;
mod sinks;
mod target;
mod two_phase;
mod writer;

use crate::convert;
use crate::error::{Code, Error};
use crate::op::Host;
use crate::plugin::{Backend, ModuleInfo, Target};
use crate::raw;

/// The entries for `B`.
pub const fn vtable<B: Backend>() -> raw::Vtable {
    entries::<B, B::Target>()
}

const fn entries<B: Backend<Target = T>, T: Target>() -> raw::Vtable {
    raw::Vtable {
        struct_size: raw::size32::<raw::Vtable>(),
        reserved: 0,
        config_check: Some(target::config_check::<B>),
        target_open: Some(target::open::<B>),
        target_close: Some(target::close::<T>),
        target_probe: Some(target::probe::<T>),
        target_cancel: Some(target::cancel::<T>),
        writer_open: Some(writer::open::<T>),
        writer_attach: Some(writer::attach::<T>),
        writer_write: Some(writer::write::<T::Writer>),
        writer_write_at: Some(writer::write_at::<T::Writer>),
        writer_copy_fd: Some(writer::copy_fd::<T::Writer>),
        writer_set_len: Some(writer::set_len::<T::Writer>),
        writer_flush: Some(writer::flush::<T::Writer>),
        writer_save: Some(writer::save::<T::Writer>),
        writer_seal: Some(writer::seal::<T::Writer>),
        writer_commit: Some(writer::commit::<T::Writer>),
        writer_abort: Some(writer::abort::<T::Writer>),
        writer_cancel: Some(writer::cancel::<T::Writer>),
        writer_free: Some(writer::free::<T::Writer>),
        put_batch: Some(two_phase::put_batch::<T>),
        seal_sync: Some(two_phase::seal_sync::<T>),
        publish_batch: Some(two_phase::publish_batch::<T>),
        publish_sync: Some(two_phase::publish_sync::<T>),
        discard: Some(two_phase::discard::<T>),
        sweep: Some(two_phase::sweep::<T>),
        put_node: Some(nodes::put_node::<T>),
        set_attrs: Some(nodes::set_attrs::<T>),
        get_attrs: Some(nodes::get_attrs::<T>),
        stat: Some(nodes::stat::<T>),
        reader_open: Some(reader::open::<T>),
        reader_read: Some(reader::read::<T::Reader>),
        reader_stat: Some(reader::stat::<T::Reader>),
        reader_extents: Some(reader::extents::<T::Reader>),
        reader_fd: Some(reader::fd::<T::Reader>),
        reader_cancel: Some(reader::cancel::<T::Reader>),
        reader_free: Some(reader::free::<T::Reader>),
        list: Some(nodes::list::<T>),
        target_status: Some(target::status::<T>),
        target_control: Some(target::control::<T>),
        remove: Some(nodes::remove::<T>),
        writer_adopt: Some(writer::adopt::<T::Writer>),
        writer_reflink: Some(writer::reflink::<T::Writer>),
    }
}

/// The identity of `B`.
pub const fn module<B: Backend>() -> raw::Module {
    let ModuleInfo { name, version, description, license, build_id, config_schema, verbs, caps } = B::INFO;
    raw::Module {
        magic: raw::MAGIC,
        struct_size: raw::size32::<raw::Module>(),
        abi_major: raw::ABI_MAJOR,
        abi_minor: raw::ABI_MINOR,
        flags: 0,
        caps: caps.0,
        name: name.as_ptr(),
        version: version.as_ptr(),
        description: description.as_ptr(),
        license: license.as_ptr(),
        build_id: optional(build_id),
        config_schema: optional(config_schema),
        verbs: optional(verbs),
    }
}

const fn optional(text: Option<&'static std::ffi::CStr>) -> *const std::ffi::c_char {
    match text {
        Some(text) => text.as_ptr(),
        None => std::ptr::null(),
    }
}

/// The body of `twh_module_init`: remembers the host, hands out the vtable.
///
/// # Safety
/// The pointers are those that the header describes.
pub unsafe fn init(
    vtable: &'static raw::Vtable,
    host: *const raw::Host,
    out: *mut *const raw::Vtable,
    err: *mut raw::Error,
) -> raw::RawCode {
    // SAFETY: the host lives for ever and says how large it is; out is writable.
    unsafe {
        guard::run(err, || {
            let refuse = |message| Error::new(Code::Abi, message);
            if out.is_null() {
                return Err(Error::new(Code::InvalidArg, "no place for the vtable"));
            }
            let known = convert::read_prefix(host).ok_or_else(|| refuse("no host".to_owned()))?;
            if known.abi_major != raw::ABI_MAJOR || !(raw::ABI_MINOR..).contains(&known.abi_minor) {
                return Err(refuse(format!(
                    "the host speaks interface {}.{}, this backend {}.{}",
                    known.abi_major,
                    known.abi_minor,
                    raw::ABI_MAJOR,
                    raw::ABI_MINOR
                )));
            }
            guard::quiet_panics();
            Host::install(Box::leak(Box::new(known)));
            *out = vtable;
            Ok(())
        })
    }
}
