//! YAML text into a tree of values that know where they stand. The one place that touches the YAML crate.
//!
//! Refuses what a profile never needs and an attacker likes: anchors, aliases, merge keys, tags, several documents,
//! deep nesting, floods of nodes (faults.md, threat 11). Never interprets a value: that is `fields` and `read`.
//! Entry point: [`read`].

use crate::error::{Fault, Place};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_yaml::{Spanned, budget::BudgetBreach};
use std::fmt;
use twinhaul_units::text::show;

/// Most values (scalars, lists, mappings) in a profile.
pub const NODES_MAX: usize = 10_000;
/// Deepest nesting of lists and mappings.
pub const DEPTH_MAX: usize = 16;
/// Longest key of a mapping, in bytes.
pub const KEY_TEXT_BYTES_MAX: usize = 256;

/// A value, where it stands, and the path of keys that leads to it (`peers.beta.limit`), for messages.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) path: String,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Nothing,
    Bool(bool),
    Whole(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Place,
    pub(crate) node: Node,
}

/// Reads the one document in `text`.
pub(crate) fn read(text: &str) -> Result<Node, Fault> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_nodes: NODES_MAX,
            max_events: NODES_MAX * 3,
            max_depth: DEPTH_MAX,
            max_documents: 1,
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
        },
        duplicate_keys: serde_yaml::options::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_yaml::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let raw: Spanned<Raw> = serde_yaml::from_str_with_options(text, options).map_err(|e| refused(&e))?;
    build(raw, String::new())
}

/// What the YAML crate refused, in our words where a profile's author meets it.
fn refused(error: &serde_yaml::Error) -> Fault {
    use serde_yaml::Error as E;
    let what = match error.without_snippet() {
        E::Budget { breach, .. } => match breach {
            BudgetBreach::Anchors { .. } | BudgetBreach::Aliases { .. } => ALIASES.to_owned(),
            BudgetBreach::Depth { .. } => format!("nested deeper than {DEPTH_MAX} levels"),
            BudgetBreach::Documents { .. } => DOCUMENTS.to_owned(),
            _ => format!("too much in one file; the limit is {NODES_MAX} values"),
        },
        E::MergeKeyNotAllowed { .. } | E::UnknownAnchor { .. } => ALIASES.to_owned(),
        E::MultipleDocuments { .. } => DOCUMENTS.to_owned(),
        E::UnsupportedTag { .. } | E::TaggedScalarCannotDeserializeIntoString { .. } => {
            "tags such as !name are not used here".to_owned()
        }
        E::NonFiniteFloat { .. } => "infinite and undefined numbers are not used here".to_owned(),
        _ => format!("not valid YAML: {}", plain(error)),
    };
    let place = error.location().map(|l| place(&l));
    Fault { place, ..Fault::new(what) }
}

const ALIASES: &str =
    "anchors (&name), aliases (*name) and merge keys (<<) are not used here; write the value out";
const DOCUMENTS: &str = "more than one document (---) in the file; expected one";

/// The crate's message without its own "at line …" tail: our report has its own.
fn plain(error: &serde_yaml::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    show(text.split(" at line ").next().unwrap_or(text)).into_owned()
}

fn place(location: &serde_yaml::Location) -> Place {
    let narrow = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: narrow(location.line()),
        column: narrow(location.column()),
        len: narrow(location.span().len()),
    }
}

/// Gives every value its path.
fn build(raw: Spanned<Raw>, path: String) -> Result<Node, Fault> {
    let at = place(&raw.referenced);
    let value = match raw.value {
        Raw::Nothing => Value::Nothing,
        Raw::Bool(b) => Value::Bool(b),
        Raw::Whole(n) => Value::Whole(n),
        Raw::Negative(n) => Value::Negative(n),
        Raw::Float(n) => Value::Float(n),
        Raw::Text(s) => Value::Text(s),
        Raw::List(items) => Value::List(
            items
                .into_iter()
                .enumerate()
                .map(|(i, item)| build(item, format!("{path}[{i}]")))
                .collect::<Result<_, _>>()?,
        ),
        Raw::Map(entries) => Value::Map(
            entries.into_iter().map(|(key, value)| entry(key, value, &path)).collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { place: at, path, value })
}

fn entry(key: Spanned<String>, value: Spanned<Raw>, path: &str) -> Result<Entry, Fault> {
    let at = place(&key.referenced);
    if key.value.len() > KEY_TEXT_BYTES_MAX {
        return Err(Fault::at(at, format!("key longer than {KEY_TEXT_BYTES_MAX} bytes")));
    }
    let node = build(value, join(path, &key.value))?;
    Ok(Entry { key: key.value, at, node })
}

/// The path of `key` below `path`.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Node {
    /// What stands here, to complete "found …".
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Bool(b) => format!("{b}"),
            Value::Whole(n) => format!("the number {n}"),
            Value::Negative(n) => format!("the number {n}"),
            Value::Float(n) => format!("the number {n}"),
            Value::Text(s) => format!("\"{}\"", shorten(s)),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The value as JSON, as a backend gets it.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as J;
        match &self.value {
            Value::Nothing => J::Null,
            Value::Bool(b) => J::from(*b),
            Value::Whole(n) => J::from(*n),
            Value::Negative(n) => J::from(*n),
            Value::Float(n) => J::from(*n),
            Value::Text(s) => J::from(s.as_str()),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|e| (e.key.clone(), e.node.to_json())).collect(),
        }
    }

    /// Calls `visit` for this value and everything below it.
    pub(crate) fn walk(&self, visit: &mut impl FnMut(&Self)) {
        visit(self);
        match &self.value {
            Value::List(items) => items.iter().for_each(|n| n.walk(visit)),
            Value::Map(entries) => entries.iter().for_each(|e| e.node.walk(visit)),
            _ => {}
        }
    }
}

/// At most 60 characters of `s`, made safe to print.
pub(crate) fn shorten(s: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 60;
    match s.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", show(&s[..cut])),
        None => show(s).into_owned(),
    }
}

/// The tree as the YAML crate hands it over.
enum Raw {
    Nothing,
    Bool(bool),
    Whole(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Self>>),
    Map(Vec<(Spanned<String>, Spanned<Self>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(v))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Raw, E> {
        Ok(Raw::Whole(v))
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<Raw, E> {
        Ok(u64::try_from(v).map_or(Raw::Negative(v), Raw::Whole))
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<Raw, E> {
        if v.is_finite() { Ok(Raw::Float(v)) } else { Err(E::custom("a number without end or value")) }
    }

    fn visit_str<E>(self, v: &str) -> Result<Raw, E> {
        Ok(Raw::Text(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Raw, E> {
        Ok(Raw::Text(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key()? {
            if entries.len() >= NODES_MAX {
                return Err(A::Error::custom("too many keys"));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Raw::Map(entries))
    }
}
