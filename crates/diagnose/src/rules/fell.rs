//! A rate that fell to a tenth while most of what is in flight waits for the same side: slow, before a single call is late.

use super::slow::{called, calls, excused, slow, times};
use crate::budget::{FELL_USUAL_MIN, FELL_WAIT_MIN_MS};
use crate::look::{Look, Motion, PeerLook};
use crate::{Confidence, Finding, Note, Standing, Subject, offer};
use twinhaul_units::Rate;
use twinhaul_wire::PeerSnapshot;

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    look.heard().filter_map(|(peer, s)| one(look, peer, s)).collect()
}

fn one(look: &Look<'_>, peer: &PeerLook<'_>, s: &PeerSnapshot) -> Option<Finding> {
    let usual = s.rate.one_min;
    if usual < FELL_USUAL_MIN || s.rate.now >= usual / 10 || peer.motion() == Some(Motion::Idle) {
        return None;
    }
    let count = |writes: bool| {
        calls(s).filter(|((w, _), wait, _)| *w == writes && wait.age_ms >= FELL_WAIT_MIN_MS).count()
    };
    let (to, from) = (count(true), count(false));
    let (writes, n) = if to >= from { (true, to) } else { (false, from) };
    let place = calls(s).map(|(place, ..)| place).find(|(w, place)| *w == writes && !place.is_empty())?.1;
    let late = calls(s).any(|(_, wait, _)| wait.is_stall());
    // Tape comes in bursts; a call that is late is told by its own rule.
    if n == 0 || n * 2 < s.in_flight.len() || late || excused(look, &place) || is_tape(s, &place) {
        return None;
    }
    let name = peer.name();
    let text = format!(
        "{name} moves {} where it moved {} in the last minute, and waits for {} {place}.",
        Rate(s.rate.now),
        Rate(usual),
        if writes { "target" } else { "source" }
    );
    let subject = Subject { peer: Some(name.to_owned()), target: Some(place), transfer: None };
    let notes = calls(s).take(4).map(|(_, w, f)| {
        let text = format!("{name} waits since then for {}: {}", w.reason.words(), called(f));
        Note::at(look.now_ms.saturating_sub(w.age_ms), text)
    });
    let times: Vec<Note> =
        subject.target.as_deref().map(|place| times(look, place).collect()).unwrap_or_default();
    let found = Finding::new(slow(writes), Standing::Trouble, subject, text).sure(Confidence::Possible);
    Some(found.seen(notes.collect::<Vec<_>>()).seen(times).offer([offer::events(look.run())]))
}

fn is_tape(s: &PeerSnapshot, place: &str) -> bool {
    s.targets.iter().any(|t| t.name == place && t.backend == "tape")
        || s.backends.iter().any(|b| b.name == place && b.backend == "tape")
}
