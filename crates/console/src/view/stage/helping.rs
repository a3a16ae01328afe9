//! Between the peers: who helps whom now, in the claims' words, with an arrow in the direction in which work moves.

use crate::skin::Role;
use crate::view::paint::{Brush, Part, part};
use ratatui::layout::Rect;
use std::time::Duration;
use twinhaul_console_model::words::{self, beat::Tone, beat::beat};
use twinhaul_console_model::{Model, fit};
use twinhaul_units::PeerId;
use twinhaul_wire::{Event, EventKind};

pub(super) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let inner = brush.panel(area, &[part("assistance", Role::Title)], &[], false);
    let lines = lines(brush, model, usize::from(inner.width));
    let from = inner.height.saturating_sub(lines.len() as u16) / 2;
    for (row, (text, role)) in (from..inner.height).zip(lines) {
        let gap = usize::from(inner.width).saturating_sub(fit::width(&text)) / 2;
        brush.line(inner, row, &[part(" ".repeat(gap), Role::Plain), part(text, role)]);
    }
}

fn lines(brush: &Brush<'_>, model: &Model, width: usize) -> Vec<Part> {
    let board = model.board();
    if !board.assists() {
        return vec![part("policy none:", Role::Plain), part("nobody helps", Role::Plain)];
    }
    let said = |event: &&Event| {
        beat(event, &board.names)
            .is_some_and(|b| matches!(b.tone, Tone::Ask | Tone::Needed | Tone::NotNeeded))
    };
    let Some(event) = board.timeline.iter().rev().find(said) else {
        return vec![part("nobody has asked yet", Role::Dim)];
    };
    let Some(asker) = event.peer.as_deref().and_then(|name| board.names.id(name)) else { return Vec::new() };
    let owner = asker.other();
    let (me, other) = (board.names.name(asker), board.names.name(owner));
    let ago = Duration::from_millis(model.shown_at_ms().saturating_sub(event.at_ms));
    let ago = part(format!("{} ago", words::age(ago)), Role::Dim);
    match &event.kind {
        EventKind::Needed { count, .. } => {
            let what = if *count == 0 { "parts of large ones".to_owned() } else { words::how_many(*count) };
            vec![
                part(what, Role::Strong),
                part(arrow(brush, owner, width), Role::Needed),
                part("", Role::Plain),
                part("ASSISTANCE NEEDED", Role::Needed),
                part(format!("{me} helps {other}"), Role::Strong),
                part(turn(model, event, asker), Role::Plain),
                ago,
            ]
        }
        EventKind::NotNeeded { .. } => vec![
            part("NO ASSISTANCE NEEDED", Role::NotNeeded),
            part(format!("{other} can finish alone"), Role::Strong),
            ago,
        ],
        _ => {
            vec![part(format!("{me} is done"), Role::Strong), part("do you need assistance?", Role::Ask), ago]
        }
    }
}

/// From the owner, whose work moves, to the helper.
fn arrow(brush: &Brush<'_>, owner: PeerId, width: usize) -> String {
    let g = brush.skin.glyphs;
    let shaft = g.lane_loud.repeat(width.saturating_sub(5));
    match owner {
        PeerId::First => format!("{shaft}{}", g.heads[1]),
        PeerId::Second => format!("{}{shaft}", g.heads[0]),
    }
}

/// Whether this direction is new, and whether it is the other way round than before.
fn turn(model: &Model, event: &Event, asker: PeerId) -> &'static str {
    let board = model.board();
    let needed = |e: &&Event| matches!(e.kind, EventKind::Needed { .. });
    let by = |e: &Event| e.peer.as_deref().and_then(|name| board.names.id(name));
    let mut before = board.timeline.iter().rev().filter(needed).skip_while(|e| e.seq >= event.seq).peekable();
    let turned = before.peek().is_some_and(|last| by(last) != Some(asker));
    let again = before.any(|e| by(e) == Some(asker));
    match (turned, again) {
        (true, false) => "for the first time:",
        (true, true) => "the arrow turned again",
        (false, true) => "again",
        (false, false) => "",
    }
}
