//! Takes secrets out of what leaves the machine: an evidence bundle (faults.md, threats 10 and 28).
//!
//! Three nets, each for what slips through the one before: the values behind a profile's references, wherever they
//! stand; what stands under a name that only secrets have; passwords in URLs. JSON stays JSON. Must never keep a value
//! longer than it lives, nor show one. Entry points: [`Redactor::of`], [`Redactor::line`], [`Redactor::value`].

mod named;

use crate::{
    Profile,
    refs::{self, Piece},
    secret,
};
use named::{NAMES, named_out, names_secret, passwords_out};
use serde_json::Value;
use std::{borrow::Cow, fmt};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";
/// A shorter value is found everywhere and hides nothing.
const SECRET_BYTES_MIN: usize = 4;
/// The same of a value that is no secret by its name (a place, a bucket): common words are.
const OTHER_BYTES_MIN: usize = 8;
/// A value of digits alone: a shorter one is found in times and sizes.
const DIGITS_MIN: usize = 8;
/// Lines of a value of several lines (a private key) that are looked for each on its own.
const VALUE_LINES_MAX: usize = 256;

/// Knows what to take out.
#[derive(Default)]
pub struct Redactor {
    /// Longest first, so that none hides a part of another.
    values: Vec<Hidden>,
    references: usize,
    unknown: usize,
    not_looked_for: usize,
}

