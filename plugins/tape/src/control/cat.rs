//! `cat`: the archive of a data set on one cartridge, or one object, to standard output.

use sha2::{Digest, Sha256};
use twinhaul_backend_abi::{Code, Key, ReadOptions, Reader, Result};

use super::{Call, Out};
use crate::fail::{about, failed};
use crate::library::deck::Want;
use crate::library::load::look;
use crate::reader::TapeReader;

const CHUNK: usize = 1 << 20;

pub(super) fn cat(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    if let Some(key) = call.args.text("key")? {
        return object(call, key, out);
    }
    let barcode = call.args.need("barcode")?;
    let file = call.args.number("file")?.unwrap_or(1);
    let seat = call.shared.deck.mount(call.op, Want::Read(barcode))?;
    let scan = look(&seat.loaded.file, barcode)?;
    let section = usize::try_from(file).ok().and_then(|n| scan.sections.get(n.checked_sub(1)?));
    let section = section.ok_or_else(|| {
        let why = format!("it has {} data sets, and no number {file}", scan.sections.len());
        about(Code::NotFound, &format!("cartridge {barcode}"), &why)
    })?;
    let wrong = |e: std::io::Error| failed(&format!("read cartridge {barcode}"), &e);
    let (mut at, mut buffer, mut raw, mut hash) = (0, vec![0; CHUNK], Vec::new(), Sha256::new());
    loop {
        call.op.check()?;
        let n = section.span.read(&seat.loaded.file, at, &mut buffer, &mut raw).map_err(wrong)?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        at += n as u64;
        if out.bytes(&buffer[..n]).is_break() {
            return Ok(());
        }
    }
    let got: [u8; 32] = hash.finalize().into();
    // Of a later section the checksum counts from the first one on.
    match section.sha256().filter(|_| section.label.section <= 1) {
        Some(wanted) if wanted != got => {
            let why = format!("the checksum of data set {file} is not that of its trailer");
            Err(about(Code::Corrupt, &format!("cartridge {barcode}"), &why))
        }
        _ => Ok(()),
    }
}

fn object(call: &Call<'_>, key: &str, out: &mut Out<'_>) -> Result<()> {
    let key = Key::new(key).map_err(|e| about(Code::InvalidArg, key, &format!("it {e}")))?;
    let (mut reader, _) = TapeReader::open(call.shared, call.op, &key, ReadOptions::default())?;
    let mut buffer = vec![0; CHUNK];
    loop {
        let n = reader.read(call.op, &mut buffer)?;
        if n == 0 || out.bytes(&buffer[..n]).is_break() {
            return Ok(());
        }
    }
}
