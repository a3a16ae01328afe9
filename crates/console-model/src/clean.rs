//! The border for text: whatever arrives from a socket or the ledger is washed here once, before the model sees it.
//!
//! Washing goes over the JSON form, so that a field added to a frame tomorrow is washed too; no list of fields has to
//! be kept. A [`Clean`] can only be made here, and [`crate::Msg`] takes nothing else.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use twinhaul_units::text::{is_safe, show, show_bytes};
use twinhaul_wire::KeyText;

/// Longest text kept, in characters; longer ones end in `...`.
pub const TEXT_MAX: usize = 16 * 1024;

/// The field beside a key that is not UTF-8 (see [`KeyText`]).
const KEY_B64: &str = "key_b64";

/// A value all of whose texts are safe to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Clean<T>(T);

impl<T: Serialize + DeserializeOwned> Clean<T> {
    /// Washes `raw`. `None` when what must be washed cannot be written as JSON and read back (it holds not-a-number,
    /// which no frame can carry).
    pub fn new(raw: T) -> Option<Self> {
        if serde_json::to_writer(Plain, &raw).is_ok() {
            return Some(Self(raw));
        }
        Self::washed(&raw)
    }

    fn washed(raw: &T) -> Option<Self> {
        let mut value = serde_json::to_value(raw).ok()?;
        wash(&mut value);
        serde_json::from_value(value).ok().map(Self)
    }

    /// Washes each; those that cannot be are left out.
    pub fn all(raw: Vec<T>) -> Vec<Self> {
        raw.into_iter().filter_map(Self::new).collect()
    }
}

/// Takes JSON in which nothing can need washing, and refuses the rest: nearly every frame is such, and to build it anew
/// out of its JSON took as long as to read it.
struct Plain;

impl std::io::Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // Whatever is escaped has a backslash. What has none is written at once: a field's name, and a text.
        let plain = |text: &str| text != KEY_B64 && text.chars().all(|c| c != '\\' && is_safe(c));
        let is_plain = bytes.len() <= TEXT_MAX && std::str::from_utf8(bytes).is_ok_and(plain);
        if is_plain { Ok(bytes.len()) } else { Err(std::io::ErrorKind::InvalidData.into()) }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<T> Clean<T> {
    /// The washed value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> std::ops::Deref for Clean<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// One text, washed and cut to [`TEXT_MAX`].
pub fn text(raw: &str) -> String {
    let shown = show(raw);
    match shown.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown.into_owned(),
    }
}

fn wash(value: &mut Value) {
    match value {
        Value::String(s) => *s = text(s),
        Value::Array(items) => items.iter_mut().for_each(wash),
        Value::Object(fields) => {
            exact_key(fields);
            for value in fields.values_mut() {
                wash(value);
            }
            if fields.keys().any(|k| show(k) != k.as_str()) {
                *fields = std::mem::take(fields).into_iter().map(|(k, v)| (text(&k), v)).collect();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A key that is not UTF-8 travels as base64 beside a lossy text; what is shown is made from the exact bytes.
fn exact_key(fields: &mut serde_json::Map<String, Value>) {
    let Some(Value::String(b64)) = fields.get(KEY_B64) else { return };
    let exact = KeyText { key: String::new(), key_b64: Some(b64.clone()) };
    let shown = show_bytes(&exact.to_bytes());
    fields.remove(KEY_B64);
    fields.insert("key".into(), Value::String(shown));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use twinhaul_wire::{InFlight, PeerSnapshot, Problem, RunSnapshot, Supervised};

    #[test]
    fn every_text_of_a_snapshot_is_washed() {
        let bad = "\x1b[2J\u{202e}x";
        let mut snapshot = PeerSnapshot { peer: bad.into(), policy: bad.into(), ..PeerSnapshot::default() };
        let key = KeyText { key: bad.into(), key_b64: None };
        snapshot.in_flight.push(InFlight { key, target: bad.into(), ..InFlight::default() });
        snapshot.problems.push(Problem { text: bad.into(), next: bad.into(), ..Problem::default() });
        let clean = Clean::new(snapshot).unwrap();
        let out = format!("{:?}", *clean);
        assert!(out.chars().all(is_safe), "{out}");
        assert_eq!(clean.in_flight[0].key.key, "\\x1b[2J\\u{202e}x");
    }

    #[test]
    fn names_used_as_map_keys_are_washed() {
        let mut run = RunSnapshot::default();
        run.peers.insert("a\x07".into(), Supervised::default());
        let clean = Clean::new(run).unwrap();
        assert_eq!(clean.peers.keys().next().unwrap(), "a\\x07");
    }

    #[test]
    fn a_key_that_is_not_text_shows_its_bytes() {
        let flight = InFlight { key: KeyText::from_bytes(b"a/\xff.raw"), ..InFlight::default() };
        assert_eq!(Clean::new(flight).unwrap().key, KeyText { key: "a/\\xff.raw".into(), key_b64: None });
    }

    #[test]
    fn a_key_is_made_from_its_bytes_also_where_what_stands_beside_them_is_plain() {
        let key = KeyText { key: "plain".into(), key_b64: KeyText::from_bytes(b"a/\xff.raw").key_b64 };
        let flight = InFlight { key, ..InFlight::default() };
        assert_eq!(Clean::new(flight).unwrap().key.key, "a/\\xff.raw");
    }

    #[test]
    fn what_is_plain_comes_out_as_it_went_in() {
        let key = KeyText { key: "a/Grüße 文.tif".into(), key_b64: None };
        let flight = InFlight { key, target: "vault".into(), ..InFlight::default() };
        assert_eq!(*Clean::new(flight.clone()).unwrap(), flight);
        let name = |raw: &str| text(&Clean::new(KeyText { key: raw.into(), key_b64: None }).unwrap().key);
        assert_eq!(name("a\\b \"c\""), "a\\b \"c\"");
    }

    proptest! {
        /// Nothing that needs washing is taken for plain, however it is written as JSON.
        #[test]
        fn what_is_let_through_is_what_washing_would_make(key in ".*", b64 in proptest::option::of("[a-zA-Z0-9+/]{0,8}")) {
            let raw = KeyText { key, key_b64: b64 };
            prop_assert_eq!(Clean::new(raw.clone()), Clean::washed(&raw));
            let map = RunSnapshot { peers: [(raw.key, Supervised::default())].into(), ..RunSnapshot::default() };
            prop_assert_eq!(Clean::new(map.clone()), Clean::washed(&map));
        }
    }

    #[test]
    fn endless_text_is_cut() {
        assert_eq!(text(&"x".repeat(TEXT_MAX * 2)).len(), TEXT_MAX + 3);
    }
}
