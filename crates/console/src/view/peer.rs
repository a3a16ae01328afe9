//! Panels 1 and 2: one peer. State, queue, rate, and what the method is about: the ratio, what moved it, and what the
//! peer would answer if it were asked now.

use super::header::beat_age;
use super::paint::{Brush, Field, Part, fitting, mood, part};
use crate::skin::Role;
use ratatui::layout::Rect;
use std::time::Duration;
use twinhaul_console_model::assistance::Handed;
use twinhaul_console_model::board::Standing;
use twinhaul_console_model::ui::Panel;
use twinhaul_console_model::{Model, fit, words};
use twinhaul_units::{Bytes, PeerId, Rate, Share};
use twinhaul_wire::{DialSnapshot, PeerSnapshot, PeerState, RatioMove, Rule};

/// The peer's own colour.
pub(crate) const fn role(peer: PeerId) -> Role {
    match peer {
        PeerId::First => Role::First,
        PeerId::Second => Role::Second,
    }
}

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, peer: PeerId, area: Rect) {
    let board = model.board();
    let names = &board.names;
    let pane = board.pane(peer);
    let focused = model.focus() == Panel::Peer(peer);
    let mut title = vec![part(format!("{} {}", Panel::Peer(peer).number(), names.name(peer)), Role::Title)];
    if names.tag(peer) != names.name(peer) {
        title.push(part(format!(" ({})", names.tag(peer)), role(peer)));
    }
    if let Some(s) = pane.snapshot.as_ref().filter(|s| s.incarnation > 1) {
        title.push(part(format!(" incarnation {}", s.incarnation), Role::Warn));
    }
    let inner = brush.panel(area, &title, &[part("Enter queue", Role::Dim)], focused);
    let stale = matches!(pane.standing(model.shown_at()), Standing::Stale(_));
    brush.line(inner, 0, &state_line(model, peer, usize::from(inner.width)));
    let Some(s) = &pane.snapshot else {
        brush.line(inner, 1, &[part(pane.link.words(model.shown_at()), Role::Warn)]);
        return;
    };
    brush.veil = stale.then_some(Role::Dim);
    let width = usize::from(inner.width);
    let rows = lines(brush, model, peer, s, width);
    for (row, parts) in (1..).zip(rows.iter().take(usize::from(inner.height.saturating_sub(1)))) {
        brush.line(inner, row, parts);
    }
    let handed = model.chosen_handed();
    next_up(brush, s, handed.as_ref(), inner, rows.len() as u16 + 1);
    brush.veil = None;
}

/// `RUN   pid 41220  limit 16 MiB/s  hb 0.3s`.
pub(crate) fn state_line(model: &Model, peer: PeerId, width: usize) -> Vec<Part> {
    let board = model.board();
    let pane = board.pane(peer);
    let now = model.shown_at();
    let (word, word_mood) = words::peer_state(pane, board.stalled(peer, None), now);
    let sign = if word_mood == words::Mood::Bad { "!" } else { "" };
    let role = if word == "STALE" { Role::Alarm } else { mood(word_mood) };
    let mut fields = vec![Field::new(9, vec![part(format!("{:5}", format!("{word}{sign}")), role)])];
    // Who has finished is heard no more, and limited by nothing.
    if let Some(heard) = pane.heard.filter(|_| word != "DONE") {
        let age = beat_age(now.since(heard));
        let role = if word == "STALE" { Role::Bad } else { Role::Dim };
        fields.push(Field::new(8, vec![part(format!("hb {age}"), role)]));
    }
    let linked = pane.link.is_up();
    if let Some(s) = pane.snapshot.as_ref().filter(|s| s.pid > 0) {
        // What is not so any more makes room for why the peer is not heard.
        if let Some(limit) = s.limit.filter(|_| linked) {
            fields.push(Field::new(7, vec![part(format!("limit {}", Rate(limit)), Role::Warn)]));
        }
        for shared in s.dials.iter().filter(|d| linked && d.dial.is_shared()) {
            fields.extend(
                shared.value.map(|limit| Field::new(6, vec![part(shared_words(shared, limit), Role::Warn)])),
            );
        }
        if let Some(by) = &s.paused_by {
            fields.push(Field::new(7, vec![part(format!("by {by}"), Role::Warn)]));
        }
        if word != "DONE" {
            fields.push(Field::new(3, vec![part(format!("pid {}", s.pid), Role::Dim)]));
        }
    }
    // Nobody is waited for once the run is over.
    if !linked && word != "DONE" && board.ended().is_none() {
        // Cut rather than left out: why a peer is not heard matters more than its process id.
        let used: usize = fields.iter().filter(|f| f.keep > 4).map(|f| f.width() + 2).sum();
        let why = fit::cut_right(&pane.link.words(now), width.saturating_sub(used), "..");
        fields.push(Field::new(5, vec![part(why, Role::Warn)]));
    }
    fitting(fields, width, 2)
}

