//! `rebuild`: the catalogue again, from the cartridges alone. The tape is right, and what differs is told.

use serde_json::json;
use twinhaul_backend_abi::{Code, Result};

use super::{Call, Out};
use crate::catalogue::cartridges::{self, Cartridge, State};
use crate::fail::{self, about, failed};
use crate::format::scan::Tail;
use crate::library::adopt::{self, Adopted, Found};
use crate::library::{inventory, lock, signature};

pub(super) fn rebuild(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let library = &call.shared.library;
    // Nobody may write meanwhile: all drives are ours, and so is our own stream.
    let _turn = {
        let mut turn = call.shared.stream.take(call.op)?;
        turn.close(call.op)?;
        turn
    };
    call.shared.stream.leave();
    call.shared.deck.clear();
    let mut drives = Vec::new();
    for drive in 0..library.shape.drives {
        let path = library.drive_lock(drive);
        let held = lock::try_hold(&path).map_err(|e| failed("lock a drive", &e))?;
        drives.push(held.ok_or_else(|| {
            let by = lock::holder(&path).map_or("another process".to_owned(), |h| lock::who(&h));
            about(Code::Busy, &format!("drive {drive}"), &format!("it is in use by {by}; end that first"))
        })?);
    }
    inventory::refresh(library)?;
    let mut learned = Adopted::default();
    let known = library.catalogue.cartridges()?;
    let mut found = Vec::new();
    let mut states = Vec::new();
    for cartridge in &known {
        call.op.check()?;
        if matches!(cartridge.state, State::Exported | State::Missing) {
            continue;
        }
        match adopt::found(library, &cartridge.barcode) {
            Ok(one) => {
                states.push(settled(library, cartridge, &one, &mut learned)?);
                found.push(one);
            }
            Err(e) => {
                learned.problems.push(e.message.clone());
                let state = if e.message.contains("no volume label") {
                    State::Unlabelled
                } else {
                    State::Quarantined
                };
                states.push(Cartridge { state, reason: e.message, ..cartridge.clone() });
            }
        }
    }
    let sets = adopt::whole_sets(library, &found, &mut learned);
    let private = adopt::private(&library.catalogue)?;
    let wrong = |e: rusqlite::Error| fail::catalogue("rebuild", &e);
    let last = found
        .iter()
        .flat_map(|f| &f.scan.sections)
        .filter_map(crate::library::load::serial_of)
        .max()
        .unwrap_or(0);
    library.catalogue.promise("rebuild", |tx| {
        tx.execute_batch(
            "UPDATE attempt SET node = NULL; DELETE FROM name WHERE key <> x''; DELETE FROM node WHERE id <> 1; \
             DELETE FROM data_set; DELETE FROM section; DELETE FROM intent; DELETE FROM line;",
        )
        .map_err(wrong)?;
        states.iter().try_for_each(|c| cartridges::update(tx, c)).map_err(wrong)?;
        tx.execute("UPDATE meta SET value = max(value + 0, ?) WHERE key = 'serial'", [last]).map_err(wrong)?;
        adopt::counted(tx, &sets)?;
        adopt::apply(tx, &sets, &private, &mut learned)
    })?;
    for problem in &learned.problems {
        out.line(&format!("problem: {problem}"));
    }
    let names = library.catalogue.count_names()?;
    out.line(&format!(
        "{} cartridges read: {} data sets, {} objects, {names} names; {} problems",
        found.len(),
        learned.data_sets,
        learned.objects,
        learned.problems.len()
    ));
    out.document(&json!({
        "cartridges": found.len(), "data_sets": learned.data_sets, "objects": learned.objects, "names": names,
        "problems": learned.problems,
    }));
    drop(drives);
    Ok(())
}

/// What the catalogue says of a cartridge after it was read.
fn settled(
    library: &crate::library::Library,
    old: &Cartridge,
    found: &Found,
    learned: &mut Adopted,
) -> Result<Cartridge> {
    let scan = &found.scan;
    let foreign = scan.sections.iter().any(|s| !adopt::is_ours(library, s));
    let mut new = Cartridge {
        labels: scan.charset,
        used: scan.good_end,
        sets: scan.sections.len() as u32,
        reason: String::new(),
        pool: if old.pool.is_empty() { "default".to_owned() } else { old.pool.clone() },
        volser: scan.volser.clone(),
        generation: generation(found).max(old.generation).max(1),
        signature: signature(&found.file).map_err(|e| failed("look at a cartridge", &e))?,
        ..old.clone()
    };
    let full = new.capacity.saturating_sub(new.used) < new.capacity / 16;
    new.state = match (&scan.tail, scan.sections.len()) {
        _ if foreign => {
            "it holds data sets of another library".clone_into(&mut new.reason);
            State::ReadOnly
        }
        (Tail::Torn(why), _) => {
            let behind = crate::format::scan::trailer_behind(&found.file, scan.good_end, scan.size);
            let behind = behind.map_err(|e| failed("look at a cartridge", &e))?;
            if behind {
                // Damage in the middle: what lies behind it is not written over.
                let reason = format!("damaged behind byte {}, with data sets after it: {why}", scan.good_end);
                learned.problems.push(format!("cartridge {}: {reason}", old.barcode));
                new.reason = reason;
                State::Suspect
            } else {
                learned
                    .problems
                    .push(format!("cartridge {}: torn end, cut at the next mount: {why}", old.barcode));
                // Another signature than the file's: the next mount looks, and cuts.
                new.signature.size = 0;
                State::Filling
            }
        }
        (Tail::Clean, 0) => State::Scratch,
        (Tail::Clean, _) if full || scan.sections.last().is_some_and(|s| s.end_of_volume) => State::Full,
        (Tail::Clean, _) => State::Filling,
    };
    Ok(new)
}

fn generation(found: &Found) -> u32 {
    let of = |s: &crate::format::scan::Section| s.header_field("GEN").and_then(|g| g.parse().ok());
    found.scan.sections.iter().filter_map(of).max().unwrap_or(1)
}
