//! The rules: each looks for one thing and says what it found, with its evidence and the ways out.

mod clock;
mod dead;
mod ended;
mod fell;
mod frozen;
mod gone;
mod ledger;
mod link;
mod machine;
mod paused;
mod phase;
mod shape;
mod slow;
mod tape;
mod target;
mod throttle;
mod transfers;
mod unknown;

use crate::look::{Look, Motion};
use crate::{Cause, Confidence, Finding, Standing, Verdict, words};
use twinhaul_units::Rate;
use twinhaul_wire::RunState;

/// Whether somebody outside killed a process; what a demonstration does on purpose, or what the supervisor did because a call never
/// came back (its own words), is no riddle.
fn is_kill(words: &str) -> bool {
    words.contains("(KILL)") && !words.contains("on purpose, by the") && !words.contains(dead::HUNG)
}

/// A rule. It sees everything, and what no other rule found: only [`unknown`] looks at the others.
type Rule = fn(&Look<'_>) -> Vec<Finding>;

const RULES: &[Rule] = &[
    gone::rule,
    frozen::rule,
    dead::rule,
    machine::rule,
    ledger::rule,
    target::rule,
    tape::rule,
    slow::rule,
    fell::rule,
    transfers::rule,
    link::rule,
    throttle::rule,
    paused::rule,
    phase::rule,
    shape::rule,
    clock::rule,
];

/// What all of them find.
pub(crate) fn all(look: &Look<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = if look.ended() {
        // Nobody works any more: what is left to say is why it ended, and what did not arrive.
        [ended::rule(look), transfers::rule(look)].concat()
    } else {
        RULES.iter().flat_map(|rule| rule(look)).collect()
    };
    findings.extend(unknown::rule(look, &findings));
    findings
}

/// The verdict over sorted findings, and its sentence.
pub(crate) fn overall(look: &Look<'_>, findings: &[Finding]) -> (Verdict, String) {
    let of = |standing| findings.iter().find(|f| f.standing == standing);
    if let Some(first) = of(Standing::Trouble) {
        return (Verdict::Trouble, first.sentence.clone());
    }
    if look.ended() {
        return match look.all.state {
            RunState::Complete => {
                (Verdict::NothingWrong, "The run is complete; nothing is left to do.".to_owned())
            }
            RunState::Failed => (Verdict::Trouble, "The run ended with failed transfers.".to_owned()),
            _ => {
                (Verdict::OnPurpose, of(Standing::OnPurpose).map(|f| f.sentence.clone()).unwrap_or_default())
            }
        };
    }
    // A limit that is kept holds nothing up: it is told, and is not the verdict.
    let asked = findings.iter().find(|f| f.standing == Standing::OnPurpose && f.cause != Cause::Throttled);
    if let Some(first) = asked {
        return (Verdict::OnPurpose, format!("No fault. {}", first.sentence));
    }
    if let Some(missing) = look.peers.iter().find(|p| p.fresh().is_none() && !p.is_over() && !p.is_starting())
    {
        let text = format!("Nothing wrong was seen, but {} was not heard.", missing.name());
        return (Verdict::NotKnown, text);
    }
    if look.peers.is_empty() {
        return (Verdict::NotKnown, "Nothing is known of the peers.".to_owned());
    }
    let normal = of(Standing::Normal).filter(|f| f.cause.explains_standstill());
    (
        Verdict::NothingWrong,
        match normal {
            Some(first) => format!("Nothing is wrong. {}", first.sentence),
            None => format!("Nothing is wrong{}.", moving(look)),
        },
    )
}

/// ": alpha moves 12 MiB/s, beta 8 MiB/s".
fn moving(look: &Look<'_>) -> String {
    let moves = look.heard().filter(|(peer, _)| peer.motion() == Some(Motion::Moves));
    let said: Vec<String> =
        moves.map(|(peer, s)| format!("{} moves {}", peer.name(), Rate(s.rate.now))).collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) }
}

/// Certain where somebody looked, else likely.
fn sure_if(seen: bool) -> Confidence {
    if seen { Confidence::Certain } else { Confidence::Likely }
}

/// "for 12 s".
fn since(ms: u64) -> String {
    format!("for {}", words::age(ms))
}
