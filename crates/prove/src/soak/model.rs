//! The verb `model`: searches as a table, one row each as it ends; and one path told again.

use super::options::Options;
use crate::model::{self, Case, Found, Limits, Shape, Verdict, kebab};
use crate::swarm::Class;
use std::io::Write;
use std::time::Duration;

/// States after which a search is cut when nothing else is asked for: some 4 GiB of memory.
const STATES: u64 = 100_000_000;
/// Minutes of one search.
const MINUTES: u64 = 60;

/// The verb `model`; false when something was found.
///
/// # Errors
/// Words that it does not know, or a broken pipe.
pub fn model(args: &[&str], out: &mut dyn Write, progress: &mut dyn Write) -> Result<bool, String> {
    let known = [
        "--class",
        "--with",
        "--n",
        "--shape",
        "--ticks",
        "--states",
        "--minutes",
        "--threads",
        "--replay",
        "--path",
    ];
    let options = Options::read("model", args, &known, &["--all", "--brisk", "--shortest"])?;
    if let Some(name) = options.word("--replay") {
        let case = Case::parse(name).ok_or_else(|| format!("no case \"{}\"", name.escape_debug()))?;
        return replay(&case, options.word("--path").unwrap_or_default(), out);
    }
    let limits = Limits {
        states: usize::try_from(options.number("--states")?.unwrap_or(STATES)).unwrap_or(usize::MAX),
        time: Duration::from_secs(60 * options.number("--minutes")?.unwrap_or(MINUTES)),
        threads: match options.number("--threads")? {
            Some(threads) => usize::try_from(threads).unwrap_or(1),
            None => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        },
        shortest: options.has("--shortest"),
    };
    super::hush_panics();
    table(&cases(&options)?, limits, out, progress)
}

fn cases(options: &Options<'_>) -> Result<Vec<Case>, String> {
    if options.has("--all") {
        return Ok(all());
    }
    let class = |name: &str| -> Result<Option<Class>, String> {
        let Some(word) = options.word(name) else { return Ok(None) };
        let names = || Class::ALL.map(|class| kebab(&class)).join(", ");
        Class::parse(word).map(Some).ok_or_else(|| format!("{name} takes one of {}", names()))
    };
    let classes: Vec<Class> = class("--class")?.into_iter().chain(class("--with")?).collect();
    let given = options.has("--shape") || options.has("--n") || options.has("--ticks");
    if classes.is_empty() && !given {
        return Ok(quick());
    }
    let ticks = options.number("--ticks")?.map_or(0, |n| u8::try_from(n).unwrap_or(u8::MAX));
    let shapes = match (options.word("--shape"), options.number("--n")?) {
        (Some(name), _) => {
            vec![
                Shape::parse(name)
                    .ok_or("--shape takes lots-N, halves-N, wide-N, old-N, late-N or ranges-N")?,
            ]
        }
        (None, Some(n)) => {
            vec![
                u8::try_from(n)
                    .ok()
                    .filter(|n| (1..=8).contains(n))
                    .map(Shape::Lots)
                    .ok_or("--n takes 1 to 8")?,
            ]
        }
        (None, None) => vec![Shape::Lots(2), Shape::Ranges(2)],
    };
    let case = |shape| Case { brisk: options.has("--brisk"), ..Case::new(shape, &classes, ticks) };
    Ok(shapes.into_iter().map(case).collect())
}

/// Two transfers, and one in two ranges: without a fault, with each kind, with each pair of kinds, these briskly. Three
/// transfers, and one in three ranges, briskly: with each kind.
fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in [Shape::Lots(2), Shape::Ranges(2)] {
        cases.push(Case::new(shape, &[], 0));
        cases.push(Case::new(shape, &[], 1));
        cases.extend(Class::ALL.map(|class| Case::new(shape, &[class], 0)));
    }
    for shape in [Shape::Lots(3), Shape::Ranges(3)] {
        cases.push(Case::new(shape, &[], 0));
        cases.extend(Class::ALL.map(|class| Case::new(shape, &[class], 0).briskly()));
    }
    for shape in [Shape::Lots(2), Shape::Ranges(2)] {
        for (at, one) in Class::ALL.iter().enumerate() {
            let pair = |other: &Class| Case::new(shape, &[*one, *other], 0).briskly();
            cases.extend(Class::ALL[at + 1..].iter().map(pair));
        }
    }
    cases
}

