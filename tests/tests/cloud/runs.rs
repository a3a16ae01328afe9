//! Whole runs against a good server.

use crate::stage::{SLOW, assert_same_files, disk, lab, made, profile, server, signal};
use rustix::process::Signal;
use std::time::Duration;
use twinhaul_tests::cloud::{S3, SECRET_ACCESS_KEY};
use twinhaul_tests::needs;
use twinhaul_tests::product::run::assert_conserved;
use twinhaul_tests::product::{Run, poll};
use twinhaul_wire::status::Status;

fn no_trace(server: &S3) {
    assert_eq!(server.uploads(), 0, "an upload was left behind");
    let private: Vec<String> = server.keys("").into_iter().filter(|k| k.contains(".twinhaul")).collect();
    assert!(private.is_empty(), "left behind: {private:?}");
}

#[test]
fn disk_to_s3_and_back_is_exact_and_amazon_s_client_agrees() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 60, &[20 << 20, 9 << 20, 8 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("a/b"), "");
    lab.run_profile(&up).expect_code(0);
    no_trace(&server);
    // Nothing of it is left to do.
    lab.run_profile(&up).expect_code(0).expect_words(&["done 0 "]);
    let down = profile(&lab, "down", &server.end("a/b"), &disk(&lab.target(), true), "verify: read-back\n");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
    let theirs = lab.path("theirs");
    match server.download("a/b", &theirs) {
        Some(()) => {
            let (ours, theirs) = (digests(&lab.source()), digests(&theirs));
            assert_eq!(ours, theirs);
        }
        None => needs::skip("cloud, another client", "aws is not installed: pip install awscli"),
    }
}

/// A listing comes in pages of 1,000; and somebody may lower that.
#[test]
fn more_objects_than_a_page_come_back() {
    let Some(server) = server() else { return };
    let lab = lab();
    std::fs::create_dir_all(lab.source()).unwrap();
    for n in 0..2_100 {
        std::fs::write(lab.source().join(format!("object-{n}")), n.to_string()).unwrap();
    }
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("p"), "");
    lab.run_profile(&up).expect_code(0);
    let down = profile(&lab, "down", &server.end("p"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0).expect_words(&["done 2100 "]);
    assert_same_files(&lab.source(), &lab.target());
}

/// Contents by name; another client keeps no modes.
fn digests(root: &std::path::Path) -> std::collections::BTreeMap<std::path::PathBuf, blake3::Hash> {
    let mut found = std::collections::BTreeMap::new();
    let mut below = vec![root.to_path_buf()];
    while let Some(directory) = below.pop() {
        for entry in std::fs::read_dir(&directory).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                below.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_path_buf();
                found.insert(name, blake3::hash(&std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}

/// Both peers are killed once, each in the middle of an upload.
#[test]
fn a_peer_that_is_killed_in_an_upload_leaves_no_upload_behind() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 40, &[24 << 20, 25 << 20, 26 << 20, 27 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("k"), SLOW);
    let run = Run::start(&lab, &up);
    for peer in ["alpha", "beta"] {
        assert!(poll(Duration::from_mins(1), || (server.uploads() > 0).then_some(())).is_some());
        signal(&run, peer, Signal::KILL);
        let before = run.status().done.transfers;
        run.until("it goes on", |s: &Status| s.done.transfers > before || s.remaining.transfers == 0);
    }
    run.wait().expect_code(0);
    assert_conserved(&run.status());
    no_trace(&server);
    let down = profile(&lab, "down", &server.end("k"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}

/// What is killed between the ledger's word and the object, and just after it, is neither lost nor written twice.
#[test]
fn a_peer_that_is_killed_at_the_commit_is_taken_over_exactly() {
    let Some(server) = server() else { return };
    for (i, (point, nth)) in [("authorised", 1), ("published", 1), ("settling", 1)].into_iter().enumerate() {
        let mut lab = lab();
        let fired = lab.path("failpoints");
        std::fs::create_dir(&fired).unwrap();
        lab.set_env(twinhaul_failpoint::SPECS, format!("alpha/{point}:kill:{nth}"));
        lab.set_env(twinhaul_failpoint::DIRECTORY, fired.clone());
        made(&lab, 30, &[9 << 20]);
        let prefix = format!("c{i}");
        let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end(&prefix), "");
        lab.run_profile(&up).expect_code(0);
        assert_ne!(std::fs::read_dir(&fired).unwrap().count(), 0, "nobody was killed at {point}");
        no_trace(&server);
        let down = profile(&lab, "down", &server.end(&prefix), &disk(&lab.target(), true), "");
        lab.run_profile(&down).expect_code(0);
        assert_same_files(&lab.source(), &lab.target());
    }
}

/// A peer that freezes after the ledger has authorised it is ended before its object is done again: when it woke, it could
/// make the object visible at any time.
#[test]
fn a_peer_that_freezes_at_the_commit_is_ended_before_it_is_taken_over() {
    let Some(server) = server() else { return };
    let mut lab = lab();
    let fired = lab.path("failpoints");
    std::fs::create_dir(&fired).unwrap();
    lab.set_env(twinhaul_failpoint::HEARTBEAT_MS, "250");
    lab.set_env(twinhaul_failpoint::SPECS, "alpha/authorised:freeze:1");
    lab.set_env(twinhaul_failpoint::DIRECTORY, fired.clone());
    made(&lab, 60, &[9 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("z"), "");
    lab.run_profile(&up).expect_code(0);
    assert_ne!(std::fs::read_dir(&fired).unwrap().count(), 0, "nobody froze");
    no_trace(&server);
    let down = profile(&lab, "down", &server.end("z"), &disk(&lab.target(), true), "");
    lab.run_profile(&down).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}

#[test]
fn a_secret_is_nowhere_but_where_it_was_said() {
    let Some(server) = server() else { return };
    let lab = lab();
    made(&lab, 40, &[24 << 20]);
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("s"), SLOW);
    let run = Run::start(&lab, &up);
    run.until("something is done", |s: &Status| s.done.transfers > 3);
    let peers: Vec<u32> = ["alpha", "beta"].into_iter().filter_map(|peer| run.pid(peer)).collect();
    assert_eq!(peers.len(), 2);
    for pid in peers {
        let said = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
        assert!(!said.is_empty() && !holds_the_secret(&said), "the arguments of {pid}");
    }
    // A crash leaves last words, and a bundle.
    signal(&run, "alpha", Signal::ABORT);
    run.wait().expect_code(0);
    let bundle = lab.path("bundle.tar");
    let to = bundle.to_str().unwrap();
    for args in
        [&["status", "--json"][..], &["events"], &["report"], &["ls"], &["diagnose"], &["bundle", "--to", to]]
    {
        let done = lab.run(args.iter());
        assert!(
            !holds_the_secret(done.stdout.as_bytes()) && !holds_the_secret(done.stderr.as_bytes()),
            "{args:?}"
        );
    }
    assert!(!holds_the_secret(&std::fs::read(&bundle).unwrap()));
    nowhere(lab.state());
}

fn holds_the_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET_ACCESS_KEY.len()).any(|w| w == SECRET_ACCESS_KEY.as_bytes())
}

fn nowhere(directory: &std::path::Path) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            nowhere(&path);
        } else if let Ok(bytes) = std::fs::read(&path) {
            assert!(!holds_the_secret(&bytes), "{} holds the secret", path.display());
        }
    }
}
