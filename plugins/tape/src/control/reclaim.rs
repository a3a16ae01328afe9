//! `reclaim`: copies what is live on mostly dead cartridges to others, in the order of the tape, verifies it, and empties them.

use serde_json::json;
use twinhaul_backend_abi::{Code, Error, Kind, ReadOptions, Reader, Result, WaitReason};
use twinhaul_units::Bytes;

use super::{Call, Out, label};
use crate::catalogue::cartridges::{Cartridge, State};
use crate::catalogue::live::{LiveObject, section_at};
use crate::catalogue::sets::Closed;
use crate::fail::{about, failed};
use crate::format::manifest::Line;
use crate::format::manifest::Object;
use crate::format::pax::{self, What};
use crate::library::deck::Want;
use crate::reader::TapeReader;
use crate::stream::Turn;

/// Cartridges with fewer live bytes than this (per cent of what is written) are worth it.
const BELOW: u64 = 40;
const CHUNK: usize = 1 << 20;

pub(super) fn reclaim(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let library = &call.shared.library;
    let below = call.args.number("below")?.unwrap_or(BELOW).min(100);
    if library.shape.drives < 2 {
        return Err(about(Code::Unsupported, "reclaim", "it needs two drives, one to read and one to write"));
    }
    let live = library.catalogue.live_bytes()?;
    let only = call.args.text("barcode")?;
    let all = library.catalogue.cartridges()?;
    let worth = |c: &&Cartridge| {
        let bytes = live.iter().find(|l| l.0 == c.barcode).map_or(0, |l| l.2);
        let chosen = only.is_none_or(|b| b == c.barcode);
        chosen
            && !c.protected
            && c.sets > 0
            && (c.state == State::Full || only.is_some())
            && c.state.readable()
            && bytes.saturating_mul(100) <= c.used.saturating_mul(below)
    };
    let chosen: Vec<Cartridge> = all.iter().filter(worth).cloned().collect();
    let mut done = Vec::new();
    for cartridge in &chosen {
        let (objects, bytes) = one(call, cartridge)?;
        out.line(&format!(
            "cartridge {}: {objects} objects, {} copied away; empty",
            cartridge.barcode,
            Bytes(bytes)
        ));
        done.push(json!({"barcode": cartridge.barcode, "objects": objects, "bytes": bytes}));
    }
    out.line(&format!("{} cartridges reclaimed", done.len()));
    out.document(&json!({"reclaimed": done}));
    Ok(())
}

fn one(call: &Call<'_>, cartridge: &Cartridge) -> Result<(u64, u64)> {
    let library = &call.shared.library;
    let barcode = &cartridge.barcode;
    // Nothing more is written to it.
    library.catalogue.change(barcode, |c| c.state = State::Full)?;
    call.shared.stream.leave();
    let private = library.catalogue.private_on(barcode)?;
    if private > 0 {
        let why = format!("{private} objects of a run are on it and not published yet");
        return Err(about(Code::Busy, &format!("cartridge {barcode}"), &why));
    }
    let objects = library.catalogue.objects_on(barcode)?;
    let mut turn = call.shared.stream.take(call.op)?;
    turn.close(call.op)?;
    tell_again(call, barcode)?;
    if let Err(e) = copy_all(call, &mut turn, barcode, &objects) {
        // Half of a move is none: the names still mean the old places.
        if let Some(set) = turn.set.take() {
            turn.give_up(call.op, *set, Some(&e));
        }
        return Err(e);
    }
    drop(turn);
    verify(call, &objects)?;
    call.shared.stream.leave();
    call.shared.deck.unmount(call.op, barcode);
    let _lock = library.alone(barcode)?;
    let now = library.catalogue.cartridge(barcode)?;
    let now = now.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
    label::relabel(library, &now, now.labels)?;
    Ok((objects.len() as u64, objects.iter().map(|o| o.size).sum()))
}

