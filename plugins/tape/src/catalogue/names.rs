//! Names: what is visible. Publishing, nodes without bytes, attributes, listing, removing.
//!
//! Every change that a rebuild could not see on tape leaves a line for the next manifest. Parents are made as needed; nothing lies
//! below an object.

use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;
use twinhaul_backend_abi::{
    Attrs, Checksum, ChecksumKind, Code, Error, Kind, Lost, Put, Result, Stat, WriteMode,
};

use super::attempts::gone;
use super::{Catalogue, Sql};
use crate::fail::{self, mistake};
use crate::format::manifest::{self, Line};

const DIRECTORY_ATTRS: &str = r#"{"kind":"directory","mode":493}"#;

/// A node as the catalogue has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub id: i64,
    pub attrs: Attrs,
    pub size: u64,
    /// Data set and place of its bytes; `None` for nodes without.
    pub place: Option<(u64, u64)>,
    pub blake3: Option<[u8; 32]>,
    pub meta: Vec<(String, String)>,
    /// Of the one who wrote it; empty for nodes without bytes.
    pub attempt: String,
}

impl Node {
    pub(crate) fn etag(&self) -> String {
        format!("n{}", self.id)
    }

    pub(crate) fn stat(&self) -> Stat {
        Stat {
            kind: self.attrs.kind,
            size: self.size,
            mtime_ns: self.attrs.mtime_ns,
            mode: self.attrs.mode,
            lost: Lost::NONE,
            checksum: self.blake3.map(|b| Checksum { kind: ChecksumKind::Blake3, bytes: b.to_vec() }),
            etag: (self.attrs.kind == Kind::File).then(|| self.etag()),
            version: None,
            user_meta: self.meta.clone(),
        }
    }
}

/// The last column is [`Attrs::position`]: the cartridge's number, then the place on it in steps of 512 bytes.
const COLUMNS: &str = "n.id, n.attrs, n.size, n.serial, n.at, n.blake3, n.meta, \
    (SELECT count(*) FROM name x WHERE x.node = n.id), \
    (SELECT (s.cartridge << 40) | ((s.start + n.at - s.offset) >> 9) FROM section s \
      WHERE s.serial = n.serial AND n.at >= s.offset AND n.at < s.offset + s.bytes), n.attempt";

fn row(r: &rusqlite::Row<'_>) -> Sql<Node> {
    let text: String = r.get(1)?;
    let map = match serde_json::from_str(&text) {
        Ok(Value::Object(map)) => map,
        _ => serde_json::Map::new(),
    };
    let id: i64 = r.get(0)?;
    let mut attrs = manifest::attrs_of(&map).unwrap_or(Attrs::of(Kind::Other));
    let size: u64 = r.get(2)?;
    attrs.size = (attrs.kind == Kind::File).then_some(size);
    attrs.ino = Some(id.unsigned_abs());
    attrs.nlink = r.get(7)?;
    attrs.position = r.get::<_, Option<i64>>(8)?.map(i64::unsigned_abs);
    let place = r.get::<_, Option<u64>>(3)?.zip(r.get::<_, Option<u64>>(4)?);
    let meta = manifest::meta_of(&r.get::<_, String>(6)?);
    Ok(Node { id, attrs, size, place, blake3: r.get(5)?, meta, attempt: r.get(9)? })
}

pub(crate) fn find(tx: &rusqlite::Connection, key: &[u8]) -> Sql<Option<Node>> {
    let text = format!("SELECT {COLUMNS} FROM name m JOIN node n ON n.id = m.node WHERE m.key = ?");
    tx.prepare_cached(&text)?.query_row([key], row).optional()
}

/// Removes a node that no name and no attempt holds.
pub(crate) fn drop_node(tx: &Transaction<'_>, node: i64) -> Sql<()> {
    tx.prepare_cached(
        "DELETE FROM node WHERE id = ?1 AND NOT EXISTS(SELECT 1 FROM name WHERE node = ?1) \
         AND NOT EXISTS(SELECT 1 FROM attempt WHERE node = ?1)",
    )?
    .execute([node])
    .map(|_| ())
}

