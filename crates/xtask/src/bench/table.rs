//! The results as a table for people: one line for each comparison, the product's figure first.

use super::data::{Measured, Pair, Results};
use super::figures::{Median, median, ratio};
use super::machine::Machine;
use super::measure::Spent;
use super::sets::{GIB, MIB};
use std::fmt::Write as _;

const HEAD: [&str; 9] =
    ["set", "what", "against", "wall ratio", "interval", "seconds", "cpu ratio", "seconds", "peak MiB"];

/// A line of the table.
pub(super) type Row = [String; 9];

/// The figure of a run that a column shows.
type Figure = fn(&Spent) -> f64;

pub(super) fn table(results: &Results) -> String {
    let mut out = format!("{}\n", head(&results.version, &results.machine));
    for set in &results.sets {
        let _ = writeln!(out, "{}: {}", set.name(), set.says());
    }
    if !results.measured.is_empty() {
        out.push('\n');
        let rows: Vec<_> = results.measured.iter().map(row).collect();
        lines(&mut out, &rows);
        out.push('\n');
        legend(&mut out, results);
    }
    for note in &results.notes {
        let _ = writeln!(out, "{note}");
    }
    if !results.left_out.is_empty() {
        out.push_str("\nleft out:\n");
    }
    for (job, why) in &results.left_out {
        let (set, says) = (job.set.name(), job.comparison.says);
        let _ = writeln!(out, "  {set} {says} / {}: {why}", job.against());
    }
    out
}

/// What was measured, and on what.
pub(super) fn head(version: &str, machine: &Machine) -> String {
    let memory = machine.memory_bytes as f64 / GIB as f64;
    format!(
        "{version} on Linux {}, {} processors, {memory:.0} GiB, {}, load {} at the start",
        machine.kernel, machine.cpus, machine.filesystem, machine.load
    )
}

fn row(measured: &Measured) -> Row {
    let job = &measured.job;
    figures([job.set.name(), job.comparison.says, job.against()], &measured.pairs)
}

/// A line of the table: which set, what, against whom; then the figures.
pub(super) fn figures(words: [&str; 3], pairs: &[Pair]) -> Row {
    let [set, says, against] = words.map(str::to_owned);
    let wall: Figure = |s| s.wall.as_secs_f64();
    let cpu: Figure = |s| s.cpu.as_secs_f64();
    let (walls, cpus) = (ratios(pairs, wall), ratios(pairs, cpu));
    let times = |r: Option<Median>| r.map_or_else(|| "-".to_owned(), |r| format!("{:.2}", r.value));
    [
        set,
        says,
        against,
        times(walls),
        walls.map_or_else(|| "-".to_owned(), |r| format!("{:.2}-{:.2}", r.low, r.high)),
        both(pairs, wall, 2),
        times(cpus),
        both(pairs, cpu, 2),
        both(pairs, |s| s.peaks.any as f64 / MIB as f64, 0),
    ]
}

/// The median of the pairs' ratios; `None` for what was measured alone.
pub(super) fn ratios(pairs: &[Pair], figure: Figure) -> Option<Median> {
    let pairs: Option<Vec<_>> =
        pairs.iter().map(|p| Some((figure(&p.ours), figure(p.theirs.as_ref()?)))).collect();
    ratio(&pairs?)
}

/// The medians of both sides, the product's first.
pub(super) fn medians(pairs: &[Pair], figure: Figure) -> (Option<Median>, Option<Median>) {
    let ours: Vec<f64> = pairs.iter().map(|p| figure(&p.ours)).collect();
    let theirs: Vec<f64> = pairs.iter().filter_map(|p| p.theirs.as_ref()).map(figure).collect();
    (median(&ours), median(&theirs))
}

fn both(pairs: &[Pair], figure: Figure, digits: usize) -> String {
    let shown = |m: Option<Median>| m.map(|m| format!("{:.digits$}", m.value));
    match medians(pairs, figure) {
        (ours, None) => shown(ours).unwrap_or_else(|| "-".to_owned()),
        (ours, theirs) => {
            let text = |m| shown(m).unwrap_or_else(|| "-".to_owned());
            format!("{} : {}", text(ours), text(theirs))
        }
    }
}

