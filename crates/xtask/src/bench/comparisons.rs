//! What is measured on which set, and against what. A row here is a row, or one for each tool, of the table.

use super::args::Args;
use super::sets::Set;
use super::sides::{AT_THE_END, IN_GROUPS, READ_BACK, READ_BACK_CACHED, Side};
use super::tools::Tool;

/// One kind of comparison.
#[derive(Debug)]
pub(super) struct Comparison {
    /// By which `--only` chooses it.
    pub(super) word: &'static str,
    pub(super) says: &'static str,
    sets: &'static [Set],
    ours: Side,
    /// Empty: measured alone.
    theirs: &'static [Side],
}

/// One kind on one set against one other side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    pub(super) comparison: &'static Comparison,
    pub(super) set: Set,
    pub(super) ours: Side,
    pub(super) theirs: Option<Side>,
}

use Set::{D1, D2, D3, D4, D5};
use Side::{
    Copy, CpSync, CpSyncSum, Product, ProductAgain, ProductPlan, ProductVerify, RcloneCheck, RsyncAgain,
};

pub(super) const COMPARISONS: &[Comparison] = &[
    Comparison {
        word: "copy",
        says: "copy, synced at its end",
        sets: &[D1, D2, D3, D5],
        ours: Product(AT_THE_END),
        theirs: &[
            Copy(Tool::Cp),
            Copy(Tool::Rsync),
            Copy(Tool::Tar),
            Copy(Tool::Rclone),
            Copy(Tool::Xcp),
            Copy(Tool::Fcp),
        ],
    },
    Comparison {
        word: "durable",
        says: "copy, durable in groups",
        sets: &[D1, D2, D3],
        ours: Product(IN_GROUPS),
        theirs: &[CpSync],
    },
    Comparison {
        word: "checked",
        says: "copy and read back through the cache",
        sets: &[D1, D3],
        ours: Product(READ_BACK_CACHED),
        theirs: &[RcloneCheck],
    },
    Comparison {
        word: "past-cache",
        says: "copy and read back past the cache",
        sets: &[D1, D3],
        ours: Product(READ_BACK),
        theirs: &[CpSyncSum],
    },
    Comparison {
        word: "nothing",
        says: "again, nothing to do",
        sets: &[D1],
        ours: ProductAgain,
        theirs: &[RsyncAgain],
    },
    Comparison { word: "plan", says: "plan", sets: &[D1, D2, D3, D4], ours: ProductPlan, theirs: &[] },
    Comparison { word: "verify", says: "verify", sets: &[D1, D2, D3], ours: ProductVerify, theirs: &[] },
    // How much memory a million transfers take; time is not the question here.
    Comparison {
        word: "memory",
        says: "copy, its memory",
        sets: &[D4],
        ours: Product(AT_THE_END),
        theirs: &[],
    },
];

/// What was asked for, set by set, so that a set's files stay in the cache while it is measured.
pub(super) fn jobs(args: &Args) -> Vec<Job> {
    let mut jobs = Vec::new();
    for set in args.sets.iter().copied() {
        for comparison in COMPARISONS.iter().filter(|c| c.sets.contains(&set) && args.wants(c.word)) {
            let job = |theirs| Job { comparison, set, ours: comparison.ours, theirs };
            if comparison.theirs.is_empty() {
                jobs.push(job(None));
            }
            let wanted = comparison.theirs.iter().copied().filter(|s| args.against(s.tool()));
            jobs.extend(wanted.map(|side| job(Some(side))));
        }
    }
    jobs
}

impl Job {
    /// How many pairs: a million files are copied once, for their memory.
    pub(super) fn pairs(&self, wanted: usize) -> usize {
        if self.set == D4 { 1 } else { wanted }
    }

    pub(super) fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        std::iter::once(self.ours).chain(self.theirs)
    }

    /// The room that its copies take at one time: see [`super::place`]. A tool that fills holes needs more of it.
    pub(super) fn room(&self, pairs: usize) -> u64 {
        let amount = self.set.amount();
        let one = if self.sides().all(Side::keeps_holes) { amount.disk } else { amount.bytes };
        let copies = self.sides().filter(|s| s.leaves_a_copy()).map(|side| match side.first() {
            Some(_) => 1,
            None => pairs as u64,
        });
        one * if self.set.many() { copies.sum::<u64>() } else { copies.count().min(1) as u64 }
    }

    pub(super) fn against(&self) -> &'static str {
        self.theirs.map_or("(alone)", Side::says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let jobs = jobs(&Args::read(&words).unwrap());
        jobs.iter().map(|j| format!("{} {} {}", j.set.name(), j.comparison.word, j.against())).collect()
    }

    #[test]
    fn what_is_asked_for_is_measured_set_by_set() {
        assert_eq!(asked(&["D5", "--against", "cp"]), ["D5 copy cp -a"]);
        assert_eq!(asked(&["D1", "--only", "nothing,plan"]), ["D1 nothing rsync -a", "D1 plan (alone)"]);
        assert_eq!(asked(&["D4"]), ["D4 plan (alone)", "D4 memory (alone)"]);
        let usual = asked(&[]);
        assert!(usual.contains(&"D3 past-cache cp -a; sync; b3sum".to_owned()));
        assert!(usual.is_sorted_by_key(|j| j[..2].to_owned()));
    }

    #[test]
    fn copies_of_many_files_need_room_for_all_of_them() {
        let job = |set, ours, theirs| Job { comparison: &COMPARISONS[0], set, ours, theirs };
        let one = D1.amount().disk;
        assert_eq!(job(D1, Product(AT_THE_END), Some(Copy(Tool::Cp))).room(9), 18 * one);
        assert_eq!(job(D1, ProductAgain, Some(RsyncAgain)).room(9), 2 * one);
        assert_eq!(job(D1, ProductPlan, None).room(9), 0);
        assert_eq!(job(D3, ProductVerify, None).room(9), D3.amount().bytes);
        // Those of large files are removed after each run.
        assert_eq!(job(D3, Product(AT_THE_END), Some(Copy(Tool::Cp))).room(9), D3.amount().bytes);
    }
}
