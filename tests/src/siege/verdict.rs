//! What is wrong after a siege: every object read again, every sum, the product's own verification.

use super::Sources;
use crate::product::run::Run;
use crate::product::{poll, processes};
use crate::same;
use std::fmt;
use std::time::Duration;
use twinhaul_units::text::show_bytes;
use twinhaul_wire::RunState;

const GONE_WITHIN: Duration = Duration::from_secs(30);
const SHOWN_MAX: usize = 10;

/// Keys, or sentences, by what is wrong. Nothing in it: all is well.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Missing at the target.
    pub lost: Vec<String>,
    /// Bytes that no version of the source ever had.
    pub half: Vec<String>,
    /// Not what the ledger says was published last: somebody of the past wrote over it.
    pub stale: Vec<String>,
    pub other: Vec<String>,
    /// Compared.
    pub objects: usize,
}

impl Verdict {
    pub(super) fn of(run: &Run<'_>, sources: &Sources) -> Self {
        let lab = run.lab();
        let mut verdict =
            Self { objects: same::scan::read_stats(&lab.target()).entries.len(), ..Self::default() };
        for difference in same::differences(&lab.source(), &lab.target()) {
            let words = difference.to_string();
            if difference.is_missing() {
                verdict.lost.push(words);
            } else if sources.has_changed(&difference.path) {
                // One of its versions is there: looked at below.
            } else if difference.is_of_content() {
                verdict.half.push(words);
            } else {
                verdict.other.push(words);
            }
        }
        verdict.half.extend(sources.torn(&lab.target()));
        let verified = run.verb("verify", &[]);
        if verified.code != 0 {
            verdict.stale.push(format!("verify: {verified}"));
        }
        verdict.look_at_the_run(run);
        verdict
    }

    fn look_at_the_run(&mut self, run: &Run<'_>) {
        let mut must = |so: bool, otherwise: String| {
            if !so {
                self.other.push(otherwise);
            }
        };
        let status = run.status();
        must(status.state == RunState::Complete, format!("the run is {:?}", status.state));
        must(status.done.transfers == status.totals.transfers, format!("not all is done: {status:#?}"));
        let parts = [status.done, status.skipped, status.failed, status.remaining];
        let sums = [parts.iter().map(|q| q.transfers).sum::<u64>(), parts.iter().map(|q| q.bytes).sum()];
        must(sums == [status.totals.transfers, status.totals.bytes], format!("sums differ: {status:#?}"));
        let lab = run.lab();
        must(!lab.target().join(".twinhaul").exists(), "the private directory is still there".to_owned());
        let left = || processes::of(lab.state());
        let gone = poll(GONE_WITHIN, || left().is_empty().then_some(()));
        must(gone.is_some(), format!("processes are left: {:?}", left()));
    }

    pub(super) fn add(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.half.extend(other.half);
        self.stale.extend(other.stale);
        self.other.extend(other.other);
        self.objects += other.objects;
    }

    pub fn is_clean(&self) -> bool {
        [&self.lost, &self.half, &self.stale, &self.other].iter().all(|list| list.is_empty())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lost {}, half-done {}, stale overwrites {}, otherwise wrong {}",
            self.lost.len(),
            self.half.len(),
            self.stale.len(),
            self.other.len()
        )?;
        for (what, list) in
            [("lost", &self.lost), ("half", &self.half), ("stale", &self.stale), ("other", &self.other)]
        {
            for line in list.iter().take(SHOWN_MAX) {
                write!(f, "\n  {what}: {}", show_bytes(line.as_bytes()))?;
            }
        }
        Ok(())
    }
}