/// Words to the left, figures to the right, every column as wide as its widest.
pub(super) fn lines(out: &mut String, rows: &[Row]) {
    const WORDS: usize = 3;
    let head = HEAD.map(str::to_owned);
    let all = || std::iter::once(&head).chain(rows);
    let mut widths = [0; 9];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in all() {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            if column < WORDS { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        let _ = writeln!(out, "{}", line.trim_end());
    }
}

fn legend(out: &mut String, results: &Results) {
    out.push_str(
        "twinhaul first, then the other side. A ratio is the median of the pairs' ratios, below 1 where twinhaul took less;\n\
         the others are medians of each side. Peak: resident memory of the largest process,\n\
         mapped files with it, looked at every 10 ms: too low for what ends at once.\n",
    );
    let pairs = results.measured.iter().filter(|m| m.job.theirs.is_some()).map(|m| m.pairs.as_slice());
    interval(out, pairs);
}

/// What the interval means, with so many pairs.
pub(super) fn interval<'a>(out: &mut String, all: impl Iterator<Item = &'a [Pair]> + Clone) {
    let pairs = all.clone().map(<[Pair]>::len).max();
    let coverage = all.into_iter().find_map(|pairs| ratios(pairs, |s| s.wall.as_secs_f64()));
    if let (Some(pairs), Some(median)) = (pairs, coverage) {
        let percent = median.coverage * 100.0;
        let _ = writeln!(
            out,
            "The interval holds the true median with {percent:.0} % probability, whatever the distribution ({pairs} pairs)."
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::args::Args;
    use crate::bench::comparisons::jobs;
    use crate::bench::data::Pair;
    use crate::bench::machine::Machine;
    use crate::bench::memory::Peaks;
    use crate::bench::sets::Set;
    use std::time::Duration;

    fn spent(wall_ms: u64, peak_mib: u64) -> Spent {
        let peaks = Peaks { any: peak_mib * MIB, all: 2 * peak_mib * MIB };
        Spent { wall: Duration::from_millis(wall_ms), cpu: Duration::from_millis(wall_ms / 2), peaks }
    }

    /// D1's copy beside cp in three pairs, its plan alone, and one that could not be made.
    fn results() -> Results {
        let words = ["D1", "--only", "copy,plan"].map(str::to_owned);
        let jobs = jobs(&Args::read(&words).unwrap());
        let pairs = [(2000, 1000), (1500, 500), (1000, 1000)]
            .map(|(ours, theirs)| Pair { ours: spent(ours, 40), theirs: Some(spent(theirs, 2)) });
        let alone = Pair { ours: spent(160, 20), theirs: None };
        let plan = *jobs.iter().find(|j| j.theirs.is_none()).unwrap();
        Results {
            machine: Machine::of(std::path::Path::new("/")),
            version: "twinhaul 1".to_owned(),
            sets: vec![Set::D1],
            measured: vec![
                Measured { job: jobs[0], pairs: pairs.to_vec() },
                Measured { job: plan, pairs: vec![alone] },
            ],
            left_out: vec![(jobs[1], "rsync: not here".to_owned())],
            notes: ["D1: a note".to_owned()].into(),
        }
    }

    #[test]
    fn a_comparison_is_a_line_and_what_is_left_out_is_named() {
        let text = table(&results());
        let line = |has: &str| {
            let line = text.lines().find(|l| l.contains(has)).unwrap_or_else(|| panic!("{has} in {text}"));
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            line("  cp -a"),
            "D1 copy, synced at its end cp -a 2.00 1.00-3.00 1.50 : 1.00 2.00 0.75 : 0.50 40 : 2"
        );
        assert_eq!(line("(alone)"), "D1 plan (alone) - - 0.16 - 0.08 20");
        assert_eq!(line("not here"), "D1 copy, synced at its end / rsync -a: rsync: not here");
        assert!(line("interval holds").contains("75 %") && text.contains("D1: a note"));
    }

    #[test]
    fn the_json_holds_every_run() {
        let all = crate::bench::json::object(&results());
        let copy = &all["comparisons"][0];
        assert_eq!(copy["wall_s"]["ratio"]["median"], 2.0);
        assert_eq!(copy["pairs"][1]["theirs"]["wall_s"], 0.5);
        assert_eq!(
            (&copy["pairs"][0]["first"], &copy["pairs"][1]["first"]),
            (&"ours".into(), &"theirs".into())
        );
        assert_eq!(copy["pairs"][2]["ours"]["peak_all_bytes"], 80 * MIB);
        assert!(
            all["comparisons"][1]["against"].is_null() && all["comparisons"][1]["wall_s"]["ratio"].is_null()
        );
        assert_eq!(all["left_out"][0]["against"], "rsync -a");
    }
}
