//! A list of what alone is to be planned (`run PROFILE --only FILE`): the failed list of an earlier run, or lines of one's
//! own with a `key` each.
//!
//! The keys are in memory, sorted, so that the walk enters nothing but directories that lead to one of them, and so that
//! a key that is not there any more can be told. Entry points: [`Only::read`], [`Only::write`].

use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::io::{BufRead, Read as _, Write};
use twinhaul_profile::Profile;
use twinhaul_units::Key;
use twinhaul_units::text::show;
use twinhaul_wire::KeyText;

/// Keys that a list may hold: with long names some 150 MiB.
pub const ONLY_KEYS_MAX: usize = 1_000_000;
/// A line: a hard-link group has all its names in one.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// See the module.
#[derive(Debug, Default)]
pub struct Only {
    /// By the source, in the profile's order; `None`: of whichever source has the key. Sorted.
    lists: BTreeMap<Option<u16>, Vec<Listed>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    key: Box<[u8]>,
    met: bool,
}

/// Why a list is not taken; the line's number, where it is one line's fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnlyError {
    #[error("line {line}: {why}")]
    Line { line: u64, why: String },
    #[error(
        "it lists more than {ONLY_KEYS_MAX} keys, which is as many as one list may hold. Split it, or name the directories that they are in."
    )]
    TooMany,
    #[error("it is empty: not even a list without keys. Was it written to its end?")]
    Empty,
    #[error("it cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

/// What of a line matters here; the first and the last line of a written list are neither keys nor mistakes.
#[derive(Deserialize)]
struct Line {
    format: Option<IgnoredAny>,
    summary: Option<IgnoredAny>,
    key: Option<String>,
    key_b64: Option<String>,
    /// By name.
    source: Option<String>,
    /// Where the route has a prefix.
    source_key: Option<String>,
    source_key_b64: Option<String>,
    /// Further names of a hard-link group, as keys at the target.
    #[serde(default)]
    names: Vec<KeyText>,
}

impl Only {
    /// Reads JSON lines: each one key at the source, or what `report` writes of a transfer. A key that turns out to be a
    /// directory means everything below it.
    ///
    /// # Errors
    /// The first line that is not understood, by its number; nothing is guessed.
    pub fn read(input: &mut dyn BufRead, profile: &Profile) -> Result<Self, OnlyError> {
        let mut only = Self::default();
        let (mut number, mut n) = (0, 0);
        let mut text = Vec::new();
        loop {
            text.clear();
            if (&mut *input).take(LINE_BYTES_MAX).read_until(b'\n', &mut text)? == 0 {
                break;
            }
            number += 1;
            let bad = |why: String| OnlyError::Line { line: number, why };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let line: Line = serde_json::from_slice(&text).map_err(|e| bad(not_a_line(&e)))?;
            if line.format.is_some() || line.summary.is_some() {
                continue;
            }
            let source = source_of(&line, profile).map_err(bad)?;
            let list = only.lists.entry(source).or_default();
            for key in keys_of(&line).map_err(bad)? {
                n += 1;
                if n > ONLY_KEYS_MAX {
                    return Err(OnlyError::TooMany);
                }
                list.push(Listed { key: key.into_boxed_slice(), met: false });
            }
        }
        if number == 0 {
            return Err(OnlyError::Empty);
        }
        for list in only.lists.values_mut() {
            list.sort_unstable();
            list.dedup();
        }
        Ok(only)
    }

