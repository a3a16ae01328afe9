//! The data sets D1 to D5, and C1 to C3 for object stores: which files they have, how large, where in them there is data. Nothing here touches a disk.

use super::chance::Chance;

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;

const D1_FILES: u64 = 20_000;
const D1_SIZE: u64 = 4 * KIB;
const D2_FILES: usize = 3_000;
const D2_TOTAL: u64 = 4 * GIB;
const D2_LARGEST: u64 = 512 * MIB;
/// How wide D2's sizes spread: the largest by chance stays below `D2_LARGEST`, and half of the files have under 200 KiB.
const D2_SIGMA: f64 = 2.0;
const D3_FILES: u64 = 4;
const D3_SIZE: u64 = GIB;
const D4_FILES: u64 = 1_000_000;
const D4_LARGEST: u64 = KIB;
const D5_SIZE: u64 = 8 * GIB;
const C1_FILES: u64 = 2_000;
const C1_SIZE: u64 = 16 * KIB;
const C2_FILES: u64 = 8;
const C2_SIZE: u64 = 256 * MIB;
/// D5 holds 100 MiB, in pieces of one MiB at equal distances.
const D5_PIECES: u64 = 100;
const D5_PIECE: u64 = MIB;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Set {
    D1,
    D2,
    D3,
    D4,
    D5,
    C1,
    C2,
    C3,
}

/// One file of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Below the set's directory, with its folder.
    pub(super) name: String,
    pub(super) size: u64,
    /// The pieces that hold data: offset and length. What lies between them is a hole.
    pub(super) pieces: Vec<(u64, u64)>,
}

/// What a set amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) files: u64,
    pub(super) bytes: u64,
    /// What it takes on a disk with blocks of 4 KiB.
    pub(super) disk: u64,
}

impl Set {
    pub(super) const ALL: [Self; 5] = [Self::D1, Self::D2, Self::D3, Self::D4, Self::D5];
    /// Those that are measured when none is named. D4 takes minutes to make and 4 GiB twice.
    pub(super) const USUAL: [Self; 4] = [Self::D1, Self::D2, Self::D3, Self::D5];

    /// For `bench cloud`.
    pub(super) const CLOUD: [Self; 3] = [Self::C1, Self::C2, Self::C3];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::D1 => "D1",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::C3 => "C3",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name().eq_ignore_ascii_case(word))
    }

    pub(super) fn of_cloud(word: &str) -> Option<Self> {
        Self::CLOUD.into_iter().find(|s| s.name().eq_ignore_ascii_case(word))
    }

    pub(super) fn says(self) -> &'static str {
        match self {
            Self::D1 => "20,000 files of 4 KiB",
            Self::D2 => "3,000 files, lognormal, 4 GiB, the largest 512 MiB",
            Self::D3 => "4 files of 1 GiB",
            Self::D4 => "1,000,000 files of 0 to 1 KiB",
            Self::D5 => "a file of 8 GiB with 100 MiB of data in it",
            Self::C1 => "2,000 files of 16 KiB",
            Self::C2 => "8 files of 256 MiB",
            Self::C3 => "2,000 files of 16 KiB and 8 of 256 MiB",
        }
    }

    /// Many small files. Copies of these are never deleted between runs: see [`super::place`].
    pub(super) fn many(self) -> bool {
        matches!(self, Self::D1 | Self::D4 | Self::C1)
    }

    pub(super) fn sparse(self) -> bool {
        self == Self::D5
    }

    pub(super) fn files(self) -> Box<dyn Iterator<Item = File>> {
        match self {
            Self::D1 => Box::new((0..D1_FILES).map(|n| whole(n, 200, D1_SIZE))),
            Self::D2 => Box::new((0..).zip(d2_sizes()).map(|(n, size)| whole(n, 100, size))),
            Self::D3 => Box::new((0..D3_FILES).map(|n| whole(n, D3_FILES, D3_SIZE))),
            Self::D4 => {
                let mut chance = Chance::new(self.seed());
                Box::new((0..D4_FILES).map(move |n| whole(n, 1_000, chance.below(D4_LARGEST + 1))))
            }
            Self::D5 => {
                // The distance is a whole number of blocks: a piece that begins inside a block would fill it.
                let distance = (D5_SIZE / D5_PIECES) & !(4 * KIB - 1);
                let pieces = (0..D5_PIECES).map(|n| (n * distance, D5_PIECE)).collect();
                Box::new(std::iter::once(File { pieces, ..whole(0, 1, D5_SIZE) }))
            }
            Self::C1 => Box::new((0..C1_FILES).map(|n| whole(n, 200, C1_SIZE))),
            Self::C2 => Box::new((0..C2_FILES).map(|n| whole(n, C2_FILES, C2_SIZE))),
            Self::C3 => {
                let large = (C1_FILES..C1_FILES + C2_FILES).map(|n| whole(n, 200, C2_SIZE));
                Box::new(Self::C1.files().chain(large))
            }
        }
    }

    /// The chance that fills the file `number` of this set.
    pub(super) fn bytes_of(self, number: u64) -> Chance {
        Chance::new(Chance::new(self.seed() ^ number).next())
    }

    pub(super) fn amount(self) -> Amount {
        self.files().fold(Amount::default(), |sum, file| Amount {
            files: sum.files + 1,
            bytes: sum.bytes + file.size,
            disk: sum.disk + file.pieces.iter().map(|(_, len)| len.next_multiple_of(4 * KIB)).sum::<u64>(),
        })
    }

    fn seed(self) -> u64 {
        (self as u64 + 1) << 40
    }
}

