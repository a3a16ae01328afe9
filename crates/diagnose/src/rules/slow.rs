//! A call to a source or a target that takes longer than its medium may take; and whether it hangs in a library or waits for
//! a device. Also rates that fell while everybody waits for the same place.

use super::since;
use crate::budget::{DISK_CALL_MS, HUNG_BUDGETS, REMOTE_CALL_MS, TAPE_CALL_MS};
use crate::look::{Look, Motion, PeerLook};
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, ThreadFacts, offer, words};
use std::collections::BTreeMap;
use twinhaul_units::Rate;
use twinhaul_wire::{InFlight, PeerSnapshot, Wait, WaitReason};

/// Calls that are over budget, at one place, of one peer.
struct Calls<'a> {
    longest_ms: u64,
    budget_ms: u64,
    seen: Vec<(u64, String)>,
    threads: Vec<&'a ThreadFacts>,
    transfers: usize,
}

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (peer, s) in look.heard() {
        let mut places: BTreeMap<(bool, String), Calls<'_>> = BTreeMap::new();
        for (writes, place, wait, flight) in calls(s) {
            if excused(look, &place) {
                continue;
            }
            let budget_ms = budget(s, &place);
            if wait.age_ms < budget_ms {
                continue;
            }
            let empty =
                Calls { longest_ms: 0, budget_ms, seen: Vec::new(), threads: Vec::new(), transfers: 0 };
            let of = places.entry((writes, place)).or_insert(empty);
            of.longest_ms = of.longest_ms.max(wait.age_ms);
            of.transfers += 1;
            let what = flight.map_or_else(|| "a group that settles".to_owned(), words::flight);
            of.seen.push((wait.age_ms, format!("{what} waits for {}", wait.reason.words())));
            let slot = flight.map(|f| f.slot);
            let names = slot.map_or_else(
                || vec!["committer".to_owned()],
                |n| vec![format!("slot-{n}"), format!("write-{n}")],
            );
            of.threads.extend(names.iter().filter_map(|name| peer.thread(name)));
        }
        let fell = places.is_empty().then(|| fell(look, peer, s)).flatten();
        out.extend(
            places.into_iter().map(|((writes, place), calls)| late(look, peer, writes, &place, calls)),
        );
        out.extend(fell);
    }
    out
}

/// Plain I/O that is waited for: to write or to read, where, and which transfer; of a group none.
fn calls(s: &PeerSnapshot) -> impl Iterator<Item = (bool, String, &Wait, Option<&InFlight>)> {
    let flights = s.in_flight.iter().filter_map(|f| {
        let wait = f.wait.as_ref()?;
        let (writes, place) = match wait.reason {
            WaitReason::TargetWrite | WaitReason::TargetOpen => (true, f.target.clone()),
            WaitReason::SourceRead => (false, wait.detail.clone()),
            _ => return None,
        };
        Some((writes, place, wait, Some(f)))
    });
    let settling = s.settling_wait.as_ref().filter(|w| w.reason == WaitReason::TargetWrite);
    let only = s.targets.first().filter(|_| s.targets.len() == 1).map(|t| t.name.clone());
    flights.chain(settling.map(move |wait| (true, only.unwrap_or_default(), wait, None)))
}

/// A target whose trouble is known by its name waits for that, and not for a slow call.
fn excused(look: &Look<'_>, place: &str) -> bool {
    look.problems().any(|p| p.kind.starts_with("target_") && (place.is_empty() || p.text.contains(place)))
}

fn budget(s: &PeerSnapshot, place: &str) -> u64 {
    let target = s.targets.iter().find(|t| t.name == place).map(|t| t.backend.as_str());
    let shown = s.backends.iter().find(|b| b.name == place).map(|b| b.backend.as_str());
    match target.or(shown) {
        Some("tape") => TAPE_CALL_MS,
        Some("disk") | None => DISK_CALL_MS,
        Some(_) => REMOTE_CALL_MS,
    }
}

