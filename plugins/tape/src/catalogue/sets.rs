//! Data sets: begun, closed, and where the bytes of an object lie.

use rusqlite::{OptionalExtension, Transaction, params};
use twinhaul_backend_abi::Result;

use super::cartridges::{self, Cartridge};
use super::{Catalogue, Sql};
use crate::fail;
use crate::format::manifest::{self, Line, Object};
use crate::format::payload::Span;

/// A section of a data set on a cartridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SectionRow {
    pub serial: u64,
    /// From 1.
    pub number: u32,
    pub barcode: String,
    /// Of the data set on that cartridge, from 1: what `hetget` is given.
    pub file: u32,
    pub begin: u64,
    pub end: u64,
    /// Payload bytes of the data set before this section.
    pub offset: u64,
    pub span: Span,
}

/// A data set that is complete on tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub serial: u64,
    pub dsn: String,
    pub bytes: u64,
    pub sha256: [u8; 32],
    pub manifest_at: u64,
    pub manifest_len: u64,
    pub at_s: u64,
    pub sections: Vec<SectionRow>,
}

impl Catalogue {
    /// The number of a new data set. Until it is closed a recovery may cut it off.
    pub(crate) fn begin_set(&self) -> Result<u64> {
        let wrong = |e: rusqlite::Error| fail::catalogue("begin a data set", &e);
        self.promise("begin a data set", |tx| {
            let next = "UPDATE meta SET value = value + 1 WHERE key = 'serial' RETURNING value";
            let serial = tx.query_row(next, [], |r| r.get::<_, String>(0)).map_err(wrong)?;
            let serial: u64 = serial.parse().unwrap_or(0);
            tx.execute("INSERT INTO intent VALUES(?)", [serial]).map_err(wrong)?;
            Ok(serial)
        })
    }

    /// Whether a data set was begun by us and never closed.
    pub(crate) fn is_intent(&self, serial: u64) -> Result<bool> {
        self.read("look up a data set", |c| {
            Ok(c.query_row("SELECT 1 FROM intent WHERE serial = ?", [serial], |_| Ok(()))
                .optional()?
                .is_some())
        })
    }

    /// One transaction: the data set is durable, its objects are (but those discarded meanwhile), and so is what the cartridge looks
    /// like now.
    pub(crate) fn close_set(
        &self,
        set: &Closed,
        objects: &[Object],
        lines_done: &[(i64, String)],
        cartridge: &Cartridge,
    ) -> Result<()> {
        self.promise("close a data set", |tx| {
            close(tx, set, objects, lines_done, cartridge)
                .map_err(|e| fail::catalogue("close a data set", &e))
        })
    }

    /// A data set that came to nothing.
    pub(crate) fn forget_set(&self, serial: u64) -> Result<()> {
        self.note("give up a data set", |tx| {
            tx.execute("DELETE FROM intent WHERE serial = ?", [serial])
                .map(|_| ())
                .map_err(|e| fail::catalogue("give up a data set", &e))
        })
    }

    /// The sections of a data set, in order.
    pub(crate) fn sections(&self, serial: u64) -> Result<Vec<SectionRow>> {
        self.read("find a data set", |c| {
            let mut s = c.prepare_cached(&format!("{SECTIONS} WHERE s.serial = ? ORDER BY s.number"))?;
            s.query_map([serial], section)?.collect()
        })
    }

    /// The sections on a cartridge, in order.
    pub(crate) fn sections_on(&self, barcode: &str) -> Result<Vec<SectionRow>> {
        self.read("find data sets", |c| {
            let mut s = c.prepare_cached(&format!("{SECTIONS} WHERE c.barcode = ? ORDER BY s.begin_at"))?;
            s.query_map([barcode], section)?.collect()
        })
    }

    pub(crate) fn set(&self, serial: u64) -> Result<Option<Closed>> {
        let found = self.read("find a data set", |c| {
            let mut s = c.prepare_cached(
                "SELECT dsn, bytes, sha256, manifest_at, manifest_len, closed_s FROM data_set WHERE serial = ?",
            )?;
            s.query_row([serial], |r| {
                Ok(Closed {
                    serial,
                    dsn: r.get(0)?,
                    bytes: r.get(1)?,
                    sha256: r.get(2)?,
                    manifest_at: r.get(3)?,
                    manifest_len: r.get(4)?,
                    at_s: r.get(5)?,
                    sections: Vec::new(),
                })
            })
            .optional()
        })?;
        let Some(set) = found else { return Ok(None) };
        Ok(Some(Closed { sections: self.sections(serial)?, ..set }))
    }

