//! The last screen: what was moved, how sure that is, who did what, what the assistance was worth, what to type next.
//! It stays until a key.

use super::paint::{Brush, Part, named, part};
use super::peer::role;
use crate::skin::Role;
use ratatui::layout::Rect;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::{Bytes, PeerId, Rate, text::counted};
use twinhaul_wire::{Assisted, Event, EventKind, PeerSnapshot, RunState};

/// Given-up transfers that the summary names; the report names all.
const FAILURES_MAX: usize = 3;
/// Ratios of a peer, the last of them.
const RATIOS_MAX: usize = 9;

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let inner = brush.panel(area, &[part("Summary", Role::Title)], &[], true);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    let mut lines = vec![Vec::new()];
    lines.extend(verdict(model));
    let failures = failures(brush, model, usize::from(inside.width));
    let first = !failures.is_empty();
    if first {
        // Where something failed, that and the next step come before what went well.
        lines.extend(failures);
        lines.extend(next(model));
    }
    lines.push(Vec::new());
    lines.extend(peers(model, usize::from(inside.width)));
    let simulated = model.board().simulated(model.shown_at());
    lines.extend(
        simulated.into_iter().map(|words| vec![part("simulated   ", Role::Dim), part(words, Role::Warn)]),
    );
    lines.push(Vec::new());
    lines.extend(assistance(model));
    lines.extend(forecasts(model, usize::from(inside.width)));
    if !first {
        lines.push(Vec::new());
        lines.extend(next(model));
    }
    for (row, parts) in (0..inside.height).zip(&fitted(model, lines, usize::from(inside.height))) {
        brush.line(inside, row, parts);
    }
}

/// What the smallest screens have room for: how it ended, what failed, what to type next.
pub(super) fn short(brush: &Brush<'_>, model: &Model, width: usize) -> Vec<Vec<Part>> {
    let mut lines = verdict(model);
    let figures = lines.split_off(1);
    [lines, failures(brush, model, width), next(model), figures].concat()
}

/// What is too much for the screen: first the air goes, then the last lines, and one says so.
fn fitted(model: &Model, mut lines: Vec<Vec<Part>>, height: usize) -> Vec<Vec<Part>> {
    while lines.len() > height
        && let Some(air) = lines.iter().position(Vec::is_empty)
    {
        lines.remove(air);
    }
    fit::rows(lines, height, |more| {
        let text = format!("{} more: twinhaul report {}", counted(more as u64, "line"), model.run);
        vec![part(text, Role::Dim)]
    })
}

fn verdict(model: &Model) -> Vec<Vec<Part>> {
    let board = model.board();
    let p = board.progress();
    let snapshots: Vec<&PeerSnapshot> =
        board.panes.iter().filter_map(|pane| pane.snapshot.as_ref()).collect();
    let done: u64 = snapshots.iter().map(|s| s.done.transfers).sum();
    let verified: u64 = snapshots.iter().map(|s| s.verified.transfers).sum();
    let skipped: u64 = snapshots.iter().map(|s| s.skipped.transfers).sum();
    let bytes: u64 = snapshots.iter().map(|s| s.done.bytes).sum();
    let (word, role) = match board.ended() {
        Some(RunState::Complete) => ("COMPLETE", Role::Good),
        Some(RunState::Failed) => ("! ENDED WITH FAILED TRANSFERS", Role::Bad),
        _ => ("STOPPED before all was done", Role::Warn),
    };
    let count = |n: u64| words::count(n);
    let mut lines = vec![
        vec![part(word, role), part(format!("   exit code {}", board.exit()), Role::Dim)],
        vec![
            part(
                format!("{} of {} transfers", count(done + skipped), count(p.transfers_total)),
                Role::Strong,
            ),
            part(format!(" at the target, {} moved", Bytes(bytes)), Role::Plain),
        ],
        vec![
            part("verified ", Role::Dim),
            part(count(verified), if verified == done { Role::Good } else { Role::Warn }),
            part("   skipped ", Role::Dim),
            part(count(skipped), Role::Plain),
            part("   failed ", Role::Dim),
            part(count(p.failed), if p.failed > 0 { Role::Bad } else { Role::Plain }),
        ],
    ];
    if let Some(up) = model.up().filter(|up| !up.is_zero()) {
        let average = Rate((bytes as f64 / up.as_secs_f64()) as u64);
        lines.insert(
            1,
            vec![
                part("took ", Role::Dim),
                part(words::clock_over(up), Role::Strong),
                part(format!(", {average} on average{}", stood(model)), Role::Plain),
            ],
        );
    }
    lines
}

/// How long nobody worked in between.
fn stood(model: &Model) -> String {
    let stood = model.board().stood().before();
    if stood.as_secs() > 0 {
        format!("; it stood still for {}", words::clock_over(stood))
    } else {
        String::new()
    }
}

/// How far off the forecasts of the end were.
fn forecasts(model: &Model, width: usize) -> Vec<Vec<Part>> {
    let Some(judged) = words::forecast::judged(model).filter(|text| !text.is_empty()) else {
        return Vec::new();
    };
    named("forecasts", 12, &judged, width, Role::Plain)
}

