//! From the model to a frame: which layout, which panel where, which layer in front. Pure: the same model gives the
//! same frame; nothing is remembered here and nothing changes.

mod assist;
mod detail;
mod diagnosis;
mod dialog;
mod failed;
mod flight;
mod footer;
mod header;
mod help;
mod hit;
mod layout;
mod log;
mod menu;
mod paint;
mod palette;
mod peer;
mod plot;
mod queue;
mod stage;
mod status;
mod storage;
mod summary;

pub use hit::hit;

pub(crate) use header::{eta, percent};

use crate::skin::{Role, Skin};
use paint::{Brush, part};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;
use twinhaul_console_model::action::Action;
use twinhaul_console_model::ui::{Cursor, Layer, Panel, Times};
use twinhaul_console_model::{Chord, Key, Model, SizeClass, fit, words};
use twinhaul_units::{PeerId, span, text};

/// Draws `model` into a frame.
pub fn view(model: &Model, skin: &Skin, frame: &mut Frame<'_>) {
    draw(model, skin, frame.buffer_mut());
}

/// Draws `model` into a buffer of any size.
pub fn draw(model: &Model, skin: &Skin, buf: &mut Buffer) {
    let area = buf.area;
    if area.width == 0 || area.height == 0 {
        return;
    }
    let skin = &skin.themed(model.ui.theme);
    let mut brush = Brush { buf, skin, veil: None };
    match model.class_of(area.width, area.height) {
        SizeClass::Status => status::draw(&mut brush, model, area),
        class => screens(&mut brush, model, class, area),
    }
    debug_assert!(is_clean(brush.buf), "a control character reached the screen");
}

fn screens(brush: &mut Brush<'_>, model: &Model, class: SizeClass, area: Rect) {
    let staged = class == SizeClass::Stage && base(model).is_none() && !model.ui.expanded;
    // On the stage the caption has a frame of its own.
    let caption = if staged { Vec::new() } else { caption_lines(model, area.width) };
    let places = layout::places(class, area, caption.len() as u16);
    header::draw(brush, model, places.header);
    for (row, line) in (0..).zip(&caption) {
        let text = fit::left(&format!(" {line}"), usize::from(area.width));
        brush.line(places.caption, row, &[part(text, Role::Caption)]);
    }
    footer::draw(brush, model, places.footer);
    match base(model) {
        Some(Layer::Queue(view)) => queue::draw(brush, model, view, places.body),
        _ if model.summary_shown() => summary::draw(brush, model, places.body),
        _ if model.ui.expanded => panel(brush, model, model.ui.focus, places.body),
        _ if staged => stage::draw(brush, model, places.body),
        _ => {
            let storage = model.board().shows_storage().then(|| storage::wanted(model));
            for (which, place) in layout::panels(class, places.body, model.ui.focus, storage) {
                panel(brush, model, which, place);
            }
            if class == SizeClass::Compact {
                for (row, peer) in (0..).zip(PeerId::BOTH) {
                    let inside = Rect { x: area.x + 1, width: area.width - 2, ..places.body };
                    let parts = peer::brief(model, peer, usize::from(inside.width));
                    brush.line(inside, row, &parts);
                }
            }
        }
    }
    for layer in &model.ui.layers {
        front(brush, model, layer);
    }
}

/// LIVE, STALE, COMPLETE, …: what the header says of the picture.
pub(crate) fn state_word(model: &Model) -> String {
    header::state_word(model).0
}

/// A screen of its own below all windows.
fn base(model: &Model) -> Option<&Layer> {
    model.ui.layers.iter().find(|layer| matches!(layer, Layer::Queue(_)))
}

fn panel(brush: &mut Brush<'_>, model: &Model, panel: Panel, area: Rect) {
    match panel {
        Panel::Peer(peer) => peer::draw(brush, model, peer, area),
        Panel::Flight => flight::draw(brush, model, area),
        Panel::Assist => assist::draw(brush, model, area),
        Panel::Plot => plot::draw(brush, model, area),
        Panel::Log => log::draw(brush, model, area),
        Panel::Messages => log::draw_messages(brush, model, area),
        Panel::Storage => storage::draw(brush, model, area),
        Panel::Failed => failed::draw(brush, model, area),
    }
}

