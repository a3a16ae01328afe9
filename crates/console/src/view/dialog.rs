//! Confirmations and the way out: what will happen, to whom, the verb it equals, and the buttons. Cancel is first.

use super::paint::{Brush, Part, clipped, part, width_of};
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::control::{Button, Dialog, Forecast, Leave, Order, WayOut};
use twinhaul_console_model::update::leave::closed;
use twinhaul_console_model::{Eta, Model, To, fit, words};
use twinhaul_units::{Bytes, PeerId, Rate};
use twinhaul_wire::{Outlook, Preview, QueueSize};

const WIDTH: u16 = 76;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, dialog: &Dialog) {
    let width = usize::from(WIDTH.min(brush.buf.area.width)).saturating_sub(4);
    let table = if dialog.forecasts.is_empty() { Vec::new() } else { forecasts(brush, model, dialog, width) };
    let sentences = dialog.text.iter().flat_map(|sentence| fit::wrap(sentence, width));
    let text: Vec<Vec<Part>> = sentences.map(|line| vec![part(line, Role::Plain)]).collect();
    let mut lines: Vec<Vec<Part>> = Vec::new();
    let all: Vec<&Order> = dialog.orders.iter().collect();
    let worth = dialog.worth_sending();
    let mut orders = if worth.is_empty() { all } else { worth };
    // What both share is one verb, told to each.
    orders.dedup_by_key(|order| &order.verb);
    for (i, order) in orders.into_iter().enumerate() {
        let label = if i == 0 { "same as  " } else { "         " };
        let verb = fit::cut_right(&order.verb, width.saturating_sub(9), brush.skin.glyphs.cut);
        lines.push(vec![part(label, Role::Dim), part(verb, Role::Strong)]);
    }
    let mut typed = Vec::new();
    if let Some((need, got)) = &dialog.typed {
        typed.push(vec![
            part("type ", Role::Plain),
            part(need.clone(), Role::Strong),
            part(" to confirm: ", Role::Plain),
            part(got.clone(), Role::Strong),
            part("_", Role::Dim),
        ]);
    }
    // Borders and buttons.
    let room = usize::from(brush.buf.area.height.saturating_sub(3));
    let lines = folded([table, text, lines, typed], room, brush.skin.glyphs.cut);
    let inner = brush.popup(WIDTH, lines.len() as u16 + 3, &dialog.title, &[]);
    for (row, parts) in (0..).zip(&lines) {
        let parts = clipped(parts, usize::from(inner.width), brush.skin.glyphs.cut);
        brush.line(inner, row, &parts);
    }
    buttons(
        brush,
        dialog,
        Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner },
    );
}

/// The table, the text, the verbs and what is typed, one under the other. Where room is short the lines between them go first,
/// then the end of the text, which says so.
fn folded([table, mut text, verbs, typed]: [Vec<Vec<Part>>; 4], room: usize, cut: &str) -> Vec<Vec<Part>> {
    let others = table.len() + verbs.len() + typed.len();
    let room_for_text = room.saturating_sub(others);
    if text.len() > room_for_text {
        text.truncate(room_for_text);
        if let Some(last) = text.last_mut() {
            last.push(part(format!(" {cut}"), Role::Dim));
        }
    }
    let mut spare = room.saturating_sub(others + text.len());
    let mut lines: Vec<Vec<Part>> = Vec::new();
    for section in [table, text, verbs, typed] {
        if !lines.is_empty() && !section.is_empty() && spare > 0 {
            spare -= 1;
            lines.push(Vec::new());
        }
        lines.extend(section);
    }
    if spare > 0 {
        lines.push(Vec::new());
    }
    lines
}

/// Rows of a name, what is, what will be, and what that takes. Where they are too wide, what is makes way: the rest decides.
/// What is too wide even then is cut, and says so.
fn columns(rows: Vec<[Part; 4]>, width: usize, cut: &str) -> Vec<Vec<Part>> {
    let too_wide = rows.iter().any(|row| width_of(row) > width);
    let lay = |[name, now, after, last]: [Part; 4]| {
        let mut parts = if too_wide { vec![name, after] } else { vec![name, now, after] };
        let room = width.saturating_sub(width_of(&parts));
        parts.push(part(fit::cut_right(&last.0, room, cut), last.1));
        parts
    };
    rows.into_iter().map(lay).collect()
}

