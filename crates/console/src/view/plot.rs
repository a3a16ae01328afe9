//! Panel 5: throughput of both peers on one time base, stacked, with a tick under each moment of assistance. The axis
//! and the title name unit and window.

use super::paint::{Brush, part};
use super::peer::role;
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::action::Action;
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::{Model, fit};
use twinhaul_units::{Bytes, PeerId};
use twinhaul_wire::EventKind;

/// Columns of the axis on the left: `1000M |`.
const AXIS: u16 = 6;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let g = brush.skin.glyphs;
    let window = model.window_s();
    let names = &board.names;
    let mut title =
        vec![part("5 Throughput", Role::Title), part(format!(" {} min ", window / 60), Role::Plain)];
    for peer in PeerId::BOTH {
        title.push(part(format!(" {} ", g.areas[peer.index()]), role(peer)));
        title.push(part(names.name(peer), role(peer)));
    }
    let focused = model.ui.focus == Panel::Plot;
    let [shorter, longer] = [Action::ZoomIn, Action::ZoomOut].map(|action| model.keys.way_to(action));
    let inner =
        brush.panel(area, &title, &[part(format!("Enter eta  {shorter} {longer} zoom"), Role::Dim)], focused);
    if inner.width < AXIS + 4 || inner.height < 4 {
        return;
    }
    let plot = Rect { x: inner.x + AXIS, width: inner.width - AXIS - 1, height: inner.height - 2, ..inner };
    let columns = usize::from(plot.width);
    let values = PeerId::BOTH.map(|peer| board.pane(peer).rates.columns(window, columns));
    let pairs = || values[0].iter().copied().zip(values[1].iter().copied());
    let total = |(a, b): (Option<f64>, Option<f64>)| a.unwrap_or(0.0) + b.unwrap_or(0.0);
    let top = nice_top(pairs().map(total).fold(0.0, f64::max));
    axis(brush, inner, plot, top);
    for (c, (first, second)) in (0..plot.width).zip(pairs()) {
        column(brush, plot, c, [first, second], top);
    }
    times(brush, model, inner, plot, window);
}

/// One column: the first peer below, the second on top of it.
fn column(brush: &mut Brush<'_>, plot: Rect, c: u16, values: [Option<f64>; 2], top: f64) {
    if values == [None, None] {
        return;
    }
    let g = brush.skin.glyphs;
    let rows = f64::from(plot.height);
    let first = values[0].unwrap_or(0.0) / top * rows;
    let both = first + values[1].unwrap_or(0.0) / top * rows;
    for row in 0..plot.height {
        let (below, above) = (f64::from(row), f64::from(row) + 1.0);
        let y = plot.bottom() - 1 - row;
        let mine = if first >= above - 0.5 { PeerId::First } else { PeerId::Second };
        let glyph = if both >= above - 0.06 {
            g.areas[mine.index()]
        } else if both - below > 0.06 {
            // The top of the stack: as fine as the glyph set allows.
            g.levels[(((both - below) * 8.0) as usize).min(7)]
        } else {
            break;
        };
        let owner = if both < above - 0.06 && values[1].unwrap_or(0.0) > 0.0 && first <= below {
            PeerId::Second
        } else {
            mine
        };
        brush.text(plot.x + c, y, 1, glyph, role(owner));
    }
}

/// A round number at or over the highest value: 1, 2 or 5 of a power of two unit.
fn nice_top(highest: f64) -> f64 {
    let highest = highest.max(1024.0);
    let mut unit = 1024.0;
    loop {
        for step in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0] {
            for part in [1.0, 1.25, 1.5, 1.75] {
                if unit * step * part >= highest {
                    return unit * step * part;
                }
            }
        }
        unit *= 1024.0;
    }
}

fn axis(brush: &mut Brush<'_>, inner: Rect, plot: Rect, top: f64) {
    let v = brush.skin.glyphs.v;
    for row in 0..plot.height {
        brush.text(plot.x - 1, plot.y + row, 1, v, Role::Dim);
    }
    let mut label = |y: u16, value: f64| {
        let text = Bytes(value as u64).to_string().replace("iB", "").replace(' ', "");
        let text = fit::right(if value > 0.0 { &text } else { "0" }, 5);
        brush.text(inner.x, y, AXIS - 1, &text, Role::Dim);
    };
    label(plot.y, top);
    if plot.height >= 6 {
        label(plot.y + plot.height / 2, top / 2.0);
    }
    label(plot.bottom() - 1, 0.0);
}

fn column_of(ago_s: u64, window: usize, plot: Rect) -> u16 {
    let back = (ago_s as f64 / window as f64 * f64::from(plot.width)) as u16;
    plot.right().saturating_sub(1 + back).max(plot.x)
}

/// The moment of the assistance that was chosen in panel 4: a line from the axis to the top; at the left end a head that
/// points to it, where it was before all that is shown.
fn chosen(brush: &mut Brush<'_>, model: &Model, plot: Rect, window: usize) {
    let Some(event) = model.chosen_moment() else { return };
    let g = brush.skin.glyphs;
    let ago = model.shown_at_ms().saturating_sub(event.at_ms) / 1000;
    if ago >= window as u64 {
        brush.text(plot.x, plot.bottom(), 1, g.heads[0], Role::Focus);
        return;
    }
    let x = column_of(ago, window, plot);
    for y in plot.top()..plot.bottom() {
        match brush.buf.cell((x, y)).map(|cell| cell.symbol().to_owned()).as_deref() {
            Some(" ") => brush.text(x, y, 1, g.v, Role::Focus),
            Some(full) => brush.text(x, y, 1, full, Role::Selected),
            None => x,
        };
    }
    brush.text(x, plot.bottom(), 1, g.chosen, Role::Focus);
}

/// The time axis, with a tick where an answer "assistance needed" arrived.
fn times(brush: &mut Brush<'_>, model: &Model, inner: Rect, plot: Rect, window: usize) {
    let g = brush.skin.glyphs;
    let base = plot.bottom();
    brush.text(plot.x - 1, base, 1, g.corners[2], Role::Dim);
    brush.text(plot.x, base, plot.width, &g.h.repeat(usize::from(plot.width)), Role::Dim);
    let now = model.shown_at_ms();
    for event in model.board().timeline.iter().rev() {
        let ago = now.saturating_sub(event.at_ms) / 1000;
        if ago >= window as u64 {
            break;
        }
        if matches!(event.kind, EventKind::Needed { .. }) {
            brush.text(column_of(ago, window, plot), base, 1, g.tick, Role::Needed);
        }
    }
    chosen(brush, model, plot, window);
    let labels = Rect { y: base + 1, height: 1, ..inner };
    let half = window / 2;
    let text = |s: usize| match (s / 60, s % 60) {
        (0, s) => format!("-{s}s"),
        (m, 0) => format!("-{m}m"),
        (m, s) => format!("-{m}m{s:02}"),
    };
    brush.text(plot.x, labels.y, 8, &text(window), Role::Dim);
    brush.text(plot.x + plot.width / 2 - 2, labels.y, 8, &text(half), Role::Dim);
    brush.line_right(labels, 0, &[part("now ", Role::Dim)]);
}
