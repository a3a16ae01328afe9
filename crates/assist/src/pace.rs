//! What moving things costs a peer: time for each byte and for each transfer, all its slots together.
//!
//! Integers, so that a state of the core can be hashed and two machines agree. The price of a transfer is what remains
//! when the bytes are paid for: opening, closing, waiting for a distant target.

use std::time::Duration;

const PS_PER_SECOND: u128 = 1_000_000_000_000;
const PS_PER_NS: u128 = 1_000;
const NS_PER_SECOND: u128 = 1_000_000_000;

/// The price of work at the level of a peer, all slots together. All zero: nothing is known yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pace {
    /// Picoseconds for a byte.
    pub per_byte_ps: u64,
    /// Nanoseconds for a transfer or a range, whatever its size.
    pub per_transfer_ns: u64,
}

impl Pace {
    /// So many bytes a second, and nothing for a transfer.
    pub fn from_rate(bytes_per_second: u64) -> Self {
        let per_byte = PS_PER_SECOND.checked_div(bytes_per_second.into()).unwrap_or(0);
        Self { per_byte_ps: u64::try_from(per_byte).unwrap_or(u64::MAX), per_transfer_ns: 0 }
    }

    pub const fn is_unknown(&self) -> bool {
        self.per_byte_ps == 0 && self.per_transfer_ns == 0
    }

    /// How long so much work takes.
    pub fn time(&self, transfers: u64, bytes: u64) -> Duration {
        let ps = u128::from(self.per_byte_ps) * u128::from(bytes)
            + u128::from(self.per_transfer_ns) * PS_PER_NS * u128::from(transfers);
        let ns = ps / PS_PER_NS;
        let seconds = u64::try_from(ns / NS_PER_SECOND).unwrap_or(u64::MAX);
        Duration::new(seconds, (ns % NS_PER_SECOND) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_transfers_both_cost() {
        let pace = Pace { per_transfer_ns: 500_000, ..Pace::from_rate(100_000_000) };
        assert_eq!(pace.per_byte_ps, 10_000);
        assert_eq!(pace.time(2, 100_000_000), Duration::from_millis(1001));
        assert!(Pace::default().is_unknown() && !pace.is_unknown());
        assert_eq!(Pace::from_rate(0), Pace::default());
        assert!(pace.time(u64::MAX, u64::MAX).as_secs() > 0);
    }
}
