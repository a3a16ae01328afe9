//! A whole target (or source) in trouble, as its peers or its backend say: full, gone, locked, slowing us down.

use crate::look::Look;
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, Undo, offer, words};
use std::collections::BTreeMap;
use twinhaul_units::Bytes;
use twinhaul_wire::{Problem, WaitReason};

/// The words that peers, backends and the supervisor use for problems, and what they mean.
fn cause_of(problem: &Problem) -> Option<Cause> {
    Some(match problem.kind.as_str() {
        "target_full" => Cause::TargetFull,
        "target_offline" => Cause::TargetGone,
        "target_locked" => Cause::Credentials,
        "rate_limit" | "slowed_down" => Cause::TargetRateLimiting,
        "hung" => Cause::BackendHung,
        "cartridge" if problem.text.contains("no cartridge with room") => Cause::NoScratchCartridge,
        "cartridge" => Cause::CartridgeMissing,
        // The first have rules of their own; a backend that repeats what failed copes with it.
        "silent" | "restarting" | "gave_up" | "ended" | "ledger" | "link" | "history" | "stall"
        | "repeated" | "reads_resumed" | "replies_lost" => return None,
        "suspect" | "quarantined" | "missing" | "unlabelled" | "read-only" | "readonly" => {
            Cause::BackendReports
        }
        _ => Cause::ProblemReported,
    })
}

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<(Cause, Subject), Finding> = BTreeMap::new();
    for problem in look.problems() {
        let Some(cause) = cause_of(problem) else { continue };
        let subject = place(problem, cause);
        let note = Note::at(problem.since_ms, problem.text.clone());
        let one = found.entry((cause, subject.clone())).or_insert_with(|| {
            let text = sentence(look, cause, &subject, problem);
            let next = (!problem.next.is_empty()).then(|| offer::told(&problem.next));
            Finding::new(cause, Standing::Trouble, subject, text).offer(more(look, cause)).offer(next)
        });
        one.evidence.push(note);
    }
    rate_limits(look, &mut found);
    found
        .into_values()
        .map(|f| {
            let space = space(look, &f);
            f.seen(space)
        })
        .collect()
}

/// The source or target that it is about; of a problem that nobody understands, its peer.
fn place(problem: &Problem, cause: Cause) -> Subject {
    match &problem.target {
        Some(name) => Subject::target(name),
        None if cause == Cause::ProblemReported => {
            Subject { peer: problem.peer.clone(), target: None, transfer: problem.transfer }
        }
        None => Subject::default(),
    }
}

fn sentence(look: &Look<'_>, cause: Cause, subject: &Subject, problem: &Problem) -> String {
    let name = subject.target.as_deref().map_or("a target".to_owned(), |name| format!("target {name}"));
    let waits = match waiting(look, subject) {
        0 => "Transfers to it wait".to_owned(),
        1 => "1 transfer waits".to_owned(),
        n => format!("{n} transfers wait"),
    };
    match cause {
        Cause::TargetFull => {
            format!("{} is full. {waits}; they go on by themselves when there is room.", capital(&name))
        }
        Cause::TargetGone => {
            format!(
                "{} cannot be reached. {waits}; they go on by themselves when it is back.",
                capital(&name)
            )
        }
        Cause::Credentials => {
            format!("{} refuses the credentials. {waits} until they are renewed.", capital(&name))
        }
        Cause::TargetRateLimiting => {
            format!("The server of {name} asks to slow down; what goes there is sent as fast as it allows.")
        }
        Cause::NoScratchCartridge => {
            format!("{} has no cartridge with room left. {waits} for one.", capital(&name))
        }
        Cause::CartridgeMissing => {
            format!("A cartridge is needed that is not in the library: {}.", problem.text)
        }
        _ => problem.text.clone(),
    }
}

/// Transfers to it that are in a slot and wait.
fn waiting(look: &Look<'_>, subject: &Subject) -> usize {
    look.waits().filter(|(_, f, _)| subject.target.as_deref() == Some(f.target.as_str())).count()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A backend that says with each call that the server limits it, and raises no problem of its own.
fn rate_limits(look: &Look<'_>, found: &mut BTreeMap<(Cause, Subject), Finding>) {
    for (peer, flight, wait) in look.waits().filter(|(_, _, w)| w.reason == WaitReason::RateLimit) {
        let cause = Cause::TargetRateLimiting;
        if found.keys().any(|(c, s)| *c == cause && s.target.as_deref().is_none_or(|t| t == flight.target)) {
            continue;
        }
        let subject = Subject::target(&flight.target);
        let text = sentence(look, cause, &subject, &Problem::default());
        let (age, why) = (words::age(wait.age_ms), wait.reason.words());
        let seen = format!("{} waits for {age}: {why}, {}", peer.name(), wait.detail);
        let one = Finding::new(cause, Standing::Trouble, subject.clone(), text)
            .sure(Confidence::Likely)
            .seen([Note::at(look.now_ms, seen)])
            .offer(more(look, cause));
        found.insert((cause, subject), one);
    }
}

/// What helps besides what the problem itself names.
fn more(look: &Look<'_>, cause: Cause) -> Vec<crate::Offer> {
    let run = look.run();
    match cause {
        Cause::TargetFull => look
            .all
            .probes
            .spaces
            .iter()
            .filter(|s| s.free_bytes.is_some_and(|free| free < 64 << 20))
            .map(|s| {
                offer::shell(
                    "see what takes the room there",
                    format!("df -h {}", s.path),
                    Undo::ChangesNothing,
                )
            })
            .collect(),
        Cause::TargetRateLimiting => {
            look.peers.iter().map(|p| offer::limit_lower(run, p.name())).take(1).collect()
        }
        _ => Vec::new(),
    }
}

/// What the file system says of a target that is said to be full or gone.
fn space(look: &Look<'_>, finding: &Finding) -> Option<Note> {
    let wanted = matches!(finding.cause, Cause::TargetFull | Cause::TargetGone);
    let name = finding.subject.target.as_deref().filter(|_| wanted)?;
    let space = look.all.probes.spaces.iter().find(|s| s.target == name)?;
    let text = match (space.answered_ms, space.free_bytes, space.free_inodes) {
        (None, ..) => format!("{} did not answer within the look", space.path),
        (Some(_), Some(free), Some(0)) => format!("{}: {} free, and no inode", space.path, Bytes(free)),
        (Some(_), Some(free), _) => match space.total_bytes {
            Some(total) => format!("{}: {} of {} free", space.path, Bytes(free), Bytes(total)),
            None => format!("{}: {} free", space.path, Bytes(free)),
        },
        (Some(_), None, _) => return None,
    };
    Some(Note::at(look.now_ms, text))
}
