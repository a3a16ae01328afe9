//! The assistance timeline in words: one line for a table column, one for the lane between the two peers. The two
//! answers are the claims' own: "assistance needed" (4.3, 5.3) and "no assistance needed" (4.4, 5.4).

use super::{count, equation, how_many, product};
use crate::Names;
use std::time::Duration;
use twinhaul_units::{Bytes, PeerId, Rate, Span};
use twinhaul_wire::{AssignWhy, Event, EventKind, Rule};

/// How loud a beat is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ask,
    Needed,
    NotNeeded,
    /// A ratio moved, a portion was assigned: what the owner did.
    Deed,
    /// Somebody intervened.
    Mark,
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    pub tone: Tone,
    /// Who says it, or did it; `None`: the operator or the story.
    pub from: Option<PeerId>,
    /// To whom, for messages.
    pub to: Option<PeerId>,
    /// For narrow columns: `NEEDED`, `NO NEED`, `ASK`, `ratio`, ….
    pub word: &'static str,
    /// What follows the word in a narrow column.
    pub short: String,
    /// The message in the claims' own words; empty for deeds.
    pub message: &'static str,
    /// What follows the message on a lane.
    pub long: String,
}

/// `event` as a beat; `None` when it does not belong into the timeline.
pub fn beat(event: &Event, names: &Names) -> Option<Beat> {
    let at = event.peer.as_deref().and_then(|name| names.id(name));
    let other = at.map(PeerId::other);
    let name = |peer: Option<PeerId>| peer.map_or("the other", |p| names.name(p));
    let base = |tone, word, message| Beat {
        tone,
        from: at,
        to: None,
        word,
        short: String::new(),
        message,
        long: String::new(),
    };
    Some(match &event.kind {
        EventKind::Ask { ask_id, idle_slots, rate, queued } => Beat {
            to: other,
            short: format!("#{ask_id} {}, {queued} queued, {}", slots(*idle_slots), Rate(*rate)),
            long: format!("#{ask_id}, {}", slots(*idle_slots)),
            ..base(Tone::Ask, "ASK", "do you need assistance?")
        },
        EventKind::TakenOver { from, count: n, .. } => {
            let taken = format!("{} of {from}", how_many(*n));
            Beat {
                short: taken.clone(),
                long: format!("takes over {taken}"),
                ..base(Tone::Mark, "TAKEN", "")
            }
        }
        // Nothing is queued any more: what is handed over are parts of what is in flight.
        EventKind::Needed { ask_id, count: 0, bytes, rtt_us, .. } => {
            let rtt = Span(Duration::from_micros(*rtt_us));
            Beat {
                from: other,
                to: at,
                short: format!("#{ask_id} a part of a file in flight, {}  {rtt}", Bytes(*bytes)),
                long: format!("a part of a file in flight, {}", Bytes(*bytes)),
                ..base(Tone::Needed, "NEEDED", "assistance needed")
            }
        }
        EventKind::Needed { ask_id, count: n, bytes, ratio, portion, queued, rtt_us, .. } => {
            let rtt = Span(Duration::from_micros(*rtt_us));
            let bytes = Bytes(*bytes);
            Beat {
                from: other,
                to: at,
                short: format!(
                    "#{ask_id} {} of {} queued / {bytes}  ratio {ratio:.2}  {rtt}",
                    count(*n),
                    count(*queued)
                ),
                long: {
                    let of = product(*ratio, *queued, *portion);
                    let of = of.unwrap_or_else(|| format!("of {} queued", count(*queued)));
                    format!("{of}: {}, {bytes}", how_many(*n))
                },
                ..base(Tone::Needed, "NEEDED", "assistance needed")
            }
        }
        EventKind::NotNeeded { ask_id, ratio, portion, minimum, queued, .. } => Beat {
            from: other,
            to: at,
            short: format!("#{ask_id} portion {portion:.1} <= min {minimum}, {queued} queued"),
            long: format!("{} <= minimum {minimum}", equation(*ratio, *queued, *portion)),
            ..base(Tone::NotNeeded, "NO NEED", "no assistance needed")
        },
        EventKind::Ratio { old, new, rule } => Beat {
            short: format!("{old:.2} to {new:.2}  {}", rule_words(*rule, name(other))),
            long: format!("ratio {old:.2} to {new:.2}: {}", rule_words(*rule, name(other))),
            ..base(Tone::Deed, "ratio", "")
        },
        EventKind::Assigned { to, count: n, bytes, why, .. } => Beat {
            short: format!("{} / {} to {to}{}, in the ledger", how_many(*n), Bytes(*bytes), why_words(*why)),
            long: format!(
                "{} / {} assigned to {to}{}, in the ledger",
                how_many(*n),
                Bytes(*bytes),
                why_words(*why)
            ),
            ..base(Tone::Deed, "assigned", "")
        },
        // A question of a dialog moves nothing.
        EventKind::Control { command, .. } if command.ends_with("--dry-run") => return None,
        EventKind::Control { command, by, result } => {
            // The result says what was done to whom; the verb is in the log.
            let text = format!("{by}: {}", if result.is_empty() { command } else { result });
            Beat { from: None, short: text.clone(), long: text, ..base(Tone::Mark, "control", "") }
        }
        _ => return None,
    })
}

/// The rule of claims 6 and 7 that moved a ratio, as a sentence; `other` is the peer that the owner helps.
pub fn rule_words(rule: Rule, other: &str) -> String {
    match rule {
        Rule::R61 | Rule::R71 => format!("gave too little, {other} is back first ({})", rule.name()),
        Rule::R62 | Rule::R72 => format!("gave too much, ran dry first ({})", rule.name()),
        Rule::Operator => "set by the operator".into(),
    }
}

const fn why_words(why: AssignWhy) -> &'static str {
    match why {
        AssignWhy::Assistance => "",
        AssignWhy::Rebalance => " (rebalance)",
        AssignWhy::Drain => " (drain)",
        AssignWhy::TakeOver => " (take-over)",
    }
}

fn slots(idle: u32) -> String {
    if idle == 1 { "1 slot idle".into() } else { format!("{idle} slots idle") }
}
