//! The open data set: members go in one after the other, over as many cartridges as it takes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sha2::{Digest, Sha256};
use twinhaul_backend_abi::{Attrs, Code, Error, Op, Result};

use crate::catalogue::cartridges::{Cartridge, State};
use crate::catalogue::sets::SectionRow;
use crate::fail::{about, failed};
use crate::format::date;
use crate::format::labels::{Group, SetLabel};
use crate::format::manifest::{Object, hex};
use crate::format::pax::{self, What};
use crate::format::section::{Finished, SectionWriter};
use crate::library::deck::{Deck, Seat, Want};
use crate::library::load::Doing;
use crate::library::signature;

const ZEROS: [u8; 8192] = [0; 8192];
/// Largest payload of one step of the time model and of a look at cancellation.
const STEP: usize = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct OpenSet {
    deck: Arc<Deck>,
    pub(super) serial: u64,
    pub(super) dsn: String,
    /// `None` while the next cartridge is waited for, and after an error.
    part: Option<Part>,
    /// On the cartridge of the first section.
    sequence: u32,
    first_volser: String,
    pub(super) done: Vec<SectionRow>,
    hash: Sha256,
    total: u64,
    pub(crate) objects: Vec<Object>,
    pub(super) opened: Instant,
    /// Why nothing of it will ever be durable.
    broken: Option<Error>,
    /// Last seen here, for messages.
    barcode: String,
}

/// The section being written.
#[derive(Debug)]
struct Part {
    seat: Seat,
    cartridge: Cartridge,
    writer: SectionWriter,
    /// Payload of the data set before it.
    offset: u64,
    number: u32,
}

/// `TWINHAUL.F0000001`, in base 36 from ten million on.
pub(crate) fn dsn(serial: u64) -> String {
    if serial < 10_000_000 {
        return format!("TWINHAUL.F{serial:07}");
    }
    let (mut n, mut digits) = (serial, Vec::new());
    while n > 0 {
        digits.push(char::from_digit((n % 36) as u32, 36).unwrap_or('0').to_ascii_uppercase());
        n /= 36;
    }
    let text: String = digits.iter().rev().collect();
    format!("TWINHAUL.G{text:0>7}")
}

impl OpenSet {
    /// Begins behind the last data set of the cartridge in the seat.
    pub(crate) fn begin(deck: &Arc<Deck>, op: &Op<'_>, seat: Seat) -> Result<Self> {
        let serial = deck.library.catalogue.begin_set()?;
        let mut set = Self {
            deck: Arc::clone(deck),
            serial,
            dsn: dsn(serial),
            part: None,
            sequence: 0,
            first_volser: String::new(),
            done: Vec::new(),
            hash: Sha256::new(),
            total: 0,
            objects: Vec::new(),
            opened: Instant::now(),
            broken: None,
            barcode: seat.loaded.barcode.clone(),
        };
        set.begin_part(op, seat)?;
        Ok(set)
    }

    fn begin_part(&mut self, op: &Op<'_>, seat: Seat) -> Result<()> {
        let barcode = seat.loaded.barcode.clone();
        let library = &self.deck.library;
        let cartridge = library.catalogue.cartridge(&barcode)?;
        let cartridge =
            cartridge.ok_or_else(|| about(Code::NotFound, &barcode, "it is no longer in the catalogue"))?;
        let number = self.done.len() as u32 + 1;
        if number == 1 {
            self.sequence = cartridge.sets + 1;
            self.first_volser.clone_from(&cartridge.volser);
        }
        let label = SetLabel {
            dsn: self.dsn.clone(),
            first_volser: self.first_volser.clone(),
            section: number,
            sequence: self.sequence,
            created: date::julian(date::now_s()),
            blocks: 0,
            block_size: library.shape.block,
            continued: number > 1,
            device: format!("DRV{:03}", seat.loaded.drive % 1000),
        };
        let user = [
            format!("FMT=PAX SEC={number:04} OFFSET={:020}", self.total),
            format!(
                "LIB={} GEN={:04} SET={:012} AT={}",
                library.uuid[..8].to_uppercase(),
                cartridge.generation,
                self.serial,
                date::iso(date::now_s()).replace(':', "-")
            ),
        ];
        seat.loaded.locate(op, cartridge.used)?;
        seat.loaded.head.is_at(u64::from(cartridge.sets) + 1, cartridge.used);
        let wrong = |e: std::io::Error| failed(&format!("begin a data set on cartridge {barcode}"), &e);
        let file = seat.loaded.file.try_clone().map_err(wrong)?;
        let first = cartridge.sets == 0;
        let (capacity, labels) = (cartridge.capacity, cartridge.labels);
        let writer = SectionWriter::begin(file, cartridge.used, first, capacity, labels, label, &user)
            .map_err(wrong)?;
        self.barcode.clone_from(&barcode);
        seat.loaded.head.does(Doing::Writing);
        self.part = Some(Part { seat, cartridge, writer, offset: self.total, number });
        Ok(())
    }

