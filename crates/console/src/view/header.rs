//! The two lines on top: what run this is, whether the picture is the present, how far it is, when it ends, whether
//! something is wrong.

use super::paint::{Brush, Field, fitting, part, width_of};
use crate::skin::Role;
use ratatui::layout::Rect;
use std::time::Duration;
use twinhaul_console_model::action::Action;
use twinhaul_console_model::board::{Progress, Standing};
use twinhaul_console_model::{Eta, Model, words};
use twinhaul_units::{Bytes, PeerId, Rate};
use twinhaul_wire::{PeerState, Problem, RunState};

/// Moments in which nobody works are usual.
const WAITS_SHOWN_AFTER: Duration = Duration::from_secs(3);

pub(crate) fn draw(brush: &mut Brush<'_>, model: &Model, area: Rect) {
    let board = model.board();
    let (state, role) = state_word(model);
    let past = board.past.as_ref().map(|past| past.name.as_str());
    let profile = board.run.as_ref().map(|run| run.name.as_str()).or(past).unwrap_or_default();
    let (up_word, clock): (_, fn(Duration) -> String) =
        if board.ended().is_some() { ("took ", words::clock_over) } else { ("up ", words::clock) };
    let up = model.up().map_or_else(|| "--:--".into(), clock);
    let problems = board.problems();
    let named =
        |name: &str, value: &str| vec![part(format!("{name} "), Role::Dim), part(value, Role::Strong)];
    let demo = board.run.as_ref().is_some_and(|run| run.demo);
    let mut fields = vec![
        Field::new(2, vec![part("twinhaul", Role::Title)]),
        Field::new(6, named("run", &model.run)),
        Field::new(3, if profile.is_empty() { Vec::new() } else { named("profile", profile) }),
        Field::new(4, if demo { vec![part("DEMO", Role::Warn)] } else { Vec::new() }),
        Field::new(9, vec![part(state, role)]),
        Field::new(5, vec![part(up_word, Role::Dim), part(up, Role::Plain)]),
    ];
    if !board.simulated(model.shown_at()).is_empty() {
        fields.push(Field::new(4, vec![part("simulated", Role::Warn)]));
    }
    let paused = PeerId::BOTH.into_iter().filter_map(|peer| {
        let s = board.pane(peer).snapshot.as_ref().filter(|s| s.state == PeerState::Paused)?;
        let by = s.paused_by.as_ref().map_or_else(String::new, |by| format!(" by {by}"));
        Some(format!("{} paused{by}", board.names.name(peer)))
    });
    let paused: Vec<String> = paused.filter(|_| board.ended().is_none()).collect();
    if !paused.is_empty() {
        fields.push(Field::new(7, vec![part(paused.join(", "), Role::Warn)]));
    } else if let Some(wait) = waits(model) {
        fields.push(Field::new(6, vec![part("waits for ", Role::Dim), part(wait, Role::Warn)]));
    }
    if board.ended().is_none() {
        let text = eta(board.eta(model.shown_at()));
        fields.push(Field::new(7, vec![part("eta ", Role::Dim), part(text, Role::Strong)]));
        let moved = words::forecast::moved_news(model);
        fields.extend(moved.map(|text| Field::new(1, vec![part(text, Role::Warn)])));
    }
    fields.push(Field::new(8, vec![problem_word(&problems)]));
    let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let parts = fitting(fields, usize::from(inside.width), 2);
    brush.line(inside, 0, &parts);
    let rate = board.ended().is_none().then(|| board.rate_now(model.shown_at()));
    total(brush, &board.progress(), rate, inside);
}

/// What the run as a whole waits for, when it has for a while.
fn waits(model: &Model) -> Option<String> {
    let board = model.board();
    let wait = board.run.as_ref()?.wait.as_ref().filter(|_| board.ended().is_none())?;
    let age = Duration::from_millis(wait.age_ms);
    (age >= WAITS_SHOWN_AFTER).then(|| format!("{} {}", words::wait_short(wait.reason), words::age(age)))
}

