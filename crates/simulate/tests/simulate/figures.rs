//! Figures, table and JSON of a sweep.

use super::scenario;
use twinhaul_assist::Policy;
use twinhaul_simulate::{Figures, Job, Outcome, POLICIES, Report, policy, sweep, worst};

fn made(over_pct: Option<f64>, messages: u64, half: u8) -> Outcome {
    let bound_ns = 1_000_000_000;
    Outcome {
        scenario: format!("made/{messages}"),
        seed: 3,
        half,
        bound_ns,
        makespan_ns: over_pct.map(|over| (bound_ns as f64 * (1.0 + over / 100.0)).round() as u64),
        idle: 0.25,
        messages,
        assignments: messages / 2,
        ranges: messages / 4,
        splits: 0,
        fences: 0,
        breaches: 0,
        trace_hash: messages,
    }
}

#[test]
fn figures_by_hand() {
    let outcomes = [
        made(Some(0.5), 8, 0),
        made(Some(3.0), 4, 1),
        made(None, 100, 0),
        made(Some(20.0), 0, 1),
        made(Some(1.0), 12, 0),
    ];
    let f = Figures::of(&outcomes);
    assert_eq!((f.runs, f.unfinished), (5, 1));
    let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
    assert!(near(f.mean_over_pct, 24.5 / 4.0) && near(f.median_over_pct, 1.0), "{f:?}");
    assert!(near(f.p95_over_pct, 20.0) && near(f.worst_over_pct, 20.0), "{f:?}");
    // Of all runs: one that never ends is within nothing.
    assert!(near(f.within_1_pct, 40.0) && near(f.within_5_pct, 60.0), "{f:?}");
    assert_eq!((f.messages_median, f.messages_max, f.assignments_median, f.ranges_median), (8, 100, 4, 2));
    assert!(near(f.idle_pct, 25.0));
    let named: Vec<_> = worst(&outcomes, 2).into_iter().map(Outcome::over_pct).collect();
    assert_eq!(named[0], None);
    assert!(near(named[1].unwrap(), 20.0));
    assert_eq!(Figures::of([]), Figures::default());
}

#[test]
fn every_field_of_the_json_is_there() {
    let names = ["grid/100/giant/1:4/10ms/1/none", "grid/100/equal/1:1/10ms/1/fast-dies"];
    let scenarios = names.map(scenario);
    let jobs: Vec<_> = scenarios.iter().map(|scenario| Job { scenario, seed: 9 }).collect();
    let policies = [Policy::None, Policy::Learning];
    let outcomes = sweep(&jobs, &policies, 2, &|_| {}).unwrap();
    let names = ["none", "learning"];
    let report = Report { jobs: &jobs, policies: &names, outcomes: &outcomes, worst: 1, by: Some("sizes") };
    let json = report.json();
    assert_eq!(json["scenarios"], 2);
    assert_eq!(json["hash"].as_str().map(str::len), Some(16));
    for (name, outcomes) in names.iter().zip(&outcomes) {
        let of = &json["policies"][name];
        let f = Figures::of(outcomes);
        for (key, value) in [
            ("mean_over_pct", f.mean_over_pct),
            ("median_over_pct", f.median_over_pct),
            ("p95_over_pct", f.p95_over_pct),
            ("worst_over_pct", f.worst_over_pct),
            ("within_1_pct", f.within_1_pct),
            ("within_5_pct", f.within_5_pct),
            ("unfinished", f.unfinished as f64),
            ("messages_median", f.messages_median as f64),
            ("messages_max", f.messages_max as f64),
            ("assignments_median", f.assignments_median as f64),
            ("ranges_median", f.ranges_median as f64),
            ("idle_pct", f.idle_pct),
        ] {
            let found = of[key].as_f64().unwrap_or_else(|| panic!("{name} has {key}"));
            assert!((found - value).abs() < 1e-9, "{name} {key} {found} {value}");
        }
        let runs: u64 = of["halves"].as_array().unwrap().iter().filter_map(|h| h["runs"].as_u64()).sum();
        assert_eq!(runs, 2);
        assert_eq!(of["unfinished"], 1);
        assert_eq!(of["breaches"], 0);
    }
    let named = &json["worst"][0];
    assert_eq!((&named["policy"], &named["seed"]), (&"learning".into(), &9.into()));
    assert_eq!(named["scenario"], "grid/100/equal/1:1/10ms/1/fast-dies");
    assert!(named["over_pct"].is_null());
    let table = report.table().unwrap();
    for word in ["none", "learning", "half A", "half B", "learning by sizes", "giant", "never ends", "trace "]
    {
        assert!(table.contains(word), "{word}:\n{table}");
    }
}

#[test]
fn policies_have_names() {
    for name in POLICIES {
        assert!(policy(name).is_ok(), "{name}");
    }
    assert!(policy("static").unwrap_err().to_string().contains("none, learning"));
}
