//! Chance from a seed: the only source of it here, so that a seed replays a run bit by bit.

/// A stream of numbers that a seed decides.
#[derive(Clone, Debug)]
pub(crate) struct Chance(fastrand::Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    /// Whether something of this probability happens. What can not happen costs no number.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// Mean 0, deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Log-normal with mean 1.
    pub(crate) fn lognormal(&mut self, sigma: f64) -> f64 {
        (sigma * self.normal() - sigma * sigma / 2.0).exp()
    }

    /// Pareto with least value 1.
    pub(crate) fn pareto(&mut self, alpha: f64) -> f64 {
        (1.0 - self.unit()).powf(-1.0 / alpha)
    }
}

/// FNV-1a in 64 bits: names seeds, traces and grids. No defence against anybody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fnv(pub(crate) u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for b in bytes {
            self.0 = (self.0 ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// One step for eight bytes: a run takes millions of them.
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0 ^ n).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 ^= self.0 >> 29;
    }
}

/// The seed of `text` under the seed given at the command line: scenarios neither share one nor shift each other's.
pub(crate) fn seed_of(seed: u64, text: &str) -> u64 {
    use std::hash::Hasher as _;
    let mut fnv = Fnv::default();
    fnv.write_u64(seed);
    fnv.write(text.as_bytes());
    // The last steps of SplitMix64: FNV alone mixes its low bits badly.
    let z = (fnv.0 ^ fnv.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(mut draw: impl FnMut() -> f64) -> f64 {
        (0..200_000).map(|_| draw()).sum::<f64>() / 200_000.0
    }

    #[test]
    fn the_distributions_have_their_means() {
        let mut chance = Chance::new(7);
        assert!(mean(|| chance.normal()).abs() < 0.01);
        assert!((mean(|| chance.lognormal(0.5)) - 1.0).abs() < 0.01);
        // alpha / (alpha - 1)
        assert!((mean(|| chance.pareto(3.0)) - 1.5).abs() < 0.02);
    }

    #[test]
    fn seeds_differ_by_name_and_by_number() {
        assert_eq!(seed_of(1, "a"), seed_of(1, "a"));
        assert_ne!(seed_of(1, "a"), seed_of(2, "a"));
        assert_ne!(seed_of(1, "a"), seed_of(1, "b"));
        let even = (0..1000).filter(|n| seed_of(1, &format!("grid/{n}")).is_multiple_of(2)).count();
        assert!((450..550).contains(&even), "{even} of 1,000 are even");
    }
}
