//! `import`: takes a cartridge into a slot, whether it was here before or comes from elsewhere. `eject`: takes one out.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde_json::json;
use twinhaul_backend_abi::{Code, Result};

use super::{Call, Out};
use crate::catalogue::cartridges::{self, Cartridge, State};
use crate::fail::{self, about, failed};
use crate::library::adopt::{self, Adopted};
use crate::library::{Library, inventory, signature, sync_dir, volser_of};

const OUTSIDE: &str = "exported";

pub(super) fn import(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    let volser = volser_of(barcode)?;
    let library = &call.shared.library;
    let name = format!("cartridge {barcode}");
    let _lock = library.alone(barcode)?;
    let twin =
        library.catalogue.cartridges()?.into_iter().find(|c| c.volser == volser && c.barcode != barcode);
    if let Some(twin) = twin {
        let why = format!("cartridge {} has the same volume serial number", twin.barcode);
        return Err(about(Code::Exists, &name, &why));
    }
    bring(library, barcode, call.args.text("from")?)?;
    inventory::refresh(library)?;
    let old = library.catalogue.cartridge(barcode)?;
    let old = old.ok_or_else(|| about(Code::NotFound, &name, "there is no such file in the slots"))?;
    let found = adopt::found(library, barcode)?;
    let now = signature(&found.file).map_err(|e| failed("look at a cartridge", &e))?;
    let mut learned = Adopted::default();
    let new = state_of(library, &old, &found, now, call)?;
    let state = new.state;
    let known: Vec<u64> = library.catalogue.sections_on(barcode)?.iter().map(|s| s.serial).collect();
    let mut sets = adopt::whole_sets(library, std::slice::from_ref(&found), &mut learned);
    sets.retain(|s| !known.contains(&s.closed.serial));
    let private = adopt::private(&library.catalogue)?;
    library.catalogue.promise("import", |tx| {
        cartridges::update(tx, &new).map_err(|e| fail::catalogue("import", &e))?;
        // What is numbered from now on is behind all that came in.
        adopt::counted(tx, &sets)?;
        adopt::apply(tx, &sets, &private, &mut learned)
    })?;
    out.line(&format!(
        "{name}: {}, {} new data sets, {} new objects",
        state.word(),
        learned.data_sets,
        learned.objects
    ));
    for problem in &learned.problems {
        out.line(&format!("problem: {problem}"));
    }
    out.document(&json!({
        "barcode": barcode, "state": state.word(), "data_sets": learned.data_sets, "objects": learned.objects,
        "problems": learned.problems,
    }));
    Ok(())
}

/// The file into its slot: from outside the library, from where `eject` put it, or it is there.
fn bring(library: &Library, barcode: &str, from: Option<&str>) -> Result<()> {
    let slot = library.cartridge_path(barcode);
    let wrong = |e: std::io::Error| failed(&format!("import cartridge {barcode}"), &e);
    let ejected = library.root.join(OUTSIDE).join(format!("{barcode}.aws"));
    let moved = match from {
        Some(from) => {
            let temp = library.root.join(format!("cartridges/.{barcode}.{}.new", std::process::id()));
            fs::copy(from, &temp).map_err(wrong)?;
            fs::File::open(&temp).and_then(|f| f.sync_all()).map_err(wrong)?;
            let placed = place(&temp, &slot, barcode);
            let _ = fs::remove_file(&temp);
            placed
        }
        None if ejected.exists() => place(&ejected, &slot, barcode),
        None => Ok(()),
    };
    moved?;
    sync_dir(&library.root.join("cartridges")).map_err(wrong)
}

fn place(from: &Path, slot: &Path, barcode: &str) -> Result<()> {
    renameat_with(CWD, from, CWD, slot, RenameFlags::NOREPLACE).map_err(|e| match e {
        rustix::io::Errno::EXIST => about(
            Code::Exists,
            &format!("cartridge {barcode}"),
            "its slot holds a file already, and is not overwritten",
        ),
        e => failed(&format!("import cartridge {barcode}"), &e.into()),
    })
}

fn state_of(
    library: &Library,
    old: &Cartridge,
    found: &adopt::Found,
    now: cartridges::Signature,
    call: &Call<'_>,
) -> Result<Cartridge> {
    let scan = &found.scan;
    let foreign = scan.sections.iter().any(|s| !adopt::is_ours(library, s));
    let torn = matches!(scan.tail, crate::format::scan::Tail::Torn(_));
    if old.used > scan.good_end && old.generation > 0 {
        let why = format!("readable up to byte {} of {}", scan.good_end, old.used);
        return Err(about(Code::Corrupt, &format!("cartridge {}", old.barcode), &why));
    }
    let full = old.capacity.saturating_sub(scan.good_end) < old.capacity / 16;
    let state = match scan.sections.len() {
        _ if foreign || torn => State::ReadOnly,
        0 => State::Scratch,
        _ if full || scan.sections.last().is_some_and(|s| s.end_of_volume) => State::Full,
        _ => State::Filling,
    };
    let reason = match (foreign, torn) {
        (true, _) => "it holds data sets of another library",
        (_, true) => "its end is torn",
        _ => "",
    };
    let pool = if old.pool.is_empty() { call.shared.config.pool.clone() } else { old.pool.clone() };
    Ok(Cartridge {
        state,
        reason: reason.to_owned(),
        pool,
        labels: scan.charset,
        volser: scan.volser.clone(),
        used: scan.good_end,
        sets: scan.sections.len() as u32,
        generation: old.generation.max(1),
        signature: now,
        ..old.clone()
    })
}

pub(super) fn eject(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    volser_of(barcode)?;
    let library = &call.shared.library;
    let name = format!("cartridge {barcode}");
    call.shared.deck.unmount(call.op, barcode);
    let _lock = library.alone(barcode)?;
    let cartridge = library.catalogue.cartridge(barcode)?;
    cartridge.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
    let to = library.root.join(OUTSIDE);
    let wrong = |e: std::io::Error| failed(&format!("eject cartridge {barcode}"), &e);
    fs::create_dir_all(&to).map_err(wrong)?;
    let to = to.join(format!("{barcode}.aws"));
    place(&library.cartridge_path(barcode), &to, barcode)?;
    sync_dir(&library.root.join("cartridges")).map_err(wrong)?;
    library.catalogue.change(barcode, |c| {
        c.state = State::Exported;
        "ejected by an operator".clone_into(&mut c.reason);
    })?;
    out.line(&format!("{name}: in {}", twinhaul_units::text::show(&to.display().to_string())));
    out.document(&json!({"barcode": barcode, "at": to.display().to_string()}));
    Ok(())
}