    /// Writes it as lines that [`Self::read`] takes.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&self, profile: &Profile, out: &mut dyn Write) -> std::io::Result<()> {
        // Nothing listed is no mistake, and no empty file.
        writeln!(out, "{}", serde_json::json!({ "format": "twinhaul only", "version": 1 }))?;
        for (source, list) in &self.lists {
            let name = source.and_then(|s| profile.sources.get(usize::from(s))).map(|s| s.name.as_str());
            for listed in list {
                let mut line = serde_json::to_value(KeyText::from_bytes(&listed.key))?;
                if let Some(name) = name {
                    line["source"] = name.into();
                }
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.lists.values().map(Vec::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the key is listed; from then on it has been met.
    pub(crate) fn take(&mut self, source: u16, key: &[u8]) -> bool {
        let mut found = false;
        for of in [Some(source), None] {
            let Some(list) = self.lists.get_mut(&of) else { continue };
            if let Ok(at) = list.binary_search_by(|listed| (*listed.key).cmp(key)) {
                list[at].met = true;
                found = true;
            }
        }
        found
    }

    /// Whether a listed key is below this directory.
    pub(crate) fn leads(&self, source: u16, directory: &[u8]) -> bool {
        let below = [directory, b"/"].concat();
        [Some(source), None].iter().filter_map(|of| self.lists.get(of)).any(|list| {
            let at = list.partition_point(|listed| *listed.key < *below);
            list.get(at).is_some_and(|listed| listed.key.starts_with(&below))
        })
    }

    /// What no walk has met, with its source: the one that was named, else the first.
    pub(crate) fn missing(&self) -> impl Iterator<Item = (u16, Key)> + '_ {
        let all =
            self.lists.iter().flat_map(|(source, list)| list.iter().map(move |listed| (*source, listed)));
        all.filter(|(_, listed)| !listed.met).filter_map(|(source, listed)| {
            // Checked when it was read.
            Some((source.unwrap_or_default(), Key::new(listed.key.to_vec()).ok()?))
        })
    }
}

fn not_a_line(e: &serde_json::Error) -> String {
    let text = e.to_string();
    // The place that JSON counts is within this line.
    let why = text.rsplit_once(" at line ").map_or(text.as_str(), |(why, _)| why);
    format!(
        "{} (column {}). A line is one JSON object with a \"key\", as in failed.jsonl",
        show(why),
        e.column()
    )
}

/// The source that a line names.
fn source_of(line: &Line, profile: &Profile) -> Result<Option<u16>, String> {
    let Some(name) = &line.source else { return Ok(None) };
    let known = profile.sources.iter().position(|s| s.name == *name).and_then(|i| u16::try_from(i).ok());
    known.map(Some).ok_or_else(|| format!("the profile has no source \"{}\"", show(name)))
}

/// Its keys at the source.
fn keys_of(line: &Line) -> Result<Vec<Vec<u8>>, String> {
    let exact = |key: &Option<String>, b64: &Option<String>, what: &str| match key {
        None => Ok(None),
        Some(key) => KeyText { key: key.clone(), key_b64: b64.clone() }
            .exact()
            .ok_or_else(|| format!("its {what}_b64 is not base64"))
            .and_then(|bytes| checked(bytes, what))
            .map(Some),
    };
    let target = exact(&line.key, &line.key_b64, "key")?.ok_or("it has no \"key\"")?;
    let source =
        exact(&line.source_key, &line.source_key_b64, "source_key")?.unwrap_or_else(|| target.clone());
    let prefix = target.strip_suffix(source.as_slice()).unwrap_or_default().to_vec();
    let mut keys = vec![source];
    for name in &line.names {
        let name = name.exact().ok_or("a name's key_b64 is not base64")?;
        // The names of a group are below the same prefix, or another route's; then they are the same key at the source.
        let at_source = name.strip_prefix(prefix.as_slice()).unwrap_or(&name).to_vec();
        keys.push(checked(at_source, "name")?);
    }
    Ok(keys)
}

fn checked(bytes: Vec<u8>, what: &str) -> Result<Vec<u8>, String> {
    Key::new(bytes).map(|key| key.as_bytes().to_vec()).map_err(|e| format!("its {what} {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn profile() -> Profile {
        Profile::copy(Path::new("/from"), Path::new("/to")).unwrap()
    }

    fn read(text: &str) -> Result<Only, OnlyError> {
        Only::read(&mut text.as_bytes(), &profile())
    }

    fn why(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_written_list_is_understood_with_its_first_and_last_line() {
        let source = profile().sources[0].name.clone();
        let text = format!(
            "{}\n{}\n\n{}\n{}\n{}\n",
            r#"{"format":"twinhaul failed","version":1,"chain":"00"}"#,
            format_args!(
                r#"{{"id":3,"key":"p/a/b","source":"{source}","source_key":"a/b","state":"failed"}}"#
            ),
            r#"{"key":"p/x","source_key":"x","names":[{"key":"p/y"},{"key":"p/z"}]}"#,
            r#"{"key":"\ufffd","key_b64":"/w=="}"#,
            r#"{"summary":true,"lines":3,"chain":"00"}"#,
        );
        let mut only = read(&text).unwrap();
        assert_eq!(only.len(), 5);
        for key in [&b"a/b"[..], b"x", b"y", b"z", b"\xff"] {
            assert!(only.take(0, key), "{key:?}");
        }
        assert!(!only.take(0, b"p/a/b"));
        assert!(!only.take(1, b"a/b"), "of another source");
        assert_eq!(only.missing().count(), 0);
        let mut written = Vec::new();
        only.write(&profile(), &mut written).unwrap();
        let again = Only::read(&mut written.as_slice(), &profile()).unwrap();
        assert_eq!((again.len(), again.missing().count()), (5, 5));
    }

    #[test]
    fn what_leads_to_a_key_is_entered_and_nothing_else() {
        let mut only = read("{\"key\":\"a/b/c\"}\n{\"key\":\"ab\"}\n").unwrap();
        for (directory, leads) in [("a", true), ("a/b", true), ("a/b/c", false), ("ab", false), ("", false)] {
            assert_eq!(only.leads(0, directory.as_bytes()), leads, "{directory}");
        }
        assert!(only.take(5, b"ab"));
        let missing: Vec<_> = only.missing().collect();
        assert_eq!(missing, [(0, Key::new(*b"a/b/c").unwrap())]);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        for (text, words) in [
            ("", "empty"),
            ("{\"key\":\"a\"}\nb\n", "line 2: expected value"),
            ("{\"key\":\"a\"}\n{\"id\":1}\n", "line 2: it has no \"key\""),
            ("{\"key\":\"../a\"}\n", "line 1: its key has a . or .. component"),
            ("{\"key\":\"a\",\"key_b64\":\"!\"}\n", "line 1: its key_b64 is not base64"),
            ("\n{\"key\":\"a\",\"source\":\"other\"}\n", "line 2: the profile has no source \"other\""),
            ("{\"key\":\"a\"}\n{\"key\":\"b", "line 2: EOF"),
        ] {
            assert!(why(text).contains(words), "{text:?}: {}", why(text));
        }
        assert!(read("{\"format\":\"twinhaul failed\"}\n").unwrap().is_empty());
    }
}
