//! The tables (store.md 2). A change here is a new [`SCHEMA_VERSION`]: ledgers of another version are refused.

/// In `user_version`.
pub const SCHEMA_VERSION: i64 = 5;
/// In `application_id`: `TwHl`.
pub(super) const APPLICATION_ID: i64 = 0x5477_486C;

/// `lot`: disjoint, covering; `low`: nothing below it is planned or authorised; `born`: the lot as which the transfers
/// came to their owner. `transfer.size` is as planned and never changes: every sum counts it.
/// `tried_before`: attempts before it was last reopened; `first_error` outlives the reopening. `transfer_again` makes "how
/// many needed more than one attempt" a question about those alone.
/// `peer.joined`: the incarnation that the process of the other columns took; a larger `incarnation` fenced it. `ratio` is
/// for the next run of the profile, `live_ratio` for the next incarnation.
/// `dial`: those that an operator turned, by peer; `value` NULL: lifted.
/// `block`: one row per 1,024 ids; `prefix`: planned bytes of all transfers before it, so that intervals are measured
/// without reading them; the other columns say what is still open in it, so that settled stretches are skipped.
/// `shared`: the private object of a transfer that was cut; `range`: every part of it that its home lent, also those that
/// came back (holder = home), until it is settled; `seq` grows with every change of holder, for loads.
/// `checkpoint`: what of a large transfer that is not authorised is durable in the private object of one attempt.
/// `counter`: state 0..=4 as in `transfer.state`, 5 the verified part of done.
pub(super) const SCHEMA: &str = "
CREATE TABLE run(
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL, name TEXT NOT NULL, profile_hash TEXT NOT NULL, policy TEXT NOT NULL,
  first_peer TEXT NOT NULL, second_peer TEXT NOT NULL, created_at_ms INTEGER NOT NULL,
  state TEXT NOT NULL, state_at_ms INTEGER NOT NULL,
  growing INTEGER NOT NULL DEFAULT 1, transfers INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  directories INTEGER NOT NULL DEFAULT 0, waves INTEGER NOT NULL DEFAULT 0, last_wave INTEGER NOT NULL DEFAULT -1,
  next_transfer INTEGER NOT NULL DEFAULT 0, next_lot INTEGER NOT NULL DEFAULT 1,
  next_range INTEGER NOT NULL DEFAULT 1,
  lots_version INTEGER NOT NULL DEFAULT 0,
  finishing_peer INTEGER, finishing_incarnation INTEGER, finished INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE peer(
  id INTEGER PRIMARY KEY CHECK (id IN (0, 1)), incarnation INTEGER NOT NULL DEFAULT 0,
  joined INTEGER NOT NULL DEFAULT 0, pid INTEGER, pid_start INTEGER, boot_id TEXT, host TEXT, joined_at_ms INTEGER,
  ratio REAL, live_ratio REAL, last TEXT,
  gave INTEGER NOT NULL DEFAULT 0, given INTEGER NOT NULL DEFAULT 0, given_bytes INTEGER NOT NULL DEFAULT 0,
  lent INTEGER NOT NULL DEFAULT 0, lent_bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE dial(peer INTEGER NOT NULL, name TEXT NOT NULL, value INTEGER, PRIMARY KEY(peer, name)) STRICT, WITHOUT ROWID;
CREATE TABLE lot(
  id INTEGER PRIMARY KEY, born INTEGER NOT NULL, wave INTEGER NOT NULL, target INTEGER NOT NULL,
  first INTEGER NOT NULL, last INTEGER NOT NULL, low INTEGER NOT NULL,
  owner INTEGER NOT NULL, epoch INTEGER NOT NULL,
  planned INTEGER NOT NULL CHECK (planned >= 0), authorised INTEGER NOT NULL CHECK (authorised >= 0),
  CHECK (first <= last)
) STRICT;
CREATE UNIQUE INDEX lot_first ON lot(first);
CREATE INDEX lot_queue ON lot(owner, born, first) WHERE planned > 0;
CREATE TABLE transfer(
  id INTEGER PRIMARY KEY, key BLOB NOT NULL, source_key BLOB, source INTEGER NOT NULL, target INTEGER NOT NULL,
  kind INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  state INTEGER NOT NULL, attempts INTEGER NOT NULL,
  by_peer INTEGER, by_incarnation INTEGER, epoch INTEGER,
  reference BLOB, blake3 BLOB, etag TEXT, actual_size INTEGER,
  verified INTEGER, lost INTEGER, error TEXT, class TEXT, settled_at_ms INTEGER,
  started_at_ms INTEGER, tried_before INTEGER NOT NULL DEFAULT 0, first_error TEXT
) STRICT;
CREATE INDEX transfer_failed ON transfer(id) WHERE state = 4;
CREATE INDEX transfer_again ON transfer(state) WHERE attempts + tried_before > 1;
CREATE TABLE shared(
  transfer INTEGER PRIMARY KEY, home INTEGER NOT NULL, epoch INTEGER NOT NULL, reference BLOB NOT NULL,
  attempt TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER, ctime_ns INTEGER, dev INTEGER, ino INTEGER
) STRICT;
CREATE TABLE checkpoint(
  transfer INTEGER PRIMARY KEY, reference BLOB NOT NULL, attempt TEXT NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER, ctime_ns INTEGER, dev INTEGER, ino INTEGER, chains BLOB NOT NULL
) STRICT;
CREATE TABLE range(
  seq INTEGER PRIMARY KEY, transfer INTEGER NOT NULL, first INTEGER NOT NULL, beyond INTEGER NOT NULL,
  holder INTEGER NOT NULL, holder_incarnation INTEGER NOT NULL, hedge INTEGER NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, unwanted INTEGER NOT NULL DEFAULT 0, chains BLOB, CHECK (first < beyond)
) STRICT;
CREATE INDEX range_transfer ON range(transfer, first);
CREATE INDEX range_holder ON range(holder, seq) WHERE done = 0;
CREATE TABLE name(
  transfer INTEGER NOT NULL, place INTEGER NOT NULL, key BLOB NOT NULL, PRIMARY KEY (transfer, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE block(
  id INTEGER PRIMARY KEY, n INTEGER NOT NULL, bytes INTEGER NOT NULL, prefix INTEGER NOT NULL,
  planned INTEGER NOT NULL CHECK (planned >= 0), planned_bytes INTEGER NOT NULL CHECK (planned_bytes >= 0),
  authorised INTEGER NOT NULL CHECK (authorised >= 0)
) STRICT;
CREATE TABLE counter(
  peer INTEGER NOT NULL, target INTEGER NOT NULL, state INTEGER NOT NULL,
  n INTEGER NOT NULL CHECK (n >= 0), bytes INTEGER NOT NULL CHECK (bytes >= 0),
  PRIMARY KEY (peer, target, state)
) STRICT, WITHOUT ROWID;
CREATE TABLE operation(
  seq INTEGER PRIMARY KEY, peer INTEGER NOT NULL, incarnation INTEGER NOT NULL, op INTEGER NOT NULL,
  result TEXT NOT NULL, UNIQUE (peer, incarnation, op)
) STRICT;
CREATE TABLE directory(
  id INTEGER PRIMARY KEY, source INTEGER NOT NULL, source_key BLOB NOT NULL, target INTEGER NOT NULL,
  key BLOB NOT NULL, depth INTEGER NOT NULL, attrs_json TEXT NOT NULL
) STRICT;
CREATE INDEX directory_depth ON directory(depth DESC, id);
CREATE TABLE event(
  seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, peer TEXT, incarnation INTEGER NOT NULL, kind TEXT NOT NULL
) STRICT;
";