    /// Its number in the library.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// Payload so far, in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub(crate) fn broken(&self) -> Option<Error> {
        self.broken.clone()
    }

    pub(crate) fn barcode(&self) -> &str {
        &self.barcode
    }

    /// The head of a member; where its bytes begin.
    pub(crate) fn head(&mut self, op: &Op<'_>, key: &[u8], attrs: &Attrs, what: What<'_>) -> Result<u64> {
        let head = pax::head(key, attrs, what).map_err(|e| failed("make a member", &e))?;
        self.write(op, &head)?;
        Ok(self.total)
    }

    /// Payload; goes on on the next cartridge where this one ends.
    pub(crate) fn write(&mut self, op: &Op<'_>, bytes: &[u8]) -> Result<()> {
        if let Some(e) = self.broken() {
            return Err(e.poisoned());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let step = &rest[..rest.len().min(STEP)];
            let n = match self.write_here(op, step) {
                Ok(n) => n,
                Err(e) => return Err(self.fail(e)),
            };
            rest = &rest[n..];
            if n < step.len()
                && let Err(e) = self.next_cartridge(op)
            {
                return Err(self.fail(e));
            }
        }
        Ok(())
    }

    /// Zeros: padding, or the rest of an object that was given up.
    pub(crate) fn zeros(&mut self, op: &Op<'_>, mut n: u64) -> Result<()> {
        while n > 0 {
            let part = n.min(ZEROS.len() as u64);
            self.write(op, &ZEROS[..part as usize])?;
            n -= part;
        }
        Ok(())
    }

    fn write_here(&mut self, op: &Op<'_>, bytes: &[u8]) -> Result<usize> {
        let Some(part) = &mut self.part else {
            return Err(Error::new(Code::Internal, "no cartridge is mounted for this data set"));
        };
        let n =
            part.writer.write(bytes).map_err(|e| failed(&format!("write cartridge {}", self.barcode), &e))?;
        self.hash.update(&bytes[..n]);
        self.total += n as u64;
        // Who is cancelled in a simulated wait has written all the same.
        let _ = part.seat.loaded.passed(op, n as u64, part.writer.position());
        Ok(n)
    }

    /// From here on everything in this data set fails: what the medium took cannot be told apart.
    fn fail(&mut self, e: Error) -> Error {
        self.broken = Some(e.clone());
        e.poisoned()
    }

    /// End of volume: the section is closed and durable, and goes on on the next scratch cartridge of the pool.
    fn next_cartridge(&mut self, op: &Op<'_>) -> Result<()> {
        let barcode = self.barcode.clone();
        self.end_part(op, Group::EndOfVolume, None)?;
        // Neither drive nor cartridge is held while the next one is waited for.
        self.deck.unmount(op, &barcode);
        let seat = self.deck.mount(op, Want::Append)?;
        self.begin_part(op, seat)
    }

    /// Trailer, tapemark, sync. `manifest` is where the manifest lies, in the last section.
    pub(super) fn end_part(
        &mut self,
        op: &Op<'_>,
        group: Group,
        manifest: Option<(u64, u64)>,
    ) -> Result<(Seat, Cartridge)> {
        let Some(Part { seat, mut cartridge, writer, offset, number }) = self.part.take() else {
            return Err(Error::new(Code::Internal, "no section is open"));
        };
        seat.loaded.head.does(Doing::Closing);
        let sha = hex(&self.hash.clone().finalize()).to_uppercase();
        let mut user = vec![format!("SHA256 {sha}"), format!("BYTES {:020} NEXT ", self.total)];
        user.extend(manifest.map(|(at, len)| format!("MANIFEST {at:020} LEN {len:020}")));
        let doing = format!("close a data set on cartridge {}", self.barcode);
        let wrong = |e: std::io::Error| failed(&doing, &e);
        let (file, end) = writer.finish(group, &user).map_err(wrong)?;
        // Once, and never again: a second sync would lie about what the first one lost (faults.md 6.2).
        file.sync_data().map_err(wrong)?;
        if let Some(model) = &seat.loaded.model {
            model.filemark(op, &seat.loaded.name())?;
        }
        seat.loaded.head.at.store(end.end, Ordering::Relaxed);
        self.note_part(&mut cartridge, &end, offset, number);
        cartridge.signature = signature(&file).map_err(wrong)?;
        if group == Group::EndOfVolume {
            cartridge.state = State::Full;
            cartridge.reason.clear();
            let full = cartridge.clone();
            self.deck.library.catalogue.change(&self.barcode, |c| *c = full)?;
        }
        Ok((seat, cartridge))
    }

    fn note_part(&mut self, cartridge: &mut Cartridge, end: &Finished, offset: u64, number: u32) {
        self.done.push(SectionRow {
            serial: self.serial,
            number,
            barcode: self.barcode.clone(),
            file: cartridge.sets + 1,
            begin: end.begin,
            end: end.end,
            offset,
            span: end.span,
        });
        cartridge.sets += 1;
        cartridge.used = end.end;
        cartridge.written += end.end - end.begin;
        cartridge.state = State::Filling;
    }

    /// SHA-256 of all payload.
    pub(super) fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// The seat and the place to cut back to, of what is given up.
    pub(super) fn give_up(&mut self) -> Option<(Seat, u64, bool)> {
        let part = self.part.take()?;
        Some((part.seat, part.cartridge.used, part.cartridge.sets == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::dsn;

    #[test]
    fn names_of_data_sets_have_17_characters() {
        assert_eq!(dsn(1), "TWINHAUL.F0000001");
        assert_eq!(dsn(9_999_999), "TWINHAUL.F9999999");
        assert_eq!(dsn(10_000_000), "TWINHAUL.G005YC1S");
        assert!((1..36).all(|bits| dsn(1 << bits).len() == 17));
    }
}
