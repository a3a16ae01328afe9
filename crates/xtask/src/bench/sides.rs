//! What one side of a pair does, as steps.

use super::measure::Step;
use super::product::{self, Product, Safety};
use super::sets::Set;
use super::tools::{Tool, program, rclone, shell};
use crate::process::on_path;
use std::path::Path;

/// The other side keeps its copy until the machine gets to it, or syncs once: so the product syncs once, at its end.
pub(super) const AT_THE_END: Safety = Safety { durability: "end", verify: "hash" };
pub(super) const IN_GROUPS: Safety = Safety { durability: "group", verify: "hash" };
pub(super) const READ_BACK: Safety = Safety { durability: "end", verify: "read-back" };
pub(super) const READ_BACK_CACHED: Safety = Safety { durability: "end", verify: "read-back-cached" };

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The product copies.
    Product(Safety),
    /// It runs again over its own complete copy.
    ProductAgain,
    ProductPlan,
    /// It reads a complete copy again and compares it with the ledger.
    ProductVerify,
    Copy(Tool),
    /// `cp -a`, then its file system synced.
    CpSync,
    /// The same, the copy dropped from the page cache, and the digests of both trees compared.
    CpSyncSum,
    RcloneCheck,
    RsyncAgain,
}

impl Side {
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Product(_) | Self::ProductAgain | Self::ProductPlan | Self::ProductVerify => "twinhaul",
            Self::Copy(tool) => tool.says(),
            Self::CpSync => "cp -a; sync -f",
            Self::CpSyncSum => "cp -a; sync; b3sum",
            Self::RcloneCheck => "rclone copy; check",
            Self::RsyncAgain => "rsync -a",
        }
    }

    /// The tool behind it, by which it is chosen or left out.
    pub(super) fn tool(self) -> Option<Tool> {
        match self {
            Self::Product(_) | Self::ProductAgain | Self::ProductPlan | Self::ProductVerify => None,
            Self::Copy(tool) => Some(tool),
            Self::CpSync | Self::CpSyncSum => Some(Tool::Cp),
            Self::RcloneCheck => Some(Tool::Rclone),
            Self::RsyncAgain => Some(Tool::Rsync),
        }
    }

    pub(super) fn keeps_holes(self) -> bool {
        self.tool().is_none_or(Tool::keeps_holes)
    }

    /// What of it this machine does not have.
    pub(super) fn missing(self) -> Option<&'static str> {
        match self.tool() {
            Some(tool) if !tool.is_here() => Some(tool.name()),
            _ if self == Self::CpSyncSum && !on_path("b3sum") => Some("b3sum"),
            _ => None,
        }
    }

    /// What has to be done once, before all its runs and unmeasured, in the one directory they then share.
    pub(super) fn first(self) -> Option<Self> {
        match self {
            Self::ProductAgain | Self::ProductVerify => Some(Self::Product(AT_THE_END)),
            Self::RsyncAgain => Some(Self::Copy(Tool::Rsync)),
            _ => None,
        }
    }

    /// Whether a complete copy is there when it has ended.
    pub(super) fn leaves_a_copy(self) -> bool {
        self != Self::ProductPlan
    }

    /// Makes what has to be in `dir` before the clock starts.
    pub(super) fn lay_out(self, set: Set, from: &Path, dir: &Path) -> Result<(), String> {
        match self {
            Self::Product(safety) => product::lay_out(set, from, dir, safety),
            Self::ProductPlan => product::lay_out(set, from, dir, AT_THE_END),
            _ => {
                let to = dir.join("copy");
                std::fs::create_dir(&to).map_err(|e| format!("cannot make {}: {e}", to.display()))
            }
        }
    }

    pub(super) fn steps(self, product: &Product, set: Set, from: &Path, dir: &Path) -> Vec<Step> {
        let to = dir.join("copy");
        let sparse = set.sparse();
        match self {
            Self::Product(_) | Self::ProductAgain => vec![Step::Start(product.run(dir))],
            Self::ProductPlan => vec![Step::Start(product.plan(dir))],
            Self::ProductVerify => vec![Step::Start(product.verify(dir))],
            Self::Copy(tool) => vec![Step::Start(tool.copy(from, &to, sparse))],
            Self::RsyncAgain => vec![Step::Start(Tool::Rsync.copy(from, &to, sparse))],
            Self::CpSync => vec![Step::Start(Tool::Cp.copy(from, &to, sparse)), sync(&to)],
            Self::CpSyncSum => vec![
                Step::Start(Tool::Cp.copy(from, &to, sparse)),
                // Dirty pages cannot be dropped.
                sync(&to),
                Step::Uncache(to.clone()),
                sum(from, &dir.join("sums-source")),
                sum(&to, &dir.join("sums-copy")),
                Step::Start(shell("cmp \"$1\" \"$2\"", &[&dir.join("sums-source"), &dir.join("sums-copy")])),
            ],
            Self::RcloneCheck => {
                vec![Step::Start(rclone("copy", from, &to)), Step::Start(rclone("check", from, &to))]
            }
        }
    }
}

fn sync(dir: &Path) -> Step {
    let mut command = program("sync");
    command.arg("-f").arg(dir);
    Step::Start(command)
}

/// The digests of a tree, in the order of names.
fn sum(dir: &Path, list: &Path) -> Step {
    let text = "cd \"$1\"; find . -type f -print0 | sort -z | xargs -0 b3sum > \"$2\"";
    Step::Start(shell(text, &[dir, list]))
}
