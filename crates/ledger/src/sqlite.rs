//! The ledger as one SQLite file in WAL mode, written by several processes on one host (store.md 1, 4).
//!
//! Opening, the write transaction and the meaning of SQLite's errors are here; each group of operations has its file.
//! Nothing but SQLite's own reads and writes may happen between BEGIN IMMEDIATE and COMMIT (store.md 4.2).

mod assign;
mod blocks;
mod busy;
mod check;
mod checkpoints;
mod cure;
mod end;
mod fence;
mod figures;
mod history;
mod ids;
mod lots;
mod number;
mod operation;
mod peers;
mod plan;
mod queue;
mod ranges;
mod retry;
mod rows;
mod schema;
mod settle;
mod takeover;
mod tally;
#[cfg(test)]
mod tests;

use crate::files::{self, Identity};
use crate::{BUSY_MAX, LedgerError, NewRun, Result, RunState, Stopped, View};
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use schema::{APPLICATION_ID, SCHEMA};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use twinhaul_failpoint::{Point, hit};

pub use schema::SCHEMA_VERSION;

/// SQLite's own version, as it is linked.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// The first SQLite without the WAL defect of store.md 4.1.
const LIBRARY_MIN: i32 = 3_051_003;
/// KiB of page cache of a writing connection: millions of rows must not grow the process.
const CACHE_KIB: i64 = 8192;
/// The same of one that reads: rows in the order of their ids, each once. A peer has several.
const READ_CACHE_KIB: i64 = 1024;
/// Pages in the log after which a commit checkpoints: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4096;
/// The log is cut back to this after it has grown.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// Prepared statements kept per connection; more than there are.
const STATEMENTS_MAX: usize = 160;

/// A reading connection.
#[derive(Debug)]
pub struct SqliteView {
    conn: Connection,
    path: PathBuf,
    identity: Identity,
    /// Stopped writers that this connection killed.
    told: cure::Told,
}

/// A writing connection.
#[derive(Debug)]
pub struct SqliteStore {
    view: View,
    /// After an I/O error or damage nothing is written any more (store.md 4.6).
    broken: Cell<bool>,
}

impl SqliteView {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn connect(path: &Path, access: OpenFlags) -> Result<Self> {
        let view = Self::attach(path, access)?;
        view.check_schema().map_err(|e| view.explain(e))?;
        Ok(view)
    }

    /// Opens and configures; the file may still be empty.
    fn attach(path: &Path, access: OpenFlags) -> Result<Self> {
        if rusqlite::version_number() < LIBRARY_MIN {
            return Err(LedgerError::Library { found: rusqlite::version() });
        }
        let identity = files::identity(path)?;
        files::refuse_shared(path)?;
        let told = cure::Told::default();
        let open = || -> Result<Connection> {
            let mut conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            let writes = access.contains(OpenFlags::SQLITE_OPEN_READ_WRITE);
            let cure = writes.then(|| cure::Cure::new(path, std::sync::Arc::clone(&told)));
            busy::install(&mut conn, BUSY_MAX, cure)?;
            conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
            conn.pragma_update(None, "trusted_schema", false)?;
            conn.pragma_update(None, "temp_store", "MEMORY")?;
            conn.pragma_update(None, "cache_size", if writes { -CACHE_KIB } else { -READ_CACHE_KIB })?;
            conn.pragma_update(None, "cell_size_check", true)?;
            Ok(conn)
        };
        let conn = open().map_err(|e| explain(path, e))?;
        Ok(Self { conn, path: path.to_owned(), identity, told })
    }

    fn check_schema(&self) -> Result<()> {
        let pragma = |name: &str| self.conn.pragma_query_value(None, name, |r| r.get::<_, i64>(0));
        let (application, found) = (pragma("application_id")?, pragma("user_version")?);
        if application != APPLICATION_ID {
            return Err(LedgerError::NotALedger { path: self.path.clone() });
        }
        if found != SCHEMA_VERSION {
            return Err(LedgerError::Schema { path: self.path.clone(), found, wanted: SCHEMA_VERSION });
        }
        Ok(())
    }

