//! Attributes, puts, stats and writer infos across the boundary.

use std::marker::PhantomData;

use super::{attempt_ok, bytes, key, known_i64, known_u32, known_u64, read_prefix, text, write_prefix};
use crate::attrs::{Attrs, Kind};
use crate::caps::Lost;
use crate::error::{Code, Error, Result};
use crate::object::{Checksum, ChecksumKind, Put, Stat, WriteMode, WriterInfo};
use crate::raw::{self, Sized32};

/// Most extended attributes of one node, and most user metadata of one put, that are looked at.
const LIST_MAX: usize = 4096;

/// [`Attrs`] as a C struct, for one call.
#[derive(Debug)]
pub struct AttrsView<'a> {
    attrs: Box<raw::Attrs>,
    _xattrs: Vec<raw::Xattr>,
    _of: PhantomData<&'a Attrs>,
}

impl<'a> AttrsView<'a> {
    pub fn new(a: &'a Attrs) -> Self {
        let xattrs: Vec<_> = a
            .xattrs
            .iter()
            .map(|(name, value)| raw::Xattr { name: raw::Str::of(name), value: raw::Bytes::of(value) })
            .collect();
        let attrs = Box::new(raw::Attrs {
            struct_size: raw::size32::<raw::Attrs>(),
            kind: a.kind.raw(),
            mode: a.mode.unwrap_or(raw::UNKNOWN_U32),
            uid: a.uid.unwrap_or(raw::UNKNOWN_U32),
            gid: a.gid.unwrap_or(raw::UNKNOWN_U32),
            nlink: a.nlink.unwrap_or(raw::UNKNOWN_U32),
            size: a.size.unwrap_or(raw::UNKNOWN_U64),
            mtime_ns: a.mtime_ns.unwrap_or(raw::UNKNOWN_I64),
            ctime_ns: a.ctime_ns.unwrap_or(raw::UNKNOWN_I64),
            dev: a.dev.unwrap_or(raw::UNKNOWN_U64),
            ino: a.ino.unwrap_or(raw::UNKNOWN_U64),
            position: a.position.unwrap_or(raw::UNKNOWN_U64),
            link_target: a.link_target.as_deref().map_or(raw::Bytes::EMPTY, raw::Bytes::of),
            xattrs: xattrs.as_ptr(),
            xattrs_len: xattrs.len(),
        });
        Self { attrs, _xattrs: xattrs, _of: PhantomData }
    }

    /// Valid while the view lives.
    pub fn as_ptr(&self) -> *const raw::Attrs {
        &raw const *self.attrs
    }
}

/// # Safety
/// `p` is null or points to a `twh_attrs` whose pointers are valid during the call.
pub unsafe fn load_attrs(p: *const raw::Attrs) -> Option<Attrs> {
    // SAFETY: the caller's promise, here and below.
    let r = unsafe { read_prefix(p) }?;
    let mut xattrs = Vec::new();
    if !r.xattrs.is_null() {
        for i in 0..r.xattrs_len.min(LIST_MAX) {
            let x = unsafe { *r.xattrs.add(i) };
            // A name that is not UTF-8 cannot be carried; the source reports it as lost.
            if let Ok(name) = unsafe { text(x.name) } {
                xattrs.push((name.to_owned(), unsafe { bytes(x.value) }.to_vec()));
            }
        }
    }
    let kind = Kind::from_raw(r.kind);
    Some(Attrs {
        kind,
        mode: known_u32(r.mode),
        uid: known_u32(r.uid),
        gid: known_u32(r.gid),
        nlink: known_u32(r.nlink),
        size: known_u64(r.size),
        mtime_ns: known_i64(r.mtime_ns),
        ctime_ns: known_i64(r.ctime_ns),
        dev: known_u64(r.dev),
        ino: known_u64(r.ino),
        position: known_u64(r.position),
        link_target: (kind == Kind::Symlink && r.link_target.len > 0)
            .then(|| unsafe { bytes(r.link_target) }.to_vec()),
        xattrs,
    })
}

