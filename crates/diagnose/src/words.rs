//! How findings speak: ages, givers, and events as evidence.

use crate::{Note, PeerEvidence};
use twinhaul_units::{Bytes, text::counted};
use twinhaul_wire::{Event, EventKind, PeerSnapshot, PeerState};

/// An age as it is said: "40 ms", "12 s", "3 min", "2 h 5 min", "3 days".
pub(crate) fn age(ms: u64) -> String {
    let s = ms / 1000;
    match s {
        0 => format!("{ms} ms"),
        1..120 => format!("{s} s"),
        120..7200 => format!("{} min", s / 60),
        7200..172_800 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} days", s / 86_400),
    }
}

/// "by somebody with the verb": who gave a command, by the word that the history keeps.
pub(crate) fn giver(by: &str, verb: &str) -> String {
    match by {
        "verb" => format!("with the verb `twinhaul {verb}`"),
        "console" => "in the console".to_owned(),
        "story" => "by the story of the demo".to_owned(),
        "supervisor" => "by the supervisor".to_owned(),
        other => format!("by {other}"),
    }
}

/// Whether this is a control of `peer` with this verb that was not refused.
pub(crate) fn is_taken(event: &Event, peer: &str, verb: &str) -> bool {
    let EventKind::Control { command, result, .. } = &event.kind else { return false };
    let mine = event.peer.as_deref() == Some(peer) || names_peer(command, peer);
    mine && !result.starts_with("refused") && command.starts_with(&format!("twinhaul {verb} "))
}

/// Whether a verb names this peer: `twinhaul limit RUN --peer alpha none`.
pub(crate) fn names_peer(command: &str, peer: &str) -> bool {
    let mut words = command.split_whitespace();
    words.any(|word| word == "--peer") && words.next() == Some(peer)
}

/// "1 transfer", "12 transfers".
pub(crate) fn transfers(n: u64) -> String {
    counted(n, "transfer")
}

/// "alpha", "alpha and beta".
pub(crate) fn list(names: &[&str]) -> String {
    names.join(" and ")
}

/// "finished/figs.tar (2.20 GiB of 41 GiB)": a transfer in flight by the end of its key.
pub(crate) fn flight(f: &twinhaul_wire::InFlight) -> String {
    format!("{} #{} ({} of {})", tail(&f.key.key), f.id, Bytes(f.done), Bytes(f.bytes))
}

/// The end of a key: what tells one file from another.
pub(crate) fn tail(key: &str) -> String {
    const CHARS_MAX: usize = 40;
    let n = key.chars().count();
    if n <= CHARS_MAX {
        key.to_owned()
    } else {
        format!("~{}", key.chars().skip(n + 1 - CHARS_MAX).collect::<String>())
    }
}

/// A peer's state as a word.
pub(crate) const fn state(state: PeerState) -> &'static str {
    match state {
        PeerState::Starting => "starting",
        PeerState::Recovering => "recovering",
        PeerState::Running => "running",
        PeerState::Idle => "idle",
        PeerState::Paused => "paused",
        PeerState::Draining => "draining",
        PeerState::Stopping => "stopping",
        PeerState::Finishing => "finishing",
        PeerState::Finished => "finished",
    }
}

/// What a peer said of itself, as a note at the time when it said it.
pub(crate) fn word_of(of: &PeerEvidence) -> Option<Note> {
    of.snapshot.as_ref().map(|s| Note::at(s.at_ms, format!("{}: {}", of.name, own_word(s))))
}

fn own_word(s: &PeerSnapshot) -> String {
    let moved =
        s.last_progress_ms.map(|ms| format!(", last progress {} before", age(ms))).unwrap_or_default();
    let queue = format!("{} queued, {} in flight", s.queue.transfers, s.in_flight.len());
    format!("{}, {queue}, {}{moved}", state(s.state), twinhaul_units::Rate(s.rate.now))
}

/// An event as evidence.
pub(crate) fn note(event: &Event) -> Note {
    let words = event_words(&event.kind);
    // Most of what the supervisor tells of a peer begins with its name.
    let who = event.peer.as_deref().filter(|p| !words.starts_with(&format!("{p} ")));
    let who = who.map(|p| format!("{p}: ")).unwrap_or_default();
    Note::at(event.at_ms, format!("{who}{words}"))
}

fn event_words(kind: &EventKind) -> String {
    match kind {
        EventKind::Joined { pid } => format!("joined, pid {pid}"),
        EventKind::Control { command, by, result } => format!("{by}: {command}: {result}"),
        EventKind::Failed { id, key, error, .. } => format!("given up: {} #{id}: {error}", tail(&key.key)),
        EventKind::Retry { id, key, error, attempts, .. } => {
            format!("attempt {attempts} failed: {} #{id}: {error}", tail(&key.key))
        }
        EventKind::ProblemEnded { problem } => format!("{problem} is over"),
        EventKind::Linked { .. } => "hears the other peer".to_owned(),
        EventKind::Unlinked { why } => format!("does not hear the other peer: {why}"),
        EventKind::Exited { words, restart_in_ms: Some(ms), .. } => {
            format!("{words}; restart in {}", age(*ms))
        }
        EventKind::Exited { words, .. } => words.clone(),
        EventKind::Suspected { other, silent_ms } => {
            format!("has heard nothing of {other} for {}", age(*silent_ms))
        }
        EventKind::TakenOver { from, count, bytes, .. } => {
            format!("took over from {from}: {}, {}", transfers(*count), Bytes(*bytes))
        }
        EventKind::ProblemBegan { text, .. }
        | EventKind::Warning { text }
        | EventKind::Info { text }
        | EventKind::Say { text } => text.clone(),
        EventKind::RunEnded { state, failed, .. } => format!("run ended {state}, {failed} failed"),
        EventKind::RunStarted { name, .. } => format!("run of {name} started"),
        // Not evidence of any rule; told by its kind alone.
        other => format!("{:?}", std::mem::discriminant(other)),
    }
}
