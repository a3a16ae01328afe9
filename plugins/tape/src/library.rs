//! A library: a directory with slots, drives, cartridges and a catalogue, shared by all processes that open it.
//!
//! ```text
//! library.json   catalogue.sqlite   cartridges/A00001L8.aws (+ .lock)   drives/0.lock   drives/wait/…   spool/
//! ```
//! A cartridge is never overwritten but by `label --force`, never made again when its file is gone, and never touched
//! when it is not what its name says (tape-format.md 7).

pub(crate) mod adopt;
pub(crate) mod deck;
pub(crate) mod inventory;
pub(crate) mod load;
pub(crate) mod lock;
pub(crate) mod model;
pub(crate) mod ticket;

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with, statfs};
use serde_json::{Value, json};
use twinhaul_backend_abi::{Code, Error, Result};

use crate::catalogue::Catalogue;
use crate::catalogue::cartridges::{self, Cartridge, Signature, State};
use crate::config::{CAPACITY_MIN, Shape};
use crate::fail::{self, about, failed};
use crate::format::labels::{Charset, volser_ok};
use crate::format::section::label_cartridge;

const META: &str = "library.json";
const META_VERSION: u64 = 1;
/// Bytes of a cartridge's end that tell whether somebody else wrote to it.
const TAIL: u64 = 48;

/// File systems where locks are only advice or go through a server (store.md 4.4).
const SHARED: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "SMB"),
    (0xFE53_4D42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9P"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x0BD0_0BD0, "Lustre"),
];

/// See the module.
#[derive(Debug)]
pub(crate) struct Library {
    pub(crate) root: PathBuf,
    pub(crate) uuid: String,
    pub(crate) shape: Shape,
    pub(crate) catalogue: Catalogue,
    /// Of the file system.
    pub(crate) device: u64,
}

