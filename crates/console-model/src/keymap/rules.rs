//! What a keys file may say. No wish makes a single key change a run: whatever its key, an action that changes something
//! opens a dialog, and the dialog's keys cannot be changed.

use super::{KEPT, KEYS_MAX, Keys, Sequence, Wish, built_in, menu};
use crate::action::{Action, Danger, REGISTRY, Row, Scope, row};
use crate::{Chord, Key};

/// What is wrong with a line of a keys file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which wish.
    pub wish: usize,
    /// Which of its keys; `None`: all of it.
    pub key: Option<usize>,
    pub what: String,
    /// How to put it right.
    pub help: String,
}

/// Why the keys of an action cannot be changed.
pub const fn fixed(row: &Row) -> Option<&'static str> {
    match row.action {
        Action::Confirm => Some("y alone confirms, so that no key that means something else ever does"),
        Action::NextButton => Some("a dialog must be left unharmed by the same keys everywhere"),
        Action::Panel => Some("a panel's key is its number"),
        Action::NextTarget => Some("Tab says for whom a menu is, everywhere"),
        _ => None,
    }
}

/// What every menu takes for itself.
const MENU_KEYS: [(&[Key], &str); 4] = [
    (&[Key::Char('j'), Key::Char('k'), Key::Down, Key::Up], "moves in menus"),
    (&[Key::Char('q')], "closes menus"),
    (&[Key::Tab, Key::BackTab], "says for whom a menu is"),
    (&[Key::Char('0'), Key::Char('1'), Key::Char('2')], "says for whom a menu is"),
];

/// A wish that can be told from others: its row and the keys that could be read, each with its place in the wish.
struct Read {
    wish: usize,
    row: &'static Row,
    keys: Vec<(usize, Sequence)>,
}

