//! The digest of an object that is written in ranges, by several slots or by both peers (store.md 3).
//!
//! BLAKE3 is a tree: a range that begins on a leaf boundary is hashed into the chaining values of aligned subtrees, and
//! whoever seals the object merges those of all ranges into the same digest as one pass over the object. It must never
//! hash a subtree that is the whole object as if it were a part of one. Entry points: [`RangeHasher`], [`merge`].

use blake3::hazmat::{self, HasherExt as _, Mode};
use std::collections::BTreeMap;
use twinhaul_ledger::{Chain, RANGE_ALIGN};

/// Bytes of the smallest subtree that is kept: ranges begin and end on multiples of it, but for the object's end.
pub(crate) const LEAF: u64 = RANGE_ALIGN;

/// The `[at, at + n)` of an object of `size` bytes, hashed as its bytes come by, in order.
#[derive(Debug)]
pub(crate) struct RangeHasher {
    /// Bytes of the whole object.
    size: u64,
    at: u64,
    leaf: blake3::Hasher,
    /// Subtrees so far, ascending, as large as they can be.
    chains: Vec<Chain>,
}

impl RangeHasher {
    /// A range of an object of `size` bytes that begins at `from`: a multiple of [`LEAF`].
    pub(crate) fn new(from: u64, size: u64) -> Self {
        debug_assert_eq!(from % LEAF, 0, "ranges begin on leaf boundaries");
        Self { size, at: from, leaf: leaf_at(from), chains: Vec::new() }
    }

    /// Where the next byte belongs.
    pub(crate) const fn at(&self) -> u64 {
        self.at
    }

    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = LEAF - self.at % LEAF;
            let take = usize::try_from(room).map_or(bytes.len(), |room| room.min(bytes.len()));
            let (now, later) = bytes.split_at(take);
            self.leaf.update(now);
            self.at += take as u64;
            bytes = later;
            if self.at.is_multiple_of(LEAF) {
                self.close_leaf();
            }
        }
    }

    /// The chaining values of the whole leaves that came by.
    pub(crate) fn so_far(&self) -> &[Chain] {
        &self.chains
    }

    /// The chaining values of everything that came by.
    pub(crate) fn finish(mut self) -> Vec<Chain> {
        if self.leaf.count() > 0 {
            self.close_leaf();
        }
        self.chains
    }

    fn close_leaf(&mut self) {
        let len = self.leaf.count();
        let at = self.at - len;
        // An object of one leaf has no parts: its only value is its root.
        let value =
            if len >= self.size { *self.leaf.finalize().as_bytes() } else { self.leaf.finalize_non_root() };
        // Behind an unaligned end comes nothing.
        self.leaf = leaf_at(self.at - self.at % LEAF);
        self.chains.push(Chain { at, len, value });
        while let [.., left, right] = self.chains.as_slice()
            && let Some(both) = parent(left, right, self.size)
        {
            self.chains.truncate(self.chains.len() - 2);
            self.chains.push(both);
        }
    }
}

fn leaf_at(at: u64) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(at);
    hasher
}

/// The subtree of two complete neighbours of one size, unless that is the whole object.
fn parent(left: &Chain, right: &Chain, size: u64) -> Option<Chain> {
    let len = left.len + right.len;
    let siblings = left.len == right.len
        && left.len.is_power_of_two()
        && left.at.is_multiple_of(len)
        && left.at + left.len == right.at
        && len < size;
    siblings.then(|| Chain {
        at: left.at,
        len,
        value: hazmat::merge_subtrees_non_root(&left.value, &right.value, Mode::Hash),
    })
}

/// The digest of an object of `size` bytes from the chaining values of ranges that cover it, in any order; ranges may
/// overlap. `None`: something is missing.
pub(crate) fn merge(size: u64, chains: &[Chain]) -> Option<[u8; 32]> {
    if size == 0 {
        return Some(*blake3::hash(b"").as_bytes());
    }
    let known: BTreeMap<(u64, u64), [u8; 32]> = chains.iter().map(|c| ((c.at, c.len), c.value)).collect();
    if size <= LEAF {
        return known.get(&(0, size)).copied();
    }
    let left = hazmat::left_subtree_len(size);
    let (one, two) = (subtree(&known, 0, left)?, subtree(&known, left, size - left)?);
    Some(*hazmat::merge_subtrees_root(&one, &two, Mode::Hash).as_bytes())
}

