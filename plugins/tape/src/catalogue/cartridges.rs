//! Cartridges as the catalogue knows them: pool, state, how far they are written, what their file looked like last.

use rusqlite::{Connection, OptionalExtension, Row, params};
use twinhaul_backend_abi::Result;

use super::{Catalogue, Sql};
use crate::fail;
use crate::format::labels::Charset;

/// What may be done with a cartridge (tape-format.md 7.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Labelled and empty.
    Scratch,
    /// Has data and room.
    Filling,
    Full,
    /// Readable, never written again.
    ReadOnly,
    /// An error was met: readable as far as it goes, to be copied away.
    Suspect,
    /// Not what its name says, or not ours: not touched.
    Quarantined,
    /// No VOL1: not touched without `label --force`.
    Unlabelled,
    /// Taken out of the library by an operator.
    Exported,
    /// Its file is gone; it is never made again in silence.
    Missing,
}

impl State {
    pub(crate) const ALL: [(Self, &'static str); 9] = [
        (Self::Scratch, "scratch"),
        (Self::Filling, "filling"),
        (Self::Full, "full"),
        (Self::ReadOnly, "read-only"),
        (Self::Suspect, "suspect"),
        (Self::Quarantined, "quarantined"),
        (Self::Unlabelled, "unlabelled"),
        (Self::Exported, "exported"),
        (Self::Missing, "missing"),
    ];

    pub(crate) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(s, _)| *s == self).map_or("?", |(_, w)| w)
    }

    fn of(word: &str) -> Self {
        Self::ALL.iter().find(|(_, w)| *w == word).map_or(Self::Quarantined, |(s, _)| *s)
    }

    /// Whether its data may be read.
    pub(crate) fn readable(self) -> bool {
        matches!(self, Self::Scratch | Self::Filling | Self::Full | Self::ReadOnly | Self::Suspect)
    }
}

/// What a cartridge's file looked like when we last had it: a stranger's write is seen (tape-format.md 7.15).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signature {
    pub size: u64,
    pub mtime_ns: i64,
    pub tail: Vec<u8>,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cartridge {
    pub id: i64,
    pub barcode: String,
    pub volser: String,
    pub pool: String,
    pub state: State,
    /// Why it is in this state, if that needs a word.
    pub reason: String,
    pub labels: Charset,
    /// Bytes of the file at most.
    pub capacity: u64,
    /// Grows with each new label.
    pub generation: u32,
    /// Where the next data set begins.
    pub used: u64,
    /// Data sets and sections on it.
    pub sets: u32,
    pub protected: bool,
    pub mounts: u64,
    pub errors: u64,
    /// Bytes written in all generations.
    pub written: u64,
    pub signature: Signature,
    /// When all of it was last verified, seconds since 1970; 0 = never.
    pub verified_s: u64,
}

const COLUMNS: &str = "id, barcode, volser, pool, state, reason, labels, capacity, generation, used, sets, \
    protected, mounts, errors, written, size, mtime_ns, tail, verified_s";

fn row(r: &Row<'_>) -> Sql<Cartridge> {
    Ok(Cartridge {
        id: r.get(0)?,
        barcode: r.get(1)?,
        volser: r.get(2)?,
        pool: r.get(3)?,
        state: State::of(&r.get::<_, String>(4)?),
        reason: r.get(5)?,
        labels: Charset::of(&r.get::<_, String>(6)?).unwrap_or_default(),
        capacity: r.get(7)?,
        generation: r.get(8)?,
        used: r.get(9)?,
        sets: r.get(10)?,
        protected: r.get(11)?,
        mounts: r.get(12)?,
        errors: r.get(13)?,
        written: r.get(14)?,
        signature: Signature { size: r.get(15)?, mtime_ns: r.get(16)?, tail: r.get(17)? },
        verified_s: r.get(18)?,
    })
}

