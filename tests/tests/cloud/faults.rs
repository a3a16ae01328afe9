//! Runs against a server that misbehaves: each fault happens, and each run ends exact (issue: resilience; faults.md 49).

use crate::stage::{assert_same_files, disk, lab, made, profile, server};
use std::time::Duration;
use twinhaul_tests::cloud::S3;
use twinhaul_tests::cloud::end;
use twinhaul_tests::cloud::faults::{Fault, Proxy, Rule};
use twinhaul_tests::tree;

/// Up through the proxy, down from the good server; the proxy, for its counts.
///
/// The history tells of the fault, in `said`.
fn up_through(rules: Vec<Rule>, more_config: &str, large: &[u64], said: &[&str]) -> Option<(S3, Proxy)> {
    let server = server()?;
    let lab = lab();
    made(&lab, 20, large);
    let proxy = Proxy::start(server.address, rules);
    let to = end(proxy.address, "f").replace(" }", &format!("{more_config} }}"));
    let up = profile(&lab, "up", &disk(&lab.source(), false), &to, "");
    lab.run_profile(&up).expect_code(0);
    lab.run(["events"]).expect_words(said);
    assert_eq!(server.uploads(), 0, "an upload was left behind");
    let down = profile(&lab, "down", &server.end("f"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
    Some((server, proxy))
}

#[test]
fn a_lost_reply_to_complete_is_looked_after() {
    let rules = vec![Rule::new("POST", "uploadId=", Fault::DropReply, 2)];
    let Some((_server, proxy)) =
        up_through(rules, "", &[20 << 20, 21 << 20], &["replies lost and objects found"])
    else {
        return;
    };
    assert_eq!(proxy.hits(0), 2);
}

#[test]
fn a_lost_reply_to_a_small_object_is_looked_after() {
    let rules = vec![Rule::new("PUT", "/f/small/", Fault::DropReply, 4)];
    let Some((_server, proxy)) = up_through(rules, "", &[], &["replies lost and objects found"]) else {
        return;
    };
    assert_eq!(proxy.hits(0), 4);
}

/// The reply is lost, and nobody answers whether the object is there: what is refused then may be our own. It is written again, and
/// never taken for somebody else's that was there before.
#[test]
fn what_may_be_ours_is_not_called_somebody_elses() {
    // With the second, the engine's own look finds it; with the third, nothing is known, and it is written again.
    for looks in [2, 3] {
        let rules = vec![
            Rule::new("PUT", "/f/small/d000/f000007", Fault::DropReply, 1),
            Rule::new("HEAD", "/f/small/d000/f000007", Fault::Refuse(403, "AccessDenied"), looks),
        ];
        let Some(server) = server() else { return };
        let lab = lab();
        made(&lab, 20, &[]);
        let proxy = Proxy::start(server.address, rules);
        let up = profile(&lab, "up", &disk(&lab.source(), false), &end(proxy.address, "f"), "");
        lab.run_profile(&up).expect_code(0).expect_words(&["skipped 0 (0 B)"]);
        assert_eq!((proxy.hits(0), proxy.hits(1)), (1, looks));
        let down = profile(&lab, "down", &server.end("f"), &disk(&lab.target(), true), "");
        lab.run_profile(&down).expect_code(0);
        assert_same_files(&lab.source(), &lab.target());
    }
}

#[test]
fn who_is_asked_to_slow_down_does() {
    let rules = vec![
        Rule::new("PUT", "/f/small/", Fault::SlowDown(1), 3),
        Rule::new("POST", "uploadId=", Fault::SlowDown(1), 1),
    ];
    let Some((_server, proxy)) = up_through(rules, "", &[17 << 20], &["put off by the server"]) else {
        return;
    };
    assert_eq!((proxy.hits(0), proxy.hits(1)), (3, 1));
}

#[test]
fn a_part_slower_than_the_time_out_is_sent_again() {
    let rules = vec![Rule::new("PUT", "partNumber=1&", Fault::Slow(Duration::from_secs(4)), 1)];
    // A part has at least its size at 64 KiB/s; so the fault is on the small request that begins and on heads too.
    let rules =
        rules.into_iter().chain([Rule::new("PUT", "/f/small/", Fault::Slow(Duration::from_secs(4)), 1)]);
    let Some((_server, proxy)) =
        up_through(rules.collect(), ", timeout: 1 s", &[17 << 20], &["put (1 failed)"])
    else {
        return;
    };
    assert_eq!((proxy.hits(0), proxy.hits(1)), (1, 1));
}

#[test]
fn a_connection_that_is_reset_in_each_part_costs_only_time() {
    let rules = vec![Rule::new("PUT", "partNumber", Fault::Reset(5 << 20), 3)];
    let Some((_server, proxy)) = up_through(rules, "", &[24 << 20], &["sent again"]) else { return };
    assert_eq!(proxy.hits(0), 3);
}

#[test]
fn a_server_that_ignores_conditions_is_found_out() {
    let rules = vec![
        Rule::new("PUT", "", Fault::IgnoreConditions, u32::MAX),
        Rule::new("POST", "", Fault::IgnoreConditions, u32::MAX),
    ];
    let Some(server) = server() else { return };
    let lab = lab();
    let proxy = Proxy::start(server.address, rules);
    let config = format!(
        "{{\"service\":\"s3\",\"bucket\":\"bucket\",\"region\":\"us-east-1\",\"endpoint\":\"http://{}\",\"access_key_id\":\"a\",\"secret_access_key\":\"b\"}}",
        proxy.address
    );
    let done = lab.run(["backends", "conformance", "cloud", "--config", &config]);
    done.expect_code(0).expect_words(&["create only if absent", "0 failed"]);
    assert!(proxy.hits(0) > 1);
    made(&lab, 5, &[]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &end(proxy.address, "d"), "");
    lab.run_profile(&up).expect_code(0);
    lab.run(["events"]).expect_words(&["conditions ignored by the server"]);
}

#[test]
fn a_truncated_read_is_taken_up_where_it_broke() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 5, &[20 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("t"), "");
    lab.run_profile(&up).expect_code(0);
    let rules = vec![
        Rule::new("GET", "/t/deep/large-0", Fault::Truncate(1_000_000), 3),
        Rule::new("GET", "/t/small/", Fault::Truncate(100), 3),
    ];
    let proxy = Proxy::start(server.address, rules);
    let down = profile(&lab, "down", &end(proxy.address, "t"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0);
    lab.run(["events"]).expect_words(&["reads resumed"]);
    assert_eq!((proxy.hits(0), proxy.hits(1)), (3, 3));
    assert_same_files(&lab.source(), &lab.target());
}

/// Refused before it is done, with no word of when to come again: looked for, not found, and sent again by the same commit.
#[test]
fn a_commit_that_the_server_failed_is_sent_again() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 20, &[17 << 20]);
    let rules = vec![
        Rule::new("PUT", "/c/small/", Fault::Refuse(500, "InternalError"), 4),
        Rule::new("POST", "uploadId=", Fault::Refuse(500, "InternalError"), 1),
    ];
    let proxy = Proxy::start(server.address, rules);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &end(proxy.address, "c"), "");
    lab.run_profile(&up).expect_code(0);
    assert_eq!((proxy.hits(0), proxy.hits(1)), (4, 1));
    let events = lab.run(["events"]);
    assert!(!events.stdout.contains("panicked"), "{}", events.stdout);
}

