//! How much of a queue is to move so that a share of it stays: counted from its tail, where assistance cuts too.
//!
//! The ledger measures intervals without reading them, so that a queue of millions costs a few dozen look-ups.

use twinhaul_assist::Interval;
use twinhaul_ledger::View;
use twinhaul_units::{Bytes, TransferId};

/// What a queue holds, and the part at its tail that is to go.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tail {
    /// All of this queue.
    pub queued: Bytes,
    /// The other peer's queue.
    pub others: Bytes,
    /// What is to go: transfers and their bytes.
    pub count: u64,
    pub bytes: Bytes,
}

impl Tail {
    /// The tail of `queue` (in its order) after whose leaving `keep` of its bytes and `others` together is left, as
    /// near as whole transfers allow.
    pub(crate) fn of(
        view: &View,
        queue: &[Interval],
        keep: f64,
        others: Bytes,
    ) -> twinhaul_ledger::Result<Self> {
        let queued = Bytes(view.interval_bytes(queue)?);
        let mut tail = Self { queued, others, ..Self::default() };
        let stays = keep * (queued.0 as f64 + others.0 as f64);
        let wanted = (queued.0 as f64 - stays).max(0.0) as u64;
        for interval in queue.iter().rev() {
            let whole = view.interval_bytes(std::slice::from_ref(interval))?;
            if tail.bytes.0 + whole > wanted {
                let room = wanted - tail.bytes.0;
                let (count, bytes) = cut(view, interval, room)?;
                tail.count += count;
                tail.bytes += Bytes(bytes);
                break;
            }
            tail.count += interval.count();
            tail.bytes += Bytes(whole);
        }
        Ok(tail)
    }

    /// This peer's part of all that is queued, from 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        self.queued.0 as f64 / ((self.queued + self.others).0 as f64).max(1.0)
    }
}

/// The last transfers of an interval that hold about `wanted` bytes; the one that crosses the line goes to the nearer
/// side.
fn cut(view: &View, interval: &Interval, wanted: u64) -> twinhaul_ledger::Result<(u64, u64)> {
    let len = interval.count();
    let tail = |count: u64| match count {
        0 => Ok(0),
        n => {
            let first = TransferId(interval.last.0 + 1 - n);
            view.interval_bytes(&[Interval { first, ..*interval }])
        }
    };
    // `low` fits, `high` does not.
    let (mut low, mut high) = (0, len);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if tail(middle)? <= wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    let (below, above) = (tail(low)?, tail(high)?);
    Ok(if above.abs_diff(wanted) < wanted.abs_diff(below) { (high, above) } else { (low, below) })
}
