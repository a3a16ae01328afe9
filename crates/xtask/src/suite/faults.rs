//! The table of faults in `tests/README.md`: which test makes each fault of the design happen, and how that went when the whole
//! suite ran last. Its rows are written by people; the column of the last run is written here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Where the table is.
const PAGE: &str = "tests/README.md";
/// Cells of a row: number, fault, how it is made, tests, last run, what no test checks.
const CELLS: usize = 6;
const TESTS: usize = 3;
const LAST_RUN: usize = 4;

/// Tests by their name in their binary, and whether all of that name passed.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<String, bool>);

impl Seen {
    /// Reads a line of either runner, without colours: `PASS [ 0.01s] (3/9) package::binary name`, `test name ... ok`.
    pub(super) fn add(&mut self, line: &str) {
        let told = line.trim();
        let (name, passed) = if let Some(rest) = told.strip_prefix("test ") {
            match rest.rsplit_once(" ... ") {
                Some((name, "ok")) => (name, true),
                Some((name, "FAILED")) => (name, false),
                _ => return,
            }
        } else {
            let (Some((word, rest)), Some((_, name))) = (told.split_once(" ["), told.rsplit_once(' ')) else {
                return;
            };
            match word.trim() {
                "PASS" | "LEAK" if rest.contains(']') => (name, true),
                "FAIL" | "TIMEOUT" | "SIGABRT" | "SIGSEGV" => (name, false),
                _ => return,
            }
        };
        let all = self.0.entry(name.to_owned()).or_insert(true);
        *all &= passed;
    }

    fn result(&self, tests: &[&str]) -> Result<String, String> {
        let mut failed = Vec::new();
        for test in tests {
            match self.0.get(*test) {
                Some(true) => {}
                Some(false) => failed.push(*test),
                None => return Err(format!("the test {test} was not run: is its name still right?")),
            }
        }
        Ok(match (tests.is_empty(), failed.is_empty()) {
            (true, _) => "no test".to_owned(),
            (false, true) => "passed".to_owned(),
            (false, false) => format!("FAILED: {}", failed.join(", ")),
        })
    }
}

/// Whether there is a table: asked before the tests, which take long.
///
/// # Errors
/// When the page cannot be read, or has no row.
pub(super) fn check(root: &Path) -> Result<(), String> {
    let page = fs::read_to_string(root.join(PAGE)).map_err(|e| format!("cannot read {PAGE}: {e}"))?;
    if page.lines().any(|line| row(line).is_some()) {
        Ok(())
    } else {
        Err(format!("{PAGE} has no table of faults"))
    }
}

/// Writes how the tests of each row went; returns what is wrong with the table.
///
/// # Errors
/// When the page cannot be read or written.
pub(super) fn renew(root: &Path, seen: &Seen) -> Result<Vec<String>, String> {
    let path = root.join(PAGE);
    let told = |what: &str, e: std::io::Error| format!("cannot {what} {PAGE}: {e}");
    let page = fs::read_to_string(&path).map_err(|e| told("read", e))?;
    let (renewed, wrong) = with_results(&page, seen);
    if renewed != page {
        fs::write(&path, &renewed).map_err(|e| told("write", e))?;
        eprintln!("xtask: {PAGE} says how the tests of each fault went");
    }
    Ok(wrong)
}

fn with_results(page: &str, seen: &Seen) -> (String, Vec<String>) {
    let (mut out, mut wrong) = (String::with_capacity(page.len()), Vec::new());
    for line in page.split_inclusive('\n') {
        let Some(cells) = row(line) else {
            out.push_str(line);
            continue;
        };
        let tests: Vec<&str> = cells[TESTS].split('`').skip(1).step_by(2).collect();
        let result = seen.result(&tests).unwrap_or_else(|why| {
            wrong.push(format!("{PAGE}, row {}: {why}", cells[0]));
            "not run".to_owned()
        });
        for (at, cell) in cells.iter().enumerate() {
            let cell = if at == LAST_RUN { result.as_str() } else { cell };
            let _ = write!(out, "| {cell} ");
        }
        out.push_str("|\n");
    }
    (out, wrong)
}

/// The cells of a row of the table, which begins with a number: `F7`, `T12`.
fn row(line: &str) -> Option<Vec<&str>> {
    let cells: Vec<&str> =
        line.trim().strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let number = cells.first()?.strip_prefix(['F', 'T'])?;
    (cells.len() == CELLS && number.parse::<u8>().is_ok()).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(lines: &[&str]) -> Seen {
        let mut seen = Seen::default();
        for line in lines {
            seen.add(line);
        }
        seen
    }

    #[test]
    fn the_lines_of_both_runners_are_read() {
        let seen = seen(&[
            "        PASS [   3.012s] (  12/1238) twinhaul-tests::takeover peers::frozen",
            "        FAIL [   0.100s] (  13/1238) twinhaul-engine sick::tests::three",
            "        SLOW [> 30.000s] (─────────) twinhaul-tests::many all",
            "test whole::tests::home ... ok",
            "test whole::tests::gone ... FAILED",
            "test whole::tests::left ... ignored, for authors",
            "test result: ok. 41 passed; 0 failed",
        ]);
        assert_eq!(seen.result(&["peers::frozen", "whole::tests::home"]).unwrap(), "passed");
        let failed = seen.result(&["sick::tests::three", "whole::tests::gone"]).unwrap();
        assert_eq!(failed, "FAILED: sick::tests::three, whole::tests::gone");
        assert_eq!(seen.result(&[]).unwrap(), "no test");
        assert!(seen.result(&["all"]).is_err() && seen.result(&["whole::tests::left"]).is_err());
    }

    #[test]
    fn only_the_column_of_the_last_run_is_written() {
        let page = "# Tests\n| no | fault |\n|---|---|\n| F1 | a peer dies | SIGKILL | `a::b`, `a::c` | | all |\n\
                    | T2 | a link | a symlink | | passed | no test of it |\n";
        let (renewed, wrong) = with_results(page, &seen(&["test a::b ... ok", "test a::c ... ok"]));
        let wanted =
            page.replace("`a::c` | |", "`a::c` | passed |").replace("| | passed |", "|  | no test |");
        assert_eq!((renewed, wrong.len()), (wanted, 0));
        let (renewed, wrong) = with_results(page, &seen(&["test a::b ... ok"]));
        assert!(renewed.contains("| not run |"));
        assert_eq!(wrong, ["tests/README.md, row F1: the test a::c was not run: is its name still right?"]);
    }
}
