//! A call to a source or a target that takes longer than its medium may take; and whether it hangs in a library or waits for
//! a device.

use super::since;
use crate::budget::{HUNG_ALONE_BUDGETS, HUNG_BUDGETS};
use crate::look::{Look, Motion, PeerLook};
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, ThreadFacts, Undo, offer, words};
use std::collections::BTreeMap;
use twinhaul_wire::{CallTimes, InFlight, PeerSnapshot, Wait, WaitReason};

/// To write or to read, and where.
type Place = (bool, String);

/// Calls to one place that are over their budget.
#[derive(Default)]
struct Calls<'a> {
    longest_ms: u64,
    budget_ms: u64,
    count: usize,
    peers: Vec<&'a str>,
    /// Since when each waits, and what it is.
    seen: Vec<Note>,
    /// Of the slots that wait, with whose they are.
    threads: Vec<(&'a str, &'a ThreadFacts)>,
    /// Somebody looked at the threads of all that wait.
    looked: bool,
}

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let mut places: BTreeMap<Place, Calls<'_>> = BTreeMap::new();
    for (peer, s) in look.heard() {
        for (place, wait, flight) in calls(s) {
            // Without a budget nobody knows how long it may take.
            let Some(budget_ms) = wait.budget_ms.filter(|_| wait.is_stall() && !excused(look, &place.1))
            else {
                continue;
            };
            let of = places.entry(place).or_insert_with(|| Calls { looked: true, ..Calls::default() });
            of.longest_ms = of.longest_ms.max(wait.age_ms);
            of.budget_ms = of.budget_ms.max(budget_ms);
            of.count += 1;
            if !of.peers.contains(&peer.name()) {
                of.peers.push(peer.name());
            }
            let text =
                format!("{} waits since then for {}: {}", peer.name(), wait.reason.words(), called(flight));
            of.seen.push(Note::at(look.now_ms.saturating_sub(wait.age_ms), text));
            let names = flight.map_or_else(|| vec!["committer".to_owned()], |f| threads_of(f.slot));
            of.threads.extend(names.iter().filter_map(|name| Some((peer.name(), peer.thread(name)?))));
            of.looked &= peer.process().is_some();
        }
    }
    places.into_iter().map(|(place, calls)| late(look, place, calls)).collect()
}

/// Plain I/O that is waited for, and by which transfer; by none: by a group that settles.
pub(super) fn calls(s: &PeerSnapshot) -> impl Iterator<Item = (Place, &Wait, Option<&InFlight>)> {
    let flights = s.in_flight.iter().filter_map(|f| {
        let wait = f.wait.as_ref()?;
        let place = match wait.reason {
            WaitReason::TargetWrite | WaitReason::TargetOpen => (true, f.target.clone()),
            // The engine names the source there; a backend may say what it does instead.
            WaitReason::SourceRead if wait.detail.contains(' ') => (false, String::new()),
            WaitReason::SourceRead => (false, wait.detail.clone()),
            _ => return None,
        };
        Some((place, wait, Some(f)))
    });
    let settling = s.settling_wait.as_ref().filter(|w| w.reason == WaitReason::TargetWrite);
    let only = s.targets.first().filter(|_| s.targets.len() == 1).map(|t| t.name.clone());
    flights.chain(settling.map(move |wait| ((true, only.unwrap_or_default()), wait, None)))
}

pub(super) fn called(flight: Option<&InFlight>) -> String {
    flight.map_or_else(|| "a group that settles".to_owned(), words::flight)
}

/// The threads of a slot, as the engine calls them.
fn threads_of(slot: u32) -> Vec<String> {
    vec![format!("slot-{slot}"), format!("write-{slot}")]
}

/// A target whose trouble is known by its name waits for that, and not for a slow call.
pub(super) fn excused(look: &Look<'_>, place: &str) -> bool {
    let about = |target: &Option<String>| target.as_deref().is_none_or(|target| target == place);
    look.problems().any(|p| p.kind.starts_with("target_") && (place.is_empty() || about(&p.target)))
}

/// How long calls to a place take, beside how long they took before: what "slow" is compared with.
pub(super) fn times<'a>(look: &'a Look<'_>, place: &'a str) -> impl Iterator<Item = Note> + 'a {
    let ours = move |c: &&CallTimes| c.place == place && c.lately.count + c.before.count > 0;
    let all =
        look.heard().flat_map(move |(peer, s)| s.calls.iter().filter(ours).map(move |c| (peer.name(), c)));
    all.take(4).map(move |(peer, c)| {
        let words = c.reason.words();
        let text = format!("{peer}: {words} of {place}: lately {}; before {}", c.lately, c.before);
        Note::at(look.now_ms, text)
    })
}

