//! `verify`: reads every data set and compares it with the checksum in its trailer; damage is named by object.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use twinhaul_backend_abi::{Code, Error, ReadOptions, Reader, Result, WaitReason};
use twinhaul_units::Bytes;
use twinhaul_units::text::show_bytes;

use super::{Call, Out};
use crate::catalogue::cartridges::State;
use crate::catalogue::sets::Closed;
use crate::fail::{about, failed};
use crate::format::date;
use crate::library::deck::Want;
use crate::reader::TapeReader;

const CHUNK: usize = 1 << 20;

/// What is wrong with a data set.
struct Damage {
    set: String,
    cartridges: Vec<String>,
    why: String,
    objects: Vec<Vec<u8>>,
}

pub(super) fn verify(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let catalogue = &call.shared.library.catalogue;
    let asked = call.args.list("barcodes")?;
    let all = catalogue.cartridges()?;
    for barcode in &asked {
        if !all.iter().any(|c| c.barcode == *barcode) {
            return Err(about(Code::NotFound, barcode, "there is no such cartridge"));
        }
    }
    let chosen = all
        .iter()
        .filter(|c| c.state.readable() && (asked.is_empty() || asked.contains(&c.barcode.as_str())));
    let (mut seen, mut damages, mut good, mut bytes) = (BTreeSet::new(), Vec::new(), 0u64, 0u64);
    for cartridge in chosen {
        let mut clean = true;
        for section in catalogue.sections_on(&cartridge.barcode)? {
            if !seen.insert(section.serial) {
                continue;
            }
            let Some(set) = catalogue.set(section.serial)? else { continue };
            match check(call, &set)? {
                None => (good, bytes) = (good + 1, bytes + set.bytes),
                Some(damage) => {
                    clean = false;
                    tell(out, &damage);
                    damages.push(damage);
                }
            }
        }
        catalogue.change(&cartridge.barcode, |c| {
            c.verified_s = date::now_s();
            if !clean {
                c.state = State::Suspect;
                "a checksum did not match when it was verified".clone_into(&mut c.reason);
                c.errors += 1;
            }
        })?;
    }
    out.line(&format!("{good} data sets, {}, verified; {} damaged", Bytes(bytes), damages.len()));
    out.document(&json!({
        "verified": good, "bytes": bytes, "damaged": damages.iter().map(document).collect::<Vec<_>>(),
    }));
    if damages.is_empty() {
        return Ok(());
    }
    let objects: usize = damages.iter().map(|d| d.objects.len()).sum();
    Err(Error::new(
        Code::Corrupt,
        format!("{} data sets are damaged, {objects} objects in them", damages.len()),
    ))
}

fn tell(out: &mut Out<'_>, damage: &Damage) {
    out.line(&format!("data set {} on {}: {}", damage.set, damage.cartridges.join(", "), damage.why));
    for key in &damage.objects {
        out.line(&format!("  damaged: {}", show_bytes(key)));
    }
}

fn document(damage: &Damage) -> Value {
    json!({
        "dsn": damage.set, "cartridges": damage.cartridges, "why": damage.why,
        "objects": damage.objects.iter().map(|k| show_bytes(k)).collect::<Vec<_>>(),
    })
}

/// Reads a data set over all its cartridges.
fn check(call: &Call<'_>, set: &Closed) -> Result<Option<Damage>> {
    match hash(call, set) {
        Ok(found) if found == set.sha256 => Ok(None),
        Ok(_) => damage(call, set, "its checksum is not that of its trailer".to_owned()).map(Some),
        Err(e) if e.code == Code::Corrupt => damage(call, set, e.message).map(Some),
        Err(e) => Err(e),
    }
}

fn hash(call: &Call<'_>, set: &Closed) -> Result<[u8; 32]> {
    let (mut hash, mut buffer, mut raw) = (Sha256::new(), vec![0; CHUNK], Vec::new());
    for section in &set.sections {
        let seat = call.shared.deck.mount(call.op, Want::Read(&section.barcode))?;
        call.op.wait(Some(WaitReason::Io), &format!("verifying {} on {}", set.dsn, section.barcode));
        let wrong = |e: std::io::Error| failed(&format!("read cartridge {}", section.barcode), &e);
        let mut at = 0;
        loop {
            call.op.check()?;
            let n = section.span.read(&seat.loaded.file, at, &mut buffer, &mut raw).map_err(wrong)?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
            at += n as u64;
            seat.loaded.passed(call.op, n as u64, section.span.place(at.saturating_sub(1)))?;
        }
        call.op.wait(None, "");
    }
    Ok(hash.finalize().into())
}

/// Which of its objects can no longer be read as they were written.
fn damage(call: &Call<'_>, set: &Closed, why: String) -> Result<Damage> {
    let mut objects = Vec::new();
    for key in call.shared.library.catalogue.keys_of_set(set.serial)? {
        let Ok(name) = twinhaul_backend_abi::Key::new(key.clone()) else { continue };
        match read_whole(call, &name) {
            Ok(()) => {}
            Err(e) if e.code == Code::Corrupt => objects.push(key),
            Err(e) => return Err(e),
        }
    }
    let cartridges = set.sections.iter().map(|s| s.barcode.clone()).collect();
    Ok(Damage { set: set.dsn.clone(), cartridges, why, objects })
}

/// The reader compares with the digest at the end.
fn read_whole(call: &Call<'_>, key: &twinhaul_backend_abi::Key) -> Result<()> {
    let (mut reader, _) = TapeReader::open(call.shared, call.op, key, ReadOptions::default())?;
    let mut buffer = vec![0; CHUNK];
    while reader.read(call.op, &mut buffer)? > 0 {}
    Ok(())
}
