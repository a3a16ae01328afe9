//! The vtable and its callbacks. An entry that is `None`, or beyond the plugin's `struct_size`, is unsupported (R3, R6).

use std::ffi::c_void;

use super::object::{Attrs, Limits, Probe, Put, Stat, WriterInfo};
use super::{Buf, Bytes, Error, Op, RawCode, Reader, Str, Target, Writer};

pub type ListSink = Option<unsafe extern "C" fn(ctx: *mut c_void, key: Bytes, attrs: *const Attrs) -> i32>;
pub type AttrsSink = Option<unsafe extern "C" fn(ctx: *mut c_void, attrs: *const Attrs) -> i32>;
pub type MetaSink = Option<unsafe extern "C" fn(ctx: *mut c_void, key: Str, value: Str) -> i32>;
pub type BytesSink = Option<unsafe extern "C" fn(ctx: *mut c_void, chunk: Bytes) -> i32>;
pub type ExtentSink = Option<unsafe extern "C" fn(ctx: *mut c_void, offset: u64, len: u64) -> i32>;
pub type ProblemSink =
    Option<unsafe extern "C" fn(ctx: *mut c_void, severity: u32, path: Str, message: Str) -> i32>;
pub type ItemSink = Option<unsafe extern "C" fn(ctx: *mut c_void, index: usize, err: *const Error) -> i32>;

/// `twh_init_fn`.
pub type InitFn =
    unsafe extern "C" fn(host: *const super::Host, out: *mut *const Vtable, err: *mut Error) -> RawCode;

macro_rules! vtable {
    ($($name:ident($($arg:ident: $t:ty),*) $(-> $r:ty)?;)*) => {
        #[repr(C)]
        #[derive(Clone, Copy, Debug)]
        pub struct Vtable {
            pub struct_size: u32,
            pub reserved: u32,
            $(pub $name: Option<unsafe extern "C" fn($($arg: $t),*) $(-> $r)?>,)*
        }
        /// The entries in their order, for the layout test.
        pub const VTABLE_FIELDS: &[(&str, usize)] = &[$((stringify!($name), std::mem::offset_of!(Vtable, $name))),*];
    };
}

vtable! {
    config_check(config_json: Str, problems: ProblemSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    target_open(config_json: Str, op: *const Op, out: *mut *mut Target, limits: *mut Limits, err: *mut Error) -> RawCode;
    target_close(t: *mut Target);
    target_probe(t: *mut Target, op: *const Op, out: *mut Probe, err: *mut Error) -> RawCode;
    target_cancel(t: *mut Target, op_id: u64);

    writer_open(t: *mut Target, op: *const Op, put: *const Put, out: *mut *mut Writer, info: *mut WriterInfo, err: *mut Error) -> RawCode;
    writer_attach(t: *mut Target, op: *const Op, put: *const Put, r: Bytes, out: *mut *mut Writer, info: *mut WriterInfo, err: *mut Error) -> RawCode;
    writer_write(w: *mut Writer, op: *const Op, buf: *const Buf, err: *mut Error) -> RawCode;
    writer_write_at(w: *mut Writer, op: *const Op, offset: u64, buf: *const Buf, err: *mut Error) -> RawCode;
    writer_copy_fd(w: *mut Writer, op: *const Op, src_fd: i32, offset: u64, len: u64, err: *mut Error) -> RawCode;
    writer_set_len(w: *mut Writer, op: *const Op, len: u64, err: *mut Error) -> RawCode;
    writer_flush(w: *mut Writer, op: *const Op, durable_prefix: *mut u64, err: *mut Error) -> RawCode;
    writer_save(w: *mut Writer, op: *const Op, token: BytesSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    writer_seal(w: *mut Writer, op: *const Op, lost: *mut u32, err: *mut Error) -> RawCode;
    writer_commit(w: *mut Writer, op: *const Op, checksum_kind: u32, checksum: Bytes, out: *mut Stat, err: *mut Error) -> RawCode;
    writer_abort(w: *mut Writer, op: *const Op, err: *mut Error) -> RawCode;
    writer_cancel(w: *mut Writer);
    writer_free(w: *mut Writer);
    put_batch(t: *mut Target, op: *const Op, puts: *const Put, put_stride: usize, bufs: *const Buf, n: usize,
        infos: *mut WriterInfo, info_stride: usize, stats: *mut Stat, stat_stride: usize,
        codes: *mut i32, failed: ItemSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;

    seal_sync(t: *mut Target, op: *const Op, refs: *const Bytes, n: usize, codes: *mut i32, failed: ItemSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    publish_batch(t: *mut Target, op: *const Op, puts: *const Put, put_stride: usize, refs: *const Bytes, n: usize,
        stats: *mut Stat, stat_stride: usize, codes: *mut i32, failed: ItemSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    publish_sync(t: *mut Target, op: *const Op, err: *mut Error) -> RawCode;
    discard(t: *mut Target, op: *const Op, by: u32, ref_or_attempt: Bytes, existed: *mut i32, err: *mut Error) -> RawCode;
    sweep(t: *mut Target, op: *const Op, run_prefix: Bytes, remove: i32, found: BytesSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;

    put_node(t: *mut Target, op: *const Op, put: *const Put, hard_link_of: Bytes, lost: *mut u32, err: *mut Error) -> RawCode;
    set_attrs(t: *mut Target, op: *const Op, key: Bytes, attrs: *const Attrs, lost: *mut u32, err: *mut Error) -> RawCode;
    get_attrs(t: *mut Target, op: *const Op, key: Bytes, attrs: AttrsSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;

    stat(t: *mut Target, op: *const Op, key: Bytes, out: *mut Stat, meta: MetaSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    reader_open(t: *mut Target, op: *const Op, key: Bytes, offset: u64, len: u64, flags: u32, out: *mut *mut Reader, st: *mut Stat, err: *mut Error) -> RawCode;
    reader_read(r: *mut Reader, op: *const Op, dst: *mut u8, cap: usize, got: *mut usize, err: *mut Error) -> RawCode;
    reader_stat(r: *mut Reader, op: *const Op, attrs: AttrsSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    reader_extents(r: *mut Reader, op: *const Op, data: ExtentSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    reader_fd(r: *mut Reader) -> i32;
    reader_cancel(r: *mut Reader);
    reader_free(r: *mut Reader);
    list(t: *mut Target, op: *const Op, prefix: Bytes, continuation: Bytes, want_attrs: u32, max_entries: u32,
        entry: ListSink, next: BytesSink, sink_ctx: *mut c_void, ordered: *mut i32, err: *mut Error) -> RawCode;

    target_status(t: *mut Target, op: *const Op, json: BytesSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    target_control(t: *mut Target, op: *const Op, verb: Str, args_json: Str, out: BytesSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;
    remove(t: *mut Target, op: *const Op, keys: *const Bytes, n: usize, codes: *mut i32, failed: ItemSink, sink_ctx: *mut c_void, err: *mut Error) -> RawCode;

    writer_adopt(w: *mut Writer, op: *const Op, r: Bytes, offset: u64, len: u64, err: *mut Error) -> RawCode;
    writer_reflink(w: *mut Writer, op: *const Op, src_fd: i32, len: u64, err: *mut Error) -> RawCode;
}