fn front(brush: &mut Brush<'_>, model: &Model, layer: &Layer) {
    match layer {
        // A screen of its own; the footer.
        Layer::Queue(_) | Layer::Filter(_) => {}
        Layer::Help(help) => help::draw(brush, model, help),
        Layer::Diagnosis(view) => diagnosis::draw(brush, model, view),
        Layer::Palette(palette) => palette::draw(brush, model, palette),
        Layer::Detail { subject, scroll } => detail::draw(brush, model, *subject, *scroll),
        Layer::Menu(menu) => menu::draw(brush, model, *menu),
        Layer::Sort => menu::draw_sort(brush, model),
        Layer::Items(items) => menu::draw_items(brush, model, items),
        Layer::Prompt(prompt) => menu::draw_prompt(brush, model, prompt),
        Layer::Dialog(dialog) => dialog::draw(brush, model, dialog),
        Layer::Leave(leave) => dialog::draw_leave(brush, model, *leave),
    }
}

/// The caption of a demo's story, in at most two lines.
fn caption_lines(model: &Model, width: u16) -> Vec<String> {
    let caption = model.board().run.as_ref().and_then(|run| run.caption.as_deref()).filter(|c| !c.is_empty());
    let mut lines = caption.map(|c| fit::wrap(c, usize::from(width.saturating_sub(2)))).unwrap_or_default();
    lines.truncate(2);
    lines
}

/// What a list's filter is, and of how many rows it shows some; empty without one.
fn chip(model: &Model, panel: Panel, shown: Option<usize>) -> paint::Part {
    let Some(filter) = model.ui.filters.get(panel) else { return part("", Role::Plain) };
    let source = fit::cut_right(filter.source(), 30, "..");
    let shown = shown.map(|n| format!(": {n} shown")).unwrap_or_default();
    part(format!(" /{source}{shown}"), Role::Warn)
}

/// How many rows are marked; empty when none is.
fn marks(model: &Model) -> paint::Part {
    let n = model.ui.marks.len();
    part(if n > 0 { format!(" {n} marked") } else { String::new() }, Role::Warn)
}

/// How many of the rows belong to the chosen moment of the assistance; empty when none does.
fn belongs(brush: &Brush<'_>, n: usize) -> paint::Part {
    let text =
        if n > 0 { format!(" {} {n} handed over then", brush.skin.glyphs.chosen) } else { String::new() };
    part(text, Role::Focus)
}

/// Whether a list that grows at its end shows that end, or what key leads there.
fn follow(model: &Model, cursor: Cursor) -> paint::Part {
    let text = match cursor.id {
        None => "follow".to_owned(),
        Some(_) if model.keys.is(Action::Last, Chord::plain(Key::End)) => "End follows".to_owned(),
        Some(_) => match model.keys.way_to(Action::Last) {
            none if none.is_empty() => "scrolled up".to_owned(),
            key => format!("{key} follows"),
        },
    };
    part(text, Role::Dim)
}

/// The first column of a row that can be selected and marked.
fn row_mark(brush: &Brush<'_>, model: &Model, id: u64, selected: bool) -> paint::Part {
    let marked = model.ui.marks.contains(&id);
    match (marked, selected) {
        (true, _) => part("*", Role::Warn),
        (false, true) => part(brush.skin.glyphs.mark, Role::Focus),
        (false, false) => part(" ", Role::Plain),
    }
}

/// A moment as the operator wants it: time of day, time ago, or time since the start.
fn time(model: &Model, at_ms: u64) -> String {
    match model.ui.times {
        Times::Clock => model.clock.of_day(at_ms),
        Times::Ago => {
            let ago = Duration::from_millis(model.shown_at_ms().saturating_sub(at_ms));
            fit::right(&format!("{} ago", words::age(ago)), 8)
        }
        Times::SinceStart => {
            let start = model.board().started_at_ms().unwrap_or(at_ms);
            fit::right(&span::clock_tenths(Duration::from_millis(at_ms.saturating_sub(start))), 8)
        }
    }
}

/// The last look: nothing that could move a cursor is in any cell.
fn is_clean(buf: &Buffer) -> bool {
    buf.content.iter().all(|cell| cell.symbol().chars().all(text::is_safe))
}
