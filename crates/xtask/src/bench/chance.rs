//! Chance from a seed: the same bytes and sizes on every machine, on every day.
//!
//! Only sums, products and shifts, which are exact everywhere; `ln`, `exp` and `cos` of two C libraries may differ in the last
//! digit, and then two machines would measure two data sets.

/// Splitmix64: one state word, no bad seeds, and its bytes do not compress.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`; the bias of the remainder is far below what any of this measures.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    /// Lognormal with the median 1: `exp(sigma * z)`. The normal `z` is the sum of twelve uniform numbers less six, which
    /// never leaves -6 to 6.
    pub(super) fn lognormal(&mut self, sigma: f64) -> f64 {
        let z: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        power_of_e(sigma * z)
    }

    /// From 0 to below 1, with 53 bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// `e` to the power of `x` for the x that come up here, within a few percent: (1 + x / 2^20) squared twenty times.
fn power_of_e(x: f64) -> f64 {
    const SQUARINGS: i32 = 20;
    let mut power = 1.0 + x / f64::from(1 << SQUARINGS);
    for _ in 0..SQUARINGS {
        power *= power;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_one_sequence_of_bytes() {
        let (mut one, mut two, mut other) = ([0; 100], [0; 100], [0; 100]);
        Chance::new(7).fill(&mut one);
        Chance::new(7).fill(&mut two);
        Chance::new(8).fill(&mut other);
        assert_eq!(one, two);
        assert_ne!(one, other);
        // The published first value for the seed 0: a change of the generator would change every data set.
        assert_eq!(Chance::new(0).next(), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn the_power_of_e_is_near_enough() {
        for x in [-12.0, -1.0, 0.0, 1.0, 12.0] {
            let ratio = power_of_e(x) / f64::exp(x);
            assert!((0.99..1.01).contains(&ratio), "{x}: {ratio}");
        }
    }
}
