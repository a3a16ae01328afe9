//! The slots against the catalogue: files that are gone, files that nobody knows.

use std::collections::BTreeSet;
use std::fs;

use twinhaul_backend_abi::Result;

use super::{Library, volser_of};
use crate::catalogue::cartridges::{self, Cartridge, State};
use crate::fail::{self, failed};

/// Brings the states up to date: a cartridge whose file is gone is missing until it is imported, and a file that is not in
/// the catalogue waits for `import`; if it goes before, it is forgotten. Nothing on any cartridge is changed.
pub(crate) fn refresh(library: &Library) -> Result<()> {
    let wrong = |e: std::io::Error| failed("look through the slots", &e);
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(library.root.join("cartridges")).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        if let Some(barcode) =
            name.to_str().and_then(|n| n.strip_suffix(".aws")).filter(|b| !b.starts_with('.'))
        {
            files.insert(barcode.to_owned());
        }
    }
    let known = library.catalogue.cartridges()?;
    for cartridge in &known {
        let there = files.remove(&cartridge.barcode);
        if !there && cartridge.generation == 0 {
            library.catalogue.forget_stranger(&cartridge.barcode)?;
            continue;
        }
        let state = match (cartridge.state, there) {
            (State::Missing | State::Exported, _) | (_, true) => continue,
            (_, false) => State::Missing,
        };
        library.catalogue.change(&cartridge.barcode, |c| {
            c.reason = format!("its file is gone; it was {}", c.state.word());
            c.state = state;
        })?;
    }
    for barcode in files {
        add_stranger(library, &barcode, &known)?;
    }
    Ok(())
}

/// A file that nobody imported.
fn add_stranger(library: &Library, barcode: &str, known: &[Cartridge]) -> Result<()> {
    let (volser, reason) = match volser_of(barcode) {
        Err(_) => (String::new(), "its name is no barcode".to_owned()),
        Ok(volser) => {
            let twin = known.iter().find(|c| c.volser == volser);
            let why = twin.map_or("not in the catalogue: twinhaul tape import".to_owned(), |twin| {
                format!("cartridge {} has the same volume serial number", twin.barcode)
            });
            (volser.to_owned(), why)
        }
    };
    let stranger = Cartridge {
        id: 0,
        barcode: barcode.to_owned(),
        volser,
        pool: String::new(),
        state: State::Quarantined,
        reason,
        labels: library.shape.labels,
        capacity: library.shape.capacity,
        generation: 0,
        used: 0,
        sets: 0,
        protected: false,
        mounts: 0,
        errors: 0,
        written: 0,
        signature: cartridges::Signature::default(),
        verified_s: 0,
    };
    library.catalogue.promise("note a cartridge", |tx| {
        // Another process may have noted it meanwhile.
        match cartridges::get(tx, barcode).map_err(|e| fail::catalogue("note a cartridge", &e))? {
            Some(_) => Ok(()),
            None => cartridges::insert(tx, &stranger).map_err(|e| fail::catalogue("note a cartridge", &e)),
        }
    })
}
