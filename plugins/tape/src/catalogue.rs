//! The catalogue: which object lies where, which names are visible, what is private. One `SQLite` file per library, shared by all
//! processes that use it.
//!
//! It is derived: `tape rebuild` makes it again from the cartridges, and where the two disagree the tape is right
//! (tape-format.md 7.9). Writes that promise something go through [`Catalogue::promise`] and are on the medium when it returns;
//! those that only let others see what goes on (an attempt is open) through [`Catalogue::note`], and survive a crash of the process.
//! Nothing but `SQLite`'s own I/O happens inside a transaction.

#[cfg(test)]
mod tests;

pub(crate) mod attempts;
pub(crate) mod cartridges;
pub(crate) mod live;
pub(crate) mod names;
pub(crate) mod order;
pub(crate) mod sets;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};
use twinhaul_backend_abi::{Code, Error, Result};

use crate::fail;

/// The first `SQLite` without the WAL defect of store.md 4.1.
const LIBRARY_MIN: i32 = 3_051_003;
const APPLICATION_ID: i32 = 0x7477_7470; // "twtp"
const SCHEMA_VERSION: i32 = 1;
/// Longest wait for another process's transaction.
const BUSY_MAX: Duration = Duration::from_mins(1);
const STATEMENTS_MAX: usize = 64;
/// KiB of page cache per connection.
const CACHE_KIB: i64 = 4096;

const SCHEMA: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cartridge(
  id INTEGER PRIMARY KEY, barcode TEXT UNIQUE NOT NULL, volser TEXT NOT NULL, pool TEXT NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', labels TEXT NOT NULL, capacity INTEGER NOT NULL,
  generation INTEGER NOT NULL DEFAULT 1, used INTEGER NOT NULL, sets INTEGER NOT NULL DEFAULT 0,
  protected INTEGER NOT NULL DEFAULT 0, mounts INTEGER NOT NULL DEFAULT 0, errors INTEGER NOT NULL DEFAULT 0,
  written INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0, mtime_ns INTEGER NOT NULL DEFAULT 0,
  tail BLOB NOT NULL DEFAULT x'', verified_s INTEGER NOT NULL DEFAULT 0);
CREATE TABLE data_set(
  serial INTEGER PRIMARY KEY, dsn TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 BLOB NOT NULL,
  manifest_at INTEGER NOT NULL, manifest_len INTEGER NOT NULL, closed_s INTEGER NOT NULL);
CREATE TABLE section(
  serial INTEGER NOT NULL, number INTEGER NOT NULL, cartridge INTEGER NOT NULL, file INTEGER NOT NULL,
  begin_at INTEGER NOT NULL, start INTEGER NOT NULL, end_at INTEGER NOT NULL, offset INTEGER NOT NULL,
  bytes INTEGER NOT NULL, block INTEGER NOT NULL, PRIMARY KEY(serial, number)) WITHOUT ROWID;
CREATE INDEX section_by_cartridge ON section(cartridge, begin_at);
CREATE TABLE intent(serial INTEGER PRIMARY KEY);
CREATE TABLE node(
  id INTEGER PRIMARY KEY, attrs TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 0, serial INTEGER,
  at INTEGER, blake3 BLOB, meta TEXT NOT NULL DEFAULT '[]', attempt TEXT NOT NULL DEFAULT '');
