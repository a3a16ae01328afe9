//! The border for text: whatever arrives from a socket or the ledger is washed here once, before the model sees it.
//!
//! Washing goes over the JSON form, so that a field added to a frame tomorrow is washed too; no list of fields has to
//! be kept. A [`Clean`] can only be made here, and [`crate::Msg`] takes nothing else.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use twinhaul_units::text::{show, show_bytes};
use twinhaul_wire::KeyText;

/// Longest text kept, in characters; longer ones end in `...`.
pub const TEXT_MAX: usize = 16 * 1024;

/// A value all of whose texts are safe to show.
#[derive(Clone, Debug, PartialEq)]
pub struct Clean<T>(T);

impl<T: Serialize + DeserializeOwned> Clean<T> {
    /// Washes `raw`. `None` when the value cannot be written as JSON and read back (it holds not-a-number, which no
    /// frame can carry).
    pub fn new(raw: &T) -> Option<Self> {
        let mut value = serde_json::to_value(raw).ok()?;
        wash(&mut value);
        serde_json::from_value(value).ok().map(Self)
    }

    /// Washes each; those that cannot be are left out.
    pub fn all(raw: &[T]) -> Vec<Self> {
        raw.iter().filter_map(Self::new).collect()
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
    let Some(Value::String(b64)) = fields.get("key_b64") else { return };
    let exact = KeyText { key: String::new(), key_b64: Some(b64.clone()) };
    let shown = show_bytes(&exact.to_bytes());
    fields.remove("key_b64");
    fields.insert("key".into(), Value::String(shown));
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_units::text::is_safe;
    use twinhaul_wire::{InFlight, PeerSnapshot, Problem, RunSnapshot, Supervised};

    #[test]
    fn every_text_of_a_snapshot_is_washed() {
        let bad = "\x1b[2J\u{202e}x";
        let mut snapshot = PeerSnapshot { peer: bad.into(), policy: bad.into(), ..PeerSnapshot::default() };
        let key = KeyText { key: bad.into(), key_b64: None };
        snapshot.in_flight.push(InFlight { key, target: bad.into(), ..InFlight::default() });
        snapshot.problems.push(Problem { text: bad.into(), next: bad.into(), ..Problem::default() });
        let clean = Clean::new(&snapshot).unwrap();
        let out = format!("{:?}", *clean);
        assert!(out.chars().all(is_safe), "{out}");
        assert_eq!(clean.in_flight[0].key.key, "\\x1b[2J\\u{202e}x");
    }

    #[test]
    fn names_used_as_map_keys_are_washed() {
        let mut run = RunSnapshot::default();
        run.peers.insert("a\x07".into(), Supervised::default());
        let clean = Clean::new(&run).unwrap();
        assert_eq!(clean.peers.keys().next().unwrap(), "a\\x07");
    }

    #[test]
    fn a_key_that_is_not_text_shows_its_bytes() {
        let flight = InFlight { key: KeyText::from_bytes(b"a/\xff.raw"), ..InFlight::default() };
        assert_eq!(Clean::new(&flight).unwrap().key, KeyText { key: "a/\\xff.raw".into(), key_b64: None });
    }

    #[test]
    fn endless_text_is_cut() {
        assert_eq!(text(&"x".repeat(TEXT_MAX * 2)).len(), TEXT_MAX + 3);
    }
}
