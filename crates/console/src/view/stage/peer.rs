//! One peer on the stage: its queue as a share of what is left, its pace, its ratio as an equation and as stairs, and what
//! the last step of the ratio means.

use super::stairs::stairs;
use crate::skin::Role;
use crate::view::paint::{Brush, Part, mood, part};
use crate::view::peer::role;
use ratatui::layout::Rect;
use twinhaul_console_model::board::Standing;
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::{PeerId, Rate};
use twinhaul_wire::{PeerSnapshot, PeerState, RatioMove, Rule, Wait, WaitReason};

/// A wait of the whole peer is shown after this, in milliseconds.
const WAIT_SHOWN_AFTER_MS: u64 = 1000;

pub(super) fn draw(brush: &mut Brush<'_>, model: &Model, peer: PeerId, area: Rect) {
    let board = model.board();
    let pane = board.pane(peer);
    let now = model.shown_at();
    let (word, word_mood) = words::peer_state(pane, board.stalled(peer, None), now);
    let name = format!("{} {}", Panel::Peer(peer).number(), board.names.name(peer));
    let mut title = vec![part(name, Role::Title), part(format!("  {word}"), mood(word_mood))];
    if let Some(limit) = pane.snapshot.as_ref().and_then(|s| s.limit).filter(|_| word != "DONE") {
        title.push(part(format!("  limit {}", Rate(limit)), Role::Warn));
    }
    let focused = model.focus() == Panel::Peer(peer);
    let inner = brush.panel(area, &title, &[], focused);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let Some(s) = &pane.snapshot else {
        brush.line(inside, 0, &[part(pane.link.words(now), Role::Warn)]);
        return;
    };
    brush.veil = matches!(pane.standing(now), Standing::Stale(_)).then_some(Role::Dim);
    for (row, parts) in (0..inside.height).zip(lines(brush, model, peer, s, usize::from(inside.width))) {
        brush.line(inside, row, &parts);
    }
    brush.veil = None;
}

fn lines(brush: &Brush<'_>, model: &Model, peer: PeerId, s: &PeerSnapshot, width: usize) -> Vec<Vec<Part>> {
    let board = model.board();
    let left: u64 = PeerId::BOTH.iter().map(|p| board.pane(*p).remaining_transfers()).sum();
    let queue = fit::left(&format!("queue {}", words::count(s.queue.transfers)), 13);
    let share = if left > 0 { s.queue.transfers as f64 / left as f64 } else { 0.0 };
    let bar = brush.bar(share, width.saturating_sub(13).min(30));
    let mut lines =
        vec![vec![part(queue, Role::Strong), part(bar, role(peer))], pace(brush, model, peer, s, width)];
    let alone = board.alone_s(peer).filter(|_| s.queue.transfers > 0);
    let alone = alone.map_or_else(String::new, |a| format!("alone it needs {}", words::clock_s(Some(a))));
    lines.push(match s.wait().filter(is_told) {
        _ if board.pane(peer).is_taken_over() => {
            vec![part(format!("taken over by {}", board.names.name(peer.other())), Role::Warn)]
        }
        Some(wait) => vec![part(fit::cut_right(&waits(&wait), width, ""), Role::Warn)],
        None => vec![part(alone, Role::Plain)],
    });
    let moves = board.ratio_moves(peer);
    lines.push(ratio(brush, s, moves));
    lines.push(vec![part(fit::cut_right(&equation(s), width, ""), gives(s))]);
    let mut values: Vec<f64> = moves.iter().map(|m| m.old).collect();
    values.push(s.ratio);
    lines.extend(stairs(&values, width).into_iter().map(|row| vec![part(row, role(peer))]));
    lines
}

/// A limit of its own is in the title, and no wait of a moment is worth a line.
fn is_told(wait: &Wait) -> bool {
    wait.reason != WaitReason::Throttle && wait.age_ms >= WAIT_SHOWN_AFTER_MS
}

/// What all of it waits for: `waits: server, 5 s to go`.
fn waits(wait: &Wait) -> String {
    let detail = if wait.detail.is_empty() { String::new() } else { format!(", {}", wait.detail) };
    format!("waits: {}{detail}", words::wait_short(wait.reason))
}

fn pace(brush: &Brush<'_>, model: &Model, peer: PeerId, s: &PeerSnapshot, width: usize) -> Vec<Part> {
    let done = s.state == PeerState::Finished;
    let rate = if done {
        format!("{} on average", model.board().average(peer, model.shown_at_ms()))
    } else {
        Rate(s.rate.now).to_string()
    };
    let columns = width.saturating_sub(fit::width(&rate) + 1);
    let values = model.board().pane(peer).rates.columns(columns.clamp(1, 300), columns);
    vec![part(format!("{rate} "), Role::Strong), part(brush.spark(&values), role(peer))]
}

/// `ratio 0.55 ▼7.2 "gave too much"`.
fn ratio(brush: &Brush<'_>, s: &PeerSnapshot, moves: &[RatioMove]) -> Vec<Part> {
    let mut parts = vec![part("ratio ", Role::Dim), part(format!("{:.2}", s.ratio), Role::Strong)];
    if let Some(last) = moves.last() {
        let sign = if last.new >= last.old { brush.skin.glyphs.up } else { brush.skin.glyphs.down };
        let (rule, said) = match last.rule {
            Rule::R61 | Rule::R71 => (last.rule.name(), " \"gave too little\""),
            Rule::R62 | Rule::R72 => (last.rule.name(), " \"gave too much\""),
            Rule::Operator => ("", " set by the operator"),
        };
        parts.push(part(format!(" {sign}{rule}"), Role::Warn));
        parts.push(part(said, Role::Plain));
    }
    parts
}

/// The claims' comparison, with what it comes to: `0.50 x 219 = 109.5 > minimum 4`.
fn equation(s: &PeerSnapshot) -> String {
    if s.policy == "none" {
        return "no assistance in this run".to_owned();
    }
    let sign = if s.portion > s.minimum as f64 { ">" } else { "<=" };
    format!("{} {sign} minimum {}", words::equation(s.ratio, s.queue.transfers, s.portion), s.minimum)
}

fn gives(s: &PeerSnapshot) -> Role {
    if s.portion > s.minimum as f64 { Role::Good } else { Role::NotNeeded }
}
