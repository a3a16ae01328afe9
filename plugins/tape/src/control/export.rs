//! `export`: a cartridge in another format: HET for Hercules, or SIMH's `.tap` (tape-format.md 1).
//!
//! The blocks are the same; only what stands around them differs. HET is written uncompressed, which every reader of HET takes.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};

use serde_json::json;
use twinhaul_backend_abi::{Code, Result};

use super::{Call, Out};
use crate::fail::{about, failed};
use crate::format::aws::{self, HEADER, Segment};
use crate::library::deck::Want;

pub(super) fn export(call: &Call<'_>, out: &mut Out<'_>) -> Result<()> {
    let barcode = call.args.need("barcode")?;
    let to = call.args.need("to")?;
    let format = call.args.text("format")?.unwrap_or("tap");
    if !matches!(format, "het" | "tap") {
        return Err(about(Code::InvalidArg, "format", "expected het or tap"));
    }
    let seat = call.shared.deck.mount(call.op, Want::Read(barcode))?;
    let doing = format!("export cartridge {barcode} to {}", twinhaul_units::text::show(to));
    let wrong = |e: std::io::Error| failed(&doing, &e);
    let file = OpenOptions::new().write(true).create_new(true).open(to).map_err(wrong)?;
    let (blocks, marks) = copy(call, &seat.loaded.file, &file, format == "tap").map_err(|e| {
        // Half a file would look like a tape.
        let _ = std::fs::remove_file(to);
        wrong(e)
    })?;
    file.sync_all().map_err(wrong)?;
    out.line(&format!(
        "cartridge {barcode}: {blocks} blocks and {marks} tapemarks to {}",
        twinhaul_units::text::show(to)
    ));
    out.document(&json!({"barcode": barcode, "to": to, "format": format, "blocks": blocks, "marks": marks}));
    Ok(())
}

fn copy(call: &Call<'_>, from: &File, to: &File, tap: bool) -> std::io::Result<(u64, u64)> {
    let size = from.metadata()?.len();
    let mut out = BufWriter::with_capacity(1 << 20, to);
    let (mut at, mut previous, mut blocks, mut marks) = (0, 0, 0, 0);
    loop {
        if call.op.is_cancelled() {
            return Err(std::io::Error::from_raw_os_error(125));
        }
        match aws::look(from, at, size, Some(previous))? {
            Segment::End => break,
            Segment::Mark => {
                if tap {
                    out.write_all(&[0; 4])?;
                } else {
                    out.write_all(&aws::header(0, previous))?;
                }
                (at, previous, marks) = (at + HEADER as u64, 0, marks + 1);
            }
            Segment::Block { len } => {
                let data = aws::data(from, at, len)?;
                if tap {
                    let length = u32::from(len).to_le_bytes();
                    out.write_all(&length)?;
                    out.write_all(&data)?;
                    out.write_all(&[0][..usize::from(len % 2)])?;
                    out.write_all(&length)?;
                } else {
                    out.write_all(&aws::header(len, previous))?;
                    out.write_all(&data)?;
                }
                (at, previous, blocks) = (at + HEADER as u64 + u64::from(len), len, blocks + 1);
            }
        }
    }
    out.flush()?;
    Ok((blocks, marks))
}
