//! Requests: what a plan expects, what a run says that it sent, and what the server has seen; and `backends check`.

use crate::stage::{SLOW, disk, lab, made, profile, server, signal};
use rustix::process::Signal;
use std::collections::BTreeMap;
use twinhaul_tests::needs;
use twinhaul_tests::product::{Lab, Run};

/// By class, of the one place that counts.
fn classes(requests: &serde_json::Value) -> BTreeMap<String, u64> {
    let of = requests[0]["by_class"].as_object().expect("classes");
    of.iter()
        .map(|(class, n)| (class.clone(), n.as_u64().or_else(|| n["sent"].as_u64()).unwrap_or(0)))
        .collect()
}

fn json(lab: &Lab, args: &[&str]) -> serde_json::Value {
    let done = lab.run(args.iter().chain(&["--json"]));
    done.expect_code(0);
    serde_json::from_str(&done.stdout).expect("one JSON document")
}

/// Quiet: nothing is sent twice. Then a plan is right to the request, but for the few looks of an engine that starts and ends.
fn assert_as_planned(planned: &BTreeMap<String, u64>, counted: &BTreeMap<String, u64>) {
    let looks = |class: &str| matches!(class, "head" | "list");
    for (class, n) in planned {
        let sent = counted.get(class).copied().unwrap_or(0);
        let slack = if looks(class) { 8 } else { 0 };
        assert!(sent >= *n && sent <= n + slack, "{class}: planned {planned:?}, counted {counted:?}");
    }
    assert!(
        counted.keys().all(|class| planned.contains_key(class)),
        "planned {planned:?}, counted {counted:?}"
    );
}

#[test]
fn a_plan_expects_the_requests_that_a_run_sends_and_the_server_sees() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 40, &[20 << 20, 9 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("a"), "verify: read-back\n");
    let planned = classes(&json(&lab, &["plan", up.to_str().unwrap()])["requests"]);
    let before = server.log();
    lab.run_profile(&up).expect_code(0).expect_words(&["requests to there: "]);
    let counted = classes(&json(&lab, &["report"])["requests"]);
    assert_as_planned(&planned, &counted);
    // The server's own word. The launcher opens the target and looks whether it holds anything, and is in no engine's sum.
    let seen = server.log();
    let sent = |method: &str| {
        let line = format!("\"{method} /");
        seen[before.len()..].lines().filter(|l| l.contains(&line)).count() as u64
    };
    let of = |class: &str| counted.get(class).copied().unwrap_or(0);
    assert_eq!(sent("PUT"), of("put") + of("part") + 2);
    // And each engine looks once more for what it left, after it has told.
    assert_eq!(sent("GET"), of("get") + of("list") + 2 + 2);
    assert_eq!(sent("HEAD"), of("head") + 1);
    assert_eq!(sent("POST"), of("create_upload") + of("complete_upload"));
    assert_eq!(sent("DELETE"), of("delete") + 1);

    let down = profile(&lab, "down", &server.end("a"), &disk(&lab.target(), true), "");
    let planned = classes(&json(&lab, &["plan", down.to_str().unwrap()])["requests"]);
    // Every object's own time is asked for, and every object read.
    assert!(planned["head"] >= 2 * 49 && planned["get"] >= 49 - 1, "{planned:?}");
}

/// A target that held nothing is written without a look; what somebody else has put there meanwhile is met all the same, and
/// decided as the profile says.
#[test]
fn what_appears_at_a_target_that_held_nothing_is_not_overwritten() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 40, &[]);
    let other = lab.write("other", "somebody else's");
    for (on_exists, code) in [("fail", 3), ("skip-same", 0)] {
        let prefix = format!("v-{on_exists}");
        let more = format!(
            "on_exists: {on_exists}\npeers:\n  alpha: {{ slots: 1, limit: 24 KiB/s }}\n  beta: {{ slots: 1, limit: 24 KiB/s }}\n"
        );
        let up = profile(&lab, &prefix, &disk(&lab.source(), false), &server.end(&prefix), &more);
        let before = server.log().len();
        let run = Run::start(&lab, &up);
        run.until("something is done", |s| s.done.transfers > 2);
        let theirs = format!("{prefix}/small/d000/f000039");
        assert!(server.keys(&theirs).is_empty(), "it must come after somebody else's");
        let Some(()) = server.upload(&other, &theirs) else {
            return needs::skip("cloud, somebody else's object", "aws is not installed: pip install awscli");
        };
        run.wait().expect_code(code);
        let log = server.log();
        let looks = log[before..].lines().filter(|l| l.contains("\"HEAD /") && l.contains("/small/")).count();
        // None before the first that is met; after that, each.
        assert!(looks < 40, "{looks} looks at 40 objects");
        let copy = lab.path(on_exists);
        server.download(&format!("{prefix}/small/d000"), &copy).expect("aws");
        let there = std::fs::read(copy.join("f000039")).unwrap();
        let own = std::fs::read(lab.source().join("small/d000/f000039")).unwrap();
        if on_exists == "fail" {
            assert_eq!(there, b"somebody else's");
            lab.run(["report"]).expect_words(&["f000039", "has it already (on_exists: fail)"]);
        } else {
            // Different, so it is replaced, as `skip-same` says.
            assert_eq!(there, own);
        }
    }
}

#[test]
fn a_killed_engine_has_not_told_what_it_sent() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 40, &[24 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("k"), SLOW);
    let run = Run::start(&lab, &up);
    run.until("something is done", |s| s.done.transfers > 3);
    signal(&run, "alpha", Signal::KILL);
    run.wait().expect_code(0);
    lab.run(["report"]).expect_words(&["requests to there: ", "; at least: one engine has not told"]);
}

#[test]
fn a_check_tries_what_a_server_really_does_and_leaves_nothing() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 2, &[]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("c"), "");
    let up = up.to_str().unwrap();
    let done = lab.run(["backends", "check", "--profile", up]);
    done.expect_code(0).expect_words(&[
        "source here:",
        "target there:",
        "yes    creates only if absent",
        "yes    keeps user metadata",
        // True of this server: it takes a body that does not fit its checksum.
        "no     compares checksums",
        "yes    takes objects in parts",
        "yes    lists uploads under way",
        "yes    is left as it was",
    ]);
    let rows = json(&lab, &["backends", "check", "--profile", up, "there"])[0]["rows"].clone();
    assert_eq!(rows.as_array().map(Vec::len), Some(10), "{rows}");
    assert_eq!((server.keys(""), server.uploads()), (Vec::new(), 0));
    lab.run(["backends", "check", "--profile", up, "nowhere"])
        .expect_code(2)
        .expect_words(&["it has here, there"]);
}