/// What the test command searches: small enough for some seconds each, and every one to its end.
pub fn quick() -> Vec<Case> {
    use Class::{ChangingSource, Crash, Doubling, FailingSync, HandOver, LostAnswers, PowerLoss, Sign};
    let mut cases = vec![
        Case::new(Shape::Lots(1), &[], 1),
        Case::new(Shape::Lots(1), &[Crash], 0),
        Case::new(Shape::Lots(1), &[PowerLoss], 0),
        Case::new(Shape::Late(1), &[PowerLoss], 0),
        Case::new(Shape::Lots(3), &[], 0),
        Case::new(Shape::Ranges(3), &[], 0),
    ];
    for shape in [Shape::Lots(2), Shape::Ranges(2)] {
        cases.push(Case::new(shape, &[], 0));
        for class in [Doubling, LostAnswers, FailingSync, ChangingSource, HandOver, Sign] {
            cases.push(Case::new(shape, &[class], 0));
        }
        cases.push(Case::new(shape, &[LostAnswers, ChangingSource], 0));
        cases.push(Case::new(shape, &[Crash, LostAnswers], 0).briskly());
        cases.push(Case::new(shape, &[PowerLoss, Doubling], 0).briskly());
    }
    cases
}

/// Searches them all, a row for each; false when something was found.
fn table(
    cases: &[Case],
    limits: Limits,
    out: &mut dyn Write,
    progress: &mut dyn Write,
) -> Result<bool, String> {
    let failed = |e: std::io::Error| e.to_string();
    writeln!(out, "| case | states | depth | exhausted | seconds |\n|---|---|---|---|---|")
        .map_err(failed)?;
    let (mut sound, mut whole) = (true, 0);
    for case in cases {
        let verdict = model::search_telling(case, limits, &mut |states, took| {
            let _ = writeln!(progress, "{}: {states} states in {} s", case.name(), took.as_secs());
        });
        writeln!(out, "{}", row(case, &verdict)).map_err(failed)?;
        if let Some(found) = &verdict.found {
            writeln!(out, "BROKEN {}\n  {}", found.broken, command(case, found)).map_err(failed)?;
            sound = false;
        }
        whole += usize::from(verdict.exhausted);
        out.flush().map_err(failed)?;
    }
    writeln!(out, "{whole} of {} searches were exhausted; each: {}", cases.len(), Case::BOUNDS)
        .map_err(failed)?;
    if cases.iter().any(|case| case.brisk) {
        writeln!(out, "{}", Case::BRISK).map_err(failed)?;
    }
    Ok(sound)
}

fn row(case: &Case, verdict: &Verdict) -> String {
    let exhausted = match (&verdict.found, verdict.exhausted) {
        (Some(_), _) => "broken",
        (None, true) => "yes",
        (None, false) => "no, cut",
    };
    let (states, depth) = (verdict.states, verdict.depth);
    format!("| {} | {states} | {depth} | {exhausted} | {:.1} |", case.name(), verdict.took.as_secs_f64())
}

/// The command that goes the same way again.
pub fn command(case: &Case, found: &Found) -> String {
    let path: Vec<String> = found.path.iter().map(ToString::to_string).collect();
    format!("cargo xtask soak model --replay {} --path {}", case.name(), path.join("."))
}

fn replay(case: &Case, path: &str, out: &mut dyn Write) -> Result<bool, String> {
    let steps: Result<Vec<usize>, _> =
        path.split('.').filter(|word| !word.is_empty()).map(str::parse).collect();
    let steps = steps.map_err(|e| format!("--path takes numbers with dots between: {e}"))?;
    let (story, broken) = model::retell(case, &steps)?;
    out.write_all(story.as_bytes()).map_err(|e| e.to_string())?;
    Ok(broken.is_none())
}