/// Credentials that expire in the middle are one problem, and the run goes on when they are taken again.
#[test]
fn credentials_that_expire_are_one_problem_and_not_a_thousand_failures() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 30, &[]);
    let rules = vec![Rule::new("PUT", "/e/small/", Fault::Refuse(400, "ExpiredToken"), 40)];
    let proxy = Proxy::start(server.address, rules);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &end(proxy.address, "e"), "");
    lab.run_profile(&up).expect_code(0);
    assert_eq!(proxy.hits(0), 40);
    let events = lab.run(["events"]);
    events.expect_code(0).expect_words(&["refuses the credentials"]);
    let down = profile(&lab, "down", &server.end("e"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}

/// A server that fails whatever it is sent costs a few transfers, not the queue; those that wait arrive once it is well, and the
/// few are tried again when asked.
#[test]
fn a_sick_target_is_waited_for_instead_of_burning_through_the_queue() {
    let Some(server) = server() else { return };
    let lab = lab();
    tree::small_files(&lab.source(), 40, 3000, 1);
    let rules = vec![Rule::new("PUT", "/s/d000/", Fault::Refuse(500, "InternalError"), 450)];
    let proxy = Proxy::start(server.address, rules);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &end(proxy.address, "s"), "");
    lab.run_profile(&up).expect_code(3);
    assert_eq!(proxy.hits(0), 450);
    let status = lab.newest_status();
    // Three of each peer, and a few when some arrive between the last faults.
    assert!(status.failed.transfers <= 12, "{status:#?}");
    lab.run(["events"]).expect_code(0).expect_words(&["fails whatever is written to it"]);
    lab.run(["retry"]).expect_code(0);
    lab.run(["run", "--resume", &status.run, "--headless"]).expect_code(0);
    let down = profile(&lab, "down", &server.end("s"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}