/// All of them into one data set, whose transaction moves their nodes.
fn copy_all(call: &Call<'_>, turn: &mut Turn, barcode: &str, objects: &[LiveObject]) -> Result<()> {
    let mut moved = Vec::new();
    for object in objects {
        call.op.check()?;
        call.op.wait(Some(WaitReason::Io), &format!("copying away from {barcode}"));
        moved.push((object.node, copy(call, turn, object)?));
    }
    call.op.wait(None, "");
    turn.close_moved(call.op, &moved)
}

/// Tombstones and nodes that only this cartridge's manifests hold go into the next manifest.
fn tell_again(call: &Call<'_>, barcode: &str) -> Result<()> {
    let catalogue = &call.shared.library.catalogue;
    for section in catalogue.sections_on(barcode)? {
        let Some(set) = catalogue.set(section.serial)? else { continue };
        if section_at(&set.sections, set.manifest_at).is_some_and(|s| s.barcode == barcode) {
            catalogue.tell_again(&manifest(call, &set)?)?;
        }
    }
    Ok(())
}

fn manifest(call: &Call<'_>, set: &Closed) -> Result<Vec<Line>> {
    let mut text = vec![0; usize::try_from(set.manifest_len).unwrap_or(0)];
    let (mut done, mut raw) = (0, Vec::new());
    while done < text.len() {
        let place = set.manifest_at + done as u64;
        let lost = || about(Code::Corrupt, &set.dsn, "its manifest cannot be read");
        let section = section_at(&set.sections, place).ok_or_else(lost)?;
        let seat = call.shared.deck.mount(call.op, Want::Read(&section.barcode))?;
        let n = section
            .span
            .read(&seat.loaded.file, place - section.offset, &mut text[done..], &mut raw)
            .map_err(|e| failed(&format!("read the manifest of {}", set.dsn), &e))?;
        if n == 0 {
            return Err(lost());
        }
        done += n;
    }
    Ok(String::from_utf8_lossy(&text).lines().filter_map(Line::of).collect())
}

/// Appends one object to the open data set; its place there.
fn copy(call: &Call<'_>, turn: &mut Turn, object: &LiveObject) -> Result<(u64, u64)> {
    let key = twinhaul_backend_abi::Key::new(object.key.clone())
        .map_err(|e| about(Code::Internal, "reclaim", &e.to_string()))?;
    let (mut reader, _) = TapeReader::open(call.shared, call.op, &key, ReadOptions::default())?;
    let attrs =
        twinhaul_backend_abi::Attrs { kind: Kind::File, size: Some(object.size), ..object.attrs.clone() };
    let set = turn.ready_one(call.op, Want::Append)?;
    let at = set.head(call.op, &object.key, &attrs, What::File(object.size))?;
    let (mut buffer, mut done) = (vec![0; CHUNK], 0);
    while done < object.size {
        let n = reader.read(call.op, &mut buffer)?;
        if n == 0 {
            return Err(Error::new(Code::Corrupt, "an object ended before its size"));
        }
        set.write(call.op, &buffer[..n])?;
        done += n as u64;
    }
    set.zeros(call.op, pax::padding(object.size) as u64)?;
    set.objects.push(Object {
        attempt: object.attempt.clone(),
        key: object.key.clone(),
        at,
        len: object.size,
        blake3: object.blake3,
        void: false,
        attrs,
        meta: object.meta.clone(),
    });
    Ok((set.serial(), at))
}

/// Reads the copies back; the reader compares digests.
fn verify(call: &Call<'_>, objects: &[LiveObject]) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    for object in objects {
        let Ok(key) = twinhaul_backend_abi::Key::new(object.key.clone()) else { continue };
        let options = ReadOptions { uncached: true, ..ReadOptions::default() };
        let (mut reader, _) = TapeReader::open(call.shared, call.op, &key, options)?;
        while reader.read(call.op, &mut buffer)? > 0 {}
    }
    Ok(())
}
