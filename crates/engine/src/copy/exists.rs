//! What is at the target already, and what the profile says about it (`on_exists`; never silently, faults.md 39).

use super::{Desk, Failure, Route};
use crate::feeder::Job;
use crate::storage::Opened;
use twinhaul_backend_host::{Code, Kind, Stat, WriteMode};
use twinhaul_ledger::{NodeKind, Row};
use twinhaul_profile::OnExists;
use twinhaul_units::text::{show_bytes, show_place};

/// What to do with one transfer.
pub(crate) enum Decision {
    Skip,
    Write(WriteMode),
}

/// Whether it is written without a look: never what this run may have written itself.
pub(crate) fn is_vacant(job: &Job, target: &Opened, attempts: u32) -> bool {
    attempts == 1 && !job.redo && !job.row.written && target.is_vacant()
}

/// Decided when the transfer starts (store.md 2: "same" = kind, size, mtime at the target's precision).
pub(crate) fn decide(desk: &Desk, job: &Job, route: &Route<'_>) -> Result<Decision, Failure> {
    let stat = match route.target.target.stat(&desk.op(), &route.key) {
        Ok(stat) => stat,
        Err(e) if e.code() == Code::NotFound => return Ok(Decision::Write(WriteMode::CreateNew)),
        Err(e) => return Err(Failure::writing(route, &e)),
    };
    if stat.kind == Kind::Directory {
        return Err(Failure::permanent(
            Failure::EXISTS,
            format!("a directory is in the way: {} (target {})", place(desk, route), route.target.name),
        ));
    }
    match desk.on_exists {
        OnExists::Fail => Err(Failure::permanent(
            Failure::EXISTS,
            format!("target {} has it already (on_exists: fail)", route.target.name),
        )),
        OnExists::SkipSame
            if !job.redo
                && is_same(&job.row, &stat, route.target.limits.mtime_precision_ns)
                && names_are_there(desk, job, route) =>
        {
            Ok(Decision::Skip)
        }
        OnExists::SkipSame | OnExists::Overwrite => Ok(Decision::Write(WriteMode::Overwrite)),
    }
}

/// Where the object is, in full, for whoever has to mend it there; its key, where the target does not say where it is.
fn place(desk: &Desk, route: &Route<'_>) -> String {
    let key = route.key.as_bytes();
    match route.target.target.probe(&desk.op()) {
        Ok(probe) if !probe.location.is_empty() => show_place(&probe.location, key),
        _ => show_bytes(key),
    }
}

/// Whether what is at the target is what was planned, by all that `stat` tells.
///
/// What this run wrote itself may have its size and its times, but not be durable: after a power loss with
/// `durability: end` even its bytes may be missing. Found by the simulation.
pub(crate) fn is_same(row: &Row, stat: &Stat, precision_ns: u64) -> bool {
    let kind = match row.kind {
        NodeKind::Symlink => Kind::Symlink,
        NodeKind::File | NodeKind::HardLinkGroup => Kind::File,
    };
    let precision = i64::try_from(precision_ns).unwrap_or(i64::MAX).max(1);
    let same_time =
        stat.mtime_ns.is_some_and(|at| at.div_euclid(precision) == row.mtime_ns.div_euclid(precision));
    let same_size = row.kind == NodeKind::Symlink || stat.size == row.size;
    !row.written && stat.kind == kind && same_size && same_time
}

/// All names of a hard-link group are there and are one object.
fn names_are_there(desk: &Desk, job: &Job, route: &Route<'_>) -> bool {
    if job.row.names.is_empty() {
        return true;
    }
    let identity = |key: &[u8]| {
        let key = twinhaul_units::Key::new(key).ok()?;
        let attrs = route.target.target.get_attrs(&desk.op(), Some(&key)).ok()?;
        Some((attrs.dev?, attrs.ino?))
    };
    let first = identity(route.key.as_bytes());
    first.is_some() && job.row.names.iter().all(|name| identity(name) == first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_ledger::State;
    use twinhaul_units::TransferId;

    #[test]
    fn the_same_is_what_kind_size_and_time_say_and_this_run_was_not_at_it() {
        let row = Row {
            id: TransferId(1),
            key: b"a".to_vec(),
            source_key: b"a".to_vec(),
            source: 0,
            target: 0,
            kind: NodeKind::File,
            size: 5,
            mtime_ns: 1_700_000_000_123_456_789,
            state: State::Planned,
            attempts: 0,
            written: false,
            names: Vec::new(),
        };
        let stat =
            Stat { kind: Kind::File, size: 5, mtime_ns: Some(1_700_000_000_123_000_000), ..Stat::default() };
        let same = |row: &Row| is_same(row, &stat, 1_000_000);
        assert!(same(&row));
        assert!(!same(&Row { size: 6, ..row.clone() }));
        assert!(!same(&Row { kind: NodeKind::Symlink, ..row.clone() }));
        assert!(!same(&Row { mtime_ns: row.mtime_ns + 1_000_000, ..row.clone() }));
        // It may be this run's own, and not durable: the scout would else end it as skipped.
        assert!(!same(&Row { written: true, ..row }));
    }
}
