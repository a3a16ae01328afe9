//! Mistakes in a profile: found before anything moves, with file, line, column and what was expected.

use twinhaul_tests::product::{Done, Lab, Profile};
use twinhaul_tests::tree;

fn lab() -> (Lab, Profile) {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 4, 100, 1);
    let profile = Profile::new("bad", &lab.source(), &lab.target());
    (lab, profile)
}

/// Runs the text as a profile; nothing may have moved. Gives the place of `at` as the message must show it.
fn refused(lab: &Lab, text: &str, at: &str) -> (Done, String) {
    let path = lab.write("profile.yaml", text);
    let done = lab.run_profile(&path);
    done.expect_code(2);
    assert!(!lab.target().exists(), "nothing moves before the profile is right");
    let line = text.lines().position(|l| l.contains(at)).expect("the mistake is in the text") + 1;
    let column = text.lines().nth(line - 1).and_then(|l| l.find(at)).expect("column") + 1;
    (done, format!("profile.yaml:{line}:{column}"))
}

#[test]
fn an_unknown_key_is_named_with_what_was_meant() {
    let (lab, mut profile) = lab();
    profile.more = "durabilty: each\n".into();
    let (done, place) = refused(&lab, &profile.yaml(), "durabilty");
    done.expect_words(&[&place, "unknown key \"durabilty\"", "durability"]);
}

#[test]
fn a_duplicate_key_is_named_with_both_lines() {
    let (lab, mut profile) = lab();
    profile.more = "version: 1\n".into();
    let text = profile.yaml();
    let path = lab.write("profile.yaml", &text);
    let done = lab.run_profile(&path);
    let line = text.lines().count();
    done.expect_code(2).expect_words(&[
        &format!("profile.yaml:{line}:1"),
        "duplicate key \"version\"",
        "line 1",
    ]);
}

#[test]
fn a_wrong_type_is_named_with_what_was_expected() {
    let (lab, profile) = lab();
    let text = profile.yaml().replacen("slots: 4", "slots: many", 1);
    let (done, place) = refused(&lab, &text, "many");
    done.expect_words(&[&place, "slots", "expected a whole number", "many"]);
}

#[test]
fn a_target_that_neither_peer_reaches_is_refused() {
    let (lab, profile) = lab();
    let other = serde_json::Value::from(lab.path("other").to_str().unwrap());
    let text = profile
        .yaml()
        .replacen("targets:\n", &format!("targets:\n  else: {{ backend: disk, root: {other} }}\n"), 1)
        .replacen("alpha: { slots: 4", "alpha: { slots: 4, targets: [else]", 1)
        .replacen("beta: { slots: 4", "beta: { slots: 4, targets: [else]", 1);
    let path = lab.write("profile.yaml", &text);
    let done = lab.run_profile(&path);
    let line = text.lines().position(|l| l.contains("from: here")).unwrap() + 1;
    done.expect_code(2).expect_words(&[&format!("profile.yaml:{line}:"), "there", "neither alpha nor beta"]);
    assert!(!lab.target().exists());
}

#[test]
fn a_secret_in_the_text_is_refused_and_not_repeated() {
    let (lab, profile) = lab();
    let text = profile.yaml().replacen(
        "there: { backend: disk",
        "there: { secret_access_key: hunter22canary, backend: disk",
        1,
    );
    let path = lab.write("profile.yaml", &text);
    let done = lab.run_profile(&path);
    let line = text.lines().position(|l| l.contains("hunter22canary")).unwrap() + 1;
    done.expect_code(2).expect_words(&[&format!("profile.yaml:{line}:"), "secret_access_key", "${env:"]);
    assert!(!format!("{done}").contains("hunter22canary"), "the message repeats the secret:\n{done}");
}

#[test]
fn a_profile_that_is_missing_or_not_yaml_is_refused() {
    let (lab, _) = lab();
    lab.run(["run", "nowhere.yaml", "--headless"])
        .expect_code(2)
        .expect_words(&["nowhere.yaml", "no such file"]);
    let path = lab.write("profile.yaml", "version: 1\nsources: { here: [\n");
    let done = lab.run_profile(&path);
    done.expect_code(2).expect_words(&["profile.yaml:"]);
    assert!(!done.stderr.contains('\u{1b}'), "no escape sequences where there is no terminal");
}

#[test]
fn when_no_route_matches_anything_the_run_says_so() {
    let (lab, profile) = lab();
    let text =
        profile.yaml().replacen("from: here, to: there", "from: here, match: \"**/*.raw\", to: there", 1);
    let path = lab.write("profile.yaml", &text);
    let done = lab.run_profile(&path);
    done.expect_code(2).expect_words(&["no route matches", "4 objects"]);
    assert!(!lab.target().join("d000").exists());
}

/// A variable that is not set is found when the place is opened; the line with its mark is shown, not squeezed into one.
#[test]
fn a_variable_that_is_not_set_is_shown_in_its_line() {
    let (lab, profile) = lab();
    let target = serde_json::Value::from(lab.target().to_str().unwrap()).to_string();
    let text = profile.yaml().replacen(&target, "\"${env:TWINHAUL_TEST_UNSET}\"", 1);
    let (done, place) = refused(&lab, &text, "\"${env:TWINHAUL_TEST_UNSET}\"");
    done.expect_words(&[&place, "TWINHAUL_TEST_UNSET is not set", "\n  |\n", "^^^"]);
    assert!(!done.stderr.contains("\\n"), "{done}");
}
