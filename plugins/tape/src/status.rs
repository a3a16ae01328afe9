//! What only this backend knows, for the console's panel and `tape ls`: drives, cartridges, who waits for what.

use serde_json::{Value, json};
use twinhaul_backend_abi::Result;

use crate::catalogue::cartridges::Cartridge;
use crate::library::lock::holder;
use crate::library::ticket::{is_blocked, waiting};
use crate::target::Shared;

/// One JSON object; bytes are bytes, times that are not real are marked `simulated`.
pub(crate) fn status(shared: &Shared) -> Result<Value> {
    let library = &shared.library;
    let live = library.catalogue.live_bytes()?;
    let cartridges: Vec<Value> =
        library.catalogue.cartridges()?.iter().map(|c| cartridge(c, &live)).collect();
    let here: Vec<Value> = shared
        .deck
        .waits()
        .iter()
        .map(|(reason, detail, s)| json!({"reason": reason.word(), "detail": detail, "since_s": s}))
        .collect();
    let queue: Vec<Value> = waiting(&shared.deck.wait_dir(), None)
        .iter()
        .map(|t| json!({"pid": t["pid"], "who": t["who"], "wants": t["wants"], "blocked": is_blocked(t)}))
        .collect();
    Ok(json!({
        "library": twinhaul_units::text::show(&library.root.display().to_string()),
        "uuid": library.uuid,
        "pool": shared.config.pool,
        "simulated": shared.config.speedup.is_some(),
        "speedup": shared.config.speedup,
        "slots": {"total": library.shape.slots, "used": cartridges.len()},
        "drives": drives(shared),
        "cartridges": cartridges,
        "queue": queue,
        "waits": here,
        "settling": shared.stream.settling(),
    }))
}

/// Each drive: who holds it, with which cartridge, where on it.
pub(crate) fn drives(shared: &Shared) -> Vec<Value> {
    (0..shared.library.shape.drives)
        .map(|drive| {
            let Some(says) = holder(&shared.library.drive_lock(drive)) else {
                return json!({"drive": drive, "state": "empty"});
            };
            let percent = says["at"]
                .as_u64()
                .zip(says["capacity"].as_u64())
                .map(|(at, capacity)| (at as f64 * 1000.0 / capacity.max(1) as f64).round() / 10.0);
            json!({
                "drive": drive, "state": says["state"], "cartridge": says["cartridge"], "pid": says["pid"],
                "who": says["who"], "file": says["file"], "at": says["at"], "percent": percent,
                "backhitches": says["backhitches"],
            })
        })
        .collect()
}

/// A cartridge with what can be reclaimed on it.
pub(crate) fn cartridge(c: &Cartridge, live: &[(String, u64, u64)]) -> Value {
    let (objects, bytes) = live.iter().find(|l| l.0 == c.barcode).map_or((0, 0), |l| (l.1, l.2));
    json!({
        "barcode": c.barcode, "volser": c.volser, "pool": c.pool, "state": c.state.word(), "reason": c.reason,
        "labels": c.labels.word(), "capacity": c.capacity, "used": c.used, "objects": objects, "live": bytes,
        "reclaimable": c.used.saturating_sub(bytes), "data_sets": c.sets, "generation": c.generation,
        "protected": c.protected, "mounts": c.mounts, "errors": c.errors, "written": c.written,
        "verified_s": (c.verified_s > 0).then_some(c.verified_s),
    })
}
