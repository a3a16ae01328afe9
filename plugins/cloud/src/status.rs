//! What only this backend knows, for the console's panel: requests, repeats, refusals, times, and what the service turned out to do.

use std::time::Duration;

use serde_json::{Value, json};
use twinhaul_units::Bytes;

use crate::class::Class;
use crate::meter::Note;
use crate::target::Shared;

/// So long something that happened is shown as going on.
const LATELY: Duration = Duration::from_secs(30);

/// One JSON object; no secrets.
pub(crate) fn status(shared: &Shared) -> Value {
    let config = &shared.config;
    let mut json = json!({
        "service": config.service.name,
        "tested_here": config.service.tested,
        "location": twinhaul_units::text::show(&config.location),
        "conditional_create": shared.truth.conditional,
        "user_metadata": shared.truth.metadata,
        "part_bytes": config.part,
        "parts_in_flight_max": config.in_flight,
        "memory_bytes": {"used": shared.budget.used(), "max": config.memory},
    });
    if let (Some(all), Value::Object(wire)) = (json.as_object_mut(), shared.store.meter.json()) {
        all.extend(wire);
    }
    json["noted"] = noted(shared, &json);
    json["panel"] = panel(shared, &json);
    json
}

/// What went otherwise than it should, and how often; for the history.
fn noted(shared: &Shared, all: &Value) -> Value {
    let count = |field: &str| all[field].as_u64().unwrap_or_default();
    let deaf = !shared.config.read_only
        && shared.store.capability.write_with_if_not_exists
        && !shared.truth.conditional;
    json!({
        "sent again": count("repeated"),
        "put off by the server": count("rate_limited"),
        "reads resumed": count("reads_resumed"),
        "replies lost and objects found": count("replies_lost_and_found"),
        "conditions ignored by the server": u64::from(deaf),
    })
}

/// What the console shows: one line for the whole, rows, and what an operator should know.
fn panel(shared: &Shared, all: &Value) -> Value {
    let meter = &shared.store.meter;
    let n = |field: &str| all[field].as_u64().unwrap_or_default();
    let limited = meter.limited();
    let requests: u64 = Class::ALL.iter().map(|c| meter.of_class(*c).0).sum();
    let headline = match limited {
        Some((left, _)) => format!("rate limited by the server, {} s", left.as_secs() + 1),
        None => format!("{requests} requests, {} in flight, {} repeated", n("in_flight"), n("repeated")),
    };
    let row = |group: &str, name: &str, value: String, state: &str| json!({"group": group, "name": name, "value": value, "state": state});
    let ms = |us: Option<u32>| us.map_or("-".to_owned(), |us| format!("{:.1} ms", f64::from(us) / 1000.0));
    let (p50, p99) = meter.percentiles();
    let noted = |count: u64| if count > 0 { "warn" } else { "idle" };
    let mut rows = vec![
        row("endpoint", "place", twinhaul_units::text::show(&shared.config.location).into_owned(), "idle"),
        row("endpoint", "limits", limits(shared), "idle"),
        row("endpoint", "latency", format!("p50 {}, p99 {}", ms(p50), ms(p99)), "idle"),
        row(
            "endpoint",
            "parts in flight",
            n("parts_in_flight").to_string(),
            if n("parts_in_flight") > 0 { "busy" } else { "idle" },
        ),
        row("endpoint", "slow down asked", n("rate_limited").to_string(), noted(n("rate_limited"))),
        row("endpoint", "repeated", n("repeated").to_string(), noted(n("repeated"))),
        row("endpoint", "reads resumed", n("reads_resumed").to_string(), noted(n("reads_resumed"))),
        row(
            "endpoint",
            "replies lost",
            n("replies_lost_and_found").to_string(),
            noted(n("replies_lost_and_found")),
        ),
    ];
    for class in Class::ALL {
        let (sent, failed) = meter.of_class(class);
        if sent > 0 {
            rows.push(row("requests", class.word(), format!("{sent} sent, {failed} failed"), noted(failed)));
        }
    }
    let problems = problems(shared, &n);
    json!({"headline": headline, "shared": false, "rows": rows, "problems": problems})
}

/// What bounds it: the size of a part, those of one object at once, and the memory of all.
fn limits(shared: &Shared) -> String {
    let config = &shared.config;
    let (part, memory) = (Bytes(config.part), Bytes(config.memory));
    format!(
        "parts of {part}, {} at once; memory {} of {memory}",
        config.in_flight,
        Bytes(shared.budget.used())
    )
}

/// What goes on now, or did a moment ago: the host records when each begins and ends.
fn problems(shared: &Shared, count: &dyn Fn(&str) -> u64) -> Vec<Value> {
    let meter = &shared.store.meter;
    let mut found = Vec::new();
    if let Some((left, since)) = meter.limited() {
        let detail = format!("nothing is sent for {} s, so for {} s", left.as_secs() + 1, since.as_secs());
        found.push(problem("rate_limit", "the server asks to slow down", &detail));
    }
    for (note, kind, field, what) in [
        (Note::Repeated, "repeated", "repeated", "requests failed and were sent again"),
        (Note::ResumedRead, "reads_resumed", "reads_resumed", "reads broke and were taken up again"),
        (
            Note::FoundThere,
            "replies_lost",
            "replies_lost_and_found",
            "replies were lost; the objects were there",
        ),
    ] {
        if meter.lately(note, LATELY) {
            found.push(problem(kind, what, &format!("{} since the start", count(field))));
        }
    }
    found
}

/// Only waiting helps.
fn problem(kind: &str, words: &str, detail: &str) -> Value {
    json!({"kind": kind, "words": words, "detail": detail, "next_command": ""})
}
