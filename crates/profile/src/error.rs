//! What goes wrong with a profile, where, and what to do next; and how that is printed.
//!
//! A message never shows a secret: excerpts pass through `secret::masked_line`, and every text that came from the
//! file or the environment passes the sanitiser of `units`.
//! Entry points: [`ProfileError`] for callers, `Fault` inside the crate.

use crate::{FILE_BYTES_MAX, secret};
use std::fmt::{self, Write as _};
use twinhaul_units::{Bytes, text::show};

/// A stretch of one line. Lines and columns count from 1, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
    /// Characters; what is longer than its line is underlined to the line's end.
    pub len: u32,
}

/// What a file is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Profile,
    /// Which keys the console's actions have.
    Keys,
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Keys => "keys file",
        }
    }

    /// The verb that says what is wrong with one.
    const fn check(self) -> &'static str {
        match self {
            Self::Profile => "twinhaul profile check",
            Self::Keys => "twinhaul keys check",
        }
    }

    /// What to do where there is none.
    const fn instead(self) -> &'static str {
        match self {
            Self::Profile => "start from one of profiles/",
            Self::Keys => "see the actions: twinhaul keys",
        }
    }
}

/// Why a profile was refused. `Display` gives the whole report: place, cause, excerpt with a caret, next command.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file could not be opened or read.
    #[error(
        "cannot read {} {}: {cause}\n  = next: ls -l {}, or {}",
        kind.words(),
        show(file),
        argument(file),
        kind.instead()
    )]
    Unreadable { kind: Kind, file: String, cause: std::io::Error },
    /// The file is larger than [`FILE_BYTES_MAX`].
    #[error(
        "{0} {1} is larger than {2}; is it a {0}?\n  = next: {3} {4}",
        kind.words(),
        show(file),
        Bytes(FILE_BYTES_MAX),
        kind.check(),
        argument(file)
    )]
    TooLarge { kind: Kind, file: String },
    /// A path of `twinhaul copy` cannot stand in a profile.
    #[error("path {shown} is not UTF-8, which a profile must be; reach it through a link with a plain name")]
    PathNotText { shown: String },
    /// What is in the file is not a correct profile, or a `${…}` in it has no value.
    #[error("{0}")]
    Invalid(Box<Report>),
}

impl ProfileError {
    /// The report, if the error is about the content.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Invalid(report) => Some(report),
            _ => None,
        }
    }
}

/// One mistake in a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file, as it was named when it was loaded; not sanitised.
    pub file: String,
    /// Where; unknown in a profile that was not read from text.
    pub place: Option<Place>,
    /// What is wrong and what was expected; safe to print.
    pub what: String,
    /// How to put it right; safe to print.
    pub help: Option<String>,
    /// The line at fault, as in the file but for secrets.
    line: Option<String>,
    kind: Kind,
    /// Whether it ends with what to type next.
    pub(crate) next: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(&self.file))?;
        if let Some(place) = self.place {
            write!(f, ":{}:{}", place.line, place.column)?;
        }
        write!(f, ": {}", self.what)?;
        if let (Some(place), Some(line)) = (self.place, &self.line) {
            excerpt(f, place, line)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  = {help}")?;
        }
        if self.file == crate::COPY_NAME || !self.next {
            return Ok(());
        }
        write!(f, "\n  = next: {} {}", self.kind.check(), argument(&self.file))
    }
}

/// Characters of a line on either side of the fault that are shown.
const EXCERPT_BEFORE_MAX: usize = 60;
const EXCERPT_AFTER_MAX: usize = 60;

fn excerpt(f: &mut fmt::Formatter<'_>, place: Place, line: &str) -> fmt::Result {
    let chars: Vec<char> = line.chars().collect();
    let column = (place.column.max(1) as usize - 1).min(chars.len());
    let end = column.saturating_add(place.len.max(1) as usize).min(chars.len());
    let from = column.saturating_sub(EXCERPT_BEFORE_MAX);
    let to = chars.len().min(column + EXCERPT_AFTER_MAX);
    let part = |range: std::ops::Range<usize>| -> String {
        show(&chars[range].iter().collect::<String>()).into_owned()
    };
    let (before, fault, after) = (part(from..column), part(column..end.min(to)), part(end.min(to)..to));
    let head = if from > 0 { "…" } else { "" };
    let tail = if to < chars.len() { "…" } else { "" };
    let number = place.line.to_string();
    let gap = " ".repeat(number.len());
    let pad = " ".repeat(head.chars().count() + before.chars().count());
    let carets = "^".repeat(fault.chars().count().max(1));
    write!(f, "\n{gap} |\n{number} | {head}{before}{fault}{after}{tail}\n{gap} | {pad}{carets}")
}

/// `file` as an argument for a POSIX shell, safe to print.
fn argument(file: &str) -> String {
    let shown = show(file);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,@".contains(c);
    if !shown.is_empty() && shown.chars().all(plain) {
        return shown.into_owned();
    }
    let mut out = String::from("'");
    for c in shown.chars() {
        match c {
            '\'' => out.push_str("'\\''"),
            c => out.push(c),
        }
    }
    let _ = out.write_char('\'');
    out
}

/// A mistake before it knows its file.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) place: Option<Place>,
    pub(crate) what: String,
    pub(crate) help: Option<String>,
    /// Whether the excerpt must not show the value at `place`: it is a secret.
    pub(crate) hidden: bool,
}

impl Fault {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { place: None, what: what.into(), help: None, hidden: false }
    }

    pub(crate) fn at(place: Place, what: impl Into<String>) -> Self {
        Self { place: Some(place), what: what.into(), help: None, hidden: false }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// As [`Self::into_report`].
    pub(crate) fn report(self, kind: Kind, file: &str, text: &str) -> ProfileError {
        ProfileError::Invalid(Box::new(self.into_report(kind, file, text)))
    }

    /// Names the file and cuts out the line.
    pub(crate) fn into_report(self, kind: Kind, file: &str, text: &str) -> Report {
        let line = self.place.and_then(|p| {
            let line = secret::masked_line(text, (p.line as usize).checked_sub(1)?)?;
            Some(if self.hidden { hide_from(&line, p.column) } else { line })
        });
        Report {
            file: file.to_owned(),
            place: self.place.filter(|p| p.line > 0),
            what: self.what,
            help: self.help,
            line,
            kind,
            next: true,
        }
    }
}

/// `line` with everything from `column` on replaced by stars.
fn hide_from(line: &str, column: u32) -> String {
    let column = column.max(1) as usize - 1;
    line.chars().enumerate().map(|(i, c)| if i < column { c } else { '*' }).collect()
}
