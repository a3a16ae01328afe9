//! A peer that died: once, again and again, for good. Whether a library crashed is in how it ended.

use crate::budget::{DEATH_LATELY_MS, DEATHS_LOOP, DEATHS_WITHIN_MS, SHORT_OF_MEMORY};
use crate::look::{Look, PeerLook};
use crate::{Cause, Confidence, Finding, MemoryLimit, Note, Standing, Subject, offer, words};
use twinhaul_units::Bytes;
use twinhaul_wire::{Event, EventKind};

/// Signals that a program brings upon itself: bad memory, an abort, a forbidden instruction.
const CRASHES: [&str; 7] = ["(SEGV)", "(ABRT)", "(BUS)", "(ILL)", "(FPE)", "(SYS)", "(TRAP)"];

/// In the supervisor's words about a peer that it killed for a call that hangs.
pub(super) const HUNG: &str = "had not come back";

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    look.peers.iter().filter_map(|peer| one(look, peer)).collect()
}

fn one(look: &Look<'_>, peer: &PeerLook<'_>) -> Option<Finding> {
    let name = peer.name();
    let unwatched = look.all.supervised == Some(false);
    if unwatched && look.peers.iter().all(|p| p.lives() == Some(false)) {
        // Nobody works at all: that is the finding, of another rule.
        return None;
    }
    let state = peer.supervised.map(|s| s.state.as_str()).unwrap_or_default();
    let deaths: Vec<(&Event, &str)> = look.events.iter().filter_map(|e| death(e, name)).collect();
    let lately =
        |within: u64| deaths.iter().filter(|(e, _)| look.now_ms.saturating_sub(e.at_ms) <= within).count();
    let (within, just_now) = (lately(DEATHS_WITHIN_MS), lately(DEATH_LATELY_MS));
    let gave_up = state.starts_with("gave up");
    let fatal = state.starts_with("ended with code");
    let restarting = state.starts_with("restarting");
    let last = deaths.last().map(|(_, words)| *words).or_else(|| peer.supervised?.last_exit.as_deref());
    let crashed = last.is_some_and(|words| CRASHES.iter().any(|signal| words.contains(signal)));
    let looping = gave_up || within >= DEATHS_LOOP && just_now > 0;
    let last_words = last.map(|words| format!(" Last: {words}.")).unwrap_or_default();
    if let Some(group) = killed_for_memory(look, &deaths).filter(|_| just_now > 0) {
        return Some(short_of_memory(look, peer, group));
    }
    if let Some((_, words)) = deaths.last().filter(|(_, words)| just_now > 0 && words.contains(HUNG)) {
        return Some(hung(look, peer, words));
    }
    let (cause, text) = if looping {
        let times = within.max(usize::try_from(peer.supervised.map_or(0, |s| s.restarts)).unwrap_or(0));
        let what = if gave_up {
            format!("{name} died {times} times in a row and is not started any more.")
        } else if unwatched {
            format!("{name} died {within} times within {}.", words::age(DEATHS_WITHIN_MS))
        } else {
            format!(
                "{name} dies and is started again, {within} times within {}.",
                words::age(DEATHS_WITHIN_MS)
            )
        };
        (Cause::PeerRestarting, what)
    } else if fatal {
        (
            Cause::PeerDead,
            format!("{name} ended and is not started again, because that would end the same way."),
        )
    } else if restarting {
        (Cause::PeerDead, format!("{name} died; it is started again ({state})."))
    } else if peer.lives() == Some(false) && !peer.is_over() && unwatched {
        return Some(dead_unwatched(look, peer));
    } else if just_now > 0 {
        return Some(restarted(look, peer, &last_words));
    } else if let Some(fenced) = look.events.iter().rev().find(|e| is_fencing(e, name)) {
        return (look.now_ms.saturating_sub(fenced.at_ms) <= DEATH_LATELY_MS).then(|| rejoined(look, name));
    } else {
        return None;
    };
    let (cause, text) = if crashed && (looping || restarting) {
        (
            Cause::BackendCrashing,
            format!("{text} It crashed: in a library that it had loaded, most likely{}.", backends(peer)),
        )
    } else {
        (cause, text)
    };
    let found = Finding::new(cause, Standing::Trouble, Subject::peer(name), format!("{text}{last_words}"))
        .sure(if cause == Cause::BackendCrashing { Confidence::Likely } else { Confidence::Certain })
        .seen(look.notes(6, |e| death(e, name).is_some()))
        .seen(
            peer.supervised.map(|_| Note::at(look.now_ms, format!("the supervisor says of {name}: {state}"))),
        );
    let run = look.run();
    let over = gave_up || fatal;
    let kills = deaths.iter().filter(|(_, words)| super::is_kill(words)).count() >= DEATHS_LOOP;
    let kills = kills.then(|| offer::act("find who kills it: nothing of twinhaul sends SIGKILL to a peer that answers (dmesg tells of the kernel's own)"));
    let restart = over.then(|| offer::stop_and_go_on(run));
    Some(found.offer([offer::events(run)]).offer(kills).offer(restart))
}