fn total(brush: &mut Brush<'_>, progress: &Progress, rate: Option<Rate>, area: Rect) {
    let mut fields = Vec::new();
    if progress.growing {
        fields.push(Field::new(9, vec![part("planning, totals grow", Role::Warn)]));
        fields.push(Field::new(
            6,
            vec![part(words::bytes_of(progress.bytes, progress.bytes_total), Role::Strong)],
        ));
    } else {
        fields.push(Field::new(9, vec![part(percent(progress.part), Role::Strong)]));
        fields.push(Field::new(
            6,
            vec![part(words::bytes_of(progress.bytes, progress.bytes_total), Role::Plain)],
        ));
    }
    if let Some(rate) = rate {
        fields.push(Field::new(8, vec![part(rate.to_string(), Role::Strong)]));
    }
    let moved =
        format!("{}/{} transfers", words::count(progress.transfers), words::count(progress.transfers_total));
    fields.push(Field::new(7, vec![part(moved, Role::Plain)]));
    if progress.again > 0 {
        fields.push(Field::new(6, vec![part(format!("{} again", Bytes(progress.again)), Role::Warn)]));
    }
    if progress.failed > 0 {
        fields.push(Field::new(
            8,
            vec![part(format!("! {} failed", words::count(progress.failed)), Role::Bad)],
        ));
    }
    let room = usize::from(area.width).saturating_sub(4);
    let figures = fitting(fields, room.saturating_sub(8), 2);
    let bar_width = room.saturating_sub(width_of(&figures) + 1);
    let bar = if progress.growing { brush.bar(0.0, bar_width) } else { brush.bar(progress.part, bar_width) };
    let mut parts = vec![part("all ", Role::Dim), part(bar, Role::Good), part(" ", Role::Plain)];
    parts.extend(figures);
    brush.line(area, 1, &parts);
}

/// `41.2%`; never rounded up to 100.
pub(crate) fn percent(share: f64) -> String {
    if share >= 1.0 { "100%".into() } else { format!("{:.1}%", (share * 1000.0).floor() / 10.0) }
}

/// `04:17`, `04:17-05:02`, `--:--`.
pub(crate) fn eta(eta: Eta) -> String {
    match eta {
        Eta::Unknown(_) => "--:--".into(),
        Eta::Done => "00:00".into(),
        Eta::Range { low_s, high_s } if high_s <= low_s * 1.1 + 1.0 => {
            words::clock_s(Some(f64::midpoint(low_s, high_s)))
        }
        Eta::Range { low_s, high_s } => {
            format!("{}-{}", words::clock5(Some(low_s)), words::clock5(Some(high_s)))
        }
    }
}

/// `! 1 stalled`, `! 3 problems`, `no problems`.
fn problem_word(problems: &[Problem]) -> super::paint::Part {
    let stalled = problems.iter().filter(|p| p.kind == "stall").count();
    match problems.len() {
        0 => part("no problems", Role::Dim),
        n if n == stalled => part(format!("! {n} stalled"), Role::Bad),
        1 => part("! 1 problem", Role::Bad),
        n => part(format!("! {n} problems"), Role::Bad),
    }
}

/// LIVE, FROZEN, STALE, READ-ONLY, or how it ended; the picture's age with those that are not the present.
pub(crate) fn state_word(model: &Model) -> (String, Role) {
    if let Some(frozen) = &model.frozen {
        let age = words::clock(model.now.since(frozen.at));
        let missed = model.live.events_taken.saturating_sub(frozen.board.events_taken);
        let key = model.keys.first(Action::Freeze);
        return (format!("FROZEN {age} (+{missed} events; {key} goes on)"), Role::Alarm);
    }
    if let Some(replay) = &model.replay {
        let (at, length) = (words::clock(Duration::from_micros(replay.at.0)), words::clock(replay.length));
        let pace = if replay.playing { format!("{}x", replay.speed) } else { "held".into() };
        return (format!("REPLAY {pace} {at}/{length}"), Role::Alarm);
    }
    let read_only = if model.read_only { " READ-ONLY" } else { "" };
    match model.live.ended() {
        Some(RunState::Complete) => return (format!("COMPLETE{read_only}"), Role::Good),
        Some(RunState::Failed) => return (format!("! FAILED{read_only}"), Role::Bad),
        Some(_) => return (format!("STOPPED{read_only}"), Role::Warn),
        None => {}
    }
    if model.live.nobody() {
        return (format!("NOT RUNNING{read_only}"), Role::Alarm);
    }
    if model.live.run.as_ref().is_some_and(|run| run.state == RunState::Stopping) {
        return (format!("STOPPING{read_only}"), Role::Warn);
    }
    let standings = PeerId::BOTH.map(|peer| model.live.pane(peer).standing(model.now));
    let oldest =
        standings.iter().filter_map(|s| if let Standing::Stale(age) = s { Some(*age) } else { None }).max();
    match oldest {
        Some(age) => (format!("STALE {}{read_only}", words::age(age)), Role::Alarm),
        None if standings.contains(&Standing::Unknown) => (format!("CONNECTING{read_only}"), Role::Warn),
        None if model.live.run.is_some() && !model.live.run_link.is_up() => {
            (format!("LIVE no supervisor{read_only}"), Role::Warn)
        }
        None => (format!("LIVE{read_only}"), Role::Good),
    }
}

/// Tenths of seconds for young ages: `0.3s`, `6.8s`, `12s`.
pub(crate) fn beat_age(age: Duration) -> String {
    if age < Duration::from_secs(10) { format!("{:.1}s", age.as_secs_f64()) } else { words::age(age) }
}