fn whole(number: u64, in_a_folder: u64, size: u64) -> File {
    let name = format!("{:04}/{number:07}.bin", number / in_a_folder);
    File { name, size, pieces: vec![(0, size)] }
}

/// The largest has its size by decree; the others are drawn and scaled, and the second takes what rounding left over.
fn d2_sizes() -> Vec<u64> {
    let mut chance = Chance::new(Set::D2.seed());
    let drawn: Vec<f64> = (1..D2_FILES).map(|_| chance.lognormal(D2_SIGMA)).collect();
    let rest = D2_TOTAL - D2_LARGEST;
    let scale = rest as f64 / drawn.iter().sum::<f64>();
    let mut sizes: Vec<u64> = drawn.iter().map(|d| (d * scale) as u64).collect();
    let left = rest.saturating_sub(sizes.iter().sum());
    if let Some(first) = sizes.first_mut() {
        *first += left;
    }
    // In the middle, so that neither order by name meets it first.
    sizes.insert(D2_FILES / 2, D2_LARGEST);
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lognormal_set_has_its_sum_and_its_largest() {
        let sizes = d2_sizes();
        assert_eq!((sizes.len(), sizes.iter().sum::<u64>()), (D2_FILES, D2_TOTAL));
        assert_eq!(sizes.iter().filter(|s| **s == D2_LARGEST).count(), 1);
        assert_eq!(sizes.iter().max(), Some(&D2_LARGEST));
        let mut sorted = sizes;
        sorted.sort_unstable();
        assert!((50 * KIB..200 * KIB).contains(&sorted[D2_FILES / 2]), "half below {}", sorted[D2_FILES / 2]);
    }

    #[test]
    fn every_set_is_what_its_words_say() {
        let amount = |set: Set| set.amount();
        assert_eq!(
            amount(Set::D1),
            Amount { files: 20_000, bytes: 20_000 * 4 * KIB, disk: 20_000 * 4 * KIB }
        );
        assert_eq!(amount(Set::D3), Amount { files: 4, bytes: 4 * GIB, disk: 4 * GIB });
        let cloud = Set::CLOUD.map(|set| (amount(set).files, amount(set).bytes));
        let (small, large) = (2_000 * 16 * KIB, 2 * GIB);
        assert_eq!(cloud, [(2_000, small), (8, large), (2_008, small + large)]);
        assert_eq!(amount(Set::D5), Amount { files: 1, bytes: 8 * GIB, disk: 100 * MIB });
        assert!(Set::D4.files().take(50_000).all(|f| f.size <= KIB));
        assert_eq!(Set::D4.files().take(50_000).map(|f| f.size).max(), Some(KIB));
    }

    #[test]
    fn two_files_of_a_set_differ_and_one_is_always_the_same() {
        let word = |set: Set, n| set.bytes_of(n).next();
        assert_ne!(word(Set::D1, 0), word(Set::D1, 1));
        assert_ne!(word(Set::D1, 0), word(Set::D2, 0));
        assert_eq!(word(Set::D3, 3), word(Set::D3, 3));
        assert!(Set::D2.files().eq(Set::D2.files()));
    }
}
