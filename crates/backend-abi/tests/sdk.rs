//! A backend in Rust behind its own vtable: conversion, panics, the life of a writer, cancelling; called as a C host would.

#![allow(unsafe_code, reason = "the test plays a host written in C")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, and a backend that is meant to break"
)]

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, Mutex};

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{
    Backend, Buf, Caps, Code, Error, Health, Host, Key, Limits, ListEnd, ListRequest, Lost, ModuleInfo, Op,
    Probe, Problem, Put, ReadOptions, Reader, Result, Retained, Stat, Target, Writer, WriterInfo, convert,
    glue,
};

type Objects = Arc<Mutex<HashMap<Vec<u8>, Vec<u8>>>>;

struct Toy;
struct ToyTarget(Objects);
struct ToyWriter {
    objects: Objects,
    key: Vec<u8>,
    parts: Vec<Retained>,
}
struct ToyReader(Vec<u8>);

impl Backend for Toy {
    const INFO: ModuleInfo = ModuleInfo {
        name: c"toy",
        version: ModuleInfo::text(concat!(env!("CARGO_PKG_VERSION"), "\0")),
        description: c"for this test",
        license: c"MIT",
        build_id: None,
        config_schema: None,
        verbs: None,
        caps: Caps::READ.with(Caps::LIST),
    };
    type Target = ToyTarget;

    fn config_check(config_json: &str) -> Vec<Problem> {
        if config_json == "{}" { vec![Problem::error("/root", "is missing")] } else { vec![] }
    }

    fn open(_: &str, _: &Op<'_>, _: Host) -> Result<(ToyTarget, Limits)> {
        Ok((ToyTarget(Objects::default()), Limits { caps: Self::INFO.caps, ..Limits::default() }))
    }
}

impl Target for ToyTarget {
    type Writer = ToyWriter;
    type Reader = ToyReader;

    fn probe(&self, _: &Op<'_>) -> Result<Probe> {
        Ok(Probe { health: Health::Good, ..Probe::default() })
    }

    fn writer_open(&self, _: &Op<'_>, put: &Put) -> Result<(ToyWriter, WriterInfo)> {
        let writer =
            ToyWriter { objects: self.0.clone(), key: put.key.as_bytes().to_vec(), parts: Vec::new() };
        Ok((writer, WriterInfo { reference: b"r1".to_vec(), lost: Lost::OWNER, ..WriterInfo::default() }))
    }

    fn stat(&self, _: &Op<'_>, key: &Key) -> Result<Stat> {
        let objects = self.0.lock().unwrap();
        let size =
            objects.get(key.as_bytes()).ok_or_else(|| Error::new(Code::NotFound, "no such object"))?.len();
        Ok(Stat { size: size as u64, ..Stat::default() })
    }

    fn reader_open(&self, op: &Op<'_>, key: &Key, options: ReadOptions) -> Result<(ToyReader, Stat)> {
        let stat = self.stat(op, key)?;
        let bytes = self.0.lock().unwrap()[key.as_bytes()].clone();
        Ok((ToyReader(bytes[options.offset as usize..].to_vec()), stat))
    }

    fn list(
        &self,
        _: &Op<'_>,
        _: &ListRequest<'_>,
        _: &mut dyn FnMut(&[u8], &twinhaul_backend_abi::Attrs) -> twinhaul_backend_abi::Flow,
    ) -> Result<ListEnd> {
        panic!("listing is broken");
    }
}

impl Writer for ToyWriter {
    fn write(&mut self, _: &Op<'_>, buf: &Buf<'_>) -> Result<()> {
        assert!(&buf[..] != b"boom", "the toy broke");
        self.parts.push(buf.retain());
        Ok(())
    }

    fn commit(&mut self, _: &Op<'_>, _: Option<&twinhaul_backend_abi::Checksum>) -> Result<Stat> {
        let bytes: Vec<u8> = self.parts.iter().flat_map(|p| p.as_ref().to_vec()).collect();
        let size = bytes.len() as u64;
        self.objects.lock().unwrap().insert(self.key.clone(), bytes);
        Ok(Stat { size, ..Stat::default() })
    }

