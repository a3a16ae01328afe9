//! The words after a verb: names with values, nothing else.

use std::fmt::Write as _;

/// `--name value` pairs; a name in `alone` stands alone.
#[derive(Debug)]
pub(super) struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    /// # Errors
    /// A word that `verb` does not take, or a name without its value.
    pub(super) fn read(verb: &str, args: &[&'a str], known: &[&str], alone: &[&str]) -> Result<Self, String> {
        let mut found = Vec::new();
        let mut words = args.iter().copied();
        while let Some(name) = words.next() {
            if alone.contains(&name) {
                found.push((name, ""));
            } else if known.contains(&name) {
                found.push((name, words.next().ok_or_else(|| format!("{name} takes a value"))?));
            } else {
                let mut why = format!("{verb} does not take \"{}\"; it takes", name.escape_debug());
                known.iter().chain(alone).for_each(|name| _ = write!(why, " {name}"));
                return Err(why);
            }
        }
        Ok(Self(found))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.word(name).is_some()
    }

    pub(super) fn word(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.word(name) else { return Ok(None) };
        let wrong = |_| format!("{name} takes a number, not \"{}\"", value.escape_debug());
        value.parse().map(Some).map_err(wrong)
    }
}
