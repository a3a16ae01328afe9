//! The shipped families, and what is said of a bad one.

use super::scenario;
use std::collections::BTreeSet;
use std::time::Duration;
use twinhaul_simulate::{Cost, Filter, What, family, shipped};

#[test]
fn the_grid_is_the_one_that_figures_are_quoted_for() {
    let families = shipped().unwrap();
    let grid = &families[0];
    assert_eq!((grid.name.as_str(), grid.scenarios.len()), ("grid", 4050));
    // A change of this number is a change of what every published figure means.
    assert_eq!(format!("{:016x}", family::hash(&grid.scenarios)), GRID);
}

const GRID: &str = "78d98e29649860c8";

#[test]
fn every_scenario_has_a_name_of_its_own() {
    let families = shipped().unwrap();
    let all: Vec<_> = families.iter().flat_map(|f| &f.scenarios).collect();
    let names: BTreeSet<_> = all.iter().map(|s| &s.name).collect();
    assert_eq!(names.len(), all.len());
    assert!(families.iter().all(|f| f.about.len() > 10));
}

#[test]
fn a_name_says_what_the_scenario_is() {
    let s = scenario("grid/10000/pareto/1:10/1s/8capped/slow-freezes");
    assert_eq!((s.transfers, s.mean.0, s.slots.count, s.slots.capped), (10_000, 4 << 20, 8, true));
    assert_eq!((s.speeds, s.round_trip, s.cost), ([1e8, 1e7], Duration::from_secs(1), Cost::Work(50_000.0)));
    let freeze = s.disturbances[0];
    assert_eq!((freeze.what, freeze.from, freeze.to), (What::Frozen, 6000, Some(14_000)));
    assert_eq!(
        scenario("network/1000/giant/1:4/100ms/1/none/partition-late").network.partitions,
        [(8000, 10_000)]
    );
}

#[test]
fn files_are_read_as_they_ship() {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/simulate");
    let mut from_files = family::read_all(&directory).unwrap();
    let mut built_in = shipped().unwrap();
    from_files.sort_by(|a, b| a.name.cmp(&b.name));
    built_in.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(from_files, built_in);
    assert!(family::read(&directory.join("none.yaml")).is_err());
}

#[test]
fn mistakes_are_named() {
    let good =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../profiles/simulate/faults.yaml"))
            .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("x.yaml");
    for (old, new, said) in [
        ("version: 1\n", "version: 2\n", "version 2; this twinhaul reads version 1"),
        ("sizes: [lognormal]", "sizes: [normal]", "expected equal, uniform, lognormal, pareto or giant"),
        ("sizes: [lognormal]", "sizes: []", "an axis has no value"),
        ("fast: 100 MB/s", "fast: 100", "expected a rate"),
        ("[\"1:1\", \"1:4\"]", "[\"1:1\", \"4\"]", "expected a relation such as \"1:4\""),
        ("8 sharing", "8 shared", "expected \"1\", \"8 sharing\" or \"8 capped\""),
        ("peer: fast", "peer: quick", "expected fast, slow or both"),
        ("from: 10 %", "from: 10", "expected a percentage"),
        ("work: 50 kB", "labour: 50 kB", "labour"),
        ("work: 50 kB", "", "either work: or setups: must be there"),
        (
            "frozen: true, from: 10 %, to: 15 %",
            "frozen: true, from: 10 %, to: 5 %",
            "must end after it begins",
        ),
        (
            "frozen: true, from: 10 %",
            "frozen: true, dead: true, from: 10 %",
            "one of speed, noise, frozen and dead",
        ),
    ] {
        assert!(good.contains(old), "{old}");
        std::fs::write(&file, good.replacen(old, new, 1)).unwrap();
        let error = family::read(&file).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("x.yaml"), "{new}: {error}");
    }
}

#[test]
fn filters_take_what_they_say() {
    let grid = shipped().unwrap().swap_remove(0);
    let count = |text: &str| {
        let filter = Filter::parse(text).unwrap();
        grid.scenarios.iter().filter(|s| filter.takes(s, 1).unwrap()).count()
    };
    assert_eq!(count(""), 4050);
    assert_eq!(count("none"), 405);
    assert_eq!(count("disturbance=none, !1s"), 270);
    assert_eq!(count("sizes=giant|pareto,transfers=100"), 540);
    assert_eq!(count("fast-*"), 5 * 405);
    assert_eq!(count("slots=8*"), 2700);
    assert_eq!(count("transfers=1s"), 0);
    let short = count("short");
    assert_eq!(short + count("long"), 4050);
    // 100 x 64 MiB last above 33 s at 1:1, below 100 round trips of 1 s.
    assert!(short > 300 && count("short,!1s") == 0, "{short}");
    for bad in ["colour=red", "sizes=", "a||b"] {
        assert!(Filter::parse(bad).is_err(), "{bad}");
    }
}
