//! The results as one JSON object, with every single run, for who wants to calculate otherwise.

use super::data::{Measured, Pair, Results};
use super::figures::Median;
use super::machine::Machine;
use super::measure::Spent;
use super::table::{medians, ratios};
use serde_json::{Value, json};

pub(super) fn object(results: &Results) -> Value {
    let machine = &results.machine;
    let sets = results.sets.iter().map(|set| {
        let amount = set.amount();
        json!({ "name": set.name(), "says": set.says(), "files": amount.files, "bytes": amount.bytes })
    });
    let left_out = results.left_out.iter().map(|(job, why)| {
        json!({
            "set": job.set.name(), "comparison": job.comparison.word, "against": job.theirs.map(|_| job.against()),
            "why": why,
        })
    });
    json!({
        "machine": of_machine(machine),
        "twinhaul": results.version,
        "sets": sets.collect::<Vec<_>>(),
        "comparisons": results.measured.iter().map(comparison).collect::<Vec<_>>(),
        "left_out": left_out.collect::<Vec<_>>(),
        "notes": results.notes,
    })
}

pub(super) fn of_machine(machine: &Machine) -> Value {
    json!({
        "kernel": machine.kernel, "cpus": machine.cpus, "memory_bytes": machine.memory_bytes,
        "filesystem": machine.filesystem, "load_before": machine.load,
    })
}

fn comparison(measured: &Measured) -> Value {
    let job = &measured.job;
    let mut all = figures(&measured.pairs);
    all["set"] = job.set.name().into();
    all["comparison"] = job.comparison.word.into();
    all["says"] = job.comparison.says.into();
    all["against"] = job.theirs.map(|_| job.against()).into();
    all
}

/// The figures of one comparison, and every run behind them.
pub(super) fn figures(pairs: &[Pair]) -> Value {
    let part = |figure: fn(&Spent) -> f64| {
        let (ours, theirs) = medians(pairs, figure);
        json!({ "ratio": interval(ratios(pairs, figure)), "ours": interval(ours), "theirs": interval(theirs) })
    };
    json!({
        "wall_s": part(|s| s.wall.as_secs_f64()),
        "cpu_s": part(|s| s.cpu.as_secs_f64()),
        "peak_bytes": part(|s| s.peaks.any as f64),
        "pairs": pairs.iter().enumerate().map(pair).collect::<Vec<_>>(),
    })
}

fn pair((number, pair): (usize, &Pair)) -> Value {
    let first = if number % 2 == 0 { "ours" } else { "theirs" };
    json!({ "first": first, "ours": spent(&pair.ours), "theirs": pair.theirs.as_ref().map(spent) })
}

fn spent(spent: &Spent) -> Value {
    json!({
        "wall_s": spent.wall.as_secs_f64(),
        "cpu_s": spent.cpu.as_secs_f64(),
        "peak_any_bytes": spent.peaks.any,
        "peak_all_bytes": spent.peaks.all,
    })
}

fn interval(median: Option<Median>) -> Value {
    median.map_or(
        Value::Null,
        |m| json!({ "median": m.value, "low": m.low, "high": m.high, "coverage": m.coverage }),
    )
}
