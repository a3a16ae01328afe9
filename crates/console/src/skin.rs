//! How things look: two glyph sets and two colour levels behind names of roles. No view names a colour or a
//! box-drawing character.
//!
//! Severity is a word and a sign and a style, never a colour alone; named ANSI colours only, so that the terminal's
//! own theme decides. The mono level uses bold, reverse and underline: grey is a colour too.

use ratatui::style::{Color, Modifier, Style};
use twinhaul_console_model::ui::Theme;

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
    /// What belongs to the chosen moment of the assistance.
    pub chosen: &'static str,
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
    chosen: "◆",
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
    chosen: "&",
};

/// Glyphs and styles together.
#[derive(Clone, Copy, Debug)]
pub struct Skin {
    pub glyphs: Glyphs,
    color: bool,
    theme: Theme,
}

impl Skin {
    pub const fn new(ascii: bool, color: bool) -> Self {
        Self { glyphs: if ascii { ASCII } else { UNICODE }, color, theme: Theme::Dark }
    }

    pub fn style(&self, role: Role) -> Style {
        match self.theme {
            _ if !self.color => mono(role),
            Theme::Dark => colored(role),
            Theme::Light => light(role),
            Theme::Contrast => contrast(role),
            Theme::Mono => mono(role),
        }
    }

    /// The same in another theme. Where the terminal is to have no colour, no theme gives it any.
    #[must_use]
    pub const fn themed(self, theme: Theme) -> Self {
        Self { theme, ..self }
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

/// On a light ground yellow and bright colours vanish, and so does grey: what is dim there is only not bold.
fn light(role: Role) -> Style {
    let plain = Style::new();
    match role {
        Role::Dim => plain,
        Role::Warn | Role::NotNeeded => plain.fg(Color::Red),
        Role::Bad => plain.fg(Color::Red).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::First | Role::FocusBorder | Role::Ask => plain.fg(Color::Blue),
        Role::Focus | Role::Key => plain.fg(Color::Blue).add_modifier(Modifier::BOLD),
        Role::Alarm => plain.fg(Color::Red).add_modifier(Modifier::REVERSED | Modifier::BOLD),
        Role::Caption => plain.fg(Color::White).bg(Color::Blue).add_modifier(Modifier::BOLD),
        same => colored(same),
    }
}

/// Nothing dim, everything bright: for projectors, glare and tired eyes.
fn contrast(role: Role) -> Style {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    match role {
        Role::Plain | Role::Dim => Style::new(),
        Role::Good | Role::Needed => bold.fg(Color::LightGreen),
        Role::Warn | Role::NotNeeded => bold.fg(Color::LightYellow),
        Role::Bad => bold.fg(Color::LightRed).add_modifier(Modifier::UNDERLINED),
        Role::First | Role::FocusBorder | Role::Key | Role::Focus => bold.fg(Color::LightCyan),
        Role::Second => bold.fg(Color::LightMagenta),
        Role::Ask => bold.fg(Color::LightBlue),
        same => colored(same),
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