fn buttons(brush: &mut Brush<'_>, dialog: &Dialog, row: Rect) {
    let obstacle = dialog.obstacle();
    let focus = |button| if dialog.focus == button { Role::Selected } else { Role::Plain };
    let go = if dialog.typed.is_some() {
        part(format!("[ {} ]", dialog.go), if obstacle.is_empty() { focus(Button::Go) } else { Role::Dim })
    } else if obstacle.is_empty() {
        part(format!("[ y = {} ]", dialog.go), focus(Button::Go))
    } else {
        part(format!("[ {} ]", dialog.go), Role::Dim)
    };
    brush.line(row, 0, &[part(obstacle, Role::Warn)]);
    brush.line_right(row, 0, &[part("[ Cancel ]", focus(Button::Cancel)), part("   ", Role::Plain), go]);
}

/// A table of now, after and what moves; or who would do nothing and why.
fn forecasts(brush: &Brush<'_>, model: &Model, dialog: &Dialog, width: usize) -> Vec<Vec<Part>> {
    let mut lines = Vec::new();
    let cut = brush.skin.glyphs.cut;
    for (order, forecast) in dialog.orders.iter().zip(&dialog.forecasts) {
        let who = match order.to {
            To::Peer(peer) => model.names().name(peer),
            To::Supervisor => "supervisor",
        };
        let said = |text: &str, role| {
            // Most answers name the peer themselves.
            let text = if text.starts_with(who) { text.to_owned() } else { format!("{who}: {text}") };
            vec![part(fit::cut_right(&text, width, brush.skin.glyphs.cut), role)]
        };
        match forecast {
            Forecast::Waiting => lines.push(said("asking what it would do ...", Role::Dim)),
            Forecast::Nothing(why) => lines.push(said(why, Role::Dim)),
            Forecast::Refused(why) => lines.push(said(why, Role::Warn)),
            Forecast::Moves(preview) if preview.transfers == 0 => {
                lines.push(said("nothing to hand over", Role::Dim));
            }
            Forecast::Moves(preview) => {
                lines.extend(columns(table(model, preview, cut), width, cut));
                lines.extend(assisted(model, width, cut));
            }
            Forecast::Changes(outlook) => {
                if lines.is_empty() {
                    lines.push(vec![part(format!("{:17}{:20}after", "", "now"), Role::Dim)]);
                }
                lines.extend(change(model, outlook, width, cut));
            }
        }
    }
    lines.extend(end_with(model, dialog, width));
    lines
}

/// The rate of one peer, or what it would hand over.
fn change(model: &Model, o: &Outlook, width: usize, cut: &str) -> Vec<Vec<Part>> {
    let names = model.names();
    let peer = names.id(&o.peer);
    let what = if o.gives.is_some() { "gives" } else { "rate" };
    let rate = |i: usize| o.rate[i].map_or_else(|| "not known".into(), |rate| Rate(rate).to_string());
    let gives = |i: usize| o.gives.map(|gives| words::how_many(gives[i]));
    let of = |i: usize| fit::left(&fit::right(&gives(i).unwrap_or_else(|| rate(i)), 17), 20);
    let name = format!("{:8}{what}", fit::cut_right(&o.peer, 7, cut));
    let mut line = vec![
        part(fit::left(&name, 15), peer.map_or(Role::Plain, super::peer::role)),
        part(of(0), Role::Plain),
        part(of(1), Role::Strong),
    ];
    let room = width.saturating_sub(15 + 20 + 20);
    if fit::width(&o.basis) <= room {
        line.push(part(o.basis.clone(), Role::Dim));
        return vec![line];
    }
    let basis = fit::cut_right(&format!("{:8}{}", "", o.basis), width, cut);
    vec![line, vec![part(basis, Role::Dim)]]
}

/// The time to finish, with all that the dialog sets together; nothing while the peers have not told.
fn end_with(model: &Model, dialog: &Dialog, width: usize) -> Option<Vec<Part>> {
    let told: Vec<&Outlook> = dialog
        .forecasts
        .iter()
        .filter_map(|f| if let Forecast::Changes(outlook) = f { Some(outlook) } else { None })
        .collect();
    let first = told.first()?;
    let board = model.board();
    let of_pane = |peer: PeerId| board.pane(peer).snapshot.as_ref().map_or(0, |s| s.rate.one_min);
    let of = |peer: PeerId| told.iter().find(|o| o.peer == board.names.name(peer));
    let end = |i: usize| {
        let [a, b] = PeerId::BOTH.map(|peer| of(peer).map_or(Some(of_pane(peer)), |o| o.rate[i]));
        board.ends_with([a?, b?])
    };
    // A ratio moves nothing now: what it would move if it were asked decides, as in a preview of a rebalance.
    let (name, ends) = match first.gives {
        Some(_) => ("eta if asked", [first.eta_now_s, first.eta_after_s]),
        None => ("eta", [end(0), end(1)]),
    };
    let mut parts = vec![
        part(fit::left(name, 15), Role::Dim),
        part(fit::left(&format!("{:>17}", words::clock_s(ends[0])), 20), Role::Plain),
        part(fit::left(&format!("{:>17}", words::clock_s(ends[1])), 20), Role::Strong),
    ];
    let basis = "at these rates";
    if width_of(&parts) + basis.len() <= width {
        parts.push(part(basis, Role::Dim));
    }
    Some(parts)
}

