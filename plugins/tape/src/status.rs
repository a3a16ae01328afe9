//! What only this backend knows, for the console, for scripts and for `tape ls`: drives, cartridges, who waits for what.

mod panel;

use serde_json::{Map, Value, json};
use twinhaul_backend_abi::Result;

use crate::catalogue::cartridges::{Cartridge, State};
use crate::library::lock::holder;
use crate::library::ticket::{is_blocked, waiting};
use crate::target::Shared;

/// One JSON object; bytes are bytes, times that are not real are marked `simulated`. Asked often: nothing is counted here
/// that takes longer with more objects (`tape ls` adds that).
pub(crate) fn status(shared: &Shared) -> Result<Value> {
    let library = &shared.library;
    let known = library.catalogue.cartridges()?;
    let here: Vec<Value> = shared
        .deck
        .waits()
        .iter()
        .map(|w| json!({"reason": w.reason.word(), "detail": w.detail, "since_s": w.since.elapsed().as_secs()}))
        .collect();
    let queue: Vec<Value> = waiting(&shared.deck.wait_dir(), None)
        .iter()
        .map(|t| {
            json!({
                "pid": t["pid"], "who": t["who"], "wants": t["wants"], "blocked": is_blocked(t),
                "next": t["next"], "since_ms": t["since_ms"],
            })
        })
        .collect();
    let order = shared.order()?;
    let rank = |c: &Cartridge| order.rank(c.id.unsigned_abs()).to_string();
    let media: Map<String, Value> =
        known.iter().map(|c| (rank(c), Value::from(c.barcode.as_str()))).collect();
    // A cartridge that is out of the library has no slot.
    let in_slots = known.iter().filter(|c| !matches!(c.state, State::Exported | State::Missing)).count();
    let mut all = json!({
        "library": twinhaul_units::text::show(&library.root.display().to_string()),
        "uuid": library.uuid,
        "pool": shared.config.pool,
        "simulated": shared.config.speedup.is_some(),
        "speedup": shared.config.speedup,
        "slots": {"total": library.shape.slots, "used": in_slots},
        "drives": drives(shared),
        "cartridges": known.iter().map(cartridge).collect::<Vec<_>>(),
        "queue": queue,
        "waits": here,
        "settling": shared.stream.settling(),
        "media": media,
    });
    all["panel"] = panel::panel(shared, &known, &all);
    Ok(all)
}

/// The time model in words; `None`: times are real.
pub(crate) fn simulated(shared: &Shared) -> Option<String> {
    shared.config.speedup.map(|n| match n {
        1 => "LTO-8 times".to_owned(),
        n => format!("LTO-8 times, {n} x as fast"),
    })
}

/// Each drive: who holds it, with which cartridge, where on it.
fn drives(shared: &Shared) -> Vec<Value> {
    // Other processes read what the lock says; of one's own drives it is as new.
    shared.deck.tell();
    (0..shared.library.shape.drives)
        .map(|drive| {
            let Some(says) = holder(&shared.library.drive_lock(drive)) else {
                return json!({"drive": drive, "state": "empty"});
            };
            let percent = says["at"]
                .as_u64()
                .zip(says["capacity"].as_u64())
                .map(|(at, capacity)| (at as f64 * 1000.0 / capacity.max(1) as f64).round() / 10.0);
            let state = says["state"].as_str().unwrap_or("in use");
            json!({
                "drive": drive, "state": state, "cartridge": says["cartridge"], "pid": says["pid"],
                "who": says["who"], "file": says["file"], "block": says["block"], "at": says["at"],
                "percent": percent, "backhitches": says["backhitches"],
            })
        })
        .collect()
}

fn cartridge(c: &Cartridge) -> Value {
    json!({
        "barcode": c.barcode, "volser": c.volser, "pool": c.pool, "state": c.state.word(), "reason": c.reason,
        "labels": c.labels.word(), "capacity": c.capacity, "used": c.used, "data_sets": c.sets,
        "generation": c.generation, "protected": c.protected, "mounts": c.mounts, "errors": c.errors,
        "written": c.written, "verified_s": (c.verified_s > 0).then_some(c.verified_s),
    })
}
