//! The manifest: the last member of a data set's archive, one JSON object per line (tape-format.md, "Digests").
//!
//! A pax header is written before its data, so what is known only afterwards (digests, what is void) stands here, with what happened
//! to names since the data set before. From the manifests alone `twinhaul tape rebuild` makes the catalogue again. Keys that are not
//! UTF-8 are hexadecimal.

use serde_json::{Map, Value, json};
use twinhaul_backend_abi::{Attrs, Kind};

/// Manifests are members below this directory.
pub const DIRECTORY: &str = ".twinhaul";
/// Of the format of these lines.
const VERSION: u64 = 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first one.
    /// `closed`: the data set's place in the order in which data sets closed, which is not that of their serial numbers where
    /// two drives write; old manifests have none.
    Head { library: String, serial: u64, closed: Option<u64>, dsn: String, at: String },
    /// An object in this data set.
    Object(Object),
    /// A directory or symlink.
    Node { key: Vec<u8>, attrs: Attrs },
    /// A further name.
    Link { key: Vec<u8>, to: Vec<u8> },
    /// Attributes were set.
    Attrs { key: Vec<u8>, attrs: Attrs },
    /// The name is gone.
    Removed { key: Vec<u8> },
    /// An object of an earlier data set that never became visible.
    Discarded { attempt: String },
    /// A durable object became visible under another key than its member has.
    Named { attempt: String, key: Vec<u8> },
}

/// An object as the manifest has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    pub attempt: String,
    pub key: Vec<u8>,
    /// Where its bytes begin in the archive.
    pub at: u64,
    pub len: u64,
    pub blake3: [u8; 32],
    /// Not an object: given up, padded with zeros.
    pub void: bool,
    pub attrs: Attrs,
    pub meta: Vec<(String, String)>,
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// The bytes behind [`hex`], in either case.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok()).collect()
}

fn put_bytes(out: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => out.insert(name.to_owned(), text.into()),
        Err(_) => out.insert(format!("{name}_hex"), hex(bytes).into()),
    };
}

fn get_bytes(map: &Map<String, Value>, name: &str) -> Option<Vec<u8>> {
    match map.get(name) {
        Some(Value::String(text)) => Some(text.clone().into_bytes()),
        _ => unhex(map.get(&format!("{name}_hex"))?.as_str()?),
    }
}

const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Directory => "directory",
        Kind::Symlink => "symlink",
        Kind::Prefix => "prefix",
        Kind::Other => "other",
    }
}

fn kind_of(word: &str) -> Option<Kind> {
    [Kind::File, Kind::Directory, Kind::Symlink].into_iter().find(|k| kind_word(*k) == word)
}

/// Attributes as fields; what is not known is left out.
pub fn attrs_json(attrs: &Attrs) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("kind".to_owned(), kind_word(attrs.kind).into());
    let numbers = [
        ("mode", attrs.mode.map(i64::from)),
        ("uid", attrs.uid.map(i64::from)),
        ("gid", attrs.gid.map(i64::from)),
        ("mtime_ns", attrs.mtime_ns),
    ];
    for (name, value) in numbers {
        if let Some(value) = value {
            out.insert(name.to_owned(), value.into());
        }
    }
    if let Some(to) = &attrs.link_target {
        put_bytes(&mut out, "link_target", to);
    }
    if !attrs.xattrs.is_empty() {
        let all = attrs.xattrs.iter().map(|(name, value)| json!([name, hex(value)])).collect();
        out.insert("xattrs".to_owned(), Value::Array(all));
    }
    out
}

/// The reverse of [`attrs_json`].
pub fn attrs_of(map: &Map<String, Value>) -> Option<Attrs> {
    let small = |name: &str| map.get(name).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let pair = |v: &Value| {
        let pair = v.as_array()?;
        Some((pair.first()?.as_str()?.to_owned(), unhex(pair.get(1)?.as_str()?)?))
    };
    let xattrs = match map.get("xattrs") {
        None => Vec::new(),
        Some(all) => all.as_array()?.iter().map(pair).collect::<Option<_>>()?,
    };
    Some(Attrs {
        kind: kind_of(map.get("kind")?.as_str()?)?,
        mode: small("mode"),
        uid: small("uid"),
        gid: small("gid"),
        mtime_ns: map.get("mtime_ns").and_then(Value::as_i64),
        link_target: get_bytes(map, "link_target"),
        xattrs,
        ..Attrs::default()
    })
}

