//! Members of a pax archive (POSIX.1-2001), pushed rather than pulled: a head, then the bytes, then padding.
//!
//! Every tar reads them. Paths, sizes and times that a plain header cannot hold go to an extended header; keys that are
//! not UTF-8 are marked `hdrcharset=BINARY`. Entry points: [`head`], [`padding`], [`END`].

use std::io;

use tar::{Builder, EntryType, Header};
use twinhaul_backend_abi::{Attrs, Kind};

/// Archives are made of these.
pub const RECORD: u64 = 512;
/// What ends an archive: two empty records.
pub const END: [u8; 1024] = [0; 1024];
/// Bytes of a name in a plain header.
const NAME_MAX: usize = 100;
/// What eleven octal digits hold.
const PLAIN_SIZE_MAX: u64 = 0o777_7777_7777;
const PLAIN_ID_MAX: u32 = 0o777_7777;
const NANOS: i64 = 1_000_000_000;
const MODE_DEFAULT: u32 = 0o644;
const DIRECTORY_MODE_DEFAULT: u32 = 0o755;

/// What one member is.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// So many bytes follow.
    File(u64),
    Directory,
    Symlink(&'a [u8]),
    /// A further name of the member with this key.
    Link(&'a [u8]),
}

/// The headers of a member, a multiple of [`RECORD`].
///
/// # Errors
/// Of the `tar` crate.
pub fn head(key: &[u8], attrs: &Attrs, what: What<'_>) -> io::Result<Vec<u8>> {
    let mut name = key.to_vec();
    if matches!(what, What::Directory) {
        name.push(b'/');
    }
    let mut header = plain(&name, attrs, what);
    let extended = extensions(&name, attrs, what);
    header.set_cksum();
    let mut out = Vec::with_capacity(4 * RECORD as usize);
    if !extended.is_empty() {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions(extended.iter().map(|(k, v)| (k.as_str(), v.as_slice())))?;
        // What `into_inner` would add is the archive's end, and this is not the end.
        out.extend_from_slice(builder.get_ref());
    }
    out.extend_from_slice(header.as_bytes());
    Ok(out)
}

/// Zeros after so many bytes of a member.
pub fn padding(len: u64) -> usize {
    (len.next_multiple_of(RECORD) - len) as usize
}

fn plain(name: &[u8], attrs: &Attrs, what: What<'_>) -> Header {
    let mut header = Header::new_ustar();
    let (kind, size, mode) = match what {
        What::File(size) => (EntryType::Regular, size, MODE_DEFAULT),
        What::Directory => (EntryType::Directory, 0, DIRECTORY_MODE_DEFAULT),
        What::Symlink(_) => (EntryType::Symlink, 0, 0o777),
        What::Link(_) => (EntryType::Link, 0, MODE_DEFAULT),
    };
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(attrs.mode.unwrap_or(mode));
    header.set_uid(u64::from(attrs.uid.unwrap_or(0).min(PLAIN_ID_MAX)));
    header.set_gid(u64::from(attrs.gid.unwrap_or(0).min(PLAIN_ID_MAX)));
    header
        .set_mtime(attrs.mtime_ns.map_or(0, |ns| ns.div_euclid(NANOS).clamp(0, i64::from(u32::MAX)) as u64));
    if let Some(ustar) = header.as_ustar_mut() {
        fill(&mut ustar.name, name);
        if let What::Symlink(to) | What::Link(to) = what {
            fill(&mut ustar.linkname, to);
        }
    }
    header
}

/// The end of a name, readable by those who know no extended headers.
fn fill(field: &mut [u8; NAME_MAX], name: &[u8]) {
    let from = name.len().saturating_sub(NAME_MAX);
    for (to, byte) in field.iter_mut().zip(&name[from..]) {
        *to = if byte.is_ascii_graphic() || *byte == b' ' { *byte } else { b'_' };
    }
}

fn fits(name: &[u8]) -> bool {
    name.len() <= NAME_MAX && name.iter().all(|b| b.is_ascii_graphic() || *b == b' ')
}

fn extensions(name: &[u8], attrs: &Attrs, what: What<'_>) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut add = |key: &str, value: &[u8]| out.push((key.to_owned(), value.to_vec()));
    let to = match what {
        What::Symlink(to) | What::Link(to) => Some(to),
        _ => None,
    };
    if std::str::from_utf8(name).is_err() || to.is_some_and(|to| std::str::from_utf8(to).is_err()) {
        add("hdrcharset", b"BINARY");
    }
    if !fits(name) {
        add("path", name);
    }
    if let Some(to) = to.filter(|to| !fits(to)) {
        add("linkpath", to);
    }
    if let What::File(size) = what
        && size > PLAIN_SIZE_MAX
    {
        add("size", size.to_string().as_bytes());
    }
    for (key, id) in [("uid", attrs.uid), ("gid", attrs.gid)] {
        if let Some(id) = id.filter(|id| *id > PLAIN_ID_MAX) {
            add(key, id.to_string().as_bytes());
        }
    }
    if let Some(ns) = attrs.mtime_ns.filter(|ns| ns % NANOS != 0 || *ns < 0) {
        add("mtime", time(ns).as_bytes());
    }
    for (key, value) in &attrs.xattrs {
        add(&format!("SCHILY.xattr.{key}"), value);
    }
    out
}

fn time(ns: i64) -> String {
    let sign = if ns < 0 { "-" } else { "" };
    let ns = ns.unsigned_abs();
    format!("{sign}{}.{:09}", ns / NANOS as u64, ns % NANOS as u64)
}

/// Whether a node of this kind can be a member.
pub fn what_of(attrs: &Attrs) -> Option<What<'_>> {
    match attrs.kind {
        Kind::File => attrs.size.map(What::File),
        Kind::Directory => Some(What::Directory),
        Kind::Symlink => attrs.link_target.as_deref().map(What::Symlink),
        Kind::Prefix | Kind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_tar_crate_reads_what_is_pushed() {
        let long = "übergrößen/".repeat(18) + "ende.txt";
        let attrs = Attrs {
            mode: Some(0o640),
            uid: Some(4_000_000_000),
            mtime_ns: Some(1_600_000_000_123_456_789),
            xattrs: vec![("user.colour".to_owned(), b"blue".to_vec())],
            ..Attrs::default()
        };
        let mut archive = Vec::new();
        for (key, content) in [(long.as_bytes(), &b"twelve bytes"[..]), (b"a/empty", b""), (b"b\xff", b"x")] {
            archive.extend(head(key, &attrs, What::File(content.len() as u64)).unwrap());
            archive.extend_from_slice(content);
            archive.extend(std::iter::repeat_n(0, padding(content.len() as u64)));
        }
        archive.extend(head(b"dir", &Attrs::of(Kind::Directory), What::Directory).unwrap());
        archive.extend(head(b"sym", &Attrs::of(Kind::Symlink), What::Symlink(b"../to")).unwrap());
        archive.extend_from_slice(&END);
        assert!((archive.len() as u64).is_multiple_of(RECORD));
        let mut read = tar::Archive::new(archive.as_slice());
        let mut seen = Vec::new();
        for entry in read.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            seen.push((entry.path_bytes().into_owned(), entry.header().entry_type(), content));
        }
        assert_eq!(seen[0].0, long.as_bytes());
        assert_eq!(seen[0].2, b"twelve bytes");
        assert_eq!((seen[1].0.as_slice(), seen[1].2.len()), (&b"a/empty"[..], 0));
        assert_eq!(seen[2].0, b"b\xff");
        assert_eq!((seen[3].0.as_slice(), seen[3].1), (&b"dir/"[..], EntryType::Directory));
        assert_eq!(seen[4].1, EntryType::Symlink);
    }

    #[test]
    fn times_before_1970_and_fractions() {
        assert_eq!(time(1_500_000_000), "1.500000000");
        assert_eq!(time(-1), "-0.000000001");
        assert_eq!(padding(0), 0);
        assert_eq!(padding(513), 511);
    }
}
