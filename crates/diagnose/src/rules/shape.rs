//! What the data looks like: huge files, tiny files. Odd to look at, and as it should be.

use crate::budget::{HUGE_BYTES, HUGE_FACTOR, TINY_BYTES, TINY_COUNT_MIN, TINY_RATE_MAX};
use crate::look::{Look, Motion, PeerLook};
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, words};
use twinhaul_units::{Bytes, Rate};
use twinhaul_wire::{PeerSnapshot, PeerState};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for (peer, s) in
        look.heard().filter(|(p, s)| s.state == PeerState::Running && p.motion() != Some(Motion::Idle))
    {
        out.extend(slots(peer, s));
        out.extend(tiny(peer, s));
    }
    out.extend(tail(look));
    out
}

fn normal(cause: Cause, name: &str, text: String) -> Finding {
    Finding::new(cause, Standing::Normal, Subject::peer(name), text).sure(Confidence::Likely)
}

/// Every slot holds a file far larger than those that wait.
fn slots(peer: &PeerLook<'_>, s: &PeerSnapshot) -> Option<Finding> {
    let queued = s.queue.bytes.checked_div(s.queue.transfers)?;
    let smallest = s.in_flight.iter().map(|f| f.bytes).min()?;
    let full = s.slots.max > 0 && s.slots.used >= s.slots.max;
    if !full || smallest < HUGE_BYTES || smallest / HUGE_FACTOR < queued {
        return None;
    }
    let name = peer.name();
    let text = format!(
        "All {} slots of {name} hold huge files ({} and more); {} of {} on average wait behind them.",
        s.slots.max,
        Bytes(smallest),
        words::transfers(s.queue.transfers),
        Bytes(queued)
    );
    let notes = s
        .in_flight
        .iter()
        .take(4)
        .map(|f| Note::at(s.at_ms, format!("{name}: {}, {}", words::flight(f), Rate(f.rate))));
    Some(normal(Cause::HugeFilesHoldSlots, name, text).seen(notes.collect::<Vec<_>>()))
}

/// Both queues are empty, and what is left is mostly one file.
fn tail(look: &Look<'_>) -> Option<Finding> {
    let growing = look.all.snapshot.as_ref().is_some_and(|run| run.totals.growing);
    let all: Vec<_> =
        look.heard().flat_map(|(peer, s)| s.in_flight.iter().map(move |f| (peer, s, f))).collect();
    if growing || look.heard().any(|(_, s)| s.queue.transfers > 0) || look.heard().count() < look.peers.len()
    {
        return None;
    }
    let left = |f: &twinhaul_wire::InFlight| f.bytes.saturating_sub(f.done);
    let whole: u64 = all.iter().map(|(_, _, f)| left(f)).sum();
    let (peer, s, f) = all.iter().max_by_key(|(_, _, f)| left(f))?;
    if f.bytes < HUGE_BYTES || left(f) * 2 < whole {
        return None;
    }
    let text = format!(
        "The end of the run is one huge file: {}, {} of {} left; everything else is done or nearly.",
        words::tail(&f.key.key),
        Bytes(left(f)),
        Bytes(f.bytes)
    );
    let note = format!("{}: {}, {}", peer.name(), words::flight(f), Rate(f.rate));
    Some(normal(Cause::HugeFileAtTheTail, peer.name(), text).seen([Note::at(s.at_ms, note)]))
}

/// So small that opening and closing them is the work: few bytes a second, many files.
fn tiny(peer: &PeerLook<'_>, s: &PeerSnapshot) -> Option<Finding> {
    let average = s.done.bytes.checked_div(s.done.transfers)?;
    let slow = s.rate.now < TINY_RATE_MAX && peer.motion() == Some(Motion::Moves);
    if s.done.transfers < TINY_COUNT_MIN || average >= TINY_BYTES || !slow || s.limit.is_some() {
        return None;
    }
    let per_s = s.done.transfers as f64 * 1000.0 / s.up_ms.max(1) as f64;
    let name = peer.name();
    let text = format!(
        "{name} copies tiny files, {} on average: about {per_s:.0} of them a second, and therefore few bytes.",
        Bytes(average)
    );
    let note = format!("{name}: {} done, {} in all", words::transfers(s.done.transfers), Bytes(s.done.bytes));
    Some(normal(Cause::TinyFiles, name, text).seen([Note::at(s.at_ms, note)]))
}