impl Line {
    /// One line of JSON, without its end.
    pub fn text(&self) -> String {
        let mut out = match self {
            Self::Node { attrs, .. } | Self::Attrs { attrs, .. } => attrs_json(attrs),
            Self::Object(object) => attrs_json(&object.attrs),
            _ => Map::new(),
        };
        let mut set = |name: &str, value: Value| out.insert(name.to_owned(), value);
        match self {
            Self::Head { library, serial, closed, dsn, at } => {
                set("twinhaul", VERSION.into());
                set("library", library.as_str().into());
                set("serial", (*serial).into());
                if let Some(closed) = closed {
                    set("closed", (*closed).into());
                }
                set("dsn", dsn.as_str().into());
                set("at", at.as_str().into());
            }
            Self::Object(o) => {
                set("is", "object".into());
                set("attempt", o.attempt.as_str().into());
                set("at", o.at.into());
                set("len", o.len.into());
                set("blake3", hex(&o.blake3).into());
                if o.void {
                    set("void", true.into());
                }
                if !o.meta.is_empty() {
                    set("meta", o.meta.iter().map(|(k, v)| json!([k, v])).collect());
                }
            }
            Self::Node { .. } => drop(set("is", "node".into())),
            Self::Link { .. } => drop(set("is", "link".into())),
            Self::Attrs { .. } => drop(set("is", "attrs".into())),
            Self::Removed { .. } => drop(set("is", "removed".into())),
            Self::Discarded { attempt } | Self::Named { attempt, .. } => {
                let is = if matches!(self, Self::Named { .. }) { "named" } else { "discarded" };
                set("is", is.into());
                set("attempt", attempt.as_str().into());
            }
        }
        match self {
            Self::Object(Object { key, .. })
            | Self::Node { key, .. }
            | Self::Link { key, .. }
            | Self::Attrs { key, .. }
            | Self::Removed { key }
            | Self::Named { key, .. } => put_bytes(&mut out, "key", key),
            Self::Head { .. } | Self::Discarded { .. } => {}
        }
        if let Self::Link { to, .. } = self {
            put_bytes(&mut out, "to", to);
        }
        Value::Object(out).to_string()
    }

    /// `None` = not a line of ours.
    pub fn of(text: &str) -> Option<Self> {
        let Value::Object(map) = serde_json::from_str(text).ok()? else { return None };
        let word = |name: &str| map.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| map.get(name).and_then(Value::as_u64);
        if number("twinhaul").is_some() {
            return Some(Self::Head {
                library: word("library")?,
                serial: number("serial")?,
                closed: number("closed"),
                dsn: word("dsn")?,
                at: word("at")?,
            });
        }
        let key = || get_bytes(&map, "key");
        Some(match word("is")?.as_str() {
            "object" => Self::Object(object(&map)?),
            "node" => Self::Node { key: key()?, attrs: attrs_of(&map)? },
            "attrs" => Self::Attrs { key: key()?, attrs: attrs_of(&map)? },
            "link" => Self::Link { key: key()?, to: get_bytes(&map, "to")? },
            "removed" => Self::Removed { key: key()? },
            "discarded" => Self::Discarded { attempt: word("attempt")? },
            "named" => Self::Named { attempt: word("attempt")?, key: key()? },
            _ => return None,
        })
    }
}

fn object(map: &Map<String, Value>) -> Option<Object> {
    let number = |name: &str| map.get(name).and_then(Value::as_u64);
    let pair = |v: &Value| {
        let pair = v.as_array()?;
        Some((pair.first()?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()))
    };
    Some(Object {
        attempt: map.get("attempt")?.as_str()?.to_owned(),
        key: get_bytes(map, "key")?,
        at: number("at")?,
        len: number("len")?,
        blake3: unhex(map.get("blake3")?.as_str()?)?.try_into().ok()?,
        void: map.get("void").and_then(Value::as_bool).unwrap_or(false),
        attrs: attrs_of(map)?,
        meta: match map.get("meta") {
            None => Vec::new(),
            Some(all) => all.as_array()?.iter().map(pair).collect::<Option<_>>()?,
        },
    })
}

/// User metadata as text for the catalogue.
pub fn meta_json(meta: &[(String, String)]) -> String {
    Value::Array(meta.iter().map(|(k, v)| json!([k, v])).collect()).to_string()
}

/// The reverse of [`meta_json`].
pub fn meta_of(text: &str) -> Vec<(String, String)> {
    let Ok(Value::Array(all)) = serde_json::from_str(text) else { return Vec::new() };
    let pair = |v: &Value| {
        let pair = v.as_array()?;
        Some((pair.first()?.as_str()?.to_owned(), pair.get(1)?.as_str()?.to_owned()))
    };
    all.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_comes_back() {
        let attrs = Attrs {
            mode: Some(0o640),
            uid: Some(1),
            mtime_ns: Some(-5),
            xattrs: vec![("user.raw".to_owned(), vec![0, 255, 10])],
            ..Attrs::default()
        };
        let link = Attrs { link_target: Some(b"in\xff\n".to_vec()), ..Attrs::of(Kind::Symlink) };
        let object = Object {
            attempt: "r/1/2/3".to_owned(),
            key: b"a/\xfe\n".to_vec(),
            at: 1024,
            len: 7,
            blake3: [9; 32],
            void: true,
            attrs: attrs.clone(),
            meta: vec![("k".to_owned(), "a b".to_owned())],
        };
        let lines = [
            Line::Head { library: "u".into(), serial: 3, closed: Some(2), dsn: "D".into(), at: "t".into() },
            Line::Head { library: "u".into(), serial: 3, closed: None, dsn: "D".into(), at: "t".into() },
            Line::Object(object),
            Line::Node { key: b"s".to_vec(), attrs: link },
            Line::Link { key: b"s2".to_vec(), to: b"s\xff".to_vec() },
            Line::Attrs { key: Vec::new(), attrs },
            Line::Removed { key: b"x".to_vec() },
            Line::Discarded { attempt: "r/1/1/1".into() },
            Line::Named { attempt: "r/1/1/1".into(), key: b"y".to_vec() },
        ];
        for line in lines {
            let text = line.text();
            assert!(!text.contains('\n'), "{text}");
            assert_eq!(Line::of(&text).as_ref(), Some(&line), "{text}");
        }
        assert_eq!(Line::of("{}"), None);
        assert_eq!(Line::of("nonsense"), None);
        assert_eq!(unhex("0g"), None);
    }
}
