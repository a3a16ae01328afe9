//! Panel 4: the assistance timeline. Where there is room it is a lane diagram between the two peers, with the two
//! answers in the claims' own words; where there is not, a line of columns.

use super::paint::{Brush, Part, part, width_of};
use super::peer::role;
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::lists::rows_shown;
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::words::beat::{Beat, Tone, beat};
use twinhaul_console_model::{Eta, Model, fit, words};
use twinhaul_units::PeerId;
use twinhaul_wire::Event;

/// Width from which messages are drawn as lanes: always, and where the timeline is what is looked at.
const LANES_FROM: [u16; 2] = [80, 76];

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let focused = model.focus() == Panel::Assist;
    let (asks, needed, not_needed) = board.asks();
    let word = if asks == 1 { "ask" } else { "asks" };
    let counts = format!(" {asks} {word}, {needed} needed, {not_needed} no need");
    let title = [
        part("4 Assistance", Role::Title),
        part(counts, Role::Plain),
        super::chip(model, Panel::Assist, None),
    ];
    let mut right = worth(model);
    right.push(super::follow(model, model.ui.assist));
    // The meter gives way where the title needs the room.
    if width_of(&title) + width_of(&right) + 8 > usize::from(area.width) {
        right.drain(..right.len() - 1);
    }
    let inner = brush.panel(area, &title, &right, focused);
    if board.timeline.is_empty() {
        let text = if board.assists() { "no peer has asked yet" } else { "policy none: no peer asks" };
        brush.line(inner, 0, &[part(format!(" {text}"), Role::Dim)]);
        if let Some(text) = prospect(model).filter(|_| inner.height > 1) {
            let room = usize::from(inner.width).saturating_sub(2);
            let text = fit::cut_right(&text, room, brush.skin.glyphs.cut);
            brush.line(inner, 1, &[part(format!(" {text}"), Role::Plain)]);
        }
        return;
    }
    let height = usize::from(inner.height);
    let rows = rows_shown(&board.timeline, model.ui.assist, height, |e| model.in_timeline(e));
    let selected = model.ui.assist.id.and_then(|id| board.timeline.index(id)).or(rows.last().copied());
    if rows.is_empty() {
        brush.line(inner, 0, &[part(" the filter shows none of it: Esc", Role::Dim)]);
    }
    for (row, at) in (0..).zip(rows) {
        let Some(event) = board.timeline.get(at) else { break };
        let parts = line(brush, model, event, inner.width);
        brush.line(inner, row, &parts);
        if focused && Some(at) == selected {
            brush.tint(inner, row, Role::Selected);
        }
    }
}

/// What assistance will be worth, while none was needed yet.
fn prospect(model: &Model) -> Option<String> {
    let board = model.board();
    let [first, second] = PeerId::BOTH.map(|peer| Some((board.names.name(peer), board.alone_s(peer)?)));
    let ((first, first_s), (second, second_s)) = first.zip(second)?;
    let clock = |s: f64| words::clock_s(Some(s));
    let alone = format!("alone: {first} {}, {second} {}", clock(first_s), clock(second_s));
    let helping = match board.eta(model.shown_at()) {
        eta @ Eta::Range { high_s, .. } if high_s + 1.0 < first_s.max(second_s) => {
            format!("; helping each other: {}", super::eta(eta))
        }
        _ => String::new(),
    };
    board.assists().then_some(alone + &helping)
}

/// The help meter: what assistance has saved so far; empty while that is not known, or nothing.
fn worth(model: &Model) -> Vec<Part> {
    let board = model.board();
    let with = model.up().and_then(|up| board.with_assistance(up, model.shown_at()));
    let saved = with.zip(board.without_assistance()).map(|(with, without)| without.saturating_sub(with));
    match saved.filter(|saved| saved.as_secs() > 0) {
        Some(saved) => {
            vec![
                part("help saves about ", Role::Dim),
                part(words::clock(saved), Role::Good),
                part("  ", Role::Dim),
            ]
        }
        None => Vec::new(),
    }
}

/// One event in `width` columns.
pub(crate) fn line(brush: &Brush<'_>, model: &Model, event: &Event, width: u16) -> Vec<Part> {
    let mut time = super::time(model, event.at_ms);
    let Some(beat) = beat(event, &model.board().names) else { return Vec::new() };
    let demo = model.board().run.as_ref().is_some_and(|run| run.demo);
    let lanes = width >= LANES_FROM[usize::from(demo || model.ui.expanded)];
    if lanes && width < LANES_FROM[0] {
        // The lane needs the room more than the milliseconds do.
        time.truncate(8);
    }
    let room = usize::from(width).saturating_sub(fit::width(&time) + 1);
    let mut parts = vec![part(format!("{time} "), Role::Dim)];
    let drawn = if lanes { lane(brush, model, &beat, room) } else { columns(brush, model, &beat, room) };
    parts.extend(drawn);
    parts
}

