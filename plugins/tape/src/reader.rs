//! One object being read back: its cartridge is brought to a drive, and the next one where it goes on elsewhere.
//!
//! Bytes are found by counting, every block header passed is checked, and an object that was read whole is compared with its
//! digest: a flipped bit is an error that names the object, never data (`hetget` and `tar` both say nothing).

use std::sync::Arc;

use rustix::fs::{Advice, fadvise};
use twinhaul_backend_abi::{Attrs, Code, Error, Key, Kind, Op, ReadOptions, Reader, Result, Stat};

use crate::catalogue::names::Node;
use crate::catalogue::sets::SectionRow;
use crate::fail::{failed, mistake};
use crate::library::deck::{Seat, Want};
use crate::target::{Shared, allowed};

/// See the module.
#[derive(Debug)]
pub struct TapeReader {
    shared: Arc<Shared>,
    key: Key,
    node: Node,
    sections: Vec<SectionRow>,
    seat: Option<Seat>,
    /// Of the object.
    at: u64,
    end: u64,
    /// While it is read whole and in order.
    hash: Option<blake3::Hasher>,
    uncached: bool,
    raw: Vec<u8>,
}

impl TapeReader {
    pub(crate) fn open(
        shared: &Arc<Shared>,
        op: &Op<'_>,
        key: &Key,
        options: ReadOptions,
    ) -> Result<(Self, Stat)> {
        let path = key.as_bytes();
        allowed("open", path)?;
        let node = shared.library.catalogue.node(path)?;
        let what = match node.attrs.kind {
            Kind::File => None,
            Kind::Directory => Some("it is a directory"),
            Kind::Symlink => Some("it is a symlink, and symlinks are not followed"),
            _ => Some("it is no object"),
        };
        if let Some(what) = what {
            return Err(mistake(Code::WrongKind, "open", path, what));
        }
        let serial = node.place.map_or(0, |(serial, _)| serial);
        let sections = shared.library.catalogue.sections(serial)?;
        let end = options.len.map_or(node.size, |len| options.offset.saturating_add(len).min(node.size));
        let whole = options.offset == 0 && end == node.size;
        let stat = node.stat();
        let mut reader = Self {
            shared: Arc::clone(shared),
            key: key.clone(),
            sections,
            seat: None,
            at: options.offset,
            end,
            hash: whole.then(blake3::Hasher::new),
            uncached: options.uncached,
            raw: Vec::new(),
            node,
        };
        if reader.at < reader.end {
            // Mounted here, so that who waits for a drive is seen to wait before reading.
            reader.section(op)?;
        }
        Ok((reader, stat))
    }

    /// The section that holds the next byte; its cartridge is in a drive then.
    fn section(&mut self, op: &Op<'_>) -> Result<(usize, u64)> {
        let place = self.node.place.map_or(0, |(_, at)| at) + self.at;
        let found = self.sections.iter().position(|s| place >= s.offset && place < s.offset + s.span.bytes);
        let index = found.ok_or_else(|| {
            mistake(Code::Corrupt, "read", self.key.as_bytes(), "the catalogue has no place for its bytes")
        })?;
        let section = &self.sections[index];
        let within = place - section.offset;
        if self.seat.as_ref().is_none_or(|seat| seat.loaded.barcode != section.barcode) {
            // Given back before the next one is asked for: with one drive they are the same.
            self.seat = None;
            let seat = self.shared.deck.mount(op, Want::Read(&section.barcode))?;
            seat.loaded.head.is_at(u64::from(section.file), section.begin);
            seat.loaded.locate(op, section.span.place(within))?;
            if self.uncached {
                let _ = fadvise(&seat.loaded.file, section.begin, None, Advice::DontNeed);
            }
            self.seat = Some(seat);
        }
        Ok((index, within))
    }

    fn damaged(&self, e: &std::io::Error) -> Error {
        let cartridge = self.seat.as_ref().map_or("?", |s| s.loaded.barcode.as_str());
        let doing = format!(
            "read {} from cartridge {cartridge}",
            twinhaul_units::text::show_bytes(self.key.as_bytes())
        );
        failed(&doing, e)
    }

    /// At the end of an object that was read whole: is it what was written?
    fn check(&mut self) -> Result<()> {
        let (Some(hash), Some(wanted)) = (self.hash.take(), self.node.blake3) else { return Ok(()) };
        if *hash.finalize().as_bytes() == wanted {
            return Ok(());
        }
        let on: Vec<&str> = self.sections.iter().map(|s| s.barcode.as_str()).collect();
        let why = format!("its bytes on cartridge {} are not those that were written", on.join(", "));
        Err(mistake(Code::Corrupt, "read", self.key.as_bytes(), &why))
    }
}

impl Reader for TapeReader {
    fn read(&mut self, op: &Op<'_>, dst: &mut [u8]) -> Result<usize> {
        op.check()?;
        let want = (dst.len() as u64).min(self.end.saturating_sub(self.at)) as usize;
        if want == 0 {
            self.seat = None;
            return if dst.is_empty() { Ok(0) } else { self.check().map(|()| 0) };
        }
        let (index, within) = self.section(op)?;
        let section = &self.sections[index];
        let here = (section.span.bytes - within).min(want as u64) as usize;
        let Some(seat) = &self.seat else {
            return Err(Error::new(Code::Internal, "no cartridge is mounted"));
        };
        let n = section
            .span
            .read(&seat.loaded.file, within, &mut dst[..here], &mut self.raw)
            .map_err(|e| self.damaged(&e))?;
        if n == 0 {
            let why = "its cartridge ends before it does";
            return Err(mistake(Code::Corrupt, "read", self.key.as_bytes(), why));
        }
        seat.loaded.passed(op, n as u64, section.span.place(within) + n as u64)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&dst[..n]);
        }
        self.at += n as u64;
        if self.at == self.end {
            // The drive is free for others before the host has digested the last bytes.
            self.seat = None;
            self.check()?;
        }
        Ok(n)
    }

    fn attrs(&mut self, op: &Op<'_>) -> Result<Attrs> {
        op.check()?;
        Ok(Attrs { dev: Some(self.shared.library.device), ..self.node.attrs.clone() })
    }
}
