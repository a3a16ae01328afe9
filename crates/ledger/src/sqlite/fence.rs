//! Who may write: the incarnation check that begins every change a peer makes (invariants S5, S7).

use super::number::{from_sql, peer_to_sql};
use crate::{LedgerError, Result};
use rusqlite::Connection;
use twinhaul_units::{Incarnation, PeerId};

/// The incarnation that owns the peer's place now.
pub(super) fn current(conn: &Connection, peer: PeerId) -> Result<Incarnation> {
    let mut statement = conn.prepare_cached("SELECT incarnation FROM peer WHERE id = ?1")?;
    Ok(Incarnation(statement.query_row([peer_to_sql(peer)], |row| row.get(0).map(from_sql))?))
}

/// Refuses a stale incarnation.
pub(super) fn check(conn: &Connection, peer: PeerId, mine: Incarnation) -> Result<()> {
    let current = current(conn, peer)?;
    if current == mine { Ok(()) } else { Err(LedgerError::Fenced { peer, mine, current }) }
}
