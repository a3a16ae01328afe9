//! The README shows what is true: the picture of the screen is drawn by the real views, the key sheet is the registry of
//! actions, and the example is a profile that `profiles/` holds (where it is parsed and linted). `profiles/README.md` shows
//! each demonstration at its best moment: frames of real runs, which `cargo xtask stories` recorded, drawn by the same views.
//!
//! `TWINHAUL_WRITE_README=1 cargo test -p twinhaul-console --test readme` renews what is between the marks; without the
//! variable nothing is written, and a README that lags behind fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

use ratatui::{Terminal, backend::TestBackend};
use std::path::{Path, PathBuf};
use twinhaul_console::skin::Skin;
use twinhaul_console::view::view;
use twinhaul_console::{Recording, still};
use twinhaul_console_model::action::{Danger, Group, REGISTRY, Row};
use twinhaul_console_model::words::glossary::GLOSSARY;
use twinhaul_console_model::{Keys, sample};

/// The smallest terminal that shows everything.
const SIZE: (u16, u16) = (80, 24);
const WRITE: &str = "TWINHAUL_WRITE_README";
const RENEW: &str = "TWINHAUL_WRITE_README=1 cargo test -p twinhaul-console --test readme";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A whole frame as text, one line a row.
fn screen() -> String {
    let mut model = sample::mid_run();
    model.size = SIZE;
    let mut terminal = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    terminal.draw(|frame| view(&model, &Skin::new(false, true), frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..SIZE.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..SIZE.1).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

/// Every key with what it does: movement and looking on the left, control and the rest on the right.
fn keys() -> String {
    let left = column(&[Group::Move, Group::Look]);
    let right = column(&[Group::Control, Group::Replay, Group::App]);
    let width = left.iter().map(|l| l.chars().count()).max().unwrap_or(0) + 3;
    let line = |i: usize| {
        let at = |lines: &[String]| lines.get(i).cloned().unwrap_or_default();
        format!("{:width$}{}", at(&left), at(&right)).trim_end().to_owned() + "\n"
    };
    (0..left.len().max(right.len())).map(line).collect()
}

fn column(groups: &[Group]) -> Vec<String> {
    let keys = Keys::default();
    let shown = |row: &Row| keys.shown(row);
    let rows = || REGISTRY.iter().filter(|row| groups.contains(&row.group));
    let width = rows().map(|row| shown(row).chars().count()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for group in groups {
        lines.push(group.words().to_owned());
        for row in rows().filter(|row| row.group == *group) {
            let takes = match row.danger {
                Danger::None => "",
                Danger::Confirm => "; asks",
                Danger::Name => "; a name must be typed",
            };
            lines.push(format!("  {:width$}  {}{takes}", shown(row), row.help));
        }
    }
    lines
}

/// What the words on the screen mean.
fn words() -> String {
    let lines: Vec<String> = GLOSSARY.iter().map(|(word, means)| format!("{word:14}  {means}")).collect();
    lines.join("\n") + "\n"
}

/// A profile without its comments.
fn profile() -> String {
    let text = std::fs::read_to_string(root().join("profiles/disk-to-disk.yaml")).unwrap();
    let said = |line: &&str| !line.trim_start().starts_with('#') && !line.trim().is_empty();
    text.lines().filter(said).map(|line| line.to_owned() + "\n").collect()
}

/// `readme` with the block called `name` replaced.
fn with(readme: &str, name: &str, language: &str, text: &str) -> String {
    let begin = format!("<!-- {name}: generated -->\n");
    let end = format!("<!-- end of {name} -->\n");
    let parts = readme.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else {
        panic!("a document has lost its marks {begin:?} and {end:?}");
    };
    format!("{before}{begin}```{language}\n{text}```\n{end}{after}")
}

/// The demonstrations: the size that shows each best, and what must be seen in its picture, or it is not of that moment.
const STORIES: [(&str, (u16, u16), &[&str]); 5] = [
    ("demo", (100, 30), &["The arrow turns", "beta helps alpha", "═▶", "gave too much"]),
    ("giant", SIZE, &["Both peers write one file", "alpha 3", "ASSISTANCE NEEDED"]),
    ("return", SIZE, &["alpha is not heard. beta takes over", "STALE", "taken over by beta"]),
    ("tape", SIZE, &["A robot brings cartridges", "drive 0", "A0000"]),
    ("cloud", SIZE, &["Both wait as long as it asked", "rate limited by the server"]),
];

/// The picture of a demonstration.
fn story(name: &str, size: (u16, u16)) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stories/{name}.jsonl"));
    still(Recording { path, bytes: None }, size).unwrap()
}

#[test]
fn readme_is_current() {
    is_current("README.md", |old| {
        let new = with(old, "screen", "text", &screen());
        let new = with(&new, "keys", "text", &keys());
        let new = with(&new, "words", "text", &words());
        with(&new, "profile", "yaml", &profile())
    });
}

#[test]
fn the_stories_are_current() {
    let draw = |text: String, (name, size, _): &(&str, _, _)| with(&text, name, "text", &story(name, *size));
    is_current("profiles/README.md", |old| STORIES.iter().fold(old.to_owned(), draw));
}

#[test]
fn each_story_shows_its_moment() {
    for (name, size, words) in STORIES {
        let picture = story(name, size);
        let missing: Vec<_> = words.iter().filter(|word| !picture.contains(**word)).collect();
        assert!(missing.is_empty(), "{name}: no {missing:?} in\n{picture}");
    }
}

fn is_current(file: &str, renewed: impl FnOnce(&str) -> String) {
    let path = root().join(file);
    let old = std::fs::read_to_string(&path).unwrap();
    let new = renewed(&old);
    if old == new {
        return;
    }
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, new).unwrap();
        return;
    }
    let (at, (was, is)) =
        (1..).zip(old.lines().zip(new.lines())).find(|(_, (was, is))| was != is).unwrap_or((0, ("", "")));
    panic!("{file} is not current, from line {at} on:\n  has  {was}\n  is   {is}\nrenew it: {RENEW}");
}

/// The picture holds what the method is about, so that it cannot become a picture of an empty screen.
#[test]
fn the_picture_shows_the_method() {
    let screen = screen();
    for word in ["alpha", "beta", "queue", "ratio", "portion", "ASK", "NO NEED", "In flight"] {
        assert!(screen.contains(word), "no {word:?} in\n{screen}");
    }
    assert!(screen.lines().all(|line| line.chars().count() <= usize::from(SIZE.0)));
}

#[test]
fn the_sheet_holds_every_action() {
    let keys = keys();
    assert!(REGISTRY.iter().all(|row| keys.contains(row.help)), "{keys}");
}