/// The last transfers that were given up.
fn failures(brush: &Brush<'_>, model: &Model, width: usize) -> Vec<Vec<Part>> {
    let board = model.board();
    let line = |event: &Event| match &event.kind {
        EventKind::Failed { key, error, .. } => {
            let text = format!("{}: {error}", key.key);
            Some(vec![
                part(fit::left("given up", 12), Role::Dim),
                part(fit::cut_right(&text, width.saturating_sub(12), brush.skin.glyphs.cut), Role::Bad),
            ])
        }
        _ => None,
    };
    board.given_up().into_iter().filter_map(line).take(FAILURES_MAX).collect()
}

fn peers(model: &Model, width: usize) -> Vec<Vec<Part>> {
    let board = model.board();
    let roomy = width >= 76;
    let asks = if roomy { "   asked  needed  no need" } else { "" };
    let heading = format!("{:10}{:>9}{:>11}{:>13}{:>8}{asks}", "", "transfers", "moved", "average", "idle");
    let mut lines = vec![vec![part(heading, Role::Dim)]];
    for peer in PeerId::BOTH {
        let name = part(fit::left(board.names.name(peer), 10), role(peer));
        let Some(s) = &board.pane(peer).snapshot else {
            lines.push(vec![name, part("was not heard", Role::Warn)]);
            continue;
        };
        let a = board.assisted(peer);
        let asks =
            if roomy { format!("{:>8}{:>8}{:>9}", a.asked, a.needed, a.not_needed) } else { String::new() };
        let figures = format!(
            "{:>9}{:>11}{:>13}{:>8}{asks}",
            words::count(s.done.transfers),
            Bytes(moved(s)).to_string(),
            board.average(peer, model.shown_at_ms()).to_string(),
            board.idle_share(peer).map_or_else(|| "--".into(), |share| format!("{:.1} %", share * 100.0)),
        );
        lines.push(vec![name, part(figures, Role::Plain)]);
    }
    lines
}

/// What a peer moved itself: of a file that both wrote, its own part. Of earlier incarnations only what they completed is known.
fn moved(s: &PeerSnapshot) -> u64 {
    if s.incarnation <= 1 && s.moved > 0 { s.moved } else { s.done.bytes }
}

fn assistance(model: &Model) -> Vec<Vec<Part>> {
    let board = model.board();
    if !board.assists() {
        return vec![vec![part("no assistance in this run (policy none)", Role::Dim)]];
    }
    let (asks, needed, not_needed) = board.asks();
    let assisted = PeerId::BOTH.map(|peer| board.assisted(peer));
    let sum = |of: fn(&Assisted) -> u64| assisted.iter().map(of).sum::<u64>();
    let lent = PeerId::BOTH.map(|peer| board.lent(peer)).iter().sum();
    let handed = format!(
        "{}, {} by assistance{}",
        words::how_many(sum(|a| a.transfers)),
        Bytes(sum(|a| a.bytes)),
        words::lent(lent)
    );
    let mut lines = vec![
        vec![
            part("assistance  ", Role::Dim),
            part(
                format!(
                    "{asks} {}: {needed} assistance needed, {not_needed} no assistance needed",
                    if asks == 1 { "ask" } else { "asks" }
                ),
                Role::Plain,
            ),
        ],
        vec![part("handed over ", Role::Dim), part(handed, Role::Plain)],
    ];
    for peer in PeerId::BOTH {
        let Some(s) = &board.pane(peer).snapshot else { continue };
        let mut path: Vec<String> = board.ratio_moves(peer).iter().map(|m| format!("{:.2}", m.old)).collect();
        let moved = if path.is_empty() { " (not moved)" } else { "" };
        path.push(format!("{:.2}", s.ratio));
        // At its bound a ratio moves and stays.
        path.dedup();
        let moves = format!("{}{moved}", path[path.len().saturating_sub(RATIOS_MAX)..].join(" to "));
        lines.push(vec![
            part("ratio       ", Role::Dim),
            part(format!("{} ", board.names.name(peer)), role(peer)),
            part(moves, Role::Plain),
        ]);
    }
    if let (Some(without), Some(took)) = (board.without_assistance(), model.up()) {
        let mut parts = vec![
            part("without     ", Role::Dim),
            part(format!("about {}", words::clock_over(without)), Role::Strong),
            part(" (first shares, own paces)", Role::Dim),
        ];
        let saved = without.saturating_sub(took);
        if saved.as_secs() > 0 {
            let saved = format!(": saved {}", words::clock_over(saved));
            parts.insert(2, part(saved, Role::Good));
        }
        lines.push(parts);
    }
    lines
}

fn next(model: &Model) -> Vec<Vec<Part>> {
    let verb =
        |name: &str, verb: String| vec![part(fit::left(name, 12), Role::Dim), part(verb, Role::Strong)];
    let mut lines = vec![verb("next", format!("twinhaul report {}", model.run))];
    if model.board().progress().failed > 0 {
        lines.push(verb("", format!("twinhaul retry {}", model.run)));
    }
    if model.board().ended() == Some(RunState::Stopped) {
        lines.push(verb("", format!("twinhaul run --resume {}", model.run)));
    }
    lines
}
