//! Putting a cartridge into a drive: is it what its name says, has anybody else written to it, is its end clean?
//!
//! The tape is right and the catalogue follows, loudly; but what is not a complete data set at the end, and was begun by us, is cut
//! back to the last complete trailer (tape-format.md 5). Cut is never below what the catalogue knows to be durable.

use std::fs::{File, OpenOptions};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use twinhaul_backend_abi::{Code, Error, Host, LogLevel, Op, Result, WaitReason};

use super::lock::Held;
use super::model::Model;
use super::{Library, signature};
use crate::catalogue::cartridges::{Cartridge, State};
use crate::fail::{about, failed};
use crate::format::aws::BlockWriter;
use crate::format::labels::LABEL;
use crate::format::scan::{self, NotOurs, Scan, Section, Tail};

/// A cartridge in a drive.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) barcode: String,
    pub(crate) drive: u32,
    pub(crate) file: File,
    pub(crate) capacity: u64,
    pub(crate) model: Option<Model>,
    pub(crate) head: Head,
    _lock: Held,
}

/// Where on the tape something was read or written last, and what is being done: for people.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) at: AtomicU64,
    /// Number of the data set on the cartridge, and where it begins.
    pub(crate) set: AtomicU64,
    pub(crate) begin: AtomicU64,
    doing: Mutex<Doing>,
}

/// What is done with a cartridge in a drive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nobody uses it.
    #[default]
    Nothing,
    Reading,
    Writing,
    /// Trailer, tapemark, sync.
    Closing,
}

impl Doing {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Nothing => "ready",
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Closing => "closing",
        }
    }
}

impl Head {
    pub(crate) fn does(&self, doing: Doing) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = doing;
    }

    pub(crate) fn doing(&self) -> Doing {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It is at a data set from now on.
    pub(crate) fn is_at(&self, set: u64, begin: u64) {
        self.set.store(set, Ordering::Relaxed);
        self.begin.store(begin, Ordering::Relaxed);
    }
}

impl Loaded {
    /// For messages: "drive 0, cartridge A00001L8".
    pub(crate) fn name(&self) -> String {
        format!("drive {}, cartridge {}", self.drive, self.barcode)
    }

    /// Notes where the head is, and takes the time it needs to get there.
    pub(crate) fn locate(&self, op: &Op<'_>, to: u64) -> Result<()> {
        self.head.at.store(to, Ordering::Relaxed);
        self.model.as_ref().map_or(Ok(()), |m| m.locate(op, to, &self.name()))
    }

    /// Notes that `n` bytes went by up to `to`, and takes the time it needs.
    pub(crate) fn passed(&self, op: &Op<'_>, n: u64, to: u64) -> Result<()> {
        self.head.at.store(to, Ordering::Relaxed);
        self.model.as_ref().map_or(Ok(()), |m| m.stream(op, n, &self.name()))
    }
}

/// Opens and checks a cartridge that this process has locked.
pub(crate) fn load(
    library: &Library,
    op: &Op<'_>,
    drive: u32,
    barcode: &str,
    lock: Held,
    speedup: Option<u32>,
) -> Result<Loaded> {
    let cartridge = library.catalogue.cartridge(barcode)?;
    let cartridge = cartridge.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
    let detail = format!("drive {drive}, cartridge {barcode}");
    op.wait(Some(WaitReason::Mount), &detail);
    let model = speedup.map(|s| Model::new(s, cartridge.capacity));
    if let Some(model) = &model {
        model.load(op, &detail)?;
    }
    let path = library.cartridge_path(barcode);
    let open = |write| OpenOptions::new().read(true).write(write).open(&path);
    // A write-protected cartridge (mode 0444) can still be read.
    let file = open(true)
        .or_else(|e| if e.kind() == io::ErrorKind::PermissionDenied { open(false) } else { Err(e) });
    let file = file.map_err(|e| failed(&format!("open cartridge {barcode}"), &e))?;
    let now = signature(&file).map_err(|e| failed(&format!("look at cartridge {barcode}"), &e))?;
    if now != cartridge.signature {
        settle(library, &file, &cartridge)?;
    }
    library.catalogue.count_mount(barcode)?;
    op.wait(None, "");
    let capacity = cartridge.capacity;
    let (head, barcode) = (Head::default(), barcode.to_owned());
    Ok(Loaded { barcode, drive, file, capacity, model, head, _lock: lock })
}

