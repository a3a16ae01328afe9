//! What a disk shows of itself: its type, its room, and how long making things durable takes. Rows only of what somebody should
//! look at: a disk that is well takes no room on a screen.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twinhaul_backend_abi::Probe;
use twinhaul_units::{Bytes, Span};

use crate::durable::pulse::Taken;
use crate::volume::Volume;

/// Less room than this, or than a hundredth of all, has a row.
const ROOM_LOW: Bytes = Bytes::mib(1024);
/// Fewer further objects than this have one.
const OBJECTS_LOW: u64 = 10_000;
/// A sync that takes longer has one while it goes on.
const SYNC_LONG: Duration = Duration::from_secs(2);

/// One JSON object.
pub(crate) fn status(volume: &Volume, probe: &Probe) -> Value {
    let taken = volume.pulse.taken();
    json!({
        "location": twinhaul_units::text::show_bytes(&probe.location),
        "medium": probe.medium,
        "total_bytes": probe.total_bytes,
        "free_bytes": probe.free_bytes,
        "free_objects": probe.free_objects,
        "read_only": probe.read_only,
        "attempts_open": volume.flights.len(),
        "directories_to_sync": volume.touched.len(),
        "directories_thawed": volume.thaw.len(),
        "syncs": {"calls": taken.calls, "last_us": micros(taken.last), "longest_us": micros(taken.longest)},
        "panel": panel(probe, taken, Instant::now()),
    })
}

fn panel(probe: &Probe, taken: Taken, now: Instant) -> Value {
    let (free, all) = (probe.free_bytes.unwrap_or_default(), probe.total_bytes.unwrap_or_default());
    let syncs = if taken.calls > 0 {
        let (last, longest) = (Span(taken.last), Span(taken.longest));
        format!("; {} syncs, the last {last}, the longest {longest}", taken.calls)
    } else {
        String::new()
    };
    let headline = format!("{}, {} of {} free{syncs}", probe.medium, Bytes(free), Bytes(all));
    let mut rows = Vec::new();
    let mut row = |name: &str, value: String, state: &str| {
        rows.push(json!({"group": "room", "name": name, "value": value, "state": state}));
    };
    let state_of = |left: u64| if left == 0 { "bad" } else { "warn" };
    if free < ROOM_LOW.0 || free < all / 100 {
        row("room", format!("{} left of {}", Bytes(free), Bytes(all)), state_of(free));
    }
    if let Some(free) = probe.free_objects.filter(|free| *free < OBJECTS_LOW) {
        row("inodes", format!("{free} left"), state_of(free));
    }
    if let Some(age) =
        taken.since.map(|since| now.saturating_duration_since(since)).filter(|age| *age >= SYNC_LONG)
    {
        row("sync", format!("for {} now", Span(age)), "waiting");
    }
    // Whoever has synced shows its own syncs; room alone is the same from both peers.
    json!({"shared": taken.calls == 0, "headline": headline, "rows": rows})
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(panel: &Value) -> Vec<&str> {
        panel["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
    }

    fn disk(free: u64, all: u64, free_objects: Option<u64>) -> Probe {
        Probe {
            medium: "ext4".into(),
            free_bytes: Some(free),
            total_bytes: Some(all),
            free_objects,
            ..Probe::default()
        }
    }

    #[test]
    fn a_disk_that_is_well_is_one_line() {
        let taken = Taken { calls: 214, last: Duration::from_millis(120), ..Taken::default() };
        let panel = panel(&disk(30 << 30, 252 << 30, Some(5_000_000)), taken, Instant::now());
        assert_eq!(names(&panel), Vec::<&str>::new());
        let headline = panel["headline"].as_str().unwrap();
        assert!(
            headline.starts_with("ext4, 30 GiB of 252 GiB free; 214 syncs, the last 120 ms"),
            "{headline}"
        );
    }

    #[test]
    fn what_somebody_should_look_at_has_a_row() {
        let since = Instant::now();
        let taken = Taken { since: Some(since), ..Taken::default() };
        let full = panel(&disk(0, 252 << 30, Some(12)), taken, since + Duration::from_secs(9));
        assert_eq!(names(&full), ["room", "inodes", "sync"]);
        let rows = &full["rows"];
        assert_eq!((&rows[0]["state"], &rows[1]["state"]), (&json!("bad"), &json!("warn")));
        assert!(rows[2]["value"].as_str().unwrap().starts_with("for 9"), "{rows}");
        assert_eq!(names(&panel(&disk(1 << 29, 1 << 40, None), Taken::default(), since)), ["room"]);
    }
}
