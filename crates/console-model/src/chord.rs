//! Keys as the reducer knows them, and their written form (`j`, `<enter>`, `<c-z>`), used by the registry, the help
//! overlay and the tests. Never knows a terminal library.

use std::fmt;

/// A key without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    Backspace,
    F(u8),
}

/// A key with Ctrl or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    pub key: Key,
    pub ctrl: bool,
}

/// A chord as it arrived; `repeat` when the terminal says that the key is being held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    pub chord: Chord,
    pub repeat: bool,
}

const NAMED: [(&str, Key); 14] = [
    ("enter", Key::Enter),
    ("esc", Key::Esc),
    ("tab", Key::Tab),
    ("s-tab", Key::BackTab),
    ("up", Key::Up),
    ("down", Key::Down),
    ("left", Key::Left),
    ("right", Key::Right),
    ("home", Key::Home),
    ("end", Key::End),
    ("pgup", Key::PageUp),
    ("pgdn", Key::PageDown),
    ("bs", Key::Backspace),
    ("space", Key::Char(' ')),
];

/// Keys F1 to this one are known.
const FUNCTION_KEYS: u8 = 12;

impl Chord {
    pub const fn plain(key: Key) -> Self {
        Self { key, ctrl: false }
    }

    pub const fn ctrl(c: char) -> Self {
        Self { key: Key::Char(c), ctrl: true }
    }

    /// Reads one written chord: `j`, `<enter>`, `<c-z>`, `<f1>`.
    pub fn parse(s: &str) -> Option<Self> {
        let mut chars = s.chars();
        let Some(inner) = s.strip_prefix('<').and_then(|s| s.strip_suffix('>')).filter(|s| !s.is_empty())
        else {
            let key = Key::Char(chars.next()?);
            return chars.next().is_none().then_some(Self::plain(key));
        };
        let inner = inner.to_ascii_lowercase();
        if let Some((_, key)) = NAMED.iter().find(|(name, _)| *name == inner) {
            return Some(Self::plain(*key));
        }
        if let Some(c) = inner.strip_prefix("c-") {
            let mut c = c.chars();
            return c.next().filter(|_| c.as_str().is_empty()).map(Self::ctrl);
        }
        let function = inner.strip_prefix('f').and_then(|n| n.parse().ok());
        function.filter(|n| (1..=FUNCTION_KEYS).contains(n)).map(|n| Self::plain(Key::F(n)))
    }

    /// What [`Self::parse`] reads: `j`, `<enter>`, `<c-z>`.
    pub fn written(self) -> String {
        if let Some((name, _)) = NAMED.iter().find(|(_, key)| *key == self.key && !self.ctrl) {
            return format!("<{name}>");
        }
        match self.key {
            Key::Char(c) if self.ctrl => format!("<c-{c}>"),
            Key::Char(c) => c.to_string(),
            Key::F(n) => format!("<f{n}>"),
            _ => String::new(),
        }
    }

    /// Reads a string of chords, as tests type them: `xb50<enter>`.
    pub fn parse_all(mut s: &str) -> Vec<Self> {
        let mut out = Vec::new();
        while let Some(first) = s.chars().next() {
            let end = match s.find('>') {
                Some(end) if first == '<' && end > 1 => end + 1,
                _ => first.len_utf8(),
            };
            out.extend(Self::parse(&s[..end]));
            s = &s[end..];
        }
        out
    }
}

/// As the screen writes it: `j`, `Enter`, `Ctrl-z`.
impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        let word = match self.key {
            Key::Char(' ') => "Space",
            Key::Char(c) => return write!(f, "{c}"),
            Key::F(n) => return write!(f, "F{n}"),
            Key::Enter => "Enter",
            Key::Esc => "Esc",
            Key::Tab => "Tab",
            Key::BackTab => "S-Tab",
            Key::Up => "Up",
            Key::Down => "Dn",
            Key::Left => "Left",
            Key::Right => "Right",
            Key::Home => "Home",
            Key::End => "End",
            Key::PageUp => "PgUp",
            Key::PageDown => "PgDn",
            Key::Backspace => "Bksp",
        };
        f.write_str(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_keys_are_read() {
        let keys = Chord::parse_all("xb50<enter><c-z><f1>< ");
        let shown: Vec<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["x", "b", "5", "0", "Enter", "Ctrl-z", "F1", "<", "Space"]);
    }

    #[test]
    fn what_is_written_is_read_again() {
        for written in ["j", "G", "<", "<space>", "<enter>", "<s-tab>", "<c-d>", "<f12>", "é"] {
            let chord = Chord::parse(written).unwrap();
            assert_eq!(chord.written(), written);
        }
        assert_eq!(Chord::parse("<C-W>"), Some(Chord::ctrl('w')));
        for bad in ["", "ab", "<c-ab>", "<c->", "<f0>", "<f13>", "<del>", "<>"] {
            assert_eq!(Chord::parse(bad), None, "{bad}");
        }
    }
}
