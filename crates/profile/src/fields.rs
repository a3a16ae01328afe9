//! The questions that reading asks of a value: is it text, a whole number, one of these words, a mapping with these
//! keys? Every refusal says where, what was expected and what was found.
//!
//! Knows nothing of profiles: which keys there are is the business of `read`.
//! Entry points: [`Fields`] for mappings, the methods of [`Node`] for everything else.

use crate::{
    error::{Fault, Place},
    node::{Entry, Node, Value},
};
use std::ops::RangeInclusive;
use twinhaul_units::{ParseError, text::show};

/// A mapping whose keys are all known and all different.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    node: &'a Node,
    entries: &'a [Entry],
}

impl<'a> Fields<'a> {
    /// Refuses other keys than `known`.
    pub(crate) fn of(node: &'a Node, known: &[&str]) -> Result<Self, Fault> {
        let fields = Self::any(node)?;
        match fields.entries.iter().find(|e| !known.contains(&e.key.as_str())) {
            None => Ok(fields),
            Some(e) => Err(unknown(e, known)),
        }
    }

    /// A mapping with any keys.
    pub(crate) fn any(node: &'a Node) -> Result<Self, Fault> {
        match &node.value {
            Value::Map(entries) => Ok(Self { node, entries }),
            _ => Err(node.expected("a mapping (key: value)")),
        }
    }

    pub(crate) fn place(&self) -> Place {
        self.node.place
    }

    pub(crate) fn entries(&self) -> &'a [Entry] {
        self.entries
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|e| e.key == key).map(|e| &e.node)
    }

    /// The value of a key that must be there; `expected` says what it would hold.
    pub(crate) fn need(&self, key: &str, expected: &str) -> Result<&'a Node, Fault> {
        self.get(key).ok_or_else(|| {
            let fault = Fault::at(self.node.place, format!("{}\"{key}\" is missing", self.node.label()));
            match nearest(key, self.entries.iter().map(|e| e.key.as_str())) {
                Some(near) => fault.help(format!("did you mean \"{key}\" where it says \"{}\"?", show(near))),
                None => fault.help(format!("expected {expected}")),
            }
        })
    }

    /// Reads the value of a key that may be absent.
    pub(crate) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Node) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        self.get(key).map(read).transpose()
    }
}

fn unknown(entry: &Entry, known: &[&str]) -> Fault {
    let parent = entry.node.path.strip_suffix(entry.key.as_str()).unwrap_or_default().trim_end_matches('.');
    let inside = if parent.is_empty() { String::new() } else { format!("{}: ", show(parent)) };
    let fault = Fault::at(entry.at, format!("{inside}unknown key \"{}\"", show(&entry.key)));
    match nearest(&entry.key, known.iter().copied()) {
        Some(near) => fault.help(format!("did you mean \"{near}\"?")),
        None => fault.help(format!("expected one of: {}", known.join(", "))),
    }
}

/// Refuses a key that stands twice in one mapping, anywhere in the tree.
pub(crate) fn check_duplicates(node: &Node) -> Result<(), Fault> {
    match &node.value {
        Value::List(items) => items.iter().try_for_each(check_duplicates),
        Value::Map(entries) => {
            let mut seen = std::collections::HashMap::new();
            for e in entries {
                if let Some(first) = seen.insert(e.key.as_str(), e.at.line) {
                    let what = format!("duplicate key \"{}\"", show(&e.key));
                    return Err(Fault::at(e.at, what).help(format!("it was first given on line {first}")));
                }
                check_duplicates(&e.node)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

impl Node {
    /// "peers.beta: ", or nothing for the whole profile.
    fn label(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{}: ", show(&self.path)) }
    }

    /// This value is not what it should be.
    pub(crate) fn expected(&self, what: &str) -> Fault {
        Fault::at(self.place, format!("{}expected {what}, found {}", self.label(), self.describe()))
    }

    /// Something else is wrong with this value.
    pub(crate) fn fault(&self, what: impl AsRef<str>) -> Fault {
        Fault::at(self.place, format!("{}{}", self.label(), what.as_ref()))
    }

    /// Text; numbers and booleans must be quoted to be text.
    pub(crate) fn text(&self, expected: &str) -> Result<&str, Fault> {
        match &self.value {
            Value::Text(s) => Ok(s),
            Value::Whole(_) | Value::Negative(_) | Value::Float(_) | Value::Bool(_) => {
                Err(self.expected(expected).help("put it in quotes if it is meant as text"))
            }
            _ => Err(self.expected(expected)),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, Fault> {
        match &self.value {
            Value::Bool(b) => Ok(*b),
            _ => Err(self.expected("true or false")),
        }
    }

    pub(crate) fn whole(&self, range: RangeInclusive<u64>) -> Result<u64, Fault> {
        match &self.value {
            Value::Whole(n) if range.contains(n) => Ok(*n),
            _ if *range.end() == u64::MAX => {
                Err(self.expected(&format!("a whole number from {}", range.start())))
            }
            _ => Err(self.expected(&format!("a whole number from {} to {}", range.start(), range.end()))),
        }
    }

    /// A quantity that `units` reads; a bare number is given to it as text.
    pub(crate) fn quantity<T>(&self, parse: impl Fn(&str) -> Result<T, ParseError>) -> Result<T, Fault> {
        let text = match &self.value {
            Value::Text(s) => s.clone(),
            Value::Whole(n) => n.to_string(),
            Value::Negative(n) => n.to_string(),
            Value::Float(n) => n.to_string(),
            _ => String::new(),
        };
        parse(&text).map_err(|e| self.expected(e.expected))
    }

    /// One word of a fixed set.
    pub(crate) fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Fault> {
        let all = || words.iter().map(|(w, _)| *w).collect::<Vec<_>>().join(", ");
        let Value::Text(found) = &self.value else {
            return Err(self.expected(&format!("one of: {}", all())));
        };
        if let Some((_, value)) = words.iter().find(|(w, _)| w == found) {
            return Ok(*value);
        }
        let fault = self.expected(&format!("one of: {}", all()));
        Err(match nearest(found, words.iter().map(|(w, _)| *w)) {
            Some(near) => fault.help(format!("did you mean \"{near}\"?")),
            None => fault,
        })
    }

    pub(crate) fn list(&self, of: &str) -> Result<&[Self], Fault> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.expected(&format!("a list of {of}"))),
        }
    }
}

/// The word nearest to `found`, if it is near enough to be meant.
pub fn nearest<'w>(found: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let longest = found.chars().count();
    let near_enough = 1 + longest / 4;
    words
        .into_iter()
        .filter(|w| w.chars().count().abs_diff(longest) <= near_enough)
        .map(|w| (distance(&found.to_lowercase().replace('_', "-"), &w.to_lowercase().replace('_', "-")), w))
        .filter(|(d, _)| *d <= near_enough)
        .min_by_key(|(d, _)| *d)
        .map(|(_, w)| w)
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut older = vec![0; b.len() + 1];
    let mut old: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut new = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = old[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            new[j] = replaced.min(old[j] + 1).min(new[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                new[j] = new[j].min(older[j - 2] + 1);
            }
        }
        older = std::mem::replace(&mut old, new);
    }
    old[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["sources", "targets", "routes", "verify"];
        for (found, near) in [
            ("source", Some("sources")),
            ("tragets", Some("targets")),
            ("Routes", Some("routes")),
            ("bandwidth", None),
            ("x", None),
        ] {
            assert_eq!(nearest(found, words), near, "{found}");
        }
        assert_eq!(distance("skip", "skpi"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