impl Library {
    /// Opens the library in a directory.
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let here = root.display().to_string();
        let meta = match fs::read_to_string(root.join(META)) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let next = format!("make one: twinhaul tape init {here}");
                return Err(about(Code::NotFound, &here, &format!("there is no tape library; {next}")));
            }
            Err(e) => return Err(failed(&format!("open the library {here}"), &e)),
        };
        refuse_shared(root)?;
        let (uuid, shape) = read_meta(&meta).ok_or_else(|| {
            about(Code::Corrupt, &root.join(META).display().to_string(), "not a tape library of this version")
        })?;
        let root = fs::canonicalize(root).map_err(|e| failed("open the library", &e))?;
        let device = fs::metadata(&root).map_err(|e| failed("open the library", &e))?.dev();
        let catalogue = Catalogue::open(&root.join("catalogue.sqlite"))?;
        let library = Self { root, uuid, shape, catalogue, device };
        inventory::refresh(&library)?;
        Ok(library)
    }

    /// Opens it, making it first if it is not there: several processes may do so at once.
    pub(crate) fn open_or_make(root: &Path, shape: &Shape, pool: &str) -> Result<Self> {
        if root.join(META).exists() {
            return Self::open(root);
        }
        let wrong = |e: io::Error| failed(&format!("make the library {}", root.display()), &e);
        fs::create_dir_all(root).map_err(wrong)?;
        let gate = File::create(root.join(".make")).map_err(wrong)?;
        gate.lock().map_err(wrong)?;
        let made = if root.join(META).exists() { Ok(()) } else { Self::make(root, shape, pool, "A") };
        // Whoever comes next finds the library and needs no gate.
        let _ = fs::remove_file(root.join(".make"));
        made?;
        Self::open(root)
    }

    /// Makes a library with its first cartridges, `<prefix>00001L8` and so on.
    pub(crate) fn make(root: &Path, shape: &Shape, pool: &str, prefix: &str) -> Result<()> {
        let here = root.display().to_string();
        let wrong = |e: io::Error| failed(&format!("make the library {here}"), &e);
        if root.join(META).exists() {
            return Err(about(Code::Exists, &here, "there is a tape library already"));
        }
        fs::create_dir_all(root).map_err(wrong)?;
        let resolved = fs::canonicalize(root).map_err(wrong)?;
        if let Some(other) = resolved.ancestors().skip(1).find(|p| p.join(META).exists()) {
            let why = format!("it lies within the tape library {}", other.display());
            return Err(about(Code::Exists, &here, &why));
        }
        refuse_shared(root)?;
        let holds_tapes = fs::read_dir(root.join("cartridges"))
            .is_ok_and(|d| d.flatten().any(|f| f.path().extension().is_some_and(|e| e == "aws")));
        if holds_tapes {
            let next = "put library.json back, or make a new library elsewhere and import them there";
            let why = format!("its cartridges belong to another library; {next}");
            return Err(about(Code::Exists, &here, &why));
        }
        if shape.capacity < CAPACITY_MIN.0 {
            return Err(about(Code::InvalidArg, "capacity", &format!("at least {CAPACITY_MIN}")));
        }
        for below in ["cartridges", "drives", "drives/wait", "spool"] {
            fs::create_dir_all(root.join(below)).map_err(wrong)?;
        }
        let catalogue = Catalogue::open(&root.join("catalogue.sqlite"))?;
        let device = fs::metadata(root).map_err(wrong)?.dev();
        let (root, shape) = (root.to_owned(), shape.clone());
        let library = Self { root, uuid: new_uuid(), shape, catalogue, device };
        let barcodes =
            (1..=library.shape.cartridges).map(|n| numbered(prefix, n)).collect::<Result<Vec<_>>>()?;
        // Written first: who dies here leaves a library with fewer cartridges, not cartridges without a library.
        library.write_meta()?;
        barcodes.iter().try_for_each(|b| library.add(b, pool, library.shape.capacity, library.shape.labels))
    }

    fn write_meta(&self) -> Result<()> {
        let s = &self.shape;
        let meta = json!({
            "twinhaul_tape": META_VERSION, "uuid": self.uuid, "drives": s.drives, "slots": s.slots,
            "capacity": s.capacity, "labels": s.labels.word(), "block": s.block,
        });
        let wrong = |e: io::Error| failed("write library.json", &e);
        let temp = self.root.join(".library.json.new");
        let mut file = File::create(&temp).map_err(wrong)?;
        file.write_all(format!("{meta:#}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
        fs::rename(&temp, self.root.join(META)).map_err(wrong)?;
        sync_dir(&self.root).map_err(wrong)
    }

    /// A new, labelled, empty cartridge. Nothing that is there is overwritten.
    pub(crate) fn add(&self, barcode: &str, pool: &str, capacity: u64, labels: Charset) -> Result<()> {
        let volser = volser_of(barcode)?;
        if capacity < CAPACITY_MIN.0 {
            let why =
                format!("a capacity of {capacity} bytes; at least {CAPACITY_MIN}, or not even a block fits");
            return Err(about(Code::InvalidArg, barcode, &why));
        }
        let known = self.catalogue.cartridges()?;
        let twin = known.iter().find(|c| c.volser == volser || c.barcode == barcode);
        if let Some(twin) = twin {
            let why = format!("cartridge {} has this volume serial number already", twin.barcode);
            return Err(about(Code::Exists, barcode, &why));
        }
        let in_slots = known.iter().filter(|c| c.state != State::Exported).count();
        if in_slots >= self.shape.slots as usize {
            let why = format!("all {} slots are taken", self.shape.slots);
            return Err(about(Code::NoSpace, barcode, &why));
        }
        let wrong = |e: io::Error| failed(&format!("make cartridge {barcode}"), &e);
        let temp = self.root.join(format!("cartridges/.{barcode}.{}.new", std::process::id()));
        let mut open = OpenOptions::new();
        let file = open.read(true).write(true).create(true).truncate(true).open(&temp).map_err(wrong)?;
        let end = label_cartridge(file.try_clone().map_err(wrong)?, labels, volser).map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        let to = self.cartridge_path(barcode);
        renameat_with(CWD, &temp, CWD, &to, RenameFlags::NOREPLACE).map_err(|e| {
            let _ = fs::remove_file(&temp);
            wrong(e.into())
        })?;
        sync_dir(&self.root.join("cartridges")).map_err(wrong)?;
        let signature = signature(&file).map_err(wrong)?;
        let new = Cartridge {
            id: 0,
            barcode: barcode.to_owned(),
            volser: volser.to_owned(),
            pool: pool.to_owned(),
            state: State::Scratch,
            reason: String::new(),
            labels,
            capacity,
            generation: 1,
            used: end,
            sets: 0,
            protected: false,
            mounts: 0,
            errors: 0,
            written: 0,
            signature,
            verified_s: 0,
        };
        self.catalogue.promise("add a cartridge", |tx| {
            cartridges::insert(tx, &new).map_err(|e| fail::catalogue("add a cartridge", &e))
        })
    }

    /// What to type for this library: `init --add 1` as a whole command.
    pub(crate) fn command(&self, verb: &str) -> String {
        let root = self.root.display().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
        if root.chars().all(plain) {
            format!("twinhaul tape {verb} --library {root}")
        } else {
            format!("twinhaul tape {verb} --library '{}'", root.replace('\'', "'\\''"))
        }
    }

    pub(crate) fn cartridge_path(&self, barcode: &str) -> PathBuf {
        self.root.join(format!("cartridges/{barcode}.aws"))
    }

    pub(crate) fn cartridge_lock(&self, barcode: &str) -> PathBuf {
        self.root.join(format!("cartridges/{barcode}.lock"))
    }

    pub(crate) fn drive_lock(&self, drive: u32) -> PathBuf {
        self.root.join(format!("drives/{drive}.lock"))
    }

    /// The lock of a cartridge, for maintenance without a drive.
    ///
    /// # Errors
    /// `Busy` with who holds it.
    pub(crate) fn alone(&self, barcode: &str) -> Result<lock::Held> {
        let path = self.cartridge_lock(barcode);
        let held = lock::try_hold(&path).map_err(|e| failed("lock a cartridge", &e))?;
        held.ok_or_else(|| {
            let by = lock::holder(&path).map_or("another process".to_owned(), |h| lock::who(&h));
            about(Code::Busy, &format!("cartridge {barcode}"), &format!("it is in use by {by}"))
        })
    }

    /// A file for bytes whose number is not known yet; it has no name.
    pub(crate) fn spool(&self) -> Result<File> {
        use rustix::fs::{Mode, OFlags, openat};
        let dir = self.root.join("spool");
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        openat(CWD, &dir, flags, Mode::RUSR | Mode::WUSR)
            .map(File::from)
            .map_err(|e| failed("make a spool file", &e.into()))
    }
}

/// The volume serial number in a barcode: its first six characters.
pub(crate) fn volser_of(barcode: &str) -> Result<&str> {
    let volser = barcode.get(..6).filter(|v| volser_ok(v));
    let media = barcode
        .get(6..)
        .is_some_and(|m| m.len() == 2 && m.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    volser.filter(|_| media).ok_or_else(|| {
        about(
            Code::InvalidArg,
            barcode,
            "not a barcode: six of A-Z and 0-9, and two for the medium, as A00001L8",
        )
    })
}

/// `A00001L8`: the prefix, then as many digits as make six characters.
pub(crate) fn numbered(prefix: &str, n: u32) -> Result<String> {
    let width = 6usize.saturating_sub(prefix.len());
    let barcode = format!("{prefix}{n:0width$}L8");
    volser_of(&barcode)?;
    Ok(barcode)
}

/// What a cartridge's file looks like now.
pub(crate) fn signature(file: &File) -> io::Result<Signature> {
    let meta = file.metadata()?;
    let from = meta.len().saturating_sub(TAIL);
    let mut tail = vec![0; (meta.len() - from) as usize];
    file.read_exact_at(&mut tail, from)?;
    let mtime_ns = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
    Ok(Signature { size: meta.len(), mtime_ns, tail })
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn refuse_shared(root: &Path) -> Result<()> {
    let magic =
        statfs(root).map_err(|e| failed("look at the library", &e.into()))?.f_type as u64 & 0xFFFF_FFFF;
    match SHARED.iter().find(|(m, _)| *m == magic) {
        Some((_, kind)) => {
            let why = format!("it lies on {kind}, where the locks of drives are not to be trusted");
            Err(about(Code::Unsupported, &root.display().to_string(), &why))
        }
        None => Ok(()),
    }
}

fn read_meta(text: &str) -> Option<(String, Shape)> {
    let meta: Value = serde_json::from_str(text).ok()?;
    if meta["twinhaul_tape"].as_u64()? != META_VERSION {
        return None;
    }
    let small = |name: &str| meta[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let shape = Shape {
        drives: small("drives")?,
        slots: small("slots")?,
        cartridges: 0,
        capacity: meta["capacity"].as_u64()?,
        labels: Charset::of(meta["labels"].as_str()?)?,
        block: small("block")?,
    };
    Some((meta["uuid"].as_str()?.to_owned(), shape))
}

fn new_uuid() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", half(), half())
}

/// The error when a library is needed and there is none.
pub(crate) fn bare() -> Error {
    Error::new(Code::NotFound, "opened without a library: only `init` is possible")
}
