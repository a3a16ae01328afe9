//! What a moment of the assistance means, in sentences, for somebody who sees it for the first time.

use super::{how_many, product};
use crate::Names;
use std::time::Duration;
use twinhaul_units::{Bytes, PeerId, Rate, Share, Span};
use twinhaul_wire::{AssignWhy, Event, EventKind, Rule};

/// `event` explained; a log line's own words for what is not assistance.
pub fn explain(event: &Event, names: &Names) -> Vec<String> {
    let at = event.peer.as_deref().and_then(|name| names.id(name));
    let me = at.map_or("a peer", |p| names.name(p));
    let other = at.map_or("the other", |p| names.name(p.other()));
    let first = at != Some(PeerId::Second);
    match &event.kind {
        EventKind::Ask { queued, rate, .. } => vec![
            format!(
                "{me} has a slot idle and {queued} transfers queued: it asks {other}, \"do you need assistance?\"."
            ),
            format!(
                "It moves {} and could do more. (Claim {}.)",
                Rate(*rate),
                if first { "1.3" } else { "1.4" }
            ),
        ],
        EventKind::Needed { count: 0, bytes, rtt_us, .. } => vec![
            format!("{other} answers {me}: \"assistance needed\"."),
            format!(
                "Nothing was queued any more. {me} writes a part of what is in flight, {}: both write one object, and one of them completes it.",
                Bytes(*bytes)
            ),
            format!("The answer took {}.", Span(Duration::from_micros(*rtt_us))),
        ],
        EventKind::Needed { count: n, bytes, ratio, portion, minimum, queued, rtt_us, .. } => vec![
            format!("{other} answers {me}: \"assistance needed\"."),
            format!(
                "{}, which is more than its minimum {minimum}. So {} ({}) belong to {me} now; the ledger knew before the answer left.",
                what(*ratio, *queued, *portion),
                how_many(*n),
                Bytes(*bytes)
            ),
            format!(
                "The answer took {}. (Claims {}.)",
                Span(Duration::from_micros(*rtt_us)),
                if first { "5.2, 5.3, 2.2.1" } else { "4.2, 4.3, 3.2.2" }
            ),
        ],
        EventKind::NotNeeded { ratio, portion, minimum, queued, rtt_us, .. } => vec![
            format!("{other} answers {me}: \"no assistance needed\"."),
            format!(
                "{}, which is not more than its minimum {minimum}: it can finish alone.",
                what(*ratio, *queued, *portion)
            ),
            format!(
                "The answer took {}. {me} asks again later, while anything is undone. (Claim {}.)",
                Span(Duration::from_micros(*rtt_us)),
                if first { "5.4" } else { "4.4" }
            ),
        ],
        EventKind::Ratio { old, new, rule } => ratio(me, other, *old, *new, *rule),
        EventKind::Assigned { op, to, count: n, bytes, why, .. } => {
            let why = match why {
                AssignWhy::Assistance => "because it asked and was needed",
                AssignWhy::Rebalance => "because an operator asked for another division",
                AssignWhy::Drain => "because this peer is drained",
                AssignWhy::TakeOver => "because this peer is gone or fenced",
            };
            vec![format!(
                "{} ({}) of {me} belong to {to} now, {why}. In the ledger as operation {op}.",
                how_many(*n),
                Bytes(*bytes)
            )]
        }
        _ => vec![super::event::log_line(event, names)],
    }
}

/// Claim 4.2, as the beginning of a sentence.
fn what(ratio: f64, queued: u64, portion: f64) -> String {
    match product(ratio, queued, portion) {
        Some(product) => format!("{product} queued = {portion:.1}"),
        None => format!("The portion is {portion:.1}, with parts of what is in flight"),
    }
}

fn ratio(me: &str, other: &str, old: f64, new: f64, rule: Rule) -> Vec<String> {
    let share = Share::new(new).map_or_else(String::new, |s| s.to_string());
    let why = match rule {
        Rule::R61 | Rule::R71 => {
            format!("{other} is back before {me} is done: what {me} gave last time was too little.")
        }
        Rule::R62 | Rule::R72 => format!("{me} ran dry before {other}: what it gave last time was too much."),
        Rule::Operator => "An operator set it.".into(),
    };
    vec![
        format!("{me}'s ratio goes from {old:.2} to {new:.2}. {why}"),
        format!("Asked from now on, it gives {share} of its queue. (Claim {}.)", rule.name()),
    ]
}