fn late(look: &Look<'_>, peer: &PeerLook<'_>, writes: bool, place: &str, calls: Calls<'_>) -> Finding {
    let Calls { longest_ms, budget_ms, seen, threads, transfers } = calls;
    let name = peer.name();
    let in_device = threads.iter().find(|t| t.state == Some('D'));
    let elsewhere = threads.iter().find(|t| matches!(t.state, Some('S' | 'R')));
    let hangs = longest_ms >= budget_ms * HUNG_BUDGETS && in_device.is_none() && elsewhere.is_some();
    let side = if writes { "target" } else { "source" };
    let shown = if place.is_empty() { format!("a {side}") } else { format!("{side} {place}") };
    let act = if writes { "writing to" } else { "reading from" };
    let what = if transfers == 1 { "A call".to_owned() } else { format!("{transfers} calls") };
    let over = format!("usual are less than {}", words::age(budget_ms));
    let (cause, text, sure) = if hangs {
        let text = format!(
            "{what} of {name} {act} {shown} has not returned {} ({over}), and waits for no device: its backend hangs.",
            since(longest_ms)
        );
        (Cause::BackendHung, text, Confidence::Likely)
    } else {
        let where_ = match in_device {
            Some(t) if !t.wchan.is_empty() => format!(" Its thread waits in the kernel ({}).", t.wchan),
            Some(_) => " Its thread waits for a device.".to_owned(),
            None if threads.is_empty() => {
                " Whether the storage is slow or its backend hangs is not known from here.".to_owned()
            }
            None => String::new(),
        };
        let text = format!(
            "{what} of {name} {act} {shown} has not returned {} ({over}).{where_}",
            since(longest_ms)
        );
        let cause = if writes { Cause::TargetSlow } else { Cause::SourceSlow };
        (cause, text, if in_device.is_some() { Confidence::Certain } else { Confidence::Likely })
    };
    let thread_notes = threads.iter().take(3).map(|t| thread_note(look, peer, t));
    let call_notes = seen
        .into_iter()
        .take(4)
        .map(|(age, text)| Note::at(look.now_ms.saturating_sub(age), format!("{name}: {text}, since then")));
    let subject = Subject {
        peer: Some(name.to_owned()),
        target: (!place.is_empty()).then(|| place.to_owned()),
        transfer: None,
    };
    let found = Finding::new(cause, Standing::Trouble, subject, text)
        .sure(sure)
        .seen(call_notes)
        .seen(thread_notes)
        .seen(look.all.probes.io.map(|io| {
            Note::at(
                look.now_ms,
                format!("disk pressure over 10 s: some {:.0} %, full {:.0} %", io.some, io.full),
            )
        }));
    let run = look.run();
    let again = peer.process().is_none().then(|| offer::again(run));
    let drain = look.other(peer).and_then(PeerLook::fresh).map(|_| offer::drain(run, name));
    let kill = peer.pid().filter(|_| hangs).map(|pid| offer::kill(pid, name));
    found.offer(again).offer([offer::events(run)]).offer(drain).offer(kill)
}

fn thread_note(look: &Look<'_>, peer: &PeerLook<'_>, t: &ThreadFacts) -> Note {
    let state = t.state.map(|s| format!(" state {s}")).unwrap_or_default();
    let call = if t.syscall.is_empty() { String::new() } else { format!(", in {}", t.syscall) };
    let at = if t.wchan.is_empty() { String::new() } else { format!(", waits in {}", t.wchan) };
    Note::at(look.now_ms, format!("{}: thread {}{state}{call}{at}", peer.name(), t.name))
}

/// A rate that fell to a tenth while most of what is in flight waits for one side.
fn fell(look: &Look<'_>, peer: &PeerLook<'_>, s: &PeerSnapshot) -> Option<Finding> {
    const USUAL_MIN: u64 = 1 << 20;
    const WAIT_MIN_MS: u64 = 1_000;
    let usual = s.rate.one_min;
    if usual < USUAL_MIN || s.rate.now >= usual / 10 || peer.motion() == Some(Motion::Idle) {
        return None;
    }
    let count =
        |writes: bool| calls(s).filter(|(w, _, wait, _)| *w == writes && wait.age_ms >= WAIT_MIN_MS).count();
    let (to, from) = (count(true), count(false));
    let (writes, n) = if to >= from { (true, to) } else { (false, from) };
    let place =
        calls(s).find(|(w, ..)| *w == writes).map(|(_, place, ..)| place).filter(|p| !p.is_empty())?;
    if n == 0 || n * 2 < s.in_flight.len() || excused(look, &place) || budget(s, &place) == TAPE_CALL_MS {
        return None;
    }
    let (cause, side) = if writes { (Cause::TargetSlow, "target") } else { (Cause::SourceSlow, "source") };
    let name = peer.name();
    let text = format!(
        "{name} moves {} where it moved {} in the last minute, and waits for {side} {place}.",
        Rate(s.rate.now),
        Rate(usual)
    );
    let subject = Subject { peer: Some(name.to_owned()), target: Some(place), transfer: None };
    let found = Finding::new(cause, Standing::Trouble, subject, text).sure(Confidence::Possible);
    let notes = calls(s).take(4).map(|(_, _, w, f)| {
        let what = f.map_or_else(|| "a group that settles".to_owned(), words::flight);
        Note::at(
            look.now_ms.saturating_sub(w.age_ms),
            format!("{name}: {what} waits for {}", w.reason.words()),
        )
    });
    Some(found.seen(notes.collect::<Vec<_>>()).offer([offer::events(look.run())]))
}
