//! A number of transfers and their bytes, which always travel together.

use crate::Bytes;

/// So many transfers with so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub transfers: u64,
    pub bytes: Bytes,
}

impl Amount {
    pub const fn new(transfers: u64, bytes: u64) -> Self {
        Self { transfers, bytes: Bytes(bytes) }
    }
}

impl std::ops::Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { transfers: self.transfers.saturating_add(other.transfers), bytes: self.bytes + other.bytes }
    }
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::ops::Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { transfers: self.transfers.saturating_sub(other.transfers), bytes: self.bytes - other.bytes }
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), |a, b| a + b)
    }
}