    fn abort(&mut self, _: &Op<'_>) -> Result<()> {
        self.parts.clear();
        Ok(())
    }
}

impl Reader for ToyReader {
    fn read(&mut self, op: &Op<'_>, dst: &mut [u8]) -> Result<usize> {
        op.check()?;
        let n = dst.len().min(self.0.len());
        dst[..n].copy_from_slice(&self.0[..n]);
        self.0.drain(..n);
        Ok(n)
    }
}

twinhaul_backend_abi::export_backend!(Toy);

static TABLE: raw::Vtable = glue::vtable::<Toy>();

/// An entry's code with its error.
macro_rules! call {
    ($entry:ident($($arg:expr),*)) => {{
        let mut err = raw::Error::zeroed();
        let code = unsafe { TABLE.$entry.unwrap()($($arg,)* &raw mut err) };
        if code == raw::OK { Ok(()) } else { Err(unsafe { convert::load_error(code, &raw const err) }) }
    }};
}

fn open() -> *mut raw::Target {
    let mut t = std::ptr::null_mut();
    let mut limits = raw::Limits::zeroed();
    call!(target_open(raw::Str::of("{\"root\":1}"), std::ptr::null(), &raw mut t, &raw mut limits)).unwrap();
    assert_eq!(limits.caps, Toy::INFO.caps.0);
    t
}

fn writer(t: *mut raw::Target, key: &str) -> *mut raw::Writer {
    let put = Put::new(Key::new(key).unwrap(), "run/1/1/1");
    let (mut w, mut info) = (std::ptr::null_mut(), raw::WriterInfo::zeroed());
    let views = convert::PutViews::new([&put]);
    call!(writer_open(t, std::ptr::null(), views.as_ptr(), &raw mut w, &raw mut info)).unwrap();
    let info = convert::load_info(&info);
    assert_eq!((info.reference, info.lost), (b"r1".to_vec(), Lost::OWNER));
    w
}

fn write(w: *mut raw::Writer, data: &[u8]) -> Result<()> {
    let buf = raw::Buf {
        ptr: data.as_ptr(),
        len: data.len(),
        owner: std::ptr::null_mut(),
        retain: None,
        release: None,
    };
    call!(writer_write(w, std::ptr::null(), &raw const buf))
}

fn commit(w: *mut raw::Writer) -> Result<()> {
    let mut stat = raw::Stat::zeroed();
    call!(writer_commit(w, std::ptr::null(), raw::CK_NONE, raw::Bytes::EMPTY, &raw mut stat))
}

fn finish(t: *mut raw::Target, w: *mut raw::Writer) {
    unsafe {
        TABLE.writer_free.unwrap()(w);
        TABLE.target_close.unwrap()(t);
    }
}

#[test]
fn an_object_goes_in_and_comes_out() {
    let t = open();
    let w = writer(t, "a/b");
    write(w, b"hello ").unwrap();
    write(w, b"world").unwrap();
    commit(w).unwrap();

    let (mut r, mut stat) = (std::ptr::null_mut(), raw::Stat::zeroed());
    let key = raw::Bytes::of(b"a/b");
    call!(reader_open(t, std::ptr::null(), key, 6, raw::UNKNOWN_U64, 0, &raw mut r, &raw mut stat)).unwrap();
    assert_eq!(stat.size, 11);
    let (mut dst, mut got) = ([0u8; 16], 0);
    call!(reader_read(r, std::ptr::null(), dst.as_mut_ptr(), dst.len(), &raw mut got)).unwrap();
    assert_eq!(&dst[..got], b"world");

    unsafe { TABLE.reader_cancel.unwrap()(r) };
    let e = call!(reader_read(r, std::ptr::null(), dst.as_mut_ptr(), dst.len(), &raw mut got)).unwrap_err();
    assert_eq!(e.code, Code::Cancelled);
    unsafe { TABLE.reader_free.unwrap()(r) };
    finish(t, w);
}

