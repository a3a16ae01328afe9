//! The time to finish in words: what it is based on, how it moved, and how far off it was before.

use super::clock_over;
use crate::forecast::{Miss, Moved};
use crate::{Eta, Model};
use std::time::Duration;

/// Movements smaller than this, and than this part of what is left, are no news.
const NEWS_S: f64 = 5.0;
const NEWS_PART: f64 = 0.1;

/// What a range is made of.
pub const BASIS: &str = "from the rates of the last minute and of the last 5 s";

fn seconds(s: f64) -> String {
    clock_over(Duration::try_from_secs_f64(s.abs()).unwrap_or(Duration::MAX))
}

/// `+00:20 in the last minute`.
pub fn moved(moved: Moved) -> String {
    let sign = if moved.by_s < 0.0 { "-" } else { "+" };
    let within = match moved.within.as_secs() {
        55..=75 => "the last minute".to_owned(),
        s => format!("the last {s} s"),
    };
    format!("{sign}{} in {within}", seconds(moved.by_s))
}

/// As [`moved`], when it is worth a place in the header: `end +00:20 in 60 s`.
pub fn moved_news(model: &Model) -> Option<String> {
    let (board, now) = (model.board(), model.shown_at());
    let Eta::Range { high_s, .. } = board.eta(now) else { return None };
    let moved = board.end_moved(now)?;
    let news = moved.by_s.abs() >= NEWS_S && moved.by_s.abs() >= high_s * NEWS_PART;
    let sign = if moved.by_s < 0.0 { "-" } else { "+" };
    news.then(|| format!("end {sign}{} in {} s", seconds(moved.by_s), moved.within.as_secs()))
}

/// Of the time that was left, a difference that is still told as a part of it.
const PART_TOLD_MAX: f64 = 1_000.0;

/// `at 50%: it ended 00:12 later (8%)`, than was forecast then; in parts of the time that was left.
pub fn miss(miss: &Miss) -> String {
    let at = format!("at {:.0}%", (miss.forecast.part * 100.0).floor());
    if miss.in_range() {
        return format!("{at}: right");
    }
    let late = miss.late_s();
    let word = if late > 0.0 { "later" } else { "sooner" };
    let part = if miss.took_s > 0.0 { late.abs() / miss.took_s * 100.0 } else { f64::INFINITY };
    let part = if part < PART_TOLD_MAX { format!(" ({part:.0}%)") } else { String::new() };
    format!("{at}: it ended {} {word}{part}", seconds(late))
}

/// As [`miss`], while the end has not come: `at 50% it was 01:05; the end has moved by +00:12 since`.
pub fn drift(miss: &Miss) -> String {
    let at = format!("at {:.0}% it was", (miss.forecast.part * 100.0).floor());
    let said = seconds(miss.forecast.middle_s());
    if miss.in_range() {
        return format!("{at} {said}; the end is where it was");
    }
    let sign = if miss.late_s() < 0.0 { "-" } else { "+" };
    format!("{at} {said}; the end has moved by {sign}{} since", seconds(miss.late_s()))
}

/// How far off the forecasts of an ended run were, in one line; `None` where that means nothing.
pub fn judged(model: &Model) -> Option<String> {
    if !matches!(
        model.board().ended(),
        Some(twinhaul_wire::RunState::Complete | twinhaul_wire::RunState::Failed)
    ) {
        return None;
    }
    let all: Vec<String> = model.judged().iter().map(miss).collect();
    Some(if all.is_empty() { "not known: none was seen here".into() } else { all.join(", ") })
}
