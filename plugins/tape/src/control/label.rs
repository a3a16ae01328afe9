//! `label`: empties a cartridge and labels it anew. `protect`: no more writing to it.
//!
//! What holds anything, or is not ours, is overwritten only with `force`; what is protected is not overwritten at all.

use std::fs::OpenOptions;

use serde_json::json;
use twinhaul_backend_abi::{Code, Result};

use super::{Call, Out};
use crate::catalogue::cartridges::{self, Cartridge, State};
use crate::fail::{self, about, failed};
use crate::format::labels::Charset;
use crate::format::section::label_cartridge;
use crate::library::{Library, signature, volser_of};

pub(super) fn label(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    let volser = volser_of(barcode)?;
    let force = call.args.flag("force")?;
    let library = &call.shared.library;
    let charset = match call.args.text("labels")? {
        None => None,
        Some(word) => {
            Some(Charset::of(word).ok_or_else(|| about(Code::InvalidArg, "labels", "expected ibm or ansi"))?)
        }
    };
    let cartridge = library.catalogue.cartridge(barcode)?;
    let cartridge = cartridge.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
    let name = format!("cartridge {barcode}");
    call.shared.deck.unmount(call.op, barcode);
    let _lock = library.alone(barcode)?;
    if cartridge.protected {
        return Err(about(Code::Denied, &name, "it is write-protected"));
    }
    let twin =
        library.catalogue.cartridges()?.into_iter().find(|c| c.volser == volser && c.barcode != barcode);
    if let Some(twin) = twin {
        let why = format!("cartridge {} has the same volume serial number", twin.barcode);
        return Err(about(Code::Exists, &name, &why));
    }
    let live = library.catalogue.live_on(barcode)?;
    if !force && (cartridge.state != State::Scratch || live > 0) {
        let why =
            format!("it is {}, with {live} live objects; to lose them: --force", cartridge.state.word());
        return Err(about(Code::Exists, &name, &why));
    }
    let lost = relabel(library, &cartridge, charset.unwrap_or(cartridge.labels))?;
    out.line(&format!("{name}: labelled, generation {}, {lost} objects gone", cartridge.generation + 1));
    out.document(&json!({"barcode": barcode, "generation": cartridge.generation + 1, "lost": lost}));
    Ok(())
}

/// A new label on an unmounted, locked cartridge; how many names lost their object.
pub(super) fn relabel(library: &Library, old: &Cartridge, labels: Charset) -> Result<u64> {
    let barcode = &old.barcode;
    let wrong = |e: std::io::Error| failed(&format!("label cartridge {barcode}"), &e);
    let path = library.cartridge_path(barcode);
    let file = OpenOptions::new().read(true).write(true).open(&path).map_err(wrong)?;
    if file.metadata().map_err(wrong)?.permissions().readonly() {
        return Err(about(Code::Denied, &format!("cartridge {barcode}"), "its file is write-protected"));
    }
    // First the names: who dies in between has a cartridge with dead data, not names without any.
    let lost = library.catalogue.promise("label a cartridge", |tx| {
        crate::catalogue::live::forget_cartridge(tx, old.id)
            .map_err(|e| fail::catalogue("label a cartridge", &e))
    })?;
    let volser = volser_of(barcode)?;
    let end = label_cartridge(file.try_clone().map_err(wrong)?, labels, volser).map_err(wrong)?;
    file.sync_all().map_err(wrong)?;
    let new = Cartridge {
        volser: volser.to_owned(),
        pool: if old.pool.is_empty() { "default".to_owned() } else { old.pool.clone() },
        state: State::Scratch,
        reason: String::new(),
        labels,
        generation: old.generation + 1,
        used: end,
        sets: 0,
        signature: signature(&file).map_err(wrong)?,
        verified_s: 0,
        ..old.clone()
    };
    library.catalogue.promise("label a cartridge", |tx| {
        cartridges::update(tx, &new).map_err(|e| fail::catalogue("label a cartridge", &e))
    })?;
    Ok(lost)
}

pub(super) fn protect(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    let on = !call.args.flag("off")?;
    let changed = call.shared.library.catalogue.change(barcode, |c| c.protected = on)?;
    changed.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
    out.line(&format!("cartridge {barcode}: {}", if on { "write-protected" } else { "may be written to" }));
    out.document(&json!({"barcode": barcode, "protected": on}));
    Ok(())
}
