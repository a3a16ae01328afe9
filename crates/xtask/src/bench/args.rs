//! The words of `cargo xtask bench data`.

use super::comparisons::COMPARISONS;
use super::sets::Set;
use super::tools::Tool;
use std::path::PathBuf;

pub(super) const USAGE: &str = "\
usage: cargo xtask bench data [SET...] [OPTIONS]

Makes data sets, lets twinhaul and the tools of this machine copy them side by side, and prints the medians of
the ratios of wall time and processor time, with their intervals, and the peak memory. Nothing is judged.

  D1  20,000 files of 4 KiB                        D4  1,000,000 files of 0 to 1 KiB (only when named)
  D2  3,000 files, lognormal, 4 GiB together       D5  a file of 8 GiB with 100 MiB of data in it
  D3  4 files of 1 GiB

  --pairs N        pairs of runs of each comparison (9)
  --quick          3 pairs
  --against LIST   only these: cp,rsync,tar,rclone,xcp,fcp (all that are here)
  --only LIST      only these: copy,durable,checked,past-cache,nothing,plan,verify,memory (all)
  --in DIR         where sets and copies go (target/bench)
  --twinhaul PATH  this binary, its backends beside it; else a release build is made
  --keep           leave the copies of D1 and D4, the state directories and the logs
  --json           one JSON object on stdout, with every single run
";

pub(super) const PAIRS: usize = 9;
pub(super) const PAIRS_QUICK: usize = 3;
const PAIRS_MAX: usize = 999;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Args {
    pub(super) sets: Vec<Set>,
    pub(super) pairs: usize,
    /// `None`: all.
    against: Option<Vec<Tool>>,
    only: Option<Vec<String>>,
    pub(super) dir: Option<PathBuf>,
    pub(super) twinhaul: Option<PathBuf>,
    pub(super) keep: bool,
    pub(super) json: bool,
}

impl Args {
    pub(super) fn read(words: &[String]) -> Result<Self, String> {
        let mut args = Self {
            sets: Vec::new(),
            pairs: PAIRS,
            against: None,
            only: None,
            dir: None,
            twinhaul: None,
            keep: false,
            json: false,
        };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} takes a value\n\n{USAGE}"));
            match word {
                "--pairs" => args.pairs = pairs(value()?)?,
                "--quick" => args.pairs = PAIRS_QUICK,
                "--against" => args.against = Some(list(value()?, "tool", USAGE, Tool::of)?),
                "--only" => args.only = Some(list(value()?, "comparison", USAGE, kind)?),
                "--in" => args.dir = Some(value()?.into()),
                "--twinhaul" => args.twinhaul = Some(value()?.into()),
                "--keep" => args.keep = true,
                "--json" => args.json = true,
                _ => args.sets.extend(list(word, "set or option", USAGE, Set::of)?),
            }
        }
        if args.sets.is_empty() {
            args.sets = Set::USUAL.to_vec();
        }
        args.sets.sort_unstable();
        args.sets.dedup();
        Ok(args)
    }

    pub(super) fn wants(&self, comparison: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.iter().any(|o| o == comparison))
    }

    pub(super) fn against(&self, tool: Option<Tool>) -> bool {
        self.against.as_ref().is_none_or(|list| tool.is_some_and(|t| list.contains(&t)))
    }
}

pub(super) fn pairs(word: &str) -> Result<usize, String> {
    match word.parse() {
        Ok(n) if (1..=PAIRS_MAX).contains(&n) => Ok(n),
        _ => Err(format!("--pairs takes a number from 1 to {PAIRS_MAX}, not \"{}\"", word.escape_debug())),
    }
}

/// `usage`: of the bench that was asked for.
pub(super) fn list<T>(
    words: &str,
    what: &str,
    usage: &str,
    of: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let one = |word: &str| {
        of(word).ok_or_else(|| format!("\"{}\" is no {what} of this bench\n\n{usage}", word.escape_debug()))
    };
    words.split(',').map(one).collect()
}

fn kind(word: &str) -> Option<String> {
    COMPARISONS.iter().find(|c| c.word == word).map(|c| c.word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Args, String> {
        Args::read(&words.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_become_what_is_measured() {
        let args = read("d3 D1,D3 --pairs 11 --against cp,rclone --only copy --in /x --keep --json").unwrap();
        assert_eq!((args.sets.clone(), args.pairs), (vec![Set::D1, Set::D3], 11));
        assert!(args.against(Some(Tool::Cp)) && !args.against(Some(Tool::Tar)) && !args.against(None));
        assert!(args.wants("copy") && !args.wants("verify"));
        assert_eq!((args.dir.clone(), args.keep, args.json), (Some("/x".into()), true, true));
        assert_eq!(read("--quick").unwrap().pairs, 3);
    }

    #[test]
    fn left_out_means_the_usual_sets_and_everything_else() {
        let args = read("").unwrap();
        assert_eq!((args.sets.clone(), args.pairs), (Set::USUAL.to_vec(), 9));
        assert!(args.wants("memory") && args.against(Some(Tool::Fcp)));
    }

    #[test]
    fn wrong_words_are_told() {
        for (words, wanted) in [
            ("D6", "\"D6\" is no set or option"),
            ("--fast", "\"--fast\" is no set or option"),
            ("--pairs 0", "--pairs takes a number from 1"),
            ("--pairs", "--pairs takes a value"),
            ("--against scp", "\"scp\" is no tool"),
            ("--only speed", "\"speed\" is no comparison"),
        ] {
            let told = read(words).unwrap_err();
            assert!(told.starts_with(wanted), "{words}: {told}");
        }
    }

    #[test]
    fn the_usage_names_every_set_tool_and_comparison() {
        let names = Set::ALL.map(Set::name).into_iter().chain(Tool::ALL.map(Tool::name));
        for name in names.chain(COMPARISONS.iter().map(|c| c.word)) {
            assert!(USAGE.contains(name), "{name}");
        }
    }
}
