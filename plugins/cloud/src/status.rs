//! What only this backend knows, for the console's panel: requests, repeats, refusals, times, and what the service turned out to do.

use serde_json::{Value, json};

use crate::target::Shared;

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
    json
}