/// The subtree `[at, at + len)`: known, or made of its two halves. As deep as the tree is high.
fn subtree(known: &BTreeMap<(u64, u64), [u8; 32]>, at: u64, len: u64) -> Option<[u8; 32]> {
    if let Some(value) = known.get(&(at, len)) {
        return Some(*value);
    }
    if len <= LEAF {
        return None;
    }
    let left = hazmat::left_subtree_len(len);
    let (one, two) = (subtree(known, at, left)?, subtree(known, at + left, len - left)?);
    Some(hazmat::merge_subtrees_non_root(&one, &two, Mode::Hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(size: usize) -> Vec<u8> {
        (0..size).map(|i| (i / 251 + i % 251) as u8).collect()
    }

    /// The chains of `[from, to)`, given in pieces of `step` bytes.
    fn chains(data: &[u8], from: usize, to: usize, step: usize) -> Vec<Chain> {
        let mut hasher = RangeHasher::new(from as u64, data.len() as u64);
        for piece in data[from..to].chunks(step) {
            hasher.update(piece);
        }
        assert_eq!(hasher.at(), to as u64);
        hasher.finish()
    }

    fn golden(data: &[u8]) -> [u8; 32] {
        *blake3::hash(data).as_bytes()
    }

    const L: usize = LEAF as usize;

    #[test]
    fn sizes_at_every_edge_of_the_tree() {
        for size in [
            0,
            1,
            1023,
            1024,
            1025,
            65_537,
            L - 1,
            L,
            L + 1,
            2 * L - 1,
            2 * L,
            2 * L + 1,
            3 * L,
            4 * L,
            5 * L + 77,
            8 * L,
            8 * L + 1024,
        ] {
            let data = bytes(size);
            for step in [1 << 20, 65_536, 100_003] {
                let whole = chains(&data, 0, size, step);
                assert_eq!(merge(size as u64, &whole), Some(golden(&data)), "{size} bytes whole, by {step}");
            }
            for cut in (L..size).step_by(L) {
                let mut both = chains(&data, cut, size, 1 << 20);
                both.extend(chains(&data, 0, cut, 1 << 20));
                assert_eq!(merge(size as u64, &both), Some(golden(&data)), "{size} bytes cut at {cut}");
            }
        }
    }

    #[test]
    fn a_known_digest_comes_out() {
        // The published test vectors' input is 0..=250 repeated; 102,400 bytes.
        let data: Vec<u8> = (0..102_400).map(|i| (i % 251) as u8).collect();
        let hex = "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085";
        let whole = chains(&data, 0, data.len(), 4096);
        assert_eq!(blake3::Hash::from_bytes(merge(102_400, &whole).unwrap()).to_hex().as_str(), hex);
    }

    #[test]
    fn what_is_missing_is_found_out() {
        let data = bytes(9 * L + 5);
        let size = data.len() as u64;
        let whole: Vec<Chain> = (0..9)
            .map(|i| (i * L, (i + 1) * L))
            .chain([(9 * L, data.len())])
            .flat_map(|(from, to)| chains(&data, from, to, L))
            .collect();
        assert_eq!(whole.len(), 10);
        for gone in 0..whole.len() {
            let mut some = whole.clone();
            some.remove(gone);
            assert_eq!(merge(size, &some), None, "without leaf {gone}");
        }
        assert_eq!(merge(size, &[]), None);
        assert_eq!(merge(1, &[]), None);
    }

    #[test]
    fn a_long_range_is_few_values() {
        let data = bytes(64 * L);
        assert_eq!(chains(&data, 0, 63 * L, 1 << 20).len(), 6);
        assert_eq!(chains(&data, L, 64 * L, 1 << 20).len(), 6);
        // The whole object is never one value: its root is another one.
        assert_eq!(chains(&data, 0, 64 * L, 1 << 20).len(), 2);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Any cover by ranges, overlapping (as hedges do) and in any order, gives the plain digest.
        #[test]
        fn any_ranges_give_the_plain_digest(
            size in 0usize..24 * L,
            cuts in prop::collection::vec(0usize..24, 0..6),
            hedges in prop::collection::vec((0usize..24, 1usize..24), 0..3),
            step in 1000usize..400_000,
            seed in any::<u64>(),
        ) {
            let data = bytes(size);
            let mut ends: Vec<usize> = cuts.iter().map(|c| (c * L).min(size)).chain([0, size]).collect();
            ends.sort_unstable();
            ends.dedup();
            let mut parts: Vec<(usize, usize)> = ends.windows(2).map(|w| (w[0], w[1])).collect();
            parts.extend(hedges.iter().map(|(at, n)| (at * L, ((at + n) * L).min(size))).filter(|(a, b)| a < b));
            let mut all = Vec::new();
            for (i, (from, to)) in parts.into_iter().enumerate() {
                let some = chains(&data, from, to, step);
                if (seed >> (i % 64)) & 1 == 0 { all.extend(some) } else { all.splice(0..0, some); }
            }
            prop_assert_eq!(merge(size as u64, &all), Some(golden(&data)));
        }
    }
}