/// The supervisor killed it for a call that never came back (faults.md 34).
fn hung(look: &Look<'_>, peer: &PeerLook<'_>, words: &str) -> Finding {
    let name = peer.name();
    let text = format!(
        "A library that {name} had loaded hung in a call, and the process was ended for that: {words}."
    );
    Finding::new(Cause::BackendHung, Standing::Trouble, Subject::peer(name), text)
        .seen(look.notes(6, |e| death(e, name).is_some()))
        .offer([offer::events(look.run())])
}

/// The control group that is short of memory, and in which the kernel killed at least as many as were killed here lately. What was
/// killed there long ago says nothing of a group that has room now.
fn killed_for_memory<'a>(look: &Look<'a>, deaths: &[(&Event, &str)]) -> Option<&'a MemoryLimit> {
    let lately = |e: &Event| look.now_ms.saturating_sub(e.at_ms) <= DEATHS_WITHIN_MS;
    // Behind a colon the supervisor says why it did it itself.
    let by_others = |words: &str| super::is_kill(words) && !words.contains("(KILL):");
    let killed = deaths.iter().filter(|(e, words)| lately(e) && by_others(words)).count();
    let peers = look.all.peers.iter().filter_map(|peer| peer.process.as_ref());
    let mut groups = look.all.supervisor.iter().chain(peers).filter_map(|p| p.memory.as_ref());
    let is_short = |group: &MemoryLimit| {
        let used = group.used_bytes.unwrap_or(group.limit_bytes);
        used as f64 >= group.limit_bytes as f64 * SHORT_OF_MEMORY
    };
    groups.find(|group| killed > 0 && group.kills >= killed as u64 && is_short(group))
}

fn short_of_memory(look: &Look<'_>, peer: &PeerLook<'_>, group: &MemoryLimit) -> Finding {
    let name = peer.name();
    let text = format!(
        "{name} was killed, and so are processes of its control group that is out of memory: {} allows {}, and the kernel has killed {} of them for that.",
        group.path,
        Bytes(group.limit_bytes),
        group.kills
    );
    let used = group
        .used_bytes
        .map(|used| Note::at(look.now_ms, format!("{} of {} in use", Bytes(used), Bytes(group.limit_bytes))));
    let more = "give that group or container more memory, or end what else takes it there; the run goes on by itself";
    Finding::new(Cause::MemoryPressure, Standing::Trouble, Subject::peer(name), text)
        .sure(Confidence::Likely)
        .seen(look.notes(6, |e| death(e, name).is_some()))
        .seen(used)
        .offer([offer::events(look.run()), offer::act(more)])
}

/// How a process of this peer ended, if it did not end as it should.
fn death<'a>(event: &'a Event, name: &str) -> Option<(&'a Event, &'a str)> {
    match &event.kind {
        // A fenced peer joins anew: that is how a take-over ends, and no death.
        EventKind::Exited { process, words, .. } if process == name && !words.contains("fenced") => {
            Some((event, words))
        }
        _ => None,
    }
}

/// Its work was taken over while it was silent, and it was refused when it came back.
fn is_fencing(event: &Event, name: &str) -> bool {
    matches!(&event.kind, EventKind::Exited { process, words, .. } if process == name && words.contains("fenced"))
}

fn rejoined(look: &Look<'_>, name: &str) -> Finding {
    let text = format!(
        "{name} had been silent and was taken over; it was refused when it came back, and has joined anew."
    );
    Finding::new(Cause::PeerRestarted, Standing::Normal, Subject::peer(name), text).seen(look.notes(5, |e| {
        is_fencing(e, name)
            || matches!(&e.kind, EventKind::TakenOver { from, .. } if from == name)
            || matches!(&e.kind, EventKind::Suspected { other, .. } if other == name)
    }))
}

/// ", disk or tape".
fn backends(peer: &PeerLook<'_>) -> String {
    let mut names: Vec<&str> =
        peer.of.snapshot.iter().flat_map(|s| &s.targets).map(|t| t.backend.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(" or ")) }
}

fn dead_unwatched(look: &Look<'_>, peer: &PeerLook<'_>) -> Finding {
    let name = peer.name();
    let text = format!("{name} does not run, and without a supervisor nobody starts it again.");
    let found = Finding::new(Cause::PeerDead, Standing::Trouble, Subject::peer(name), text);
    found.seen(look.notes(4, |e| death(e, name).is_some())).offer([offer::attach(look.run())])
}

fn restarted(look: &Look<'_>, peer: &PeerLook<'_>, last_words: &str) -> Finding {
    let name = peer.name();
    let text = format!("{name} died and was started again; it works.{last_words}");
    Finding::new(Cause::PeerRestarted, Standing::Normal, Subject::peer(name), text)
        .seen(look.notes(3, |e| death(e, name).is_some()))
}
