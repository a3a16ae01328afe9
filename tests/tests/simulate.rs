//! `twinhaul simulate`, as a person and as a script call it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests: a step that fails is a test that fails, and says so"
)]

use serde_json::Value;
use twinhaul_tests::product::Lab;

const GRID: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../profiles/simulate");

fn json(lab: &Lab, args: &[&str]) -> Value {
    let mut all = vec!["simulate", "--json"];
    all.extend(args);
    serde_json::from_str(&lab.run(all).expect_code(0).stdout).unwrap()
}

#[test]
fn one_object_for_a_script() {
    let lab = Lab::new();
    let few =
        ["--filter", "transfers=100,sizes=giant,speeds=1:4,!1s", "--policy", "none,learning", "--seed", "7"];
    let shipped = json(&lab, &few);
    assert_eq!(shipped["scenarios"], 60);
    for policy in ["none", "learning"] {
        assert!(shipped["policies"][policy]["median_over_pct"].as_f64().unwrap() > 0.0, "{shipped}");
        assert!(shipped["policies"][policy]["unfinished"].as_u64().unwrap() > 0, "{shipped}");
    }
    assert_eq!(shipped["worst"][0]["seed"], 7);
    // The files say the same as what is built in, and the seed replays it on any number of threads.
    let mut again = vec!["--grid", GRID, "--threads", "3"];
    again.extend(few);
    assert_eq!(json(&lab, &again), shipped);
}

#[test]
fn one_scenario_can_be_looked_at() {
    let lab = Lab::new();
    let name = "network/1000/giant/1:4/10ms/1/none/lossy";
    let args = ["simulate", "--scenario", name, "--policy", "learning", "--trace"];
    let text = lab.run(args).expect_code(0).stdout.clone();
    for word in ["starts transfer", "sends (lost)", "has assigned", "AskSent", "over the bound of", "trace "]
    {
        assert!(text.contains(word), "{word}");
    }
    assert_eq!(lab.run(args).expect_code(0).stdout, text);
}

#[test]
fn checkpoints_can_be_tried() {
    let lab = Lab::new();
    let few = ["--filter", "transfers=100,giant,1:1,10ms,fast-rejoins", "--policy", "learning"];
    let mean = |more: &[&str]| {
        let args: Vec<&str> = few.iter().chain(more).copied().collect();
        json(&lab, &args)["policies"]["learning"]["mean_over_pct"].as_f64().unwrap()
    };
    let (without, with) = (mean(&["--checkpoint", "none"]), mean(&[]));
    assert!(with < without - 1.0, "{with} {without}");
}

#[test]
fn mistakes_are_named() {
    let lab = Lab::new();
    for (args, said) in [
        (&["--policy", "static"][..], "no policy \"static\""),
        (&["--family", "tape"], "no family \"tape\"; there are grid"),
        (&["--filter", "colour=red"], "no axis colour"),
        (&["--by", "colour"], "no axis \"colour\""),
        (&["--scenario", "grid/1"], "no scenario is meant"),
        (&["--grid", "/nowhere.yaml"], "/nowhere.yaml: No such file"),
        (&["--seed", "8-1"], "the first seed is behind the last"),
        (&["--seed", "0-99999999"], "more than 10000 seeds"),
        (&["--trace"], "--scenario"),
    ] {
        let mut all = vec!["simulate"];
        all.extend(args);
        let done = lab.run(all);
        assert!(done.expect_code(2).stderr.contains(said), "{args:?}: {done}");
    }
}