/// The lines below the state, most important first.
fn lines(brush: &Brush<'_>, model: &Model, peer: PeerId, s: &PeerSnapshot, width: usize) -> Vec<Vec<Part>> {
    let pane = model.board().pane(peer);
    let other = model.board().names.name(peer.other());
    let bytes = if pane.is_taken_over() {
        part(format!("  taken over by {other}"), Role::Warn)
    } else {
        part(format!("  {}", fit::left(&Bytes(s.queue.bytes).to_string(), 8)), Role::Plain)
    };
    let count = part(fit::right(&words::count(s.queue.transfers), 6), Role::Strong);
    let queue = vec![part("queue ", Role::Dim), count, bytes];
    let mut slots =
        vec![part("slots ", Role::Dim), part(format!("{}/{}", s.slots.used, s.slots.max), Role::Plain)];
    if let Some(wait) = s.free_wait.as_ref().filter(|wait| wait.age_ms >= 1_000) {
        let age = words::age(Duration::from_millis(wait.age_ms));
        slots.push(part(format!(": {} {age}", words::wait_short(wait.reason)), Role::Warn));
    }
    let alone = model.board().alone_s(peer).filter(|_| s.queue.transfers > 0);
    let alone =
        alone.map(|a| vec![part("alone it needs ", Role::Dim), part(words::clock_s(Some(a)), Role::Plain)]);
    let settling = s.settling.transfers;
    let settling = (settling > 0).then(|| match &s.settling_wait {
        Some(wait) if wait.age_ms >= 1_000 => {
            let age = words::age(Duration::from_millis(wait.age_ms));
            let for_what = words::wait_short(wait.reason);
            vec![part(format!("settling {settling}: {for_what} {age}"), Role::Warn)]
        }
        _ => vec![part(format!("settling {settling}"), Role::Dim)],
    });
    let line_queue = fitting(
        vec![
            Field::new(9, queue),
            Field::new(8, slots),
            Field::new(5, alone.unwrap_or_default()),
            Field::new(4, settling.unwrap_or_default()),
        ],
        width,
        2,
    );
    // A peer that has finished has an average; its last five seconds would read as the present.
    let done = s.state == PeerState::Finished;
    let rate = if done {
        format!("{} on average ", model.board().average(peer, model.shown_at_ms()))
    } else {
        fit::right(&Rate(s.rate.now).to_string(), 10)
    };
    let columns = width.saturating_sub(fit::width(&rate) + 2);
    let values = pane.rates.columns(columns.clamp(1, 300), columns);
    let line_rate =
        vec![part(rate, Role::Strong), part(" ", Role::Plain), part(brush.spark(&values), role(peer))];
    let moves = model.board().ratio_moves(peer);
    let mut lines =
        vec![line_queue, line_rate, ratio_line(brush, s, moves, width), words_line(model, peer, s, width)];
    if s.assisted.transfers + s.was_assisted.transfers > 0 {
        lines.push(helped_line(s, width));
    }
    lines.push(done_line(s, model.board().average(peer, model.shown_at_ms()), width));
    lines.extend(waited_line(s, width));
    lines
}