CREATE INDEX node_by_place ON node(serial, at);
CREATE TABLE name(key BLOB PRIMARY KEY, parent BLOB NOT NULL, node INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX name_by_parent ON name(parent, key);
CREATE INDEX name_by_node ON name(node);
CREATE TABLE attempt(id TEXT PRIMARY KEY, node INTEGER, key BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE line(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO meta VALUES('serial', '0');
INSERT INTO node(id, attrs) VALUES(1, '{\"kind\":\"directory\"}');
INSERT INTO name VALUES(x'', x'00', 1);
";

/// See the module.
pub(crate) struct Catalogue {
    /// Reads, and writes that others may see at once and that only a power failure may take back.
    soft: Mutex<Connection>,
    /// Writes that are durable when they return.
    hard: Mutex<Connection>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalogue").finish_non_exhaustive()
    }
}

impl Catalogue {
    /// Opens the file, making it if there is none.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let wrong = |e: &rusqlite::Error| fail::catalogue("open", e);
        if rusqlite::version_number() < LIBRARY_MIN {
            let why = format!("SQLite {} can corrupt a shared file", rusqlite::version());
            return Err(Error::new(Code::Internal, why));
        }
        let hard = connect(path, "FULL").map_err(|e| wrong(&e))?;
        make(&hard).map_err(|e| wrong(&e))?;
        let id: i32 = pragma(&hard, "application_id").map_err(|e| wrong(&e))?;
        let version: i32 = pragma(&hard, "user_version").map_err(|e| wrong(&e))?;
        if (id, version) != (APPLICATION_ID, SCHEMA_VERSION) {
            let why = format!("not a catalogue of this version (application {id:x}, version {version})");
            return Err(fail::about(Code::Corrupt, &path.display().to_string(), &why));
        }
        let soft = connect(path, "NORMAL").map_err(|e| wrong(&e))?;
        Ok(Self { soft: Mutex::new(soft), hard: Mutex::new(hard) })
    }

    /// A transaction that is on the medium when this returns.
    pub(crate) fn promise<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        transact(lock(&self.hard), doing, work)
    }

    /// A transaction that others see when this returns.
    pub(crate) fn note<T>(&self, doing: &str, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        transact(lock(&self.soft), doing, work)
    }

    /// Reads; one consistent view unless `work` writes.
    pub(crate) fn read<T>(&self, doing: &str, work: impl FnOnce(&Connection) -> Sql<T>) -> Result<T> {
        work(&lock(&self.soft)).map_err(|e| fail::catalogue(doing, &e))
    }

    /// Whatever was committed before this is on the medium when it returns.
    pub(crate) fn sync(&self) -> Result<()> {
        self.promise("sync names", |tx| {
            let counted =
                "INSERT INTO meta VALUES('syncs', '1') ON CONFLICT(key) DO UPDATE SET value = value + 1";
            tx.execute(counted, []).map(|_| ()).map_err(|e| fail::catalogue("sync names", &e))
        })
    }

    /// A line for the next manifest: what happened to names that are on tape.
    pub(crate) fn tell(tx: &Transaction<'_>, line: &crate::format::manifest::Line) -> Sql<()> {
        tx.prepare_cached("INSERT INTO line(text) VALUES(?)")?.execute([line.text()]).map(|_| ())
    }

    /// For a data set that closes now: its place in the order in which data sets closed, and the lines that go into it.
    ///
    /// Both at one moment: a line may tell of an object of a data set that was begun later, on another drive, and closed
    /// before. What is read back in this order never tells of what is not there yet.
    pub(crate) fn closing(&self, most: usize) -> Result<(u64, Lines)> {
        let next = "INSERT INTO meta VALUES('closed', '1') ON CONFLICT(key) DO UPDATE SET value = value + 1 RETURNING value";
        let wrong = |e: rusqlite::Error| fail::catalogue("close a data set", &e);
        // On disk with the data set itself: until then nobody counts on it.
        self.note("close a data set", |tx| {
            let closed = tx.query_row(next, [], |r| r.get::<_, String>(0)).map_err(wrong)?;
            Ok((closed.parse().unwrap_or(0), lines_of(tx, most).map_err(wrong)?))
        })
    }

    /// Lines that are on no manifest yet, with their numbers, oldest first.
    pub(crate) fn lines(&self, most: usize) -> Result<Lines> {
        self.read("read notes", |c| lines_of(c, most))
    }
}

/// What happened to names, with the number of each.
pub(crate) type Lines = Vec<(i64, String)>;

/// These lines are on tape. Exactly these: numbers begin again once none is left, and another drive may have taken the same ones
/// and let new ones come after them.
fn forget_lines(tx: &Connection, lines: &[(i64, String)]) -> Sql<()> {
    let mut forget = tx.prepare_cached("DELETE FROM line WHERE id = ? AND text = ?")?;
    lines.iter().try_for_each(|(id, text)| forget.execute(rusqlite::params![id, text]).map(|_| ()))
}

fn lines_of(c: &Connection, most: usize) -> Sql<Lines> {
    let mut s = c.prepare_cached("SELECT id, text FROM line ORDER BY id LIMIT ?")?;
    s.query_map([most], |r| Ok((r.get(0)?, r.get(1)?)))?.collect()
}

pub(crate) type Sql<T> = rusqlite::Result<T>;

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn transact<T>(
    mut connection: MutexGuard<'_, Connection>,
    doing: &str,
    work: impl FnOnce(&Transaction<'_>) -> Result<T>,
) -> Result<T> {
    let wrong = |e: rusqlite::Error| fail::catalogue(doing, &e);
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrong)?;
    let answer = work(&tx)?;
    tx.commit().map_err(wrong)?;
    Ok(answer)
}

fn connect(path: &Path, synchronous: &str) -> Sql<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let c = Connection::open_with_flags(path, flags)?;
    c.busy_timeout(BUSY_MAX)?;
    c.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    c.pragma_update(None, "trusted_schema", false)?;
    c.pragma_update(None, "cache_size", -CACHE_KIB)?;
    c.pragma_update(None, "synchronous", synchronous)?;
    Ok(c)
}

fn make(c: &Connection) -> Sql<()> {
    if pragma::<i32>(c, "application_id")? != 0 {
        return Ok(());
    }
    let mode: String = c.query_row("PRAGMA journal_mode=WAL", [], |r| r.get(0))?;
    debug_assert_eq!(mode, "wal");
    let made: Option<i64> = c.query_row("SELECT 1 FROM sqlite_master", [], |r| r.get(0)).optional()?;
    if made.is_some() {
        return Ok(());
    }
    // Another process may be making it too: only one gets the write lock while there is no table.
    c.execute_batch("BEGIN IMMEDIATE")?;
    let there: Option<i64> = c.query_row("SELECT 1 FROM sqlite_master", [], |r| r.get(0)).optional()?;
    if there.is_none() {
        c.execute_batch(SCHEMA)?;
        c.pragma_update(None, "application_id", APPLICATION_ID)?;
        c.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    c.execute_batch("COMMIT")
}

fn pragma<T: rusqlite::types::FromSql>(c: &Connection, name: &str) -> Sql<T> {
    c.pragma_query_value(None, name, |r| r.get(0))
}