    /// One read transaction: everything in it is of the same moment.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let run = || {
            let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Deferred)?;
            work(&tx)
        };
        run().map_err(|e| self.explain(e))
    }

    fn explain(&self, error: LedgerError) -> LedgerError {
        explain(&self.path, error)
    }

    pub(crate) fn take_stopped(&self) -> Vec<Stopped> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SqliteStore {
    pub(crate) fn create(path: &Path, run: &NewRun) -> Result<Self> {
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            files::identity(parent)?;
        }
        files::refuse_shared(path)?;
        files::create_private(path)?;
        let made = files::make_reserve(path).and_then(|()| Self::fill(path, run));
        if made.is_err() {
            // Nothing refers to it yet; what cannot be removed is found as `Exists` next time.
            files::release_reserve(path);
            for suffix in ["-wal", "-shm", ""] {
                let _ = std::fs::remove_file(files::beside(path, suffix));
            }
        }
        made
    }

    fn fill(path: &Path, run: &NewRun) -> Result<Self> {
        let store = Self::writing(SqliteView::attach(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)?;
        store.write(|conn| {
            conn.execute_batch(SCHEMA)?;
            conn.pragma_update(None, "application_id", APPLICATION_ID)?;
            conn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            let created = number::to_sql("a time", run.created_at_ms)?;
            conn.execute(
                "INSERT INTO run(one, id, name, profile_hash, policy, first_peer, second_peer, created_at_ms, state,
                 state_at_ms) VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?7)",
                rusqlite::params![
                    run.id,
                    run.name,
                    run.profile_hash,
                    run.policy,
                    run.names[0],
                    run.names[1],
                    created,
                    number::run_state_to_sql(RunState::Starting)
                ],
            )?;
            conn.execute("INSERT INTO peer(id) VALUES (0), (1)", [])?;
            Ok(())
        })?;
        Ok(store)
    }

    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::writing(SqliteView::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)
    }

    /// What a writing connection has beyond a reading one.
    fn writing(view: SqliteView) -> Result<Self> {
        let configure = || -> Result<()> {
            let mode: String =
                view.conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
            if mode != "wal" {
                return Err(LedgerError::Value { what: "a journal mode", value: mode });
            }
            view.conn.pragma_update(None, "synchronous", "FULL")?;
            view.conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
            view.conn.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
            Ok(())
        };
        configure().map_err(|e| view.explain(e))?;
        Ok(Self { view: View::Sqlite(view), broken: Cell::new(false) })
    }

    pub(crate) const fn view(&self) -> &View {
        &self.view
    }

    /// Its own connection; `view` is never of another kind.
    fn sqlite(&self) -> Result<&SqliteView> {
        match &self.view {
            View::Sqlite(view) => Ok(view),
            View::Sim(_) => Err(LedgerError::Value { what: "a store", value: "in memory".to_owned() }),
        }
    }

    /// One write transaction: all or nothing, durable when this returns.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let view = self.sqlite()?;
        if self.broken.get() {
            let message = "an earlier error made it unsafe to write".to_owned();
            return Err(LedgerError::Io { path: view.path.clone(), message });
        }
        let run = || {
            if !files::identity(&view.path).is_ok_and(|now| now == view.identity) {
                return Err(LedgerError::Lost { path: view.path.clone() });
            }
            let tx = Transaction::new_unchecked(&view.conn, TransactionBehavior::Immediate)?;
            let value = work(&tx)?;
            hit(Point::InTransaction);
            tx.commit()?;
            Ok(value)
        };
        run().map_err(|e| self.failed(e))
    }

    /// Keeps what an error means for later, and releases the reserve when the disk is full.
    fn failed(&self, error: LedgerError) -> LedgerError {
        let Ok(view) = self.sqlite() else { return error };
        match view.explain(error) {
            LedgerError::NoSpace { path, .. } => {
                let reserve_released = files::release_reserve(&path);
                LedgerError::NoSpace { path, reserve_released }
            }
            error => {
                if error.exit_code() == 74 {
                    self.broken.set(true);
                }
                error
            }
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let view = self.sqlite()?;
        let verdict = view.read(|conn| {
            let mut statement = conn.prepare("PRAGMA quick_check(1)")?;
            Ok(statement.query_row([], |row| row.get::<_, String>(0))?)
        });
        match verdict {
            Ok(text) if text == "ok" => files::make_reserve(&view.path),
            Ok(text) => {
                let message = twinhaul_units::text::show(&text).into_owned();
                Err(self.failed(LedgerError::Corrupt { path: view.path.clone(), message }))
            }
            Err(error) => Err(self.failed(error)),
        }
    }
}

/// Gives SQLite's errors their meaning; leaves the others as they are.
fn explain(path: &Path, error: LedgerError) -> LedgerError {
    let LedgerError::Sqlite(rusqlite::Error::SqliteFailure(failure, text)) = &error else { return error };
    let path = path.to_owned();
    let message = || text.clone().unwrap_or_else(|| failure.to_string());
    match failure.code {
        // The shared memory could not be extended: the disk is full, SQLite only says it differently.
        _ if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => {
            LedgerError::NoSpace { path, reserve_released: false }
        }
        ErrorCode::DiskFull => LedgerError::NoSpace { path, reserve_released: false },
        ErrorCode::SystemIoFailure => LedgerError::Io { message: message(), path },
        ErrorCode::DatabaseCorrupt => LedgerError::Corrupt { message: message(), path },
        ErrorCode::NotADatabase => LedgerError::NotALedger { path },
        ErrorCode::DatabaseBusy => {
            let holder = files::lock_holder(&path).ok().flatten();
            LedgerError::Busy { holder, waited_s: BUSY_MAX.as_secs() }
        }
        _ if failure.extended_code == rusqlite::ffi::SQLITE_READONLY_DBMOVED => LedgerError::Lost { path },
        ErrorCode::CannotOpen if !path.exists() => LedgerError::NotFound { path },
        _ => error,
    }
}