/// All of a new row; `id` is not looked at.
pub(crate) fn insert(c: &Connection, new: &Cartridge) -> Sql<()> {
    c.execute(
        "INSERT INTO cartridge(barcode, volser, pool, state, reason, labels, capacity, generation, used, sets, \
         protected, mounts, errors, written, size, mtime_ns, tail, verified_s) \
         VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        params![
            new.barcode,
            new.volser,
            new.pool,
            new.state.word(),
            new.reason,
            new.labels.word(),
            new.capacity,
            new.generation,
            new.used,
            new.sets,
            new.protected,
            new.mounts,
            new.errors,
            new.written,
            new.signature.size,
            new.signature.mtime_ns,
            new.signature.tail,
            new.verified_s
        ],
    )
    .map(|_| ())
}

/// Overwrites what can change of a row.
pub(crate) fn update(c: &Connection, new: &Cartridge) -> Sql<()> {
    c.prepare_cached(
        "UPDATE cartridge SET volser=?, pool=?, state=?, reason=?, labels=?, capacity=?, generation=?, used=?, \
         sets=?, protected=?, errors=?, written=?, size=?, mtime_ns=?, tail=?, verified_s=? WHERE barcode=?",
    )?
    .execute(params![
        new.volser,
        new.pool,
        new.state.word(),
        new.reason,
        new.labels.word(),
        new.capacity,
        new.generation,
        new.used,
        new.sets,
        new.protected,
        new.errors,
        new.written,
        new.signature.size,
        new.signature.mtime_ns,
        new.signature.tail,
        new.verified_s,
        new.barcode
    ])
    .map(|_| ())
}

/// By barcode.
pub(crate) fn get(c: &Connection, barcode: &str) -> Sql<Option<Cartridge>> {
    let text = format!("SELECT {COLUMNS} FROM cartridge WHERE barcode = ?");
    c.prepare_cached(&text)?.query_row([barcode], row).optional()
}

pub(crate) fn all(c: &Connection) -> Sql<Vec<Cartridge>> {
    let text = format!("SELECT {COLUMNS} FROM cartridge ORDER BY barcode");
    c.prepare_cached(&text)?.query_map([], row)?.collect()
}

impl Catalogue {
    /// A file that lay in a slot and was never taken in.
    pub(crate) fn forget_stranger(&self, barcode: &str) -> Result<()> {
        self.promise("forget a cartridge", |tx| {
            let text = "DELETE FROM cartridge WHERE barcode = ? AND generation = 0";
            tx.execute(text, [barcode]).map(|_| ()).map_err(|e| fail::catalogue("forget a cartridge", &e))
        })
    }

    pub(crate) fn cartridge(&self, barcode: &str) -> Result<Option<Cartridge>> {
        self.read("look up a cartridge", |c| get(c, barcode))
    }

    pub(crate) fn cartridges(&self) -> Result<Vec<Cartridge>> {
        self.read("list cartridges", all)
    }

    /// Changes a row; `None` = there is none of this barcode.
    pub(crate) fn change(
        &self,
        barcode: &str,
        change: impl FnOnce(&mut Cartridge),
    ) -> Result<Option<Cartridge>> {
        let wrong = |e: rusqlite::Error| fail::catalogue("change a cartridge", &e);
        self.promise("change a cartridge", |tx| {
            let Some(mut cartridge) = get(tx, barcode).map_err(wrong)? else { return Ok(None) };
            change(&mut cartridge);
            update(tx, &cartridge).map_err(wrong)?;
            Ok(Some(cartridge))
        })
    }

    /// Where the next data set of a pool may go: begun cartridges first, then empty ones.
    pub(crate) fn writable(&self, pool: &str, sets_max: u32) -> Result<Vec<Cartridge>> {
        self.read("find a cartridge to write to", |c| {
            let text = format!(
                "SELECT {COLUMNS} FROM cartridge WHERE pool = ? AND state IN ('filling', 'scratch') \
                 AND protected = 0 AND sets < ? ORDER BY state, barcode"
            );
            c.prepare_cached(&text)?.query_map(params![pool, sets_max], row)?.collect()
        })
    }

    pub(crate) fn count_mount(&self, barcode: &str) -> Result<()> {
        self.note("count a mount", |tx| {
            tx.execute("UPDATE cartridge SET mounts = mounts + 1 WHERE barcode = ?", [barcode])
                .map(|_| ())
                .map_err(|e| fail::catalogue("count a mount", &e))
        })
    }
}
