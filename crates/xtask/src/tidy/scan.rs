//! Words that must not stand in the source, and where: the walls that the compiler does not know.

use super::Finding;
use super::rooms::{self, PURE, UNSAFE_LINES, UNSAFE_ROOMS};
use super::source::Source;
use super::uses;

/// What a pure room never touches outside its tests: files, clocks, chance.
const WORLD: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "Instant::now",
    "SystemTime::now",
    "rand::",
    "fastrand::",
    "getrandom",
    "RandomState",
];

/// Macros that say that something is not finished.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!"];

/// Every rule over every file.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(|s| [world(s), unsafety(s), unfinished(s), ledger_view(s)].concat()).collect()
}

fn room_name(source: &Source) -> &'static str {
    rooms::of_file(&source.path).map_or("", |r| r.name)
}

/// Lines of `source` with the first of `words` on each; imports count with their whole path.
fn hits<'a>(source: &Source, words: &'a [&'a str]) -> Vec<(usize, &'a str)> {
    let inline = source.lines().map(|(line, code)| (line, code.to_owned()));
    let imported = uses::paths(source).into_iter().map(|(line, path)| (line, format!("{path}::")));
    let mut found: Vec<(usize, &str)> = inline
        .chain(imported)
        .filter_map(|(line, text)| words.iter().find(|w| has_word(&text, w)).map(|w| (line, *w)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// `word` in `text`, not as a part of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && (word.ends_with(':') || !after.is_some_and(part_of_name))
    })
}

fn world(source: &Source) -> Vec<Finding> {
    let room = room_name(source);
    if !PURE.contains(&room) {
        return Vec::new();
    }
    hits(source, WORLD)
        .into_iter()
        .filter(|(line, _)| !source.is_test(*line))
        .map(|(line, word)| {
            Finding::error(
                source.at(line),
                format!("{room} uses {word}"),
                "it gets events and `now`, and gives effects: then tests need no machine and runs can be replayed",
            )
        })
        .collect()
}

fn unsafety(source: &Source) -> Vec<Finding> {
    if UNSAFE_ROOMS.contains(&room_name(source)) {
        return Vec::new();
    }
    let lines: Vec<&str> = source.code.lines().collect();
    let allowed = |line: usize| {
        UNSAFE_LINES.iter().any(|(file, text, _)| {
            source.path == *file && lines.get(line - 1).is_some_and(|code| code.contains(text))
        })
    };
    hits(source, &["unsafe"])
        .into_iter()
        .filter(|(line, _)| !allowed(*line))
        .map(|(line, _)| {
            Finding::error(
                source.at(line),
                "holds `unsafe`",
                "only backend-abi and backend-host may; elsewhere it needs a line with its reason in rooms.rs",
            )
        })
        .collect()
}

fn unfinished(source: &Source) -> Vec<Finding> {
    hits(source, UNFINISHED)
        .into_iter()
        .map(|(line, word)| {
            Finding::error(
                source.at(line),
                format!("holds `{word}`"),
                "what stands on the main branch is finished",
            )
        })
        .collect()
}

/// How a path into the ledger begins.
const LEDGER: &str = "twinhaul_ledger::";

/// The console reads the ledger through `view` and nothing else of it.
fn ledger_view(source: &Source) -> Vec<Finding> {
    if room_name(source) != "console" {
        return Vec::new();
    }
    let inline = source.lines().filter(|(_, l)| !l.trim_start().starts_with("use "));
    let inline = inline.map(|(line, code)| (line, code.to_owned()));
    let imported = uses::paths(source).into_iter().filter(|(_, path)| path.starts_with(LEDGER));
    inline
        .chain(imported)
        // A test may write the ledger that the console then reads.
        .filter(|(line, _)| !source.is_test(*line))
        .filter(|(_, text)| text.match_indices(LEDGER).any(|(at, _)| !is_view(&text[at + LEDGER.len()..])))
        .map(|(line, _)| {
            Finding::error(
                source.at(line),
                "the console uses the ledger beyond `ledger::view`",
                "a console holds no state that matters: it never writes",
            )
        })
        .collect()
}

/// Whether the path goes on with `view`; a tree of imports is judged by its parts.
fn is_view(rest: &str) -> bool {
    rest.starts_with('{') || rest == "view" || rest.starts_with("view::") || rest.starts_with("view,")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, text: &str) -> Vec<String> {
        check(&[Source::new(path, text)]).iter().map(|f| format!("{}: {}", f.place, f.what)).collect()
    }

    #[test]
    fn a_pure_room_may_not_touch_the_world() {
        for text in [
            "use std::fs;",
            "use std::{collections::BTreeMap, fs::File};",
            "fn f() { std::fs::read(p); }",
            "fn f() { let t = Instant::now(); }",
            "fn f() { std::time::SystemTime::now(); }",
            "fn f() { rand::random() }",
            "use rand::Rng;",
        ] {
            assert_eq!(said("crates/assist/src/a.rs", text).len(), 1, "{text}");
            assert_eq!(said("crates/engine/src/a.rs", text).len(), 0, "{text}");
        }
        for text in
            ["// std::fs", "const S: &str = \"std::fs\";", "use std::fmt;", "operand::x();", "my_rand::x();"]
        {
            assert_eq!(said("crates/wire/src/a.rs", text).len(), 0, "{text}");
        }
        assert_eq!(said("crates/wire/src/a.rs", "#[cfg(test)]\nmod tests {\n use std::fs;\n}\n").len(), 0);
    }

    #[test]
    fn unsafe_has_two_rooms() {
        let text = "fn f() {\n    unsafe { g() }\n}\n";
        assert_eq!(said("crates/engine/src/a.rs", text), ["crates/engine/src/a.rs:2: holds `unsafe`"]);
        assert_eq!(said("tests/src/a.rs", text).len(), 1);
        assert_eq!(said("crates/backend-abi/src/a.rs", text).len(), 0);
        assert_eq!(said("crates/engine/src/a.rs", "#![forbid(unsafe_code)]\n").len(), 0);
    }

    #[test]
    fn unfinished_work_is_named_in_tests_too() {
        assert_eq!(said("crates/units/src/a.rs", "fn f() { todo!() }").len(), 1);
        assert_eq!(said("tests/tests/a.rs", "fn f() { dbg!(1); unimplemented!(); }").len(), 1);
        assert_eq!(said("crates/units/src/a.rs", "// todo! later\nfn mytodo() {}").len(), 0);
    }

    #[test]
    fn the_console_sees_only_the_view() {
        let room = "crates/console/src/a.rs";
        assert_eq!(said(room, "use twinhaul_ledger::Ledger;").len(), 1);
        assert_eq!(said(room, "use twinhaul_ledger::{view, Store};").len(), 1);
        assert_eq!(said(room, "fn f() { twinhaul_ledger::Store::open() }").len(), 1);
        assert_eq!(said(room, "use twinhaul_ledger::view::{Page, Totals};").len(), 0);
        assert_eq!(said(room, "fn f() { twinhaul_ledger::view::open() }").len(), 0);
        assert_eq!(said("crates/engine/src/a.rs", "use twinhaul_ledger::Ledger;").len(), 0);
    }

    #[test]
    fn allowed_lines_name_files_that_hold_them() {
        let root = crate::workspace_root();
        for (file, text, reason) in UNSAFE_LINES {
            let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            assert!(source.contains(text) && !reason.is_empty(), "stale: {file}: {text}");
        }
    }
}
