//! The stories of the demonstration that tell of something besides the two peers, from start to end.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests: a step that fails is a test that fails")]

use twinhaul_tests::cloud::store::Store;
use twinhaul_tests::product::{Lab, exe, processes};

/// The story of a storm: each beat comes, in its order, nothing fails, and nothing is left behind.
#[test]
fn the_cloud_story_is_told_and_nothing_fails_in_the_storm() {
    if Store::or_skip("the cloud story").is_none() {
        return;
    }
    let mut lab = Lab::new();
    let place = lab.path("temporary");
    std::fs::create_dir(&place).unwrap();
    lab.set_env("TMPDIR", &place);
    let told = lab.run(["demo", "cloud", "--headless"]);
    told.expect_code(0);
    let mut rest = told.stdout.as_str();
    for beat in [
        "Two engines upload to an object store.",
        "it answers 429 to everybody",
        " storm *****",
        "asks to slow down",
        "Both wait as long as it asked.",
        " calm *****",
        "The rates are back.",
        "all done: complete",
        "981 of 981 verified",
    ] {
        let at = rest.find(beat);
        assert!(at.is_some(), "\"{beat}\" does not come, or not in its place:\n{}", told.stdout);
        rest = &rest[at.unwrap()..];
    }
    assert!(!told.stdout.contains("a transfer failed:"), "{}", told.stdout);
    let events = lab.run(["events"]);
    assert!(!events.stdout.contains("attempt"), "{}", events.stdout);
    // A second of waiting is no news.
    let told = events.stdout.matches("rate_limit offsite: ").count();
    assert!((1..=20).contains(&told), "{}", events.stdout);
    assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "files are left");
    assert!(processes::of(lab.state()).is_empty(), "processes are left");
}

/// A terminal that is gone, or a pipe that nobody reads: what is said is lost, and what is to be done is done all the same. A
/// demonstration that died of it left its run and its files.
#[test]
fn who_is_not_read_any_more_goes_on() {
    let lab = Lab::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = lab.command();
    let status = command.args(["demo", "no-such-story"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2), "{status}");
}

/// Without its store the story is not begun, and what builds it is named.
#[test]
fn a_story_without_its_store_says_what_builds_it() {
    let lab = Lab::new();
    let alone = lab.path("twinhaul");
    std::fs::copy(exe(), &alone).unwrap();
    let mut command = std::process::Command::new(&alone);
    command.args(["demo", "cloud", "--headless"]).env("TMPDIR", lab.path("."));
    let done = lab.finish(lab.dress(command));
    done.expect_code(2).expect_words(&["needs twinhaul-store beside twinhaul", "cargo xtask demo cloud"]);
}
