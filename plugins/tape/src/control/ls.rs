//! `ls`: drives, cartridges, who waits for what.

use serde_json::Value;
use twinhaul_backend_abi::Result;
use twinhaul_units::Bytes;

use super::{Call, Out};
use crate::library::inventory;
use crate::status::{simulated, status};

pub(super) fn ls(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    inventory::refresh(&call.shared.library)?;
    let mut all = status(call.shared)?;
    count(call, &mut all)?;
    out.document(&all);
    if let Some(words) = simulated(call.shared) {
        out.line(&format!("simulated: {words}"));
    }
    let list = |name: &str| all[name].as_array().cloned().unwrap_or_default();
    for drive in list("drives") {
        out.line(&drive_line(&drive));
    }
    out.line(&format!(
        "{:8}  {:11}  {:10}  {:>9}  {:>9}  {:>9}  {:>5}  {:>7}  {:>6}",
        "BARCODE", "STATE", "POOL", "CAPACITY", "USED", "DEAD", "SETS", "OBJECTS", "MOUNTS"
    ));
    for c in list("cartridges") {
        let word = |name: &str| twinhaul_units::text::show(c[name].as_str().unwrap_or("-")).into_owned();
        let count = |name: &str| c[name].as_u64().unwrap_or(0);
        let bytes = |name: &str| Bytes(c[name].as_u64().unwrap_or(0)).to_string();
        let reason = if word("reason").is_empty() { String::new() } else { format!("  {}", word("reason")) };
        out.line(&format!(
            "{:8}  {:11}  {:10}  {:>9}  {:>9}  {:>9}  {:>5}  {:>7}  {:>6}{reason}",
            word("barcode"),
            if c["protected"].as_bool() == Some(true) { "protected".to_owned() } else { word("state") },
            word("pool"),
            bytes("capacity"),
            bytes("used"),
            bytes("reclaimable"),
            count("data_sets"),
            count("objects"),
            count("mounts")
        ));
    }
    for wait in list("queue") {
        let text = |name: &str| twinhaul_units::text::show(wait[name].as_str().unwrap_or("")).into_owned();
        let next = if wait["next"].is_string() { format!("; {}", text("next")) } else { String::new() };
        let who = if text("who").is_empty() { String::new() } else { format!(" ({})", text("who")) };
        out.line(&format!("pid {}{who} waits: {}{next}", wait["pid"], text("wants")));
    }
    Ok(())
}

/// What is live on each cartridge, and what could be reclaimed.
fn count(call: &Call<'_>, all: &mut Value) -> Result<()> {
    let live = call.shared.library.catalogue.live_bytes()?;
    for c in all["cartridges"].as_array_mut().into_iter().flatten() {
        let (objects, bytes) =
            live.iter().find(|l| c["barcode"] == l.0.as_str()).map_or((0, 0), |l| (l.1, l.2));
        c["objects"] = objects.into();
        c["live"] = bytes.into();
        c["reclaimable"] = c["used"].as_u64().unwrap_or(0).saturating_sub(bytes).into();
    }
    Ok(())
}

fn drive_line(drive: &Value) -> String {
    let text = |name: &str| twinhaul_units::text::show(drive[name].as_str().unwrap_or("")).into_owned();
    let number = &drive["drive"];
    match text("state").as_str() {
        "empty" => format!("drive {number}: empty"),
        state => format!(
            "drive {number}: {state}, cartridge {}, {} / {} / {} %, pid {} {}",
            text("cartridge"),
            drive["file"].as_u64().unwrap_or(0),
            drive["block"].as_u64().unwrap_or(0),
            drive["percent"].as_f64().unwrap_or(0.0),
            drive["pid"],
            text("who")
        ),
    }
}
