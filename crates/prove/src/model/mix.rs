//! Hashes of states: what a search does most. As wide as the checker's own fingerprints, and quick; not for keys from
//! outside.

use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// See the module. Folds a word at a time into the product with an odd number without a pattern.
#[derive(Debug, Default)]
pub(crate) struct Mix(u64);

const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The hash of a value, the same in every run.
pub(crate) fn mixed(value: &impl Hash) -> u64 {
    BuildHasherDefault::<Mix>::default().hash_one(value)
}

impl Mix {
    const fn fold(&mut self, word: u64) {
        let product = (self.0 ^ word) as u128 * ODD as u128;
        // The rotation keeps a word that happens to be equal to the state from wiping out what came before.
        self.0 = (product as u64 ^ (product >> 64) as u64).wrapping_add(self.0.rotate_left(23));
    }
}

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        let mut last = Self(self.0);
        last.fold(ODD);
        last.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.fold(n.into());
    }

    fn write_u16(&mut self, n: u16) {
        self.fold(n.into());
    }

    fn write_u32(&mut self, n: u32) {
        self.fold(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        self.fold(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.fold(n as u64);
    }
}
