//! What may flow: limits, hours with another limit, slots. The same keys for a peer, for a target, and for both peers.

use crate::{
    error::Fault,
    fields::Fields,
    model::SLOTS_MAX,
    node::Node,
    timetable::{Bandwidth, ENTRIES_MAX, Hours},
};
use twinhaul_units::Rate;

pub(super) fn read(f: &Fields<'_>) -> Result<Bandwidth, Fault> {
    Ok(Bandwidth {
        limit: f.read("limit", |n| n.quantity(Rate::parse))?,
        timetable: f.read("timetable", timetable)?.unwrap_or_default(),
    })
}

/// Transfers in flight at a time.
pub(super) fn slots(f: &Fields<'_>, key: &str) -> Result<Option<u32>, Fault> {
    let slots = f.read(key, |n| n.whole(1..=u64::from(SLOTS_MAX)))?;
    Ok(slots.and_then(|n| u32::try_from(n).ok()))
}

fn timetable(node: &Node) -> Result<Vec<Hours>, Fault> {
    let lines = node.list("hours with a limit each")?;
    if lines.len() > ENTRIES_MAX {
        return Err(node.fault(format!("at most {ENTRIES_MAX} lines, found {}", lines.len())));
    }
    let hours = |line: &Node| Hours::parse(line.text("hours with a limit")?).map_err(|why| line.fault(why));
    lines.iter().map(hours).collect()
}