const fn tone(tone: Tone) -> Role {
    match tone {
        Tone::Ask => Role::Ask,
        Tone::Needed => Role::Needed,
        Tone::NotNeeded => Role::NotNeeded,
        Tone::Deed => Role::Plain,
        Tone::Mark => Role::Warn,
    }
}

/// `B>A NEEDED   #118 48 of 96 queued / 300 GiB  ratio 0.50  25 ms`.
fn columns(brush: &Brush<'_>, model: &Model, beat: &Beat, room: usize) -> Vec<Part> {
    let names = &model.board().names;
    let tag = |peer: Option<PeerId>| peer.map_or(" ", |p| names.tag(p));
    let arrow = if beat.to.is_some() { brush.skin.glyphs.heads[1] } else { " " };
    let from = beat.from.map_or(Role::Dim, role);
    let rest = room.saturating_sub(3 + 1 + 9);
    vec![
        part(tag(beat.from), from),
        part(arrow, Role::Dim),
        part(tag(beat.to), beat.to.map_or(Role::Dim, role)),
        part(" ", Role::Plain),
        part(fit::left(beat.word, 9), tone(beat.tone)),
        part(fit::cut_right(&beat.short, rest, brush.skin.glyphs.cut), Role::Plain),
    ]
}

/// A message as an arrow between the names, a deed beside its doer, an intervention across.
fn lane(brush: &Brush<'_>, model: &Model, beat: &Beat, room: usize) -> Vec<Part> {
    let names = &model.board().names;
    let widest = PeerId::BOTH.map(|p| fit::width(names.name(p)).min(12));
    let (first, second) = (names.name(PeerId::First), names.name(PeerId::Second));
    let span = room.saturating_sub(widest[0] + widest[1] + 2);
    let cut = |width: usize| fit::cut_right(&beat.long, width, brush.skin.glyphs.cut);
    match (beat.to, beat.from) {
        (Some(to), _) => {
            let mut parts = vec![part(format!("{} ", fit::left(first, widest[0])), Role::First)];
            parts.extend(arrow(brush, beat, to == PeerId::Second, span));
            parts.push(part(format!(" {}", fit::left(second, widest[1])), Role::Second));
            parts
        }
        (None, Some(at)) => {
            // Beside its doer, under or over that peer's end of the lane.
            let text = cut(room);
            let text = if at == PeerId::First { text } else { fit::right(&text, room) };
            vec![part(text, tone(beat.tone))]
        }
        (None, None) => {
            let text = format!(" {} ", cut(room.saturating_sub(8)));
            let gap = room.saturating_sub(fit::width(&text));
            vec![
                part("*".repeat(gap / 2), Role::Dim),
                part(text, Role::Warn),
                part("*".repeat(gap - gap / 2), Role::Dim),
            ]
        }
    }
}

/// `───▶ do you need assistance?  #119 ────▶`; the answer that moves work is drawn with double lines.
fn arrow(brush: &Brush<'_>, beat: &Beat, to_right: bool, span: usize) -> Vec<Part> {
    let g = brush.skin.glyphs;
    let role = tone(beat.tone);
    let line = if beat.tone == Tone::Needed { g.lane_loud } else { g.lane };
    let message =
        if beat.tone == Tone::Needed { beat.message.to_uppercase() } else { beat.message.to_owned() };
    let room = span.saturating_sub(9 + fit::width(&message));
    let long = shortened(&beat.long, room, g.cut);
    let rest = span.saturating_sub(4 + 1 + fit::width(&message) + 2 + fit::width(&long) + 1 + 1);
    let (lead, tail) = if to_right {
        (line.repeat(4), format!("{}{}", line.repeat(rest), g.heads[1]))
    } else {
        (format!("{}{}", g.heads[0], line.repeat(3)), line.repeat(rest + 1))
    };
    vec![
        part(format!("{lead} "), role),
        part(message, role),
        part(format!("  {long} "), Role::Plain),
        part(tail, role),
    ]
}

/// Leaves out the last figures, whole, before it cuts.
fn shortened(text: &str, room: usize, cut: &str) -> String {
    let mut text = text;
    while fit::width(text) > room {
        match text.rfind(", ") {
            Some(end) => text = &text[..end],
            None => break,
        }
    }
    fit::cut_right(text, room, cut)
}