/// `ratio 0.65 ▲6.1  portion 1935 > min 0  inc 0.05  was .50 .55 .60`.
fn ratio_line(brush: &Brush<'_>, s: &PeerSnapshot, moves: &[RatioMove], width: usize) -> Vec<Part> {
    let mut ratio = vec![part("ratio ", Role::Dim), part(format!("{:.2}", s.ratio), Role::Strong)];
    if let Some(last) = moves.last() {
        let sign = if last.new >= last.old { brush.skin.glyphs.up } else { brush.skin.glyphs.down };
        let rule = if last.rule == Rule::Operator { "op" } else { last.rule.name() };
        ratio.push(part(format!(" {sign}{rule}"), Role::Warn));
    }
    let gives = s.portion > s.minimum as f64;
    let sign = if gives { ">" } else { "<=" };
    let portion = if s.portion < 10.0 { format!("{:.1}", s.portion) } else { words::count(s.portion as u64) };
    let compare = vec![
        part("portion ", Role::Dim),
        part(format!("{portion} {sign} "), if gives { Role::Good } else { Role::NotNeeded }),
        part(if width >= 60 { "minimum " } else { "min " }, Role::Dim),
        part(s.minimum.to_string(), Role::Plain),
    ];
    let past: Vec<String> = moves.iter().rev().take(6).rev().map(|m| short_ratio(m.old)).collect();
    let was =
        if past.is_empty() { Vec::new() } else { vec![part(format!("was {}", past.join(" ")), Role::Dim)] };
    let inc = vec![part(format!("inc {}", short_ratio(s.increment)), Role::Dim)];
    let learns = s.policy == "learning";
    let fields = vec![
        Field::new(9, ratio),
        Field::new(5, if learns { inc } else { Vec::new() }),
        Field::new(8, compare),
        Field::new(4, was),
    ];
    fitting(fields, width, 2)
}

/// `.65`.
fn short_ratio(ratio: f64) -> String {
    format!("{ratio:.2}").trim_start_matches('0').to_owned()
}

/// What the figures mean, as a sentence.
fn words_line(model: &Model, peer: PeerId, s: &PeerSnapshot, width: usize) -> Vec<Part> {
    let other = model.board().names.name(peer.other());
    let share = Share::new(s.ratio).map_or_else(String::new, |share| share.to_string());
    let text = if s.policy == "none" {
        "no assistance in this run".to_owned()
    } else if s.portion > s.minimum as f64 {
        let n = (s.portion.floor() as u64).max(1);
        format!("if {other} asked now: gives {share}, {}", words::how_many(n))
    } else {
        format!("if {other} asked now: no assistance needed")
    };
    vec![part(fit::cut_right(&text, width, ""), Role::Plain)]
}

fn helped_line(s: &PeerSnapshot, width: usize) -> Vec<Part> {
    let helped = |what: &str, a: twinhaul_wire::Assisted| {
        vec![
            part(format!("{what} "), Role::Dim),
            part(format!("{} / {}", words::how_many(a.transfers), Bytes(a.bytes)), Role::Plain),
        ]
    };
    fitting(
        vec![
            Field::new(9, helped("assisted with", s.assisted)),
            Field::new(8, helped("handed over", s.was_assisted)),
        ],
        width,
        3,
    )
}

fn done_line(s: &PeerSnapshot, average: Rate, width: usize) -> Vec<Part> {
    let count = |name: &str, n: u64, role: Role| {
        vec![part(format!("{name} "), Role::Dim), part(words::count(n), role)]
    };
    let failed = if s.failed.transfers > 0 { Role::Bad } else { Role::Plain };
    let rates = format!("1 min {}  average {}", Rate(s.rate.one_min), average);
    fitting(
        vec![
            Field::new(9, count("done", s.done.transfers, Role::Plain)),
            Field::new(
                7,
                if s.skipped.transfers > 0 {
                    count("skipped", s.skipped.transfers, Role::Plain)
                } else {
                    Vec::new()
                },
            ),
            Field::new(8, count("failed", s.failed.transfers, failed)),
            Field::new(5, vec![part(rates, Role::Dim)]),
        ],
        width,
        2,
    )
}

