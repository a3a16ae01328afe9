//! The keys in force: the registry's, or what a keys file puts in their place. Help, footer, menus and sentences read the
//! keys from here, and so does the way from a key to what it does.
//!
//! Never reads a file: what is wished comes in as data ([`Wish`]). Enter at [`Keys::with`].

mod rules;
mod sequence;

pub use rules::{Mistake, fixed};
pub use sequence::{SEQUENCE_MAX, Sequence};

use crate::action::{Action, Group, KEYS_WIDTH, REGISTRY, Row, Scope};
use crate::{Chord, Key};

/// Keys of one action at most.
pub const KEYS_MAX: usize = 8;

/// Keys that keep their meaning whatever a file says: the ways out, and the one that presses what has the focus.
const KEPT: [(Chord, Action); 4] = [
    (Chord::plain(Key::Esc), Action::Back),
    (Chord::plain(Key::Enter), Action::Drill),
    (Chord::ctrl('c'), Action::Quit),
    (Chord::ctrl('z'), Action::Suspend),
];

/// What a keys file says of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The action's id.
    pub id: String,
    /// Its keys from now on, as [`Sequence::read`] reads them; none: it has no key.
    pub keys: Vec<String>,
}

/// The keys of every action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// In the registry's order.
    rows: Vec<Vec<Sequence>>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { rows: REGISTRY.iter().map(built_in).collect() }
    }
}

/// What a key asks for.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Nothing,
    /// A sequence has begun, or goes on.
    More,
    Run(&'static Row),
}

impl Keys {
    /// The registry's keys with `wishes` in their place.
    ///
    /// # Errors
    /// Everything that is wrong with them, in their order.
    pub fn with(wishes: &[Wish]) -> Result<Self, Vec<Mistake>> {
        rules::apply(wishes)
    }

    /// The keys of an action, the first one to be shown where there is room for one.
    pub fn of(&self, action: Action) -> &[Sequence] {
        place(action).and_then(|at| self.rows.get(at)).map_or(&[], Vec::as_slice)
    }

    /// Whether a file changed them.
    pub fn is_custom(&self, row: &Row) -> bool {
        self.of(row.action) != built_in(row)
    }

    /// The first key, as the screen writes it; empty: it has none.
    pub fn first(&self, action: Action) -> String {
        self.of(action).first().map(ToString::to_string).unwrap_or_default()
    }

    /// The first key, or the way through the command line: for sentences. Empty where there is neither.
    pub fn way(&self, row: &Row) -> String {
        match self.first(row.action) {
            // What only moves has no meaning without its place, and is no command.
            key if key.is_empty() && row.group != Group::Move => format!(":{}", row.id),
            key => key,
        }
    }

    /// As [`Self::way`], of an action by its name.
    pub fn way_to(&self, action: Action) -> String {
        crate::action::row(action).map(|row| self.way(row)).unwrap_or_default()
    }

    /// What `chord` alone means in `scope`.
    pub fn lookup(&self, scope: Scope, chord: Chord) -> Option<&'static Row> {
        let alone = Sequence::one(chord);
        let mut rows = REGISTRY.iter().zip(&self.rows).filter(|(row, _)| row.scope == scope);
        rows.find(|(_, keys)| keys.contains(&alone)).map(|(row, _)| row)
    }

    /// Whether `chord` alone is a key of `action`.
    pub fn is(&self, action: Action, chord: Chord) -> bool {
        self.of(action).contains(&Sequence::one(chord))
    }

    /// What `chord` means after `typed`, in the first of `scopes` in which it means anything. A key that stays what it is
    /// ends a sequence that was begun.
    pub fn step(&self, scopes: &[Scope], typed: &[Chord], chord: Chord) -> Step {
        let kept = KEPT.iter().find(|(kept, _)| *kept == chord);
        if !typed.is_empty() && kept.is_some_and(|(_, action)| *action == Action::Back) {
            return Step::Nothing;
        }
        let mut keys: Vec<Chord> = if kept.is_some() { Vec::new() } else { typed.to_vec() };
        keys.push(chord);
        let keys = Sequence::of(keys);
        let all = || scopes.iter().flat_map(|scope| self.in_scope(*scope));
        if let Some((row, _)) = all().find(|(_, sequence)| **sequence == keys) {
            return Step::Run(row);
        }
        if all().any(|(_, sequence)| keys.begins(sequence)) { Step::More } else { Step::Nothing }
    }

    fn in_scope(&self, scope: Scope) -> impl Iterator<Item = (&'static Row, &Sequence)> {
        let rows = REGISTRY.iter().zip(&self.rows).filter(move |(row, _)| row.scope == scope);
        rows.flat_map(|(row, keys)| keys.iter().map(move |key| (row, key)))
    }

    /// All keys with the one that leads to their menu, as the screen writes them: `x p`.
    pub fn shown(&self, row: &Row) -> String {
        self.as_many_as_fit(row, usize::MAX)
    }

    /// As [`Self::shown`], as many as the help overlay has room for: `j Dn`.
    pub fn in_help(&self, row: &Row) -> String {
        self.as_many_as_fit(row, KEYS_WIDTH)
    }

    /// What is typed for it, in the first of its ways: `x p`; empty: nothing.
    pub fn shortest(&self, row: &Row) -> String {
        self.as_many_as_fit(row, 0)
    }

    fn as_many_as_fit(&self, row: &Row, room: usize) -> String {
        if row.action == Action::Panel {
            return "1..9".into();
        }
        let mut out = menu(row.scope).map(|action| self.first(action)).unwrap_or_default();
        let keys = self.of(row.action);
        if keys.is_empty() {
            return String::new();
        }
        for (i, key) in keys.iter().enumerate() {
            let key = key.to_string();
            if i > 0 && crate::fit::width(&out) + 1 + crate::fit::width(&key) > room {
                break;
            }
            out.push_str(if out.is_empty() { "" } else { " " });
            out.push_str(&key);
        }
        out
    }
}

/// The action that opens a menu.
const fn menu(scope: Scope) -> Option<Action> {
    match scope {
        Scope::Control => Some(Action::Control),
        Scope::Items => Some(Action::Items),
        Scope::Chaos => Some(Action::Chaos),
        Scope::Main | Scope::Dialog | Scope::Replay => None,
    }
}

fn place(action: Action) -> Option<usize> {
    REGISTRY.iter().position(|row| row.action == action)
}

fn row_id(action: Action) -> &'static str {
    crate::action::row(action).map_or("", |row| row.id)
}

fn built_in(row: &Row) -> Vec<Sequence> {
    row.chords().map(Sequence::one).collect()
}

#[cfg(test)]
mod tests;
