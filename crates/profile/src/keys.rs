//! A keys file: which keys an action of the console has. Only the form is known here, and where each word stands; whether
//! there is such an action, and whether keys clash, is for the console's registry to say.
//!
//! `id: key`, `id: [key, key]` or `id: none`, one line for each action. Entry points: [`KeysFile::load`],
//! [`KeysFile::parse`].

use crate::{
    Kind, Place, ProfileError, Report,
    error::Fault,
    fields::{self, Fields},
    node::{self, Node, Value},
};
use std::path::Path;
use twinhaul_units::text::show;

/// What stands for no key.
const NO_KEY: &str = "none";
const QUOTES: &str = "signs that YAML reads itself are written in quotes: mark-all: \"*\"";

/// What a keys file says, in its order.
#[derive(Debug)]
pub struct KeysFile {
    file: String,
    text: String,
    pub lines: Vec<KeysLine>,
}

/// What it says of one action.
#[derive(Debug)]
pub struct KeysLine {
    pub id: String,
    pub at: Place,
    /// Empty: none.
    pub keys: Vec<(String, Place)>,
}

impl KeysFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        let (file, text) = crate::text_of(path, Kind::Keys)?;
        Self::parse(&text, &file)
    }

    /// Reads a keys file given as text; `name` stands for the file in messages.
    ///
    /// # Errors
    /// See [`ProfileError`].
    pub fn parse(text: &str, name: &str) -> Result<Self, ProfileError> {
        let lines = lines(text).map_err(|fault| fault.report(Kind::Keys, name, text))?;
        Ok(Self { file: name.to_owned(), text: text.to_owned(), lines })
    }

    /// What is wrong at `place`; the `last` of several says what to type next.
    pub fn wrong(&self, place: Place, what: &str, help: &str, last: bool) -> Report {
        let fault = Fault::at(place, show(what)).help(show(help));
        let mut report = fault.into_report(Kind::Keys, &self.file, &self.text);
        report.next = last;
        report
    }
}

fn lines(text: &str) -> Result<Vec<KeysLine>, Fault> {
    let quoted = |fault: Fault| Fault { help: fault.help.clone().or_else(|| Some(QUOTES.into())), ..fault };
    let root = node::read(text).map_err(quoted)?;
    if matches!(root.value, Value::Nothing) {
        return Ok(Vec::new());
    }
    fields::check_duplicates(&root)?;
    let entries = Fields::any(&root)?.entries();
    entries
        .iter()
        .map(|entry| {
            let keys = keys(&entry.node).map_err(quoted)?;
            Ok(KeysLine { id: entry.key.clone(), at: entry.at, keys })
        })
        .collect()
}

fn keys(node: &Node) -> Result<Vec<(String, Place)>, Fault> {
    match &node.value {
        Value::Text(text) if text == NO_KEY => Ok(Vec::new()),
        Value::List(items) => items.iter().map(|item| key(item, "a key")).collect(),
        _ => key(node, "a key, a list of keys, or none").map(|key| vec![key]),
    }
}

fn key(node: &Node, expected: &str) -> Result<(String, Place), Fault> {
    let text = match &node.value {
        Value::Text(text) if text == NO_KEY => {
            return Err(node.expected(expected).help("none stands alone: it is no key"));
        }
        Value::Text(text) if !text.is_empty() => text.clone(),
        Value::Whole(n) => n.to_string(),
        _ => return Err(node.expected(expected)),
    };
    Ok((text, node.place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_with_their_places() {
        let text = "# mine\nfreeze: F\nfirst: [gg, <home>]\ntheme: none\nmark-all: \"*\"\npanel: 5\n";
        let file = KeysFile::parse(text, "keys.yaml").unwrap();
        let said: Vec<(&str, String)> = file
            .lines
            .iter()
            .map(|line| {
                let keys: Vec<&str> = line.keys.iter().map(|(key, _)| key.as_str()).collect();
                (line.id.as_str(), keys.join(" "))
            })
            .collect();
        let expected =
            [("freeze", "F"), ("first", "gg <home>"), ("theme", ""), ("mark-all", "*"), ("panel", "5")];
        assert_eq!(said, expected.map(|(id, keys)| (id, keys.to_owned())));
        let home = file.lines[1].keys[1].1;
        assert_eq!((home.line, home.column), (3, 13));
        assert!(KeysFile::parse("# nothing yet\n", "k").unwrap().lines.is_empty());
    }

    #[test]
    fn what_cannot_be_read_says_where_and_what_to_type() {
        for (text, words) in [
            ("mark-all: *\n", ["keys.yaml:1:", "in quotes", "next: twinhaul keys check keys.yaml"]),
            ("problems: !\n", ["keys.yaml:1:", "in quotes", ""]),
            ("save: #\n", ["found nothing", "in quotes", ""]),
            ("freeze: f\nfreeze: g\n", ["keys.yaml:2:1: duplicate key \"freeze\"", "line 1", ""]),
            ("freeze: [f, none]\n", ["none stands alone", "keys.yaml:1:13", ""]),
            ("freeze: {a: b}\n", ["expected a key, a list of keys, or none, found a mapping", "", ""]),
            ("- f\n", ["expected a mapping", "", ""]),
            ("freeze: true\n", ["found true", "", ""]),
        ] {
            let error = KeysFile::parse(text, "keys.yaml").unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
        let file = KeysFile::parse("freeze: d\n", "keys.yaml").unwrap();
        let report =
            |last| file.wrong(file.lines[0].keys[0].1, "it \u{1b}clashes", "choose", last).to_string();
        assert!(report(true).starts_with("keys.yaml:1:9: it "), "{}", report(true));
        assert!(!report(true).contains('\u{1b}'));
        assert!(report(true).contains("next: ") && !report(false).contains("next: "));
    }

    #[test]
    fn a_file_that_is_not_there_is_told_with_the_next_command() {
        let error = KeysFile::load(Path::new("/nowhere/keys.yaml")).unwrap_err().to_string();
        assert!(error.contains("cannot read keys file /nowhere/keys.yaml"), "{error}");
        assert!(
            error.contains("next: ls -l /nowhere/keys.yaml, or see the actions: twinhaul keys"),
            "{error}"
        );
    }
}
