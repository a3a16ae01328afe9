//! The brush: text, lines of fields, panels and popups, each clipped to its place, whatever the size. Knows nothing of
//! the run.

use crate::skin::{Role, Skin};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use twinhaul_console_model::fit;
use twinhaul_console_model::words::Mood;

/// A piece of text and what it is.
pub(crate) type Part = (String, Role);

/// A piece.
pub(crate) fn part(text: impl Into<String>, role: Role) -> Part {
    (text.into(), role)
}

pub(crate) const fn mood(mood: Mood) -> Role {
    match mood {
        Mood::Good => Role::Good,
        Mood::Plain => Role::Plain,
        Mood::Warn => Role::Warn,
        Mood::Bad => Role::Bad,
    }
}

/// A field of a line and how much it matters; the least important ones are left out where room is short.
pub(crate) struct Field {
    pub parts: Vec<Part>,
    pub keep: u8,
}

impl Field {
    pub(crate) fn new(keep: u8, parts: Vec<Part>) -> Self {
        Self { parts, keep }
    }

    pub(crate) fn width(&self) -> usize {
        self.parts.iter().map(|(text, _)| fit::width(text)).sum()
    }
}

/// The fields that fit into `width`, in their order, `gap` blanks apart. The most important ones come first to a place; one that is
/// too long for what is left makes way for shorter ones.
pub(crate) fn fitting(mut fields: Vec<Field>, width: usize, gap: usize) -> Vec<Part> {
    fields.retain(|f| f.width() > 0);
    let mut order: Vec<usize> = (0..fields.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(fields[*i].keep));
    let mut taken = 0;
    let mut shown: Vec<usize> = Vec::new();
    for i in order {
        let more = fields[i].width() + if shown.is_empty() { 0 } else { gap };
        if shown.is_empty() || taken + more <= width {
            taken += more;
            shown.push(i);
        }
    }
    let mut out = Vec::new();
    for (_, field) in fields.into_iter().enumerate().filter(|(i, _)| shown.contains(i)) {
        if !out.is_empty() {
            out.push(part(" ".repeat(gap), Role::Plain));
        }
        out.extend(field.parts);
    }
    out
}

/// `text` in `width` columns behind its name, which has `room` of them; wrapped below itself.
pub(crate) fn named(name: &str, room: usize, text: &str, width: usize, role: Role) -> Vec<Vec<Part>> {
    let lines = fit::wrap(text, width.saturating_sub(room)).into_iter().enumerate();
    let name = |at: usize| fit::left(if at == 0 { name } else { "" }, room);
    lines.map(|(at, line)| vec![part(name(at), Role::Dim), part(line, role)]).collect()
}

/// Columns of some parts.
pub(crate) fn width_of(parts: &[Part]) -> usize {
    parts.iter().map(|(text, _)| fit::width(text)).sum()
}

/// Parts in `width` columns; what does not fit is cut from the right and replaced by `mark`.
pub(crate) fn clipped(parts: &[Part], width: usize, mark: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut room = width;
    for (at, (text, role)) in parts.iter().enumerate() {
        let more = width_of(&parts[at + 1..]) > 0;
        let own = fit::width(text);
        if own < room || (own == room && !more) {
            out.push((text.clone(), *role));
            room -= own;
        } else {
            // A mark says that there is more, also where it begins with the next part.
            let text = if own == room { format!("{text} ") } else { text.clone() };
            out.push((fit::cut_right(&text, room, mark), *role));
            break;
        }
    }
    out
}

/// A buffer and a skin.
pub(crate) struct Brush<'a> {
    pub buf: &'a mut Buffer,
    pub skin: &'a Skin,
    /// Everything in one style: numbers of the past are greyed.
    pub veil: Option<Role>,
}