pub(super) fn apply(wishes: &[Wish]) -> Result<Keys, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut all: Vec<Read> = Vec::new();
    for (at, wish) in wishes.iter().enumerate() {
        match read(at, wish, &all, &mut mistakes) {
            Ok(read) => all.push(read),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    let mut keys = Keys::default();
    for read in &all {
        let mut wanted: Vec<Sequence> = read.keys.iter().map(|(_, key)| key.clone()).collect();
        let kept = KEPT.iter().filter(|(_, action)| *action == read.row.action);
        wanted.extend(kept.map(|(chord, _)| Sequence::one(*chord)).filter(|key| !read.has(key)));
        if let Some(row) = super::place(read.row.action).and_then(|at| keys.rows.get_mut(at)) {
            *row = wanted;
        }
    }
    for read in &all {
        clashes(&keys, read, &all, &mut mistakes);
    }
    if mistakes.is_empty() {
        return Ok(keys);
    }
    mistakes.sort_by_key(|mistake| (mistake.wish, mistake.key));
    Err(mistakes)
}

impl Read {
    fn has(&self, key: &Sequence) -> bool {
        self.keys.iter().any(|(_, own)| own == key)
    }
}

fn read(at: usize, wish: &Wish, before: &[Read], mistakes: &mut Vec<Mistake>) -> Result<Read, Mistake> {
    let wrong = |what: String, help: String| Mistake { wish: at, key: None, what, help };
    let id = &wish.id;
    let row = REGISTRY.iter().find(|row| row.id == *id);
    let row =
        row.ok_or_else(|| wrong(format!("there is no action \"{id}\""), "see: twinhaul keys".into()))?;
    if before.iter().any(|read| read.row.action == row.action) {
        return Err(wrong(
            format!("{id} is said twice"),
            "write all its keys in one line: [j, <down>]".into(),
        ));
    }
    if let Some(why) = fixed(row) {
        return Err(wrong(format!("the keys of {id} cannot be changed: {why}"), "take this line out".into()));
    }
    if let Some((chord, _)) = KEPT.iter().find(|(_, action)| wish.keys.is_empty() && *action == row.action) {
        let help = format!("to have no other key, write: {id}: {}", chord.written());
        return Err(wrong(format!("{id} cannot be without a key: {chord} stays"), help));
    }
    if wish.keys.len() > KEYS_MAX {
        let help = "take some of them out".into();
        return Err(wrong(format!("{} keys for {id}; at most {KEYS_MAX}", wish.keys.len()), help));
    }
    let mut keys = Vec::new();
    for (i, text) in wish.keys.iter().enumerate() {
        match Sequence::read(text).map_err(|what| (what, format!("choose another key for {id}"))) {
            Ok(key) => match refused(row, &key) {
                Some((what, help)) => mistakes.push(Mistake { wish: at, key: Some(i), what, help }),
                None => keys.push((i, key)),
            },
            Err((what, help)) => mistakes.push(Mistake { wish: at, key: Some(i), what, help }),
        }
    }
    Ok(Read { wish: at, row, keys })
}

/// Why `key` cannot be a key of `row`, whatever other keys there are; and what to do.
fn refused(row: &Row, key: &Sequence) -> Option<(String, String)> {
    let other = format!("choose another key for {}", row.id);
    let written = key.written();
    for chord in key.chords() {
        let kept = KEPT.iter().find(|(kept, _)| kept == chord);
        let own = kept.is_some_and(|(_, action)| *action == row.action) && key.chords().len() == 1;
        if let Some((_, action)) = kept.filter(|_| !own) {
            let whose = super::row_id(*action);
            return Some((format!("{chord} is always {whose}, and nothing else"), other));
        }
    }
    if menu(row.scope).is_some() {
        if key.chords().len() > 1 {
            let what =
                format!("\"{written}\" is a sequence; behind the key of its menu {} has one key", row.id);
            return Some((what, "choose one key".into()));
        }
        let takes = |keys: &[Key]| key.chords().iter().any(|chord| !chord.ctrl && keys.contains(&chord.key));
        if let Some((_, what)) = MENU_KEYS.iter().find(|(keys, _)| takes(keys)) {
            return Some((format!("\"{written}\" {what}"), other));
        }
    }
    if asks(row) && key.chords().last().is_some_and(|last| confirms(*last)) {
        let what = format!("{} asks, and \"{written}\" ends with the key that confirms", row.id);
        return Some((what, "pressed twice it would do it unseen: choose another key".into()));
    }
    None
}

/// Whether it opens a dialog that does something.
fn asks(row: &Row) -> bool {
    row.danger != Danger::None || matches!(row.action, Action::Undo | Action::Quit)
}

fn confirms(chord: Chord) -> bool {
    row(Action::Confirm).is_some_and(|row| row.chords().any(|key| key == chord))
}

/// What is wrong with the keys of `read` beside those of all others.
fn clashes(keys: &Keys, read: &Read, all: &[Read], mistakes: &mut Vec<Mistake>) {
    for (nth, (key_at, key)) in read.keys.iter().enumerate() {
        let mut wrong = |what, help| {
            mistakes.push(Mistake { wish: read.wish, key: Some(*key_at), what, help });
        };
        let own = read.keys.iter().take(nth).find(|(_, own)| own.begins(key) || key.begins(own));
        if let Some((_, own)) = own {
            let what = between(key, own).unwrap_or_else(|| format!("\"{}\" is written twice", key.written()));
            wrong(what, "take one of them out".into());
        }
        for (row, others) in REGISTRY.iter().zip(&keys.rows) {
            // Of two lines of the file the later one is told.
            let later = all.iter().any(|other| other.row.action == row.action && other.wish > read.wish);
            if row.action == read.row.action || later {
                continue;
            }
            if let Some((what, help)) = others.iter().find_map(|other| clash(read.row, key, row, other)) {
                wrong(what, help);
            }
        }
    }
}

/// Why `a` of `mine` and `b` of `other` cannot both be; and what to do.
fn clash(mine: &Row, a: &Sequence, other: &Row, b: &Sequence) -> Option<(String, String)> {
    let place = overlap(mine.scope, other.scope)?;
    // What the registry lets stand beside each other may stand: Space holds a replay, and marks elsewhere.
    if built_in(mine).contains(a) && built_in(other).contains(b) {
        return None;
    }
    let help = if fixed(other).is_some() {
        format!("choose another key for {}; those of {} cannot be changed", mine.id, other.id)
    } else {
        format!("choose another key for {}, or write {}", mine.id, without(other))
    };
    if a == b {
        let what = format!("{place}\"{}\" is a key of {} already ({})", a.written(), other.id, other.help);
        return Some((what, help));
    }
    if let Some(what) = between(a, b) {
        return Some((format!("{place}{what} ({}: {})", other.id, other.help), help));
    }
    if mine.scope == other.scope && mine.danger != other.danger && differ_by_shift(a, b) {
        let (a, b) = (a.written(), b.written());
        let what =
            format!("\"{a}\" and \"{b}\" of {} differ by Shift alone, and not in what they may do", other.id);
        return Some((what, help));
    }
    None
}

/// The line that leaves an action no key, or only the one that stays.
fn without(row: &Row) -> String {
    let kept = KEPT.iter().find(|(_, action)| *action == row.action);
    let key = kept.map_or_else(|| "none".into(), |(chord, _)| chord.written());
    format!("{}: {key}", row.id)
}

/// Where both mean something: nothing to say where that is everywhere.
fn overlap(a: Scope, b: Scope) -> Option<&'static str> {
    match (a, b) {
        (a, b) if a == b => Some(""),
        (Scope::Main, Scope::Replay) | (Scope::Replay, Scope::Main) => Some("in a replay "),
        _ => None,
    }
}

/// One of them begins the other.
fn between(a: &Sequence, b: &Sequence) -> Option<String> {
    let (short, long) = match (a.begins(b), b.begins(a)) {
        (true, false) => (a, b),
        (false, true) => (b, a),
        _ => return None,
    };
    Some(format!(
        "\"{}\" is the beginning of \"{}\", which could never be typed",
        short.written(),
        long.written()
    ))
}

fn differ_by_shift(a: &Sequence, b: &Sequence) -> bool {
    match (a.chords(), b.chords()) {
        ([a], [b]) => match (a.key, b.key) {
            (Key::Char(x), Key::Char(y)) => a.ctrl == b.ctrl && x != y && x.eq_ignore_ascii_case(&y),
            _ => false,
        },
        _ => false,
    }
}
