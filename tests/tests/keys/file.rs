//! The keys file as a user meets it: what the verbs print, with which exit code, and that a console with a bad file is refused
//! before anything moves.

use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;

const GOOD: &str = "# mine\nfreeze: F\nfirst: [gg, <home>]\ntheme: none\npause: P\n";
const BAD: &str = "freez: F\nfreeze: d\nfirst: gx\nup: g\nconfirm: p\n";

#[test]
fn the_sheet_shows_the_keys_in_force() {
    let lab = Lab::new();
    let sheet = lab.run(["keys"]);
    sheet.expect_code(0).expect_words(&["built in", ".config/twinhaul/keys.yaml"]);
    assert!(sheet.stdout.contains("freeze          f "), "{sheet}");
    // The place for configuration, and the flag before it.
    std::fs::create_dir_all(lab.path(".config/twinhaul")).unwrap();
    std::fs::write(lab.path(".config/twinhaul/keys.yaml"), GOOD).unwrap();
    let sheet = lab.run(["keys"]);
    sheet.expect_code(0).expect_words(&["keys.yaml", "other keys than built in"]);
    for line in [
        "* freeze          F ",
        "* first           g g Home ",
        "* theme           - ",
        "* pause           x P ",
        "  quit            q Ctrl-c ",
    ] {
        assert!(sheet.stdout.contains(line), "{line:?}: {sheet}");
    }
    assert!(lab.run(["keys", "--keys", "none"]).expect_code(0).stdout.contains("  freeze          f "));
    let json = lab.run(["keys", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.expect_code(0).stdout).unwrap();
    let actions = json["actions"].as_array().unwrap();
    let of = |id: &str| actions.iter().find(|a| a["id"] == id).unwrap();
    assert_eq!(of("first")["keys"], serde_json::json!(["gg", "<home>"]));
    assert_eq!(of("first")["built_in"], serde_json::json!(["g", "<home>"]));
    assert_eq!((of("pause")["asks"].as_str(), of("stop")["asks"].as_str()), (Some("yes"), Some("name")));
    assert!(of("confirm")["fixed"].is_string() && of("freeze")["fixed"].is_null());
    lab.run(["keys", "check"]).expect_code(0).expect_words(&["no mistakes found"]);
}

#[test]
fn every_mistake_is_named_with_its_line_and_the_next_command() {
    let lab = Lab::new();
    let good = lab.write("good.yaml", GOOD);
    lab.run(["keys".as_ref(), "check".as_ref(), good.as_os_str()])
        .expect_code(0)
        .expect_words(&["no mistakes found"]);
    let bad = lab.write("bad.yaml", BAD);
    let done = lab.run(["keys".as_ref(), "check".as_ref(), bad.as_os_str()]);
    done.expect_code(2).expect_words(&[
        "bad.yaml:1:1: there is no action \"freez\"",
        "did you mean \"freeze\"?",
        "bad.yaml:2:9: \"d\" is a key of diagnose already",
        "bad.yaml:4:5: \"g\" is the beginning of \"gx\"",
        "bad.yaml:5:1: the keys of confirm cannot be changed",
        "next: twinhaul keys check ",
    ]);
    assert_eq!(done.stderr.matches("next: ").count(), 1, "{done}");
    lab.run(["keys", "check", "nowhere.yaml"]).expect_code(4).expect_words(&["ls -l nowhere.yaml"]);
    lab.run(["keys", "check"]).expect_code(0).expect_words(&["nothing to check"]);
}

#[test]
fn a_console_with_a_bad_file_is_refused_before_anything_moves() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    let profile = lab.write_profile(&Profile::new("refused", &lab.source(), &lab.target()));
    let bad = lab.write("bad.yaml", BAD);
    let mut command = lab.command();
    command.arg("run").arg(&profile).arg("--yes").env("TWINHAUL_KEYS", &bad);
    lab.finish(command).expect_code(2).expect_words(&["no action \"freez\"", "--keys none"]);
    assert!(!lab.target().exists());
    assert!(lab.run(["ls"]).expect_code(0).stdout.trim().is_empty());
    // Without a console there are no keys to be wrong.
    let mut command = lab.command();
    command.arg("run").arg(&profile).arg("--headless").env("TWINHAUL_KEYS", &bad);
    lab.finish(command).expect_code(0);
}