fn late(look: &Look<'_>, (writes, place): Place, calls: Calls<'_>) -> Finding {
    let in_device = calls.threads.iter().find(|(_, t)| t.state == Some('D')).map(|(_, t)| *t);
    let elsewhere = calls.threads.iter().any(|(_, t)| matches!(t.state, Some('S' | 'R')));
    let sole = calls
        .peers
        .first()
        .and_then(|name| look.peers.iter().find(|p| p.name() == *name && calls.peers.len() == 1));
    let other = sole.and_then(|peer| look.other(peer));
    let budgets = match other.and_then(PeerLook::motion) {
        Some(Motion::Moves) => HUNG_ALONE_BUDGETS,
        _ => HUNG_BUDGETS,
    };
    let long = calls.longest_ms >= calls.budget_ms * budgets;
    let hangs = long && calls.looked && in_device.is_none() && elsewhere;
    let side = if writes { "target" } else { "source" };
    let usual: Vec<Note> = times(look, &place).collect();
    let shown = if place.is_empty() { format!("a {side}") } else { format!("{side} {place}") };
    let act = match (writes, calls.count) {
        (true, 1) => "writes to",
        (true, _) => "write to",
        (false, 1) => "reads from",
        (false, _) => "read from",
    };
    let (what, have) = if calls.count == 1 {
        ("A call".to_owned(), "has")
    } else {
        (format!("{} calls", calls.count), "have")
    };
    let not_returned = format!(
        "{what} of {} that {act} {shown} {have} not returned {} (it may take {}).",
        words::list(&calls.peers),
        since(calls.longest_ms),
        words::age(calls.budget_ms)
    );
    let (cause, why, sure) = match in_device {
        _ if hangs => (
            Cause::BackendHung,
            " No thread of it waits for a device: the backend hangs.".to_owned(),
            Confidence::Likely,
        ),
        Some(t) => (slow(writes), in_kernel(t), Confidence::Certain),
        None if calls.looked => (slow(writes), String::new(), Confidence::Likely),
        None => {
            let why = " Whether the storage is slow or its backend hangs is not known from here.";
            (slow(writes), why.to_owned(), Confidence::Likely)
        }
    };
    let peer = sole.map(|peer| peer.name().to_owned());
    let subject = Subject { peer, target: (!place.is_empty()).then_some(place), transfer: None };
    let found = Finding::new(cause, Standing::Trouble, subject, not_returned + &why).sure(sure);
    let (looked, io) = (calls.looked, look.all.probes.io);
    let io = io.map(|io| format!("disk pressure over 10 s: some {:.0} %, full {:.0} %", io.some, io.full));
    let found = found
        .seen(calls.seen.into_iter().take(4))
        .seen(thread_notes(look, calls.threads))
        .seen(usual)
        .seen(io.map(|text| Note::at(look.now_ms, text)));
    // The other peer can take over what only this one meets.
    let drain = sole.filter(|_| other.and_then(PeerLook::fresh).is_some());
    let kill = sole.filter(|_| hangs).and_then(|peer| Some(offer::kill(peer.pid()?, peer.name())));
    let dmesg = in_device.map(|_| {
        let text = "see whether the kernel reports errors of the device";
        offer::shell(text, "dmesg | tail -20", Undo::ChangesNothing)
    });
    found
        .offer((!looked).then(|| offer::again(look.run())))
        .offer(dmesg)
        .offer([offer::events(look.run())])
        .offer(drain.map(|peer| offer::drain(look.run(), peer.name())))
        .offer(kill)
}

pub(super) const fn slow(writes: bool) -> Cause {
    if writes { Cause::TargetSlow } else { Cause::SourceSlow }
}

/// Where in the kernel a thread waits, if that is known.
fn in_kernel(t: &ThreadFacts) -> String {
    if t.wchan.is_empty() {
        " The kernel waits for the device.".to_owned()
    } else {
        format!(" The kernel waits for the device or its file system ({}).", t.wchan)
    }
}

/// Those that wait for a device first: they tell most.
fn thread_notes(look: &Look<'_>, mut threads: Vec<(&str, &ThreadFacts)>) -> Vec<Note> {
    threads.sort_by_key(|(_, t)| t.state != Some('D'));
    let note = |(peer, t): (&str, &ThreadFacts)| {
        let state = t.state.map(|s| format!(", state {s}")).unwrap_or_default();
        let call = if t.syscall.is_empty() { String::new() } else { format!(", in {}", t.syscall) };
        let at = if t.wchan.is_empty() { String::new() } else { format!(", waits in {}", t.wchan) };
        Note::at(look.now_ms, format!("{peer}: thread {}{state}{call}{at}", t.name))
    };
    threads.into_iter().take(3).map(note).collect()
}