/// A value to be taken out.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hidden {
    text: String,
    /// By the name of its field in the profile. One that is not may be a common word, and is left in names of JSON fields.
    is_secret: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// For a run of this profile. `env` gives every value that an environment variable has or had for the run's
    /// processes; files are read here. A reference that has no value any more is counted, see [`Self::unknown`].
    pub fn of(profile: &Profile, env: &dyn Fn(&str) -> Vec<String>) -> Self {
        let mut redactor = Self::default();
        for end in profile.sources.iter().chain(&profile.targets) {
            for (name, value) in &end.config {
                redactor.learn_from(value, secret::is_key_like(name), env);
            }
            if let Some(plugin) = &end.plugin {
                redactor.learn(plugin, false, env);
            }
        }
        redactor.order();
        redactor
    }

    /// References in the profile.
    pub const fn references(&self) -> usize {
        self.references
    }

    /// Those of them whose value is not known here: it can be found by its name alone.
    pub const fn unknown(&self) -> usize {
        self.unknown
    }

    /// Values, or lines of them, that are not looked for: too short, or too many.
    pub const fn not_looked_for(&self) -> usize {
        self.not_looked_for
    }

    /// For a run whose profile is not understood any more: each reference in its text is taken for a secret's.
    pub fn of_text(text: &str, env: &dyn Fn(&str) -> Vec<String>) -> Self {
        let mut redactor = Self::default();
        for line in text.lines() {
            redactor.learn(line, true, env);
        }
        redactor.order();
        redactor
    }

    fn order(&mut self) {
        self.values.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then_with(|| b.cmp(a)));
        // Of two the same, the one that is a secret came first.
        self.values.dedup_by(|later, earlier| later.text == earlier.text);
    }

    fn learn_from(&mut self, value: &Value, is_secret: bool, env: &dyn Fn(&str) -> Vec<String>) {
        match value {
            Value::String(text) => self.learn(text, is_secret, env),
            Value::Array(items) => items.iter().for_each(|v| self.learn_from(v, is_secret, env)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.learn_from(value, is_secret || secret::is_key_like(name), env);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn learn(&mut self, text: &str, is_secret: bool, env: &dyn Fn(&str) -> Vec<String>) {
        for piece in refs::pieces(text).unwrap_or_default() {
            let values = match piece {
                Piece::Text(_) => continue,
                Piece::Env(name) => env(name),
                Piece::File(path) => refs::read_file(path.as_ref()).into_iter().collect(),
            };
            self.references += 1;
            self.unknown += usize::from(values.is_empty());
            for value in &values {
                self.keep(value, is_secret);
            }
        }
    }

    /// Also as it stands in a URL; of several lines each on its own.
    fn keep(&mut self, value: &str, is_secret: bool) {
        let least = if is_secret { SECRET_BYTES_MIN } else { OTHER_BYTES_MIN };
        for (nth, line) in value.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate() {
            let digits = line.bytes().all(|b| b.is_ascii_digit());
            if nth >= VALUE_LINES_MAX || line.len() < if digits { DIGITS_MIN } else { least } {
                self.not_looked_for += 1;
            } else {
                let forms = [percent(line, true), percent(line, false), line.to_owned()];
                self.values.extend(forms.map(|text| Hidden { text, is_secret }));
            }
        }
    }

    /// One line of a log or of a file of JSON lines, with or without its line end, and whether something was taken out.
    pub fn line<'a>(&self, line: &'a str) -> Cow<'a, str> {
        if !self.is_suspicious(line) {
            return Cow::Borrowed(line);
        }
        let body = line.trim_end_matches(['\r', '\n']);
        if body.starts_with(['{', '['])
            && let Ok(mut value) = serde_json::from_str(body)
        {
            return match self.value(&mut value) {
                0 => Cow::Borrowed(line),
                _ => Cow::Owned(format!("{value}{}", &line[body.len()..])),
            };
        }
        self.text(line)
    }

    /// Whether a closer look is worth its time; nearly every line of a recording passes here, as it is.
    fn is_suspicious(&self, line: &str) -> bool {
        let lower = line.to_ascii_lowercase();
        // In JSON a value may stand escaped: then the look at its strings decides.
        (line.contains('\\') && !self.values.is_empty())
            || self.values.iter().any(|v| line.contains(v.text.as_str()))
            || NAMES.iter().any(|name| lower.contains(name))
            || lower.contains("bearer ")
            || lower.contains("://")
    }

    /// All texts in a JSON value; returns how many were changed.
    pub fn value(&self, value: &mut Value) -> usize {
        match value {
            Value::String(text) => match self.text(text) {
                Cow::Owned(clean) => {
                    *text = clean;
                    1
                }
                Cow::Borrowed(_) => 0,
            },
            Value::Array(items) => items.iter_mut().map(|item| self.value(item)).sum(),
            Value::Object(fields) => self.fields(fields),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }

    fn fields(&self, fields: &mut serde_json::Map<String, Value>) -> usize {
        let mut changed = 0;
        if fields.keys().any(|name| matches!(self.secrets_out(name), Cow::Owned(_))) {
            let all = std::mem::take(fields).into_iter();
            *fields = all.map(|(name, value)| (self.secrets_out(&name).into_owned(), value)).collect();
            changed += 1;
        }
        for (name, value) in fields {
            changed += self.value(value);
            if names_secret(name) {
                changed += blot(value);
            }
        }
        changed
    }

    /// Any text.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut out = self.values_out(text);
        if let Some(clean) = named_out(&out) {
            out = Cow::Owned(clean);
        }
        if let Some(clean) = passwords_out(&out) {
            out = Cow::Owned(clean);
        }
        out
    }

    /// A profile as it stands in a file: YAML that may have been written by hand since. References stay.
    pub fn yaml(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in secret::masked(text) {
            out.push_str(&self.text(&line));
            out.push('\n');
        }
        out
    }

    /// Without the values that the profile refers to.
    fn values_out<'a>(&self, text: &'a str) -> Cow<'a, str> {
        out(text, self.values.iter())
    }

    fn secrets_out<'a>(&self, name: &'a str) -> Cow<'a, str> {
        out(name, self.values.iter().filter(|v| v.is_secret))
    }
}

/// Everything under a secret's name goes, but for references; returns how many values were changed.
fn blot(value: &mut Value) -> usize {
    match value {
        Value::String(text) if text.is_empty() || text == REDACTED || refs::has_reference(text) => 0,
        Value::String(_) | Value::Number(_) => {
            *value = REDACTED.into();
            1
        }
        Value::Array(items) => items.iter_mut().map(blot).sum(),
        Value::Object(fields) => fields.values_mut().map(blot).sum(),
        Value::Null | Value::Bool(_) => 0,
    }
}

fn out<'a, 'v>(text: &'a str, values: impl Iterator<Item = &'v Hidden>) -> Cow<'a, str> {
    let mut out = Cow::Borrowed(text);
    for value in values.filter(|v| text.contains(v.text.as_str())) {
        out = Cow::Owned(out.replace(value.text.as_str(), REDACTED));
    }
    out
}

/// As it stands in a URL.
fn percent(text: &str, upper: bool) -> String {
    let escaped = |b: u8| if upper { format!("%{b:02X}") } else { format!("%{b:02x}") };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { escaped(b) }).collect()
}

#[cfg(test)]
mod tests;