/// [`Put`]s as a C array, for one call.
#[derive(Debug)]
pub struct PutViews<'a> {
    puts: Vec<raw::Put>,
    // Both only kept alive: `puts` points into them.
    attrs: Vec<Option<AttrsView<'a>>>,
    kvs: Vec<Vec<raw::Kv>>,
}

impl<'a> PutViews<'a> {
    pub fn new(puts: impl IntoIterator<Item = &'a Put>) -> Self {
        let mut views = Self { puts: Vec::new(), attrs: Vec::new(), kvs: Vec::new() };
        for put in puts {
            views.push(put);
        }
        views
    }

    fn push(&mut self, put: &'a Put) {
        let attrs = put.attrs.as_ref().map(AttrsView::new);
        let kvs: Vec<_> = put
            .user_meta
            .iter()
            .map(|(key, value)| raw::Kv { key: raw::Str::of(key), value: raw::Str::of(value) })
            .collect();
        let (mode, if_match) = match &put.mode {
            WriteMode::CreateNew => (raw::WM_CREATE_NEW, raw::Str::EMPTY),
            WriteMode::Overwrite => (raw::WM_OVERWRITE, raw::Str::EMPTY),
            WriteMode::ReplaceIfMatch(etag) => (raw::WM_REPLACE_IF_MATCH, raw::Str::of(etag)),
        };
        self.puts.push(raw::Put {
            struct_size: raw::size32::<raw::Put>(),
            mode,
            key: raw::Bytes::of(put.key.as_bytes()),
            size_hint: put.size_hint.unwrap_or(raw::UNKNOWN_U64),
            attrs: attrs.as_ref().map_or(std::ptr::null(), AttrsView::as_ptr),
            attempt_id: raw::Bytes::of(put.attempt_id.as_bytes()),
            flags: 0,
            checksum_kind: put.checksum.as_ref().map_or(raw::CK_NONE, |c| c.kind.raw()),
            checksum: put.checksum.as_ref().map_or(raw::Bytes::EMPTY, |c| raw::Bytes::of(&c.bytes)),
            if_match,
            content_type: put.content_type.as_deref().map_or(raw::Str::EMPTY, raw::Str::of),
            user_meta: kvs.as_ptr(),
            user_meta_len: kvs.len(),
            resume_token: raw::Bytes::of(&put.resume_token),
        });
        // The addresses inside a box and a vector's heap do not change when those are moved.
        self.attrs.push(attrs);
        self.kvs.push(kvs);
    }

    /// An array of as many as were given, `size_of::<raw::Put>()` apart; valid while the views live.
    pub fn as_ptr(&self) -> *const raw::Put {
        self.puts.as_ptr()
    }
}

/// # Safety
/// `p` is null or points to a `twh_put` whose pointers are valid during the call.
///
/// # Errors
/// [`Code::InvalidArg`] when something in it is not what the header says.
pub unsafe fn load_put(p: *const raw::Put) -> Result<Put> {
    let bad = |what: &str| Error::new(Code::InvalidArg, what);
    // SAFETY: the caller's promise, here and below.
    let r = unsafe { read_prefix(p) }.ok_or_else(|| bad("no put"))?;
    let attempt = unsafe { bytes(r.attempt_id) };
    if !attempt_ok(attempt) {
        return Err(bad("the attempt id holds more than [A-Za-z0-9._/-]{0,128}"));
    }
    let mut user_meta = Vec::new();
    if !r.user_meta.is_null() {
        for i in 0..r.user_meta_len.min(LIST_MAX) {
            let kv = unsafe { *r.user_meta.add(i) };
            user_meta.push((unsafe { text(kv.key) }?.to_owned(), unsafe { text(kv.value) }?.to_owned()));
        }
    }
    let some_text = |s: raw::Str| -> Result<Option<String>> {
        let t = unsafe { text(s) }?;
        Ok((!t.is_empty()).then(|| t.to_owned()))
    };
    Ok(Put {
        key: key(unsafe { bytes(r.key) })?,
        mode: match r.mode {
            raw::WM_CREATE_NEW => WriteMode::CreateNew,
            raw::WM_OVERWRITE => WriteMode::Overwrite,
            raw::WM_REPLACE_IF_MATCH => WriteMode::ReplaceIfMatch(some_text(r.if_match)?.unwrap_or_default()),
            _ => return Err(bad("unknown write mode")),
        },
        size_hint: known_u64(r.size_hint),
        attrs: unsafe { load_attrs(r.attrs) },
        attempt_id: String::from_utf8_lossy(attempt).into_owned(),
        checksum: load_checksum(r.checksum_kind, unsafe { bytes(r.checksum) }),
        content_type: some_text(r.content_type)?,
        user_meta,
        resume_token: unsafe { bytes(r.resume_token) }.to_vec(),
    })
}