fn parent(key: &[u8]) -> &[u8] {
    key.iter().rposition(|b| *b == b'/').map_or(&[], |at| &key[..at])
}

/// Gives a node a name; what had it before loses it.
pub(crate) fn set_name(tx: &Transaction<'_>, key: &[u8], node: i64) -> Sql<()> {
    let mut old = tx.prepare_cached("SELECT node FROM name WHERE key = ?")?;
    let old: Option<i64> = old.query_row([key], |r| r.get(0)).optional()?;
    tx.prepare_cached("INSERT OR REPLACE INTO name VALUES(?, ?, ?)")?.execute(params![
        key,
        parent(key),
        node
    ])?;
    match old.filter(|old| *old != node) {
        Some(old) => drop_node(tx, old),
        None => Ok(()),
    }
}

/// The directories above `key`, made as needed; an object on the way is in the way.
pub(crate) fn make_parents(tx: &Transaction<'_>, doing: &str, key: &[u8]) -> Result<()> {
    let wrong = |e: rusqlite::Error| fail::catalogue(doing, &e);
    let mut missing = Vec::new();
    let mut above = parent(key);
    while !above.is_empty() {
        match find(tx, above).map_err(wrong)? {
            Some(node) if node.attrs.kind == Kind::Directory => break,
            Some(_) => {
                return Err(mistake(Code::WrongKind, doing, key, "something on the way is no directory"));
            }
            None => missing.push(above),
        }
        above = parent(above);
    }
    for directory in missing.into_iter().rev() {
        tx.prepare_cached("INSERT INTO node(attrs) VALUES(?)")
            .and_then(|mut s| s.execute([DIRECTORY_ATTRS]))
            .and_then(|_| set_name(tx, directory, tx.last_insert_rowid()))
            .map_err(wrong)?;
    }
    Ok(())
}

/// Whether what has the key now may be replaced by an object or link.
fn may_take(doing: &str, key: &[u8], mode: &WriteMode, there: Option<&Node>) -> Result<()> {
    let in_the_way = there.is_some_and(|n| n.attrs.kind == Kind::Directory);
    match (mode, there) {
        (WriteMode::ReplaceIfMatch(etag), there) if there.is_none_or(|n| n.etag() != *etag) => {
            Err(mistake(Code::Precondition, doing, key, "another object has this name now"))
        }
        (WriteMode::CreateNew, Some(_)) => {
            let why = if in_the_way { "a directory is in the way" } else { "it exists already" };
            Err(mistake(Code::Exists, doing, key, why))
        }
        _ if in_the_way => {
            Err(mistake(Code::WrongKind, doing, key, "a directory is in the way, and is not replaced"))
        }
        _ => Ok(()),
    }
}

impl Catalogue {
    /// Makes durable objects visible, all in one transaction, each or not; the answers in order.
    pub(crate) fn publish(&self, puts: &[Put], ids: &[&str]) -> Result<Vec<Result<Stat>>> {
        self.promise("publish", |tx| Ok(puts.iter().zip(ids).map(|(put, id)| publish(tx, put, id)).collect()))
    }

    pub(crate) fn node(&self, key: &[u8]) -> Result<Node> {
        let found = self.read("look up", |c| find(c, key))?;
        found.ok_or_else(|| mistake(Code::NotFound, "look up", key, "there is no such name"))
    }

    /// One level: whole keys in bytewise order after `after`, `most` at most.
    pub(crate) fn list(&self, directory: &[u8], after: &[u8], most: u32) -> Result<Vec<(Vec<u8>, Node)>> {
        let node = self.node(directory)?;
        if node.attrs.kind != Kind::Directory {
            return Err(mistake(Code::WrongKind, "list", directory, "it is no directory"));
        }
        self.read("list", |c| {
            let text = format!(
                "SELECT {COLUMNS}, m.key FROM name m JOIN node n ON n.id = m.node \
                 WHERE m.parent = ? AND m.key > ? ORDER BY m.key LIMIT ?"
            );
            c.prepare_cached(&text)?
                .query_map(params![directory, after, most], |r| Ok((r.get(10)?, row(r)?)))?
                .collect()
        })
    }