fn table(model: &Model, preview: &Preview, cut: &str) -> Vec<[Part; 4]> {
    let names = model.names();
    let giver = names.id(&preview.from);
    let heading = |text: &str, width: usize| part(fit::left(text, width), Role::Dim);
    let mut lines =
        vec![[heading("", 15), heading("  now", 20), heading("  after", 20), heading("  moves", 7)]];
    let queue = |q: QueueSize| format!("{:>7} {:>9}", words::count(q.transfers), Bytes(q.bytes).to_string());
    let share = |all: &[QueueSize; 2], i: usize| {
        let sum = all[0].bytes.saturating_add(all[1].bytes);
        if sum == 0 {
            "  --".to_owned()
        } else {
            format!("{:3.0}%", all[i].bytes as f64 / sum as f64 * 100.0)
        }
    };
    for peer in PeerId::BOTH {
        // The preview lists the owner first.
        let i = usize::from(giver != Some(peer));
        let sign = if i == 0 { "-" } else { "+" };
        let moved = format!("{sign}{}", words::how_many(preview.transfers));
        lines.push([
            part(
                fit::left(&format!("{:8}queue", fit::cut_right(names.name(peer), 7, cut)), 15),
                super::peer::role(peer),
            ),
            part(fit::left(&queue(preview.now[i]), 20), Role::Plain),
            part(fit::left(&queue(preview.after[i]), 20), Role::Strong),
            part(moved, Role::Plain),
        ]);
        lines.push([
            part(fit::left("        bytes", 15), Role::Dim),
            part(fit::left(&format!("            {}", share(&preview.now, i)), 20), Role::Plain),
            part(fit::left(&format!("            {}", share(&preview.after, i)), 20), Role::Plain),
            part(
                if i == 0 {
                    format!("-{}", Bytes(preview.bytes))
                } else {
                    format!("+{}", Bytes(preview.bytes))
                },
                Role::Plain,
            ),
        ]);
    }
    lines.push([
        part(fit::left("eta unassisted", 15), Role::Dim),
        part(fit::left(&format!("{:>17}", words::clock_s(preview.eta_now_s)), 20), Role::Plain),
        part(fit::left(&format!("{:>17}", words::clock_s(preview.eta_after_s)), 20), Role::Strong),
        part("at present rates", Role::Dim),
    ]);
    lines
}

/// What a move is worth less than its table says: they assist each other without it.
fn assisted(model: &Model, width: usize, cut: &str) -> Option<Vec<Part>> {
    let board = model.board();
    let eta = board.eta(model.shown_at());
    let known = board.assists() && !matches!(eta, Eta::Unknown(_));
    let text = format!("they assist each other anyway: eta {}", super::eta(eta));
    known.then(|| vec![part(fit::cut_right(&text, width, cut), Role::Dim)])
}

pub(crate) fn draw_leave(brush: &mut Brush<'_>, model: &Model, leave: Leave) {
    let inner = brush.popup(WIDTH, 11, "Leave", &[]);
    let width = usize::from(inner.width);
    for (row, way) in [1, 4, 6].into_iter().zip(WayOut::ALL) {
        let off = closed(model, way);
        let role = if off.is_some() { Role::Dim } else { Role::Plain };
        let text = off.map_or_else(|| way.meaning().to_owned(), |why| format!("off: {why}"));
        let text = fit::cut_right(&text, width.saturating_sub(20), brush.skin.glyphs.cut);
        let focus = if leave.focus == way { Role::Selected } else { role };
        let button = format!("[ {} ]", way.words());
        brush.line(
            inner,
            row,
            &[
                part(button.clone(), focus),
                part(" ".repeat(19usize.saturating_sub(fit::width(&button))), Role::Plain),
                part(text, role),
            ],
        );
    }
    let back = format!("twinhaul attach {}", model.run);
    brush.line(
        inner,
        2,
        &[part(" ".repeat(19), Role::Plain), part("back with: ", Role::Dim), part(back, Role::Strong)],
    );
    let hint: Vec<Part> =
        [("Tab", " next   "), ("Enter", " presses; what ends the run asks once more   "), ("Esc", " stays")]
            .into_iter()
            .flat_map(|(key, what)| [part(key, Role::Key), part(what, Role::Dim)])
            .collect();
    brush.line(inner, 8, &hint);
}