pub(crate) fn load_checksum(kind: u32, bytes: &[u8]) -> Option<Checksum> {
    let kind = ChecksumKind::from_raw(kind)?;
    (!bytes.is_empty()).then(|| Checksum { kind, bytes: bytes.to_vec() })
}

/// The C struct of a writer info; a ref longer than 256 bytes is an error, because a cut one names something else.
///
/// # Errors
/// [`Code::Internal`].
pub fn raw_info(info: &WriterInfo) -> Result<raw::WriterInfo> {
    let mut r = raw::WriterInfo::zeroed();
    let n = info.reference.len();
    if n > raw::REF_MAX {
        return Err(Error::new(
            Code::Internal,
            format!("a ref of {n} bytes is longer than {}", raw::REF_MAX),
        ));
    }
    r.max_parallel_ranges = info.max_parallel_ranges;
    r.part_size = info.part_size;
    r.resume_offset = info.resume_offset;
    r.lost = info.lost.0;
    r.ref_len = n as u32;
    r.r#ref[..n].copy_from_slice(&info.reference);
    Ok(r)
}

/// # Safety
/// `out` is null or points to a `twh_writer_info` with its `struct_size` set.
///
/// # Errors
/// As [`raw_info`].
pub unsafe fn store_info(out: *mut raw::WriterInfo, info: &WriterInfo) -> Result<()> {
    let r = raw_info(info)?;
    // SAFETY: the caller's promise.
    unsafe { write_prefix(out, &r) };
    Ok(())
}

pub fn load_info(r: &raw::WriterInfo) -> WriterInfo {
    WriterInfo {
        reference: r.r#ref[..(r.ref_len as usize).min(raw::REF_MAX)].to_vec(),
        part_size: r.part_size,
        max_parallel_ranges: r.max_parallel_ranges,
        resume_offset: r.resume_offset,
        lost: Lost(r.lost),
    }
}

/// The C struct of a stat; a checksum, etag or version that does not fit is left out rather than cut.
pub fn raw_stat(s: &Stat) -> raw::Stat {
    let mut r = raw::Stat::zeroed();
    r.kind = s.kind.raw();
    r.size = s.size;
    r.mtime_ns = s.mtime_ns.unwrap_or(raw::UNKNOWN_I64);
    r.mode = s.mode.unwrap_or(raw::UNKNOWN_U32);
    r.lost = s.lost.0;
    if let Some(c) = s.checksum.as_ref().filter(|c| c.bytes.len() <= raw::CKSUM_MAX) {
        r.checksum_kind = c.kind.raw();
        r.checksum_len = c.bytes.len() as u32;
        r.checksum[..c.bytes.len()].copy_from_slice(&c.bytes);
    }
    r.etag_len = put_chars(&mut r.etag, s.etag.as_deref());
    r.version_len = put_chars(&mut r.version, s.version.as_deref());
    r
}

fn put_chars(dst: &mut [std::ffi::c_char], src: Option<&str>) -> u32 {
    let src = src.map(str::as_bytes).filter(|s| s.len() <= dst.len()).unwrap_or_default();
    for (d, s) in dst.iter_mut().zip(src) {
        *d = s.cast_signed() as std::ffi::c_char;
    }
    src.len() as u32
}