    /// A directory, a symlink, or a further name.
    pub(crate) fn put_node(&self, put: &Put, hard_link_of: Option<&[u8]>) -> Result<()> {
        self.note("make a node", |tx| {
            let key = put.key.as_bytes();
            let wrong = |e: rusqlite::Error| fail::catalogue("make a node", &e);
            let was = find(tx, key).map_err(wrong)?;
            put_node(tx, put, hard_link_of)?;
            let line = match (hard_link_of, &put.attrs) {
                (Some(of), _) => Line::Link { key: key.to_vec(), to: of.to_vec() },
                // A directory that was there is no news.
                (None, Some(attrs)) if was.is_none() || attrs.kind != Kind::Directory => {
                    Line::Node { key: key.to_vec(), attrs: attrs.clone() }
                }
                _ => return Ok(()),
            };
            Self::tell(tx, &line).map_err(wrong)
        })
    }

    pub(crate) fn set_attrs(&self, key: &[u8], attrs: &Attrs) -> Result<()> {
        self.note("set attributes", |tx| {
            set_attrs(tx, key, attrs)?;
            let there = find(tx, key).map_err(|e| fail::catalogue("set attributes", &e))?;
            let merged = there.map_or_else(|| attrs.clone(), |n| n.attrs);
            Self::tell(tx, &Line::Attrs { key: key.to_vec(), attrs: merged })
                .map_err(|e| fail::catalogue("set attributes", &e))
        })
    }

    /// Objects, symlinks and empty directories.
    pub(crate) fn remove(&self, keys: &[&[u8]]) -> Result<Vec<Result<()>>> {
        let wrong = |e: rusqlite::Error| fail::catalogue("remove", &e);
        self.promise("remove", |tx| {
            let one = |key: &&[u8]| {
                remove(tx, key)?;
                Self::tell(tx, &Line::Removed { key: key.to_vec() }).map_err(wrong)
            };
            Ok(keys.iter().map(one).collect())
        })
    }
}

fn publish(tx: &Transaction<'_>, put: &Put, id: &str) -> Result<Stat> {
    let wrong = |e: rusqlite::Error| fail::catalogue("publish", &e);
    let key = put.key.as_bytes();
    let mut found = tx.prepare_cached("SELECT node, key FROM attempt WHERE id = ?").map_err(wrong)?;
    let found = found.query_row([id], |r| Ok((r.get::<_, Option<i64>>(0)?, r.get::<_, Vec<u8>>(1)?)));
    let (node, written_as) = found.optional().map_err(wrong)?.ok_or_else(|| gone("publish", id))?;
    let node = node.ok_or_else(|| mistake(Code::InvalidArg, "publish", key, "it is not durable yet"))?;
    let there = find(tx, key).map_err(wrong)?;
    may_take("publish", key, &put.mode, there.as_ref())?;
    make_parents(tx, "publish", key)?;
    let text = format!("SELECT {COLUMNS} FROM node n WHERE n.id = ?");
    let new = tx.prepare_cached(&text).and_then(|mut s| s.query_row([node], row)).map_err(wrong)?;
    // A rebuild takes the latest on tape: where that may be another one, or under another name, it is told.
    let later = match (there.and_then(|t| t.place), new.place) {
        (Some(old), Some(new)) if old.0 != new.0 => {
            let closed = |serial: u64| closed_s(tx, serial).map_err(wrong);
            // Data sets are read back as they closed, and seconds do not tell which of two was first.
            closed(old.0)? >= closed(new.0)?
        }
        (old, new) => old.is_some() && old > new,
    };
    if later || written_as != key {
        let line = Line::Named { attempt: id.to_owned(), key: key.to_vec() };
        Catalogue::tell(tx, &line).map_err(wrong)?;
    }
    tx.prepare_cached("DELETE FROM attempt WHERE id = ?").and_then(|mut s| s.execute([id])).map_err(wrong)?;
    set_name(tx, key, node).map_err(wrong)?;
    Ok(new.stat())
}

