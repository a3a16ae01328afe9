//! `run PROFILE --only FILE`: exactly what is listed, and every mistake in the list told before anything moves.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use twinhaul_tests::product::{Done, Lab, Profile};
use twinhaul_tests::{same, tree};

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn run_only(lab: &Lab, profile: &Path, list: &Path) -> Done {
    lab.run(["run".as_ref(), profile.as_os_str(), "--headless".as_ref(), "--only".as_ref(), list.as_os_str()])
}

/// `failed.jsonl` of the newest run.
fn failed_list(lab: &Lab) -> PathBuf {
    let report: serde_json::Value = serde_json::from_str(&lab.run(["report", "--json"]).stdout).unwrap();
    PathBuf::from(report["failed"].as_str().unwrap())
}

#[test]
fn what_failed_is_copied_alone_when_it_is_mended() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 600, 64, 1);
    std::fs::create_dir_all(lab.source().join("d001/deep/empty")).unwrap();
    std::fs::write(lab.source().join("d001/deep/x"), "x").unwrap();
    // One file with two names, both of which a list has in one line.
    std::fs::hard_link(lab.source().join("d002/f000599"), lab.source().join("d000/link")).unwrap();
    for directory in ["d000", "d001/deep", "d001", "d002"] {
        tree::set_mtime(&lab.source().join(directory), 1_000_000_000, 7);
    }
    for name in ["d000/f000007", "d002/f000599"] {
        mode(&lab.source().join(name), 0o000);
    }
    mode(&lab.source().join("d001"), 0o000);
    // With a prefix, so that keys at the source and at the target differ.
    let mut profile = Profile::new("some", &lab.source(), &lab.target());
    profile.more = "on_exists: fail\n".into();
    let yaml = profile.yaml().replace("to: there }", "to: there, prefix: below/ }");
    let profile = lab.write("profile.yaml", &yaml);
    let mut command = lab.command();
    command.arg("run").arg(&profile).arg("--headless");
    lab.finish_without_override(command).expect_code(3);
    let failed = failed_list(&lab);
    lab.run(["report", "--check"]).expect_code(0);

    for name in ["d000/f000007", "d002/f000599"] {
        mode(&lab.source().join(name), 0o644);
    }
    mode(&lab.source().join("d001"), 0o755);
    // New since then, and nobody listed it.
    std::fs::write(lab.source().join("d000/new"), "new").unwrap();
    tree::set_mtime(&lab.source().join("d000"), 1_000_000_000, 7);
    // With `on_exists: fail` whatever is copied twice is a failure.
    run_only(&lab, &profile, &failed).expect_code(0);
    let status = lab.newest_status();
    assert_eq!(status.done.transfers, 2 + 250 + 1, "two files, and what is below the directory: {status:#?}");
    let copied = lab.target().join("below");
    assert!(!copied.join("d000/new").exists());
    std::fs::remove_file(lab.source().join("d000/new")).unwrap();
    tree::set_mtime(&lab.source().join("d000"), 1_000_000_000, 7);
    same::assert_same(&lab.source(), &copied);
}

#[test]
fn a_listed_key_that_is_gone_fails_by_name() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 20, 64, 1);
    let profile = lab.write_profile(&Profile::new("gone", &lab.source(), &lab.target()));
    let list = lab.write("list.jsonl", "{\"key\":\"d000/f000003\"}\n{\"key\":\"d000/nowhere\"}\n");
    run_only(&lab, &profile, &list).expect_code(3).expect_words(&["d000/nowhere", "no such file"]);
    let status = lab.newest_status();
    assert_eq!((status.done.transfers, status.failed.transfers, status.remaining.transfers), (1, 1, 0));
    assert_eq!(std::fs::read_dir(lab.target().join("d000")).unwrap().count(), 1);
    lab.run(["events"]).expect_words(&["1 listed key was not met"]);
}

/// A directory that nothing listed is below keeps what an operator has made of it since.
#[test]
fn only_directories_on_the_way_are_finished() {
    let lab = Lab::new();
    for directory in ["a/b", "other"] {
        std::fs::create_dir_all(lab.source().join(directory)).unwrap();
    }
    std::fs::write(lab.source().join("a/b/x"), "x").unwrap();
    std::fs::write(lab.source().join("other/y"), "y").unwrap();
    let profile = lab.write_profile(&Profile::new("way", &lab.source(), &lab.target()));
    lab.run_profile(&profile).expect_code(0);
    std::fs::remove_file(lab.target().join("a/b/x")).unwrap();
    for directory in ["a/b", "a", "other"] {
        tree::set_mtime(&lab.target().join(directory), 1_111_111_111, 0);
    }
    let list = lab.write("list.jsonl", "{\"key\":\"a/b/x\"}\n");
    run_only(&lab, &profile, &list).expect_code(0);
    let mtime = |root: &Path, name: &str| std::fs::metadata(root.join(name)).unwrap().mtime();
    for directory in ["a", "a/b"] {
        assert_eq!(mtime(&lab.target(), directory), mtime(&lab.source(), directory), "{directory}");
    }
    assert_eq!(mtime(&lab.target(), "other"), 1_111_111_111);
    assert_eq!(std::fs::read(lab.target().join("a/b/x")).unwrap(), b"x");
}

#[test]
fn mistakes_in_the_list_are_told_before_anything_moves() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 64, 1);
    let profile = lab.write_profile(&Profile::new("bad", &lab.source(), &lab.target()));
    for (text, words) in [
        ("{\"key\":\"a\"}\nwhat\n", "line 2: "),
        ("{\"key\":\"a\"}\n\n{\"name\":\"b\"}\n", "line 3: it has no \"key\""),
        ("{\"key\":\"/etc/passwd\"}\n", "line 1: its key starts with a slash"),
        ("{\"key\":\"a\",\"source\":\"there\"}\n", "line 1: the profile has no source \"there\""),
        ("", "it is empty"),
    ] {
        let list = lab.write("list.jsonl", text);
        run_only(&lab, &profile, &list).expect_code(2).expect_words(&[words]);
        let done = lab.run(["plan".as_ref(), profile.as_os_str(), "--only".as_ref(), list.as_os_str()]);
        done.expect_code(2).expect_words(&[words]);
    }
    run_only(&lab, &profile, &lab.path("nowhere")).expect_code(4);
    assert!(!lab.target().exists());
    // A run without failures leaves a list without keys: that is no mistake, and nothing to do.
    lab.run_profile(&profile).expect_code(0);
    let failed = failed_list(&lab);
    let before = lab.newest_status().run;
    run_only(&lab, &profile, &failed).expect_code(0).expect_words(&["nothing to do"]);
    assert_eq!(lab.newest_status().run, before);
}

#[test]
fn a_list_comes_from_a_pipe_too() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 5, 64, 1);
    let profile = lab.write_profile(&Profile::new("pipe", &lab.source(), &lab.target()));
    let list = lab.write("list.jsonl", "{\"key\":\"d000/f000001\"}\n{\"key\":\"d000/f000004\"}\n");
    let mut command = lab.command();
    command.arg("run").arg(&profile).args(["--headless", "--only", "-"]);
    command.stdin(std::fs::File::open(list).unwrap());
    lab.finish(command).expect_code(0);
    let mut there: Vec<_> =
        std::fs::read_dir(lab.target().join("d000")).unwrap().map(|e| e.unwrap().file_name()).collect();
    there.sort();
    assert_eq!(there, ["f000001", "f000004"]);
}
