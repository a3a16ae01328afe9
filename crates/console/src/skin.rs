//! How things look: two glyph sets and two colour levels behind names of roles. No view names a colour or a
//! box-drawing character.
//!
//! Severity is a word and a sign and a style, never a colour alone; named ANSI colours only, so that the terminal's
//! own theme decides. The mono level uses bold, reverse and underline: grey is a colour too.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Plain,
    /// Names of fields, borders, hints.
    Dim,
    Strong,
    Good,
    Warn,
    Bad,
    First,
    Second,
    Ask,
    Needed,
    NotNeeded,
    Title,
    /// Title of the focused panel.
    Focus,
    FocusBorder,
    Selected,
    /// Key names in hints.
    Key,
    /// FROZEN, STALE: the picture is not the present.
    Alarm,
    Caption,
}

/// Characters of a glyph set.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    pub h: &'static str,
    pub v: &'static str,
    pub corners: [&'static str; 4],
    pub bar: [&'static str; 2],
    pub cut: &'static str,
    pub levels: [&'static str; 8],
    /// Areas of the plot: first and second peer.
    pub areas: [&'static str; 2],
    pub mark: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub lane: &'static str,
    pub lane_loud: &'static str,
    pub heads: [&'static str; 2],
    pub tick: &'static str,
    pub dot: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    h: "─",
    v: "│",
    corners: ["┌", "┐", "└", "┘"],
    bar: ["█", "░"],
    cut: "…",
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    areas: ["█", "▒"],
    mark: "▸",
    up: "▲",
    down: "▼",
    lane: "─",
    lane_loud: "═",
    heads: ["◀", "▶"],
    tick: "▴",
    dot: "·",
};

const ASCII: Glyphs = Glyphs {
    h: "-",
    v: "|",
    corners: ["+", "+", "+", "+"],
    bar: ["#", "."],
    cut: "~",
    levels: ["_", ".", "-", "=", "+", "*", "#", "@"],
    areas: ["#", "="],
    mark: ">",
    up: "^",
    down: "v",
    lane: "-",
    lane_loud: "=",
    heads: ["<", ">"],
    tick: "^",
    dot: ".",
};

/// Glyphs and styles together.
#[derive(Clone, Copy, Debug)]
pub struct Skin {
    pub glyphs: Glyphs,
    color: bool,
}

impl Skin {
    pub const fn new(ascii: bool, color: bool) -> Self {
        Self { glyphs: if ascii { ASCII } else { UNICODE }, color }
    }

    pub fn style(&self, role: Role) -> Style {
        if self.color { colored(role) } else { mono(role) }
    }
}

fn colored(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Plain => plain,
        Role::Dim => plain.fg(Color::DarkGray),
        Role::Strong | Role::Title => plain.add_modifier(Modifier::BOLD),
        Role::Good => plain.fg(Color::Green),
        Role::Warn | Role::NotNeeded => plain.fg(Color::Yellow),
        Role::Bad => plain.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::First | Role::FocusBorder => plain.fg(Color::Cyan),
        Role::Second => plain.fg(Color::Magenta),
        Role::Ask => plain.fg(Color::Blue),
        Role::Needed => plain.fg(Color::Green).add_modifier(Modifier::BOLD),
        Role::Focus | Role::Key => plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
        Role::Selected => plain.add_modifier(Modifier::REVERSED),
        Role::Alarm => plain.fg(Color::Yellow).add_modifier(Modifier::REVERSED | Modifier::BOLD),
        Role::Caption => plain.fg(Color::Black).bg(Color::Cyan).add_modifier(Modifier::BOLD),
    }
}

fn mono(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Plain | Role::Dim | Role::First | Role::Second | Role::Ask | Role::NotNeeded | Role::Good => {
            plain
        }
        Role::Strong | Role::Title | Role::Needed | Role::Key | Role::FocusBorder => {
            plain.add_modifier(Modifier::BOLD)
        }
        Role::Warn => plain.add_modifier(Modifier::UNDERLINED),
        Role::Bad => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::Focus | Role::Caption => plain.add_modifier(Modifier::BOLD | Modifier::REVERSED),
        Role::Selected | Role::Alarm => plain.add_modifier(Modifier::REVERSED),
    }
}
