//! Attributes as user metadata: what services with no notion of a mode or a time are given to keep, and read back.
//!
//! The names and forms are rclone's (`mtime` in seconds with a fraction, `mode` in octal, `uid`, `gid`), so that other people's tools
//! understand them. `blake3` is what `b3sum` prints; `twh_attempt` says who wrote an object whose reply was lost. On the wire `_` is
//! `-` but for Azure, which takes no `-`: proxies drop or change header names with `_` (found by trying moto).

use std::collections::HashMap;

use opendal::Metadata;
use twinhaul_backend_abi::{Attrs, Checksum, ChecksumKind, Kind, Lost, Put, Stat};

pub(crate) const MTIME: &str = "mtime";
const MODE: &str = "mode";
const UID: &str = "uid";
const GID: &str = "gid";
pub(crate) const BLAKE3: &str = "blake3";
pub(crate) const ATTEMPT: &str = "twh_attempt";
/// All but the caller's own.
const OURS: &[&str] = &[MTIME, MODE, UID, GID, BLAKE3, ATTEMPT];
const NANOS: i64 = 1_000_000_000;

/// As names go over the wire to a service.
pub(crate) fn on_the_wire(service: &str, meta: HashMap<String, String>) -> HashMap<String, String> {
    if service.starts_with("az") {
        return meta;
    }
    meta.into_iter().map(|(name, value)| (name.replace('_', "-"), value)).collect()
}

/// A name as it was before it went over the wire; some servers change its case.
fn off_the_wire(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// What to send with an object.
pub(crate) fn of(put: &Put) -> HashMap<String, String> {
    let mut meta: HashMap<String, String> = put.user_meta.iter().cloned().collect();
    if let Some(attrs) = &put.attrs {
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                meta.insert(name.to_owned(), value);
            }
        };
        set(MTIME, attrs.mtime_ns.map(write_time));
        set(MODE, attrs.mode.map(|m| format!("{:04o}", m & 0o7777)));
        set(UID, attrs.uid.map(|n| n.to_string()));
        set(GID, attrs.gid.map(|n| n.to_string()));
    }
    meta
}

/// What is lost of an object's attributes when `kept` says whether metadata is.
pub(crate) fn lost(put: &Put, kept: bool) -> Lost {
    let mut lost = Lost::NONE;
    let mut note = |gone: bool, bit: Lost| {
        if gone {
            lost = lost.with(bit);
        }
    };
    note(!kept && !put.user_meta.is_empty(), Lost::META);
    if let Some(attrs) = &put.attrs {
        note(!kept && attrs.mtime_ns.is_some(), Lost::MTIME);
        note(!kept && attrs.mode.is_some(), Lost::MODE);
        note(!kept && (attrs.uid.is_some() || attrs.gid.is_some()), Lost::OWNER);
        note(!attrs.xattrs.is_empty(), Lost::XATTR);
    }
    lost
}

/// The value of a name, whatever the wire made of it.
pub(crate) fn get<'a>(meta: &'a Metadata, name: &str) -> Option<&'a str> {
    meta.user_metadata()?.into_iter().find(|(k, _)| off_the_wire(k) == name).map(|(_, v)| v)
}

/// Who wrote it.
pub(crate) fn attempt(meta: &Metadata) -> Option<&str> {
    get(meta, ATTEMPT)
}

pub(crate) fn mtime_ns(meta: &Metadata) -> Option<i64> {
    get(meta, MTIME).and_then(read_time).or_else(|| {
        // The server's own: when it was written there.
        let at = meta.last_modified()?.into_inner();
        i64::try_from(at.as_nanosecond()).ok()
    })
}

pub(crate) fn attrs(meta: &Metadata) -> Attrs {
    let number = |name: &str| get(meta, name).and_then(|v| v.parse().ok());
    Attrs {
        kind: Kind::File,
        size: Some(meta.content_length()),
        mtime_ns: mtime_ns(meta),
        mode: get(meta, MODE).and_then(|v| u32::from_str_radix(v, 8).ok()).map(|m| m & 0o7777),
        uid: number(UID),
        gid: number(GID),
        ..Attrs::default()
    }
}

pub(crate) fn stat(meta: &Metadata) -> Stat {
    let attrs = attrs(meta);
    let digest = get(meta, BLAKE3).and_then(unhex);
    Stat {
        kind: Kind::File,
        size: meta.content_length(),
        mtime_ns: attrs.mtime_ns,
        mode: attrs.mode,
        lost: Lost::NONE,
        checksum: digest.map(|bytes| Checksum { kind: ChecksumKind::Blake3, bytes }),
        etag: meta.etag().map(str::to_owned),
        version: meta.version().map(str::to_owned),
        user_meta: meta.user_metadata().map_or_else(Vec::new, |all| {
            let named = all.into_iter().map(|(k, v)| (off_the_wire(k), v.to_owned()));
            named.filter(|(k, _)| !OURS.contains(&k.as_str())).collect()
        }),
    }
}

/// `1600000000.123456789`, as rclone writes it.
fn write_time(ns: i64) -> String {
    format!(
        "{}{}.{:09}",
        if ns < 0 { "-" } else { "" },
        ns.unsigned_abs() / NANOS as u64,
        ns.unsigned_abs() % NANOS as u64
    )
}

fn read_time(text: &str) -> Option<i64> {
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (seconds, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    if seconds.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.len() > 9 {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.parse::<i64>().ok()?.checked_mul(NANOS)?.checked_add(nanos)?.checked_mul(sign)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    digits.map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_go_there_and_back() {
        for ns in [0, 1, -1, 1_600_000_000_123_456_789, -5_000_000_001, i64::MAX, i64::MIN + 1] {
            assert_eq!(read_time(&write_time(ns)), Some(ns), "{ns}");
        }
        assert_eq!(read_time("1600000000.5"), Some(1_600_000_000_500_000_000));
        assert_eq!(read_time("12"), Some(12_000_000_000));
        for bad in ["", ".", "x", "1.x", "1.1234567890", "99999999999999999999"] {
            assert_eq!(read_time(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_digest_goes_there_and_back() {
        assert_eq!(unhex(&hex(&[0, 255, 16])), Some(vec![0, 255, 16]));
        assert_eq!(unhex("zz"), None);
        assert_eq!(unhex("abc"), None);
    }

    #[test]
    fn what_is_not_kept_is_said() {
        let mut put = Put::new(twinhaul_backend_abi::Key::new("k").unwrap(), "a");
        put.attrs = Some(Attrs { mode: Some(0o644), mtime_ns: Some(1), ..Attrs::default() });
        assert_eq!(lost(&put, true), Lost::NONE);
        assert_eq!(lost(&put, false), Lost::MODE | Lost::MTIME);
    }
}
