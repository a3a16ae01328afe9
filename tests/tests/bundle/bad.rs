//! Bad input: what, where, why, and the next command; and nothing is left behind.

use std::os::unix::fs::PermissionsExt as _;
use twinhaul_tests::product::Lab;
use twinhaul_tests::tree;

/// A lab with a small finished run; its id.
fn lab() -> (Lab, String) {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 5, 100, 1);
    lab.copy().expect_code(0);
    let id = lab.newest_status().run;
    (lab, id)
}

#[test]
fn an_unknown_run_is_named_with_the_way_to_know_them() {
    let (lab, _) = lab();
    lab.run(["bundle", "nobody-7"]).expect_code(4).expect_words(&["nobody-7", "twinhaul ls"]);
    lab.run(["bundle", "../x"]).expect_code(2).expect_words(&["not a run's name", "twinhaul ls"]);
}

#[test]
fn what_is_there_is_replaced_only_when_asked() {
    let (lab, id) = lab();
    let there = lab.write("there.tar", "mine");
    let shown = there.to_str().unwrap();
    let args = ["bundle", &id, "--to", shown];
    lab.run(args).expect_code(2).expect_words(&[shown, "is there already", "--to FILE", "--force"]);
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "mine");
    lab.run([&args[..], &["--force"]].concat()).expect_code(0);
    assert!(std::fs::metadata(&there).unwrap().len() > 10_000);
    assert_eq!(std::fs::metadata(&there).unwrap().permissions().mode() & 0o777, 0o600);
    std::os::unix::fs::symlink("/dev/null", lab.path("link")).unwrap();
    let link = lab.path("link");
    let done = lab.run(["bundle", &id, "--force", "--to", link.to_str().unwrap()]);
    done.expect_code(2).expect_words(&["no regular file"]);
    lab.run(["bundle", &id, "--to", "-"]).expect_code(2).expect_words(&["not to a pipe", "--to FILE"]);
}

#[test]
fn a_place_that_cannot_be_written_is_told_with_another_way() {
    let (lab, id) = lab();
    lab.run(["bundle", &id, "--to", "no/such/x.tar"]).expect_code(4).expect_words(&[
        "no/such",
        "no directory",
        "--to FILE",
    ]);
    lab.write("file", "");
    lab.run(["bundle", &id, "--to", "file/x.tar"])
        .expect_code(4)
        .expect_words(&["no directory", "--to FILE"]);
    let closed = lab.path("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
    let mut command = lab.command();
    command.args(["bundle", &id, "--to"]).arg(closed.join("x.tar"));
    let done = lab.finish_without_override(command);
    done.expect_code(1).expect_words(&["closed/x.tar", "permission denied", "twinhaul bundle", "--to FILE"]);
    assert_eq!(std::fs::read_dir(&closed).unwrap().count(), 0);
}

#[test]
fn left_to_itself_it_is_named_after_run_and_time_and_a_directory_takes_it() {
    let (lab, id) = lab();
    let done = lab.run(["bundle"]);
    done.expect_code(0);
    let line = done.stdout.trim();
    let path = std::path::PathBuf::from(line.split("  ").next().unwrap());
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&format!("twinhaul-bundle-{id}-2")) && name.ends_with("Z.tar"), "{name}");
    assert!(line.contains("KiB") && line.contains("parts"), "{line}");
    assert_eq!(path.parent().unwrap().canonicalize().unwrap(), lab.path(".").canonicalize().unwrap());
    std::fs::create_dir(lab.path("into")).unwrap();
    let done = lab.run(["bundle", &id, "--json", "--to", "into"]);
    let told: serde_json::Value = serde_json::from_str(&done.expect_code(0).stdout).unwrap();
    let path = std::path::PathBuf::from(told["path"].as_str().unwrap());
    assert!(path.starts_with(lab.path("into")) || path.to_str().unwrap().contains("/into/"), "{told:#}");
    assert_eq!(told["bytes"], std::fs::metadata(&path).unwrap().len());
    assert_eq!(told["run"], id.as_str());
    assert!(told["parts"].as_array().unwrap().len() > 15);
    let left: Vec<_> = std::fs::read_dir(lab.path("into")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing unfinished: {left:?}");
}