#[test]
fn a_writer_that_panics_is_dead_but_can_be_aborted() {
    let t = open();
    let w = writer(t, "a");
    let e = write(w, b"boom").unwrap_err();
    assert_eq!(e.code, Code::Panic);
    assert!(e.is_poisoned() && e.message.contains("the toy broke"), "{e:?}");
    assert!(write(w, b"x").unwrap_err().is_poisoned());
    assert!(commit(w).unwrap_err().is_poisoned());
    call!(writer_abort(w, std::ptr::null())).unwrap();
    call!(writer_abort(w, std::ptr::null())).unwrap();
    finish(t, w);
}

#[test]
fn a_finished_writer_answers_closed() {
    let t = open();
    let w = writer(t, "a");
    commit(w).unwrap();
    assert_eq!(commit(w).unwrap_err().code, Code::Closed);
    assert_eq!(write(w, b"x").unwrap_err().code, Code::Closed);
    assert_eq!(call!(writer_abort(w, std::ptr::null())).unwrap_err().code, Code::Closed);
    finish(t, w);
}

#[test]
fn what_a_backend_leaves_out_is_unsupported() {
    let t = open();
    let w = writer(t, "a");
    assert_eq!(
        call!(writer_seal(w, std::ptr::null(), std::ptr::null_mut())).unwrap_err().code,
        Code::Unsupported
    );
    assert_eq!(call!(publish_sync(t, std::ptr::null())).unwrap_err().code, Code::Unsupported);
    finish(t, w);
}

#[test]
fn a_panic_in_a_target_call_leaves_the_target_alive() {
    let t = open();
    let mut ordered = 0;
    let e = call!(list(
        t,
        std::ptr::null(),
        raw::Bytes::EMPTY,
        raw::Bytes::EMPTY,
        0,
        0,
        None,
        None,
        std::ptr::null_mut(),
        &raw mut ordered
    ))
    .unwrap_err();
    assert_eq!(e.code, Code::Panic);
    let mut probe = raw::Probe::zeroed();
    call!(target_probe(t, std::ptr::null(), &raw mut probe)).unwrap();
    assert_eq!(probe.health, raw::HEALTH_GOOD);
    unsafe { TABLE.target_close.unwrap()(t) };
}

#[test]
fn keys_that_climb_never_reach_a_backend() {
    let t = open();
    let mut stat = raw::Stat::zeroed();
    for bad in [&b"../x"[..], b"/etc/passwd", b"", b"a//b", b"a\0b"] {
        let key = raw::Bytes::of(bad);
        let e = call!(stat(t, std::ptr::null(), key, &raw mut stat, None, std::ptr::null_mut())).unwrap_err();
        assert_eq!(e.code, Code::InvalidArg, "{bad:?}");
    }
    unsafe { TABLE.target_close.unwrap()(t) };
}

#[test]
fn problems_of_a_configuration_arrive_one_by_one() {
    unsafe extern "C" fn sink(ctx: *mut c_void, severity: u32, path: raw::Str, message: raw::Str) -> i32 {
        let seen = unsafe { &mut *ctx.cast::<Vec<String>>() };
        let (path, message) = unsafe { (convert::text(path).unwrap(), convert::text(message).unwrap()) };
        seen.push(format!("{severity} {path} {message}"));
        0
    }
    let mut seen: Vec<String> = Vec::new();
    call!(config_check(raw::Str::of("{}"), Some(sink), (&raw mut seen).cast())).unwrap();
    assert_eq!(seen, ["1 /root is missing"]);
}

#[test]
fn init_refuses_a_host_of_another_version() {
    let hook = std::panic::take_hook();
    for (major, minor, ok) in [(1u16, 0u16, true), (1, 5, true), (2, 0, false), (0, 9, false)] {
        let mut host = raw::Host::zeroed();
        (host.abi_major, host.abi_minor) = (major, minor);
        let (mut out, mut err) = (std::ptr::null(), raw::Error::zeroed());
        let code = unsafe { twh_init(&raw const host, &raw mut out, &raw mut err) };
        assert_eq!(code == raw::OK, ok, "{major}.{minor}");
        assert_eq!(out.is_null(), !ok);
    }
    // A plugin has a standard library of its own; here it is the test's.
    std::panic::set_hook(hook);
}

unsafe extern "C" {
    #[link_name = "twh_module_init"]
    fn twh_init(host: *const raw::Host, out: *mut *const raw::Vtable, err: *mut raw::Error) -> raw::RawCode;
}