impl Brush<'_> {
    /// Writes one text; returns the column after it.
    pub(crate) fn text(&mut self, x: u16, y: u16, max: u16, text: &str, role: Role) -> u16 {
        let style = self.skin.style(self.veil.unwrap_or(role));
        let area = self.buf.area;
        if x >= area.right() || y >= area.bottom() || x < area.x || y < area.y {
            return x;
        }
        self.buf.set_stringn(x, y, text, usize::from(max), style).0
    }

    /// Writes parts from the left of row `row` of `area`.
    pub(crate) fn line(&mut self, area: Rect, row: u16, parts: &[Part]) {
        if row >= area.height {
            return;
        }
        let mut x = area.x;
        for (text, role) in parts {
            let room = area.right().saturating_sub(x);
            if room == 0 {
                break;
            }
            x = self.text(x, area.y + row, room, text, *role);
        }
    }

    /// Writes parts against the right end of row `row`.
    pub(crate) fn line_right(&mut self, area: Rect, row: u16, parts: &[Part]) {
        let width = u16::try_from(width_of(parts)).unwrap_or(u16::MAX).min(area.width);
        let x = area.right().saturating_sub(width);
        self.line(Rect { x, width, ..area }, row, parts);
    }

    /// Sets the style of a row without touching its text.
    pub(crate) fn tint(&mut self, area: Rect, row: u16, role: Role) {
        if row < area.height {
            let style = self.skin.style(role);
            self.style(Rect { y: area.y + row, height: 1, ..area }, style);
        }
    }

    fn style(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buf.area);
        self.buf.set_style(area, style);
    }

    /// Blanks an area.
    pub(crate) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buf.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buf.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }

    /// A box with its title in the upper border; returns the inside.
    pub(crate) fn panel(&mut self, area: Rect, title: &[Part], right: &[Part], focused: bool) -> Rect {
        if area.width < 4 || area.height < 2 {
            return Rect { height: 0, ..area };
        }
        let veil = self.veil.take();
        let g = self.skin.glyphs;
        let role = if focused { Role::FocusBorder } else { Role::Dim };
        let span = usize::from(area.width - 2);
        let [tl, tr, bl, br] = g.corners;
        self.line(area, 0, &[part(tl, role), part(g.h.repeat(span), role), part(tr, role)]);
        for row in 1..area.height - 1 {
            self.text(area.x, area.y + row, 1, g.v, role);
            self.text(area.right() - 1, area.y + row, 1, g.v, role);
        }
        self.line(area, area.height - 1, &[part(bl, role), part(g.h.repeat(span), role), part(br, role)]);
        let inner = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 };
        let heading = Rect { y: area.y, height: 1, x: area.x + 2, width: area.width.saturating_sub(4) };
        let name = if focused { Role::Focus } else { Role::Title };
        let mut parts = vec![part(" ", role)];
        parts.extend(title.iter().enumerate().map(|(i, (t, r))| (t.clone(), if i == 0 { name } else { *r })));
        parts.push(part(" ", role));
        self.line(heading, 0, &parts);
        if !right.is_empty() && width_of(&parts) + width_of(right) + 4 <= usize::from(heading.width) {
            let mut end = vec![part(" ", role)];
            end.extend(right.iter().cloned());
            end.push(part(" ", role));
            self.line_right(heading, 0, &end);
        }
        self.veil = veil;
        inner
    }

    /// A box in the middle of the screen, over everything; returns the inside.
    pub(crate) fn popup(&mut self, width: u16, height: u16, title: &str, hint: &[Part]) -> Rect {
        let all = self.buf.area;
        let (w, h) = (width.min(all.width), height.min(all.height));
        let area =
            Rect { x: all.x + (all.width - w) / 2, y: all.y + (all.height - h) / 2, width: w, height: h };
        let margin = Rect { x: area.x.saturating_sub(1), width: area.width.saturating_add(2), ..area };
        self.clear(margin);
        let inner = self.panel(area, &[part(title, Role::Focus)], hint, true);
        Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
    }

    /// `[####....]` in `width` columns, brackets included.
    pub(crate) fn bar(&self, share: f64, width: usize) -> String {
        let cells = width.saturating_sub(2);
        let full = (share.clamp(0.0, 1.0) * cells as f64 + 1e-9).floor() as usize;
        let [on, off] = self.skin.glyphs.bar;
        format!("[{}{}]", on.repeat(full), off.repeat(cells - full.min(cells)))
    }

    /// A line of levels, oldest first; blank where nothing is known.
    pub(crate) fn spark(&self, values: &[Option<f64>]) -> String {
        let top = values.iter().flatten().copied().fold(0.0, f64::max);
        let glyph = |value: &Option<f64>| match value {
            None => " ",
            Some(_) if top <= 0.0 => self.skin.glyphs.levels[0],
            Some(v) => self.skin.glyphs.levels[((v / top * 7.0).round() as usize).min(7)],
        };
        values.iter().map(glyph).collect()
    }
}

/// The first row shown of a list of `len` in `height` rows, so that `index` is in the middle where it can be.
pub(crate) fn scroll_to(index: usize, len: usize, height: usize) -> usize {
    index.saturating_sub(height / 2).min(len.saturating_sub(height))
}