/// When a data set closed, in seconds since the epoch.
fn closed_s(tx: &Transaction<'_>, serial: u64) -> rusqlite::Result<Option<u64>> {
    let mut found = tx.prepare_cached("SELECT closed_s FROM data_set WHERE serial = ?")?;
    found.query_row([serial], |r| r.get(0)).optional()
}

/// What is known of `new` replaces what was known.
fn merge(old: Attrs, new: &Attrs) -> Attrs {
    Attrs {
        mode: new.mode.or(old.mode),
        uid: new.uid.or(old.uid),
        gid: new.gid.or(old.gid),
        mtime_ns: new.mtime_ns.or(old.mtime_ns),
        xattrs: if new.xattrs.is_empty() { old.xattrs.clone() } else { new.xattrs.clone() },
        ..old
    }
}

/// Makes a node visible; the manifest is the caller's.
pub(crate) fn put_node(tx: &Transaction<'_>, put: &Put, hard_link_of: Option<&[u8]>) -> Result<()> {
    const DOING: &str = "make";
    let wrong = |e: rusqlite::Error| fail::catalogue("make a node", &e);
    let key = put.key.as_bytes();
    let there = find(tx, key).map_err(wrong)?;
    let attrs = put.attrs.clone().unwrap_or_default();
    if hard_link_of.is_none() && attrs.kind == Kind::Directory {
        match there {
            Some(node) if node.attrs.kind == Kind::Directory => return Ok(()),
            Some(_) => return Err(mistake(Code::Exists, DOING, key, "something else has this name")),
            None => {}
        }
    } else {
        may_take(DOING, key, &put.mode, there.as_ref())?;
    }
    make_parents(tx, DOING, key)?;
    let node = if let Some(of) = hard_link_of {
        let first = find(tx, of).map_err(wrong)?.filter(|n| n.attrs.kind == Kind::File);
        first.ok_or_else(|| mistake(Code::NotFound, "link to", of, "there is no such object"))?.id
    } else {
        if attrs.kind == Kind::Symlink && attrs.link_target.is_none() {
            return Err(mistake(Code::InvalidArg, DOING, key, "a symlink without a target"));
        }
        if !matches!(attrs.kind, Kind::Symlink | Kind::Directory) {
            return Err(Error::unsupported("a node of this kind"));
        }
        let text = Value::Object(manifest::attrs_json(&attrs)).to_string();
        tx.execute("INSERT INTO node(attrs) VALUES(?)", [text]).map_err(wrong)?;
        tx.last_insert_rowid()
    };
    set_name(tx, key, node).map_err(wrong)
}

/// Sets what is known of `attrs`.
pub(crate) fn set_attrs(tx: &Transaction<'_>, key: &[u8], attrs: &Attrs) -> Result<()> {
    let wrong = |e: rusqlite::Error| fail::catalogue("set attributes", &e);
    let there = find(tx, key).map_err(wrong)?;
    let there = there.ok_or_else(|| mistake(Code::NotFound, "set attributes of", key, "it is not there"))?;
    let text = Value::Object(manifest::attrs_json(&merge(there.attrs, attrs))).to_string();
    tx.execute("UPDATE node SET attrs = ? WHERE id = ?", params![text, there.id]).map(|_| ()).map_err(wrong)
}

/// Takes a name away.
pub(crate) fn remove(tx: &Transaction<'_>, key: &[u8]) -> Result<()> {
    let wrong = |e: rusqlite::Error| fail::catalogue("remove", &e);
    let Some(node) = find(tx, key).map_err(wrong)? else {
        return Err(mistake(Code::NotFound, "remove", key, "there is no such name"));
    };
    if node.attrs.kind == Kind::Directory {
        let child = tx.query_row("SELECT 1 FROM name WHERE parent = ? LIMIT 1", [key], |_| Ok(())).optional();
        if child.map_err(wrong)?.is_some() {
            return Err(mistake(Code::Exists, "remove", key, "the directory is not empty"));
        }
    }
    tx.execute("DELETE FROM name WHERE key = ?", [key]).map_err(wrong)?;
    drop_node(tx, node.id).map_err(wrong)
}