    /// Bytes of visible or private objects that lie (at least partly) on each cartridge, by barcode.
    pub(crate) fn live_bytes(&self) -> Result<Vec<(String, u64, u64)>> {
        self.read("count live objects", |c| {
            let mut s = c.prepare_cached(
                "SELECT c.barcode, count(*), sum(min(n.at + n.size, s.offset + s.bytes) - max(n.at, s.offset)) \
                 FROM node n JOIN section s ON s.serial = n.serial AND n.at < s.offset + s.bytes \
                   AND (n.at + n.size > s.offset OR (n.size = 0 AND n.at >= s.offset)) \
                 JOIN cartridge c ON c.id = s.cartridge GROUP BY c.id",
            )?;
            s.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect()
        })
    }
}

const SECTIONS: &str = "SELECT s.serial, s.number, c.barcode, s.file, s.begin_at, s.end_at, s.offset, s.start, \
    s.bytes, s.block FROM section s JOIN cartridge c ON c.id = s.cartridge";

fn section(r: &rusqlite::Row<'_>) -> Sql<SectionRow> {
    Ok(SectionRow {
        serial: r.get(0)?,
        number: r.get(1)?,
        barcode: r.get(2)?,
        file: r.get(3)?,
        begin: r.get(4)?,
        end: r.get(5)?,
        offset: r.get(6)?,
        span: Span { start: r.get(7)?, bytes: r.get(8)?, block: r.get(9)? },
    })
}

/// Enters a data set and its sections, without its objects.
pub(crate) fn insert_set(tx: &Transaction<'_>, set: &Closed) -> Sql<()> {
    tx.prepare_cached("INSERT OR REPLACE INTO data_set VALUES(?,?,?,?,?,?,?)")?.execute(params![
        set.serial,
        set.dsn,
        set.bytes,
        set.sha256,
        set.manifest_at,
        set.manifest_len,
        set.at_s
    ])?;
    for s in &set.sections {
        tx.prepare_cached(
            "INSERT OR REPLACE INTO section VALUES(?,?,(SELECT id FROM cartridge WHERE barcode = ?),?,?,?,?,?,?,?)",
        )?
        .execute(params![
            s.serial,
            s.number,
            s.barcode,
            s.file,
            s.begin,
            s.span.start,
            s.end,
            s.offset,
            s.span.bytes,
            s.span.block
        ])?;
    }
    tx.execute("DELETE FROM intent WHERE serial = ?", [set.serial]).map(|_| ())
}

/// Enters an object of a data set; its number.
pub(crate) fn insert_node(tx: &Transaction<'_>, serial: u64, object: &Object) -> Sql<i64> {
    let attrs = serde_json::Value::Object(manifest::attrs_json(&object.attrs)).to_string();
    tx.prepare_cached(
        "INSERT INTO node(attrs, size, serial, at, blake3, meta, attempt) VALUES(?,?,?,?,?,?,?)",
    )?
    .execute(params![
        attrs,
        object.len,
        serial,
        object.at,
        object.blake3,
        manifest::meta_json(&object.meta),
        object.attempt
    ])?;
    Ok(tx.last_insert_rowid())
}

fn close(
    tx: &Transaction<'_>,
    set: &Closed,
    objects: &[Object],
    lines_done: &[(i64, String)],
    cartridge: &Cartridge,
) -> Sql<()> {
    insert_set(tx, set)?;
    super::forget_lines(tx, lines_done)?;
    for object in objects {
        let mut alive = tx.prepare_cached("SELECT 1 FROM attempt WHERE id = ? AND node IS NULL")?;
        if alive.query_row([&object.attempt], |_| Ok(())).optional()?.is_none() {
            // Discarded after the manifest was written: the next one says so.
            if !object.void {
                Catalogue::tell(tx, &Line::Discarded { attempt: object.attempt.clone() })?;
            }
            continue;
        }
        let node = insert_node(tx, set.serial, object)?;
        tx.prepare_cached("UPDATE attempt SET node = ? WHERE id = ?")?
            .execute(params![node, object.attempt])?;
    }
    cartridges::update(tx, cartridge)
}