fn take_chars(src: &[std::ffi::c_char], len: u32) -> Option<String> {
    let b: Vec<u8> =
        src[..(len as usize).min(src.len())].iter().map(|c| u8::from_ne_bytes(c.to_ne_bytes())).collect();
    (!b.is_empty()).then(|| String::from_utf8_lossy(&b).into_owned())
}

/// # Safety
/// `out` is null or points to a `twh_stat` with its `struct_size` set.
pub unsafe fn store_stat(out: *mut raw::Stat, s: &Stat) {
    // SAFETY: the caller's promise.
    unsafe { write_prefix(out, &raw_stat(s)) }
}

pub fn load_stat(r: &raw::Stat) -> Stat {
    Stat {
        kind: Kind::from_raw(r.kind),
        size: r.size,
        mtime_ns: known_i64(r.mtime_ns),
        mode: known_u32(r.mode),
        lost: Lost(r.lost),
        checksum: load_checksum(
            r.checksum_kind,
            &r.checksum[..(r.checksum_len as usize).min(raw::CKSUM_MAX)],
        ),
        etag: take_chars(&r.etag, r.etag_len),
        version: take_chars(&r.version, r.version_len),
        user_meta: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_units::Key;

    fn full_put() -> Put {
        let mut put = Put::new(Key::new("a/\u{fc}\n").unwrap(), "run/1/2/3");
        put.mode = WriteMode::ReplaceIfMatch("\"e\"".into());
        put.size_hint = Some(0);
        put.attrs = Some(Attrs {
            kind: Kind::Symlink,
            mode: Some(0o4755),
            uid: Some(0),
            mtime_ns: Some(-1),
            link_target: Some(b"../\xff".to_vec()),
            xattrs: vec![("user.a".into(), vec![0, 1]), ("user.b".into(), vec![])],
            ..Attrs::default()
        });
        put.checksum = Some(Checksum { kind: ChecksumKind::Blake3, bytes: vec![7; 32] });
        put.content_type = Some("text/plain".into());
        put.user_meta = vec![("k".into(), "v".into())];
        put.resume_token = vec![9];
        put
    }

    #[test]
    fn puts_go_there_and_back_also_in_arrays() {
        let puts = [full_put(), Put::new(Key::new("b").unwrap(), ""), full_put()];
        let views = PutViews::new(&puts);
        for (i, put) in puts.iter().enumerate() {
            // SAFETY: the views hold three puts and live.
            assert_eq!(&unsafe { load_put(views.as_ptr().add(i)) }.unwrap(), put);
        }
    }

    #[test]
    fn a_put_that_climbs_is_refused() {
        let put = full_put();
        let views = PutViews::new([&put]);
        // SAFETY: a copy of a valid put with another key.
        let e = unsafe {
            let mut r = *views.as_ptr();
            r.key = raw::Bytes::of(b"../etc/passwd");
            load_put(&raw const r)
        };
        assert_eq!(e.unwrap_err().code, Code::InvalidArg);
    }

    #[test]
    fn stats_go_there_and_back() {
        let s = Stat {
            size: 5,
            mtime_ns: Some(1),
            mode: Some(0o644),
            lost: Lost::OWNER,
            checksum: Some(Checksum { kind: ChecksumKind::Crc32c, bytes: vec![1, 2, 3, 4] }),
            etag: Some("\u{fc}".into()),
            version: None,
            ..Stat::default()
        };
        assert_eq!(load_stat(&raw_stat(&s)), s);
        let long = Stat { etag: Some("x".repeat(129)), ..s };
        assert_eq!(load_stat(&raw_stat(&long)).etag, None);
    }

    #[test]
    fn a_ref_is_never_cut() {
        let info = WriterInfo { reference: vec![1; 256], lost: Lost::MODE, ..WriterInfo::default() };
        assert_eq!(load_info(&raw_info(&info).unwrap()), info);
        assert!(raw_info(&WriterInfo { reference: vec![1; 257], ..info }).is_err());
    }
}
