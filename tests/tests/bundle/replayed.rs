//! A bundle replays where the run never was: as text, and on the screen.

use crate::stage::{make, slow};
use std::time::Duration;
use twinhaul_testkit::pty::{PtyCommand, PtySession};
use twinhaul_tests::product::{Lab, exe};

const LONG: Duration = Duration::from_mins(1);

#[test]
fn a_bundle_replays_on_another_machine() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    let bundle = make(&run, "there.tar");
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);

    let elsewhere = Lab::new();
    let replay = |more: &[&str]| {
        let mut command = elsewhere.command();
        command.arg("replay").arg(&bundle).args(more);
        elsewhere.finish(command)
    };
    replay(&["--once"]).expect_code(0).expect_words(&[&run.id, "alpha", "beta", "of 256 transfers"]);
    let state: serde_json::Value =
        serde_json::from_str(&replay(&["--once", "--json"]).expect_code(0).stdout).unwrap();
    assert!(state.to_string().contains(&run.id), "{state:#}");
    let lines = replay(&["--plain"]);
    lines.expect_code(0).expect_words(&["alpha: joined", "beta: joined", "wave 0 planned: 256 transfers"]);
    replay(&[]).expect_code(2).expect_words(&["not a terminal", "--plain", "--once"]);

    let state = elsewhere.state().to_string_lossy().into_owned();
    let command = PtyCommand::new(exe())
        .arg("replay")
        .arg(&bundle)
        .env("TWINHAUL_STATE", &state)
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8");
    let mut session = PtySession::spawn(command, 24, 80).unwrap();
    session.wait_for("REPLAY", LONG).unwrap();
    session.wait_for(&run.id, LONG).unwrap();
    session.send("q").unwrap();
    assert_eq!(session.wait_exit(LONG).unwrap(), 0);
}

#[test]
fn what_is_no_bundle_says_so() {
    let lab = Lab::new();
    let replay = |name: &str| lab.run(["replay", lab.path(name).to_str().unwrap(), "--once"]);
    lab.write("text", "no recording\n");
    replay("text").expect_code(2).expect_words(&["text", "no recording"]);
    replay("nothing").expect_code(4).expect_words(&["nothing", "no such file", "twinhaul ls"]);
    lab.write("hello", "hello");
    let mut tar = lab.dress(std::process::Command::new("tar"));
    tar.args(["cf", "other.tar", "hello"]);
    lab.finish(tar).expect_code(0);
    replay("other.tar").expect_code(2).expect_words(&["other.tar", "no bundle"]);
    let mut torn = vec![b'x'; 700];
    torn[257..262].copy_from_slice(b"ustar");
    std::fs::write(lab.path("torn.tar"), torn).unwrap();
    replay("torn.tar").expect_code(2).expect_words(&["torn.tar", "cut or damaged"]);
}