/// Where the time of its slots went: `waited  target write 12:41  source read 3:02`; nothing before there is a second to tell.
fn waited_line(s: &PeerSnapshot, width: usize) -> Option<Vec<Part>> {
    let told = words::waited(&s.waits);
    let mut fields = vec![Field::new(9, vec![part("waited", Role::Dim)])];
    fields.extend(
        (1..=8).rev().zip(&told).map(|(keep, text)| Field::new(keep, vec![part(text.clone(), Role::Plain)])),
    );
    (!told.is_empty()).then(|| fitting(fields, width, 2))
}

/// The head of the queue, where there is room for it.
fn next_up(brush: &mut Brush<'_>, s: &PeerSnapshot, handed: Option<&Handed>, inner: Rect, from: u16) {
    if inner.height < from + 2 || s.next_up.is_empty() {
        return;
    }
    brush.line(inner, from, &[part("next up", Role::Dim)]);
    let path_width = usize::from(inner.width).saturating_sub(18);
    for (i, row) in (0..inner.height - from - 1).zip(&s.next_up) {
        let path = fit::cut_left(&row.key.key, path_width, brush.skin.glyphs.cut);
        let chosen = handed.is_some_and(|handed| handed.holds(row.id));
        let sign = if chosen { brush.skin.glyphs.chosen } else { " " };
        let parts = [
            part(fit::right(&(i + 1).to_string(), 4), Role::Dim),
            part(format!("  {}", fit::right(&Bytes(row.bytes).to_string(), 8)), Role::Plain),
            part(format!(" {sign}"), Role::Focus),
            part(path, Role::Plain),
        ];
        brush.line(inner, from + 1 + i, &parts);
    }
}

/// One line for small layouts: `A RUN    1,204  8.41 TiB  814 MiB/s  ratio 0.50`.
pub(crate) fn brief(model: &Model, peer: PeerId, width: usize) -> Vec<Part> {
    let board = model.board();
    let pane = board.pane(peer);
    let now = model.shown_at();
    let (word, word_mood) = words::peer_state(pane, board.stalled(peer, None), now);
    let sign = if word_mood == words::Mood::Bad { "!" } else { " " };
    let dim = if matches!(pane.standing(now), Standing::Stale(_)) { Role::Dim } else { Role::Plain };
    let mut fields = vec![
        Field::new(9, vec![part(board.names.tag(peer), role(peer))]),
        Field::new(9, vec![part(format!("{sign}{}", fit::left(word, 8)), mood(word_mood))]),
    ];
    match &pane.snapshot {
        None => fields.push(Field::new(8, vec![part(pane.link.words(now), Role::Warn)])),
        Some(s) => {
            let queue = fit::right(&words::count(s.queue.transfers), 6);
            fields.push(Field::new(8, vec![part(format!("queue {queue}"), dim)]));
            fields.push(Field::new(5, vec![part(fit::right(&Bytes(s.queue.bytes).to_string(), 8), dim)]));
            let ended = s.state == PeerState::Finished;
            let rate = if ended { board.average(peer, model.shown_at_ms()) } else { Rate(s.rate.now) };
            fields.push(Field::new(7, vec![part(fit::right(&rate.to_string(), 10), dim)]));
            // A pace that somebody set explains the one beside it; a ratio can be looked up.
            let limit = s
                .limit
                .filter(|_| s.state != PeerState::Finished)
                .map(|limit| format!("limit {}", Rate(limit)));
            fields.push(Field::new(6, vec![part(limit.unwrap_or_default(), Role::Warn)]));
            fields.push(Field::new(4, vec![part(format!("ratio {:.2}", s.ratio), dim)]));
        }
    }
    fitting(fields, width, 1)
}

/// "both 8 MiB/s (79 %)", "vault 4 MiB/s (64 %)": the limit, and what of it this peer has.
fn shared_words(d: &DialSnapshot, limit: u64) -> String {
    let whose = d.dial.target().unwrap_or("both");
    format!("{} {} ({:.0} %)", whose, Rate(limit), f64::from(d.part) / 10.0)
}
