//! The wall clock and the time that passed do not agree: it was set, or the machine slept. Nothing is decided by it
//! (faults.md 32), so this explains odd times on the screen and no standstill.

use crate::budget::CLOCK_MS;
use crate::look::Look;
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, words};
use twinhaul_wire::{Event, EventKind};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    by_uptime(look).or_else(|| by_order(look)).into_iter().collect()
}

/// What the clock says since a peer joined, against what the peer counted.
fn by_uptime(look: &Look<'_>) -> Option<Finding> {
    look.heard().find_map(|(peer, s)| {
        let joined = look.events.iter().rev().find(|e| {
            matches!(e.kind, EventKind::Joined { .. })
                && e.peer.as_deref() == Some(peer.name())
                && e.incarnation == s.incarnation
        })?;
        let by_clock = i128::from(s.at_ms) - i128::from(joined.at_ms);
        let off = by_clock - i128::from(s.up_ms);
        if off.unsigned_abs() < u128::from(CLOCK_MS) {
            return None;
        }
        let ms = u64::try_from(off.unsigned_abs()).unwrap_or(u64::MAX);
        let how = if off > 0 {
            format!("The clock went ahead by {}, or the machine slept so long", words::age(ms))
        } else {
            format!("The clock was set back by {}", words::age(ms))
        };
        let seen = format!(
            "{} counts {} since it joined, the clock says {}",
            peer.name(),
            words::age(s.up_ms),
            words::age(u64::try_from(by_clock.max(0)).unwrap_or(u64::MAX))
        );
        Some(finding(&how).seen([words::note(joined), Note::at(s.at_ms, seen)]))
    })
}

/// Events are numbered in their order; a later one with an earlier time was stamped after a jump back.
fn by_order(look: &Look<'_>) -> Option<Finding> {
    let mut latest: Option<&Event> = None;
    let mut jump = None;
    for event in look.events.iter().filter(|e| e.seq > 0) {
        match latest {
            Some(before) if before.at_ms > event.at_ms + CLOCK_MS => {
                jump = Some((before, event));
                latest = Some(event);
            }
            Some(before) if before.at_ms >= event.at_ms => {}
            _ => latest = Some(event),
        }
    }
    let (before, after) = jump?;
    let how = format!("The clock was set back by {} during the run", words::age(before.at_ms - after.at_ms));
    let notes = [before, after].map(|e| Note::at(e.at_ms, format!("event {} of the history", e.seq)));
    Some(finding(&how).seen(notes))
}

fn finding(how: &str) -> Finding {
    let text = format!("{how}. Times shown are off by that; the copy itself does not depend on the clock.");
    Finding::new(Cause::ClockJump, Standing::Normal, Subject::default(), text).sure(Confidence::Likely)
}
