//! Private objects by attempt id: open, settling, durable; gone when published or discarded (store.md 3).
//!
//! A row is there from `writer_open` until publish or discard, whoever is first: `SQLite` orders the two, and that is the fence of a
//! take-over. A row without a node is not durable; it must never be published.

use rusqlite::{OptionalExtension, Transaction, params};
use twinhaul_backend_abi::{Code, Error, Result};

use super::{Catalogue, Sql, names};
use crate::fail;
use crate::format::manifest::Line;

impl Catalogue {
    /// A new private object, seen by every process.
    pub(crate) fn open_attempt(&self, id: &str, key: &[u8]) -> Result<()> {
        self.note("open an attempt", |tx| {
            let made = tx
                .prepare_cached("INSERT OR IGNORE INTO attempt VALUES(?, NULL, ?)")
                .and_then(|mut s| s.execute(params![id, key]))
                .map_err(|e| fail::catalogue("open an attempt", &e))?;
            if made == 0 {
                let why = "this attempt is open already; discard it first";
                return Err(fail::mistake(Code::Exists, "write", key, why));
            }
            Ok(())
        })
    }

    /// Whether there was one. Afterwards it can never be published.
    pub(crate) fn discard_attempt(&self, id: &str) -> Result<bool> {
        self.promise("discard", |tx| discard(tx, id).map_err(|e| fail::catalogue("discard", &e)))
    }

    /// Private objects whose attempt id begins with `prefix`, after `after`.
    pub(crate) fn attempts(&self, prefix: &str, after: &str, most: usize) -> Result<Vec<String>> {
        self.read("sweep", |c| {
            let mut s = c.prepare_cached(
                "SELECT id FROM attempt WHERE id > ?2 AND id >= ?1 AND substr(id, 1, length(?1)) = ?1 \
                 ORDER BY id LIMIT ?3",
            )?;
            s.query_map(params![prefix, after, most], |r| r.get(0))?.collect()
        })
    }

    /// Whether an attempt is durable; an error if it is gone.
    pub(crate) fn is_durable(&self, id: &str) -> Result<bool> {
        let node = self.read("look up an attempt", |c| {
            let mut s = c.prepare_cached("SELECT node FROM attempt WHERE id = ?")?;
            s.query_row([id], |r| r.get::<_, Option<i64>>(0)).optional()
        })?;
        node.map(|node| node.is_some()).ok_or_else(|| gone("sync", id))
    }

    /// Those of `ids` that nobody discarded.
    pub(crate) fn alive(&self, ids: &[&str]) -> Result<Vec<bool>> {
        self.read("look up attempts", |c| {
            let mut s = c.prepare_cached("SELECT 1 FROM attempt WHERE id = ? AND node IS NULL")?;
            ids.iter().map(|id| Ok(s.query_row([id], |_| Ok(())).optional()?.is_some())).collect()
        })
    }
}

/// A ref that is not one, or one that was used up.
pub(crate) fn gone(doing: &str, id: &str) -> Error {
    fail::mistake(Code::NotFound, doing, id.as_bytes(), "it was discarded or published before")
}

fn discard(tx: &Transaction<'_>, id: &str) -> Sql<bool> {
    let mut found = tx.prepare_cached("DELETE FROM attempt WHERE id = ? RETURNING node")?;
    let Some(node) = found.query_row([id], |r| r.get::<_, Option<i64>>(0)).optional()? else {
        return Ok(false);
    };
    if let Some(node) = node {
        // It is on tape as an object: the next manifest must say that it is none.
        Catalogue::tell(tx, &Line::Discarded { attempt: id.to_owned() })?;
        names::drop_node(tx, node)?;
    }
    Ok(true)
}