/// What is on a cartridge.
///
/// # Errors
/// With the reason why it is none of ours.
pub(crate) fn look(file: &File, barcode: &str) -> Result<Scan> {
    let found = scan::scan(file).map_err(|e| failed(&format!("read cartridge {barcode}"), &e))?;
    let (code, why) = match found {
        Ok(found) => return Ok(found),
        Err(NotOurs::Empty) => (Code::Corrupt, "its file is empty: not even a label".to_owned()),
        Err(NotOurs::Foreign(why)) => (Code::Corrupt, format!("it is no AWSTAPE file ({why})")),
        Err(NotOurs::Unlabelled) => {
            (Code::Corrupt, "it has no volume label, and is not touched: tape label --force".to_owned())
        }
    };
    Err(about(code, &format!("cartridge {barcode}"), &why))
}

/// The file is not as we left it: a crash, or a stranger. Afterwards it is clean, or the cartridge is set aside.
fn settle(library: &Library, file: &File, cartridge: &Cartridge) -> Result<()> {
    let barcode = &cartridge.barcode;
    let aside = |state: State, e: Error| {
        library.catalogue.change(barcode, |c| {
            c.state = state;
            c.reason.clone_from(&e.message);
            c.errors += 1;
        })?;
        Host::get().log(LogLevel::Error, "tape", &e.message);
        Err(e)
    };
    let found = match look(file, barcode) {
        Ok(found) => found,
        Err(e) if e.code == Code::Corrupt => return aside(State::Quarantined, e),
        Err(e) => return Err(e),
    };
    if found.volser != cartridge.volser {
        let why = format!("its label says {}: it is not touched", twinhaul_units::text::show(&found.volser));
        return aside(State::Quarantined, about(Code::Corrupt, &format!("cartridge {barcode}"), &why));
    }
    if found.good_end < cartridge.used {
        let tail = match &found.tail {
            Tail::Clean => "it ends there".to_owned(),
            Tail::Torn(why) => why.clone(),
        };
        let why = format!("readable up to byte {} of {}: {tail}", found.good_end, cartridge.used);
        return aside(State::Suspect, about(Code::Corrupt, &format!("cartridge {barcode}"), &why));
    }
    let end = keep_from(library, &found, cartridge)?;
    if end > cartridge.used {
        let why = "it holds data sets that the catalogue does not know: twinhaul tape rebuild, or import it";
        return aside(State::ReadOnly, about(Code::Corrupt, &format!("cartridge {barcode}"), why));
    }
    let touched = matches!(found.tail, Tail::Torn(_)) || found.good_end > end;
    if touched {
        let what = format!("cartridge {barcode}: cut back to byte {end}, its last complete data set");
        Host::get().log(LogLevel::Warn, "tape", &what);
        cut(file, end, found.sections.is_empty() || end == volume_end(&found))
            .map_err(|e| failed(&format!("recover cartridge {barcode}"), &e))?;
    }
    let now = signature(file).map_err(|e| failed(&format!("look at cartridge {barcode}"), &e))?;
    library.catalogue.change(barcode, |c| c.signature = now)?;
    Ok(())
}

fn volume_end(found: &Scan) -> u64 {
    found.sections.first().map_or(found.good_end, |s| s.begin)
}

/// Behind which section is everything to be cut: data sets that were begun and never closed are nobody's.
fn keep_from(library: &Library, found: &Scan, cartridge: &Cartridge) -> Result<u64> {
    let mut end = cartridge.used;
    for section in found.sections.iter().filter(|s| s.begin >= cartridge.used) {
        let serial = serial_of(section);
        let begun = serial.map(|s| library.catalogue.is_intent(s)).transpose()?.unwrap_or(false);
        if !begun || section.header_field("LIB") != Some(&library.uuid[..8].to_uppercase()) {
            end = section.end;
        }
    }
    Ok(end)
}

/// The library-wide number of a data set, from UHL2.
pub(crate) fn serial_of(section: &Section) -> Option<u64> {
    section.header_field("SET")?.parse().ok()
}

/// Ends a cartridge at `end`: an end mark behind the last trailer, two behind a label.
pub(crate) fn cut(file: &File, end: u64, behind_label: bool) -> io::Result<()> {
    let mut out = BlockWriter::new(file.try_clone()?, end, if behind_label { LABEL as u16 } else { 0 })?;
    out.mark()?;
    if behind_label {
        out.mark()?;
    }
    out.flush()?;
    file.set_len(out.position())?;
    file.sync_all()
}
