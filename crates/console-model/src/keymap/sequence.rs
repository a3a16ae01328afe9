//! What is typed for an action: one key, or a few after each other.

use crate::{Chord, Key};
use std::fmt;

/// Keys of one sequence at most.
pub const SEQUENCE_MAX: usize = 4;

/// Keys that are typed after each other: at least one, at most [`SEQUENCE_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence(Vec<Chord>);

/// What a terminal sends for another key too: it could not be told from that one.
const SAME_AS: [(char, &str); 5] =
    [('i', "Tab"), ('m', "Enter"), ('j', "Enter"), ('h', "Bksp"), ('[', "Esc")];

impl Sequence {
    /// Reads what a keys file says: `j`, `<c-w>`, `gg`, `<space>d`; blanks between keys mean nothing.
    ///
    /// # Errors
    /// In words, when it is no key, or one that no terminal sends.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut chords = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let end = match rest.find('>') {
                Some(end) if first == '<' && end > 1 => end + 1,
                _ => first.len_utf8(),
            };
            let (one, after) = rest.split_at(end);
            chords.push(key(one)?);
            rest = after.trim_start();
        }
        match chords.len() {
            0 if text.is_empty() => Err("no key is written here".into()),
            0 => Err("a blank is written <space>".into()),
            1..=SEQUENCE_MAX => Ok(Self(chords)),
            many => Err(format!("\"{text}\" is {many} keys; a sequence has at most {SEQUENCE_MAX}")),
        }
    }

    /// One key.
    pub fn one(chord: Chord) -> Self {
        Self(vec![chord])
    }

    /// What was typed so far.
    pub(super) const fn of(chords: Vec<Chord>) -> Self {
        Self(chords)
    }

    pub fn chords(&self) -> &[Chord] {
        &self.0
    }

    /// Whether `other` begins with all of it.
    pub fn begins(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    /// As a keys file writes it.
    pub fn written(&self) -> String {
        self.0.iter().map(|chord| chord.written()).collect()
    }
}

fn key(text: &str) -> Result<Chord, String> {
    let chord = Chord::parse(text).ok_or_else(|| {
        format!(
            "{text} is no key; known are letters and signs, <c-a> to <c-z>, <f1> to <f12>, <enter>, <esc>, <tab>, \
             <s-tab>, <space>, <bs>, <up>, <down>, <left>, <right>, <home>, <end>, <pgup>, <pgdn>"
        )
    })?;
    match chord.key {
        Key::Char(c) if chord.ctrl => match SAME_AS.iter().find(|(ctrl, _)| *ctrl == c) {
            Some((_, same)) => Err(format!("a terminal sends the same for {text} as for {same}")),
            None if c.is_ascii_lowercase() => Ok(chord),
            None => Err(format!("no terminal is sure to send {text}; with Ctrl go the letters a to z")),
        },
        Key::Char(c) if c.is_control() => Err("this is no key that can be typed".into()),
        _ => Ok(chord),
    }
}

/// As the screen writes it: `j`, `Ctrl-w`, `g g`.
impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, chord) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            chord.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_read_and_written() {
        for (text, shown, written) in [
            ("gg", "g g", "gg"),
            ("g G", "g G", "gG"),
            ("<space>d", "Space d", "<space>d"),
            ("<C-w>j", "Ctrl-w j", "<c-w>j"),
            ("<<", "< <", "<<"),
        ] {
            let sequence = Sequence::read(text).unwrap();
            assert_eq!((sequence.to_string().as_str(), sequence.written().as_str()), (shown, written));
        }
    }

    #[test]
    fn what_no_terminal_sends_is_refused_in_words() {
        for (text, why) in [
            ("", "no key"),
            (" ", "<space>"),
            ("<c-i>", "as for Tab"),
            ("<c-1>", "letters a to z"),
            ("<del>", "<del> is no key"),
            ("abcde", "at most 4"),
            ("\u{1b}", "no key that can be typed"),
        ] {
            let error = Sequence::read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
