//! A limit that holds a peer back: by whom, since when, and whether it can be meant.

use crate::budget::{LIMIT_LEFT_S, LIMIT_LOW};
use crate::look::{Look, PeerLook};
use crate::{Cause, Confidence, Finding, Note, Standing, Subject, offer, words};
use std::collections::BTreeMap;
use twinhaul_units::{Bytes, Dial, Rate};
use twinhaul_wire::{EventKind, PeerSnapshot, PeerState, WaitReason};

pub(super) fn rule(look: &Look<'_>) -> Vec<Finding> {
    look.heard().filter_map(|(peer, s)| one(look, peer, s)).collect()
}

fn one(look: &Look<'_>, peer: &PeerLook<'_>, s: &PeerSnapshot) -> Option<Finding> {
    let waited =
        || s.in_flight.iter().filter_map(|f| f.wait.as_ref()).filter(|w| w.reason == WaitReason::Throttle);
    let waits = waited().count();
    let Limit { dial, set, here: limit } = binding(s, &waited().map(|w| w.detail.as_str()))?;
    let at_limit = s.rate.now >= limit - limit / 5 && !s.in_flight.is_empty();
    if s.state == PeerState::Paused || waits == 0 && !at_limit {
        return None;
    }
    let name = peer.name();
    let left = s.queue.bytes + in_flight_left(s);
    let left_s = left / limit;
    let low = limit < LIMIT_LOW || left_s > LIMIT_LEFT_S || s.rate.average / 10 > limit;
    let rest = if left > 0 {
        format!(
            " What it has left, {}, takes {} at that.",
            Bytes(left),
            words::age(left.saturating_mul(1000) / limit)
        )
    } else {
        String::new()
    };
    let perhaps = if low { ", and perhaps lower than was meant" } else { "" };
    let text = format!(
        "{name} moves no more than {}: a {} set on purpose, {}{perhaps}.{rest}",
        Rate(limit),
        if dial.is_shared() { format!("{dial}, {},", Rate(set)) } else { dial.to_string() },
        by_whom(look, name, &dial)
    );
    let cause = if low { Cause::ThrottleTooLow } else { Cause::Throttled };
    let of_slots = format!(
        "{name}: {waits} of {} in flight wait for the limit; {} now",
        s.in_flight.len(),
        Rate(s.rate.now)
    );
    let found = Finding::new(cause, Standing::OnPurpose, Subject::peer(name), text)
        .sure(if waits > 0 { Confidence::Certain } else { Confidence::Likely })
        .seen(look.notes(3, |e| is_turn(e, name, &dial)))
        .seen([Note::at(s.at_ms, of_slots)]);
    Some(found.offer([offer::lift_limit(look.run(), name, &dial, set)]))
}

/// A limit that a peer meets.
struct Limit {
    dial: Dial,
    /// Of both peers, where they share it.
    set: u64,
    /// What of it this peer has.
    here: u64,
}

/// The one that slots wait for, by what they say; else the smallest.
fn binding<'a>(s: &PeerSnapshot, waits: &(impl Iterator<Item = &'a str> + Clone)) -> Option<Limit> {
    let own = s.limit.map(|set| Limit { dial: Dial::Limit, set, here: set });
    let shared = s.dials.iter().filter(|d| d.dial.is_shared()).filter_map(|d| {
        let set = d.value?;
        let here = u64::try_from(u128::from(set) * u128::from(d.part) / 1000).ok()?;
        Some(Limit { dial: d.dial.clone(), set, here })
    });
    // "limit 8 MiB/s of both peers" begins and ends as the dial's name.
    let waited_for = |limit: &Limit| {
        let of = limit.dial.to_string();
        let of = of.trim_start_matches("limit");
        waits
            .clone()
            .filter(|detail| if of.is_empty() { !detail.contains(" of ") } else { detail.ends_with(of) })
            .count()
    };
    let all = own.into_iter().chain(shared).filter(|limit| limit.here > 0);
    all.max_by_key(|limit| (waited_for(limit), std::cmp::Reverse(limit.here)))
}

/// Bytes that this peer has still to move of what it has in flight. Of a transfer that both write it has one row for each of
/// its slots, and its own ranges count; of others what is not done.
fn in_flight_left(s: &PeerSnapshot) -> u64 {
    let mut by_id: BTreeMap<u64, (Option<u64>, u64)> = BTreeMap::new();
    for f in &s.in_flight {
        let own = f.ranges.iter().filter(|r| r.peer == s.peer);
        let own: u64 = own.map(|r| r.to.saturating_sub(r.from + r.done)).sum();
        let (ranges, whole) = by_id.entry(f.id).or_default();
        if f.ranges.is_empty() {
            *whole = (*whole).max(f.bytes.saturating_sub(f.done));
        } else {
            *ranges = Some(ranges.unwrap_or(0) + own);
        }
    }
    by_id.into_values().map(|(ranges, whole)| ranges.unwrap_or(whole)).sum()
}

/// Whether this control turned that dial, at this peer.
fn is_turn(event: &twinhaul_wire::Event, peer: &str, dial: &Dial) -> bool {
    let EventKind::Control { command, .. } = &event.kind else { return false };
    let whose = match dial {
        Dial::TargetLimit(target) => command.contains(&format!(" --target {target} ")),
        Dial::SharedLimit => command.contains(" --shared "),
        _ => !command.contains(" --shared ") && !command.contains(" --target "),
    };
    whose && words::is_taken(event, peer, "limit")
}

/// "with the verb `twinhaul limit` 3 min ago", "in the profile", or that it is not known.
fn by_whom(look: &Look<'_>, peer: &str, dial: &Dial) -> String {
    match look.latest_control(|event| is_turn(event, peer, dial)) {
        Some((event, by)) => {
            let ago = words::age(look.now_ms.saturating_sub(event.at_ms));
            format!("{} {ago} ago", words::giver(by, "limit"))
        }
        None if look.knows_the_beginning() => "in the profile".to_owned(),
        None => "by whom is not known".to_owned(),
    }
}
