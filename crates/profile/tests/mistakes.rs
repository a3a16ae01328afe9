//! Every mistake in `mistakes.txt` gives exactly the report that stands below it, and none shows a secret.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and the helpers of tests")]

use std::fmt::Write as _;
use twinhaul_profile::{FILE_BYTES_MAX, NODES_MAX, ProfileError, load, parse};
use twinhaul_units::text;

const HEAD: &str = "version: 1\nname: t\nsources:\n  a: { backend: disk, root: /a }\ntargets:\n";

fn report(text: &str) -> String {
    parse(text, "p.yaml").expect_err(text).to_string()
}

#[test]
fn every_mistake_gives_its_report() {
    let mut count = 0;
    for case in include_str!("mistakes.txt").split("\n=== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (yaml, expected) = rest.split_once("--- report\n").unwrap();
        assert_eq!(report(yaml), expected.trim_end_matches('\n'), "{name}");
        count += 1;
    }
    assert!(count > 50, "{count} cases");
}

#[test]
fn no_report_shows_a_secret() {
    for case in include_str!("mistakes.txt").split("\n=== ").skip(1) {
        let report = case.split_once("--- report\n").unwrap().1;
        assert!(!report.contains("hunter2"), "{case}");
    }
}

#[test]
fn a_report_knows_its_place() {
    let error =
        parse(&format!("{HEAD}  b: {{ backend: disk, root: /b }}\nverfy: hash\n"), "p.yaml").unwrap_err();
    let report = error.report().unwrap();
    let place = report.place.unwrap();
    assert_eq!((report.file.as_str(), place.line, place.column, place.len), ("p.yaml", 7, 1, 5));
    assert_eq!(report.help.as_deref(), Some("did you mean \"verify\"?"));
}

#[test]
fn floods_and_towers_are_refused() {
    let nodes = format!("{HEAD}  b: {{ backend: disk, root: /b }}\nx: [{}1]\n", "1,".repeat(NODES_MAX));
    assert!(report(&nodes).contains("too much in one file; the limit is 10000 values"), "{}", report(&nodes));
    for (height, why) in [(17, "nested deeper than 16 levels"), (5000, "recursion limit exceeded")] {
        let tower = format!(
            "{HEAD}  b: {{ backend: disk, root: /b }}\nx: {}{}\n",
            "[".repeat(height),
            "]".repeat(height)
        );
        assert!(report(&tower).contains(why), "{}", report(&tower));
    }
    let key = format!("{HEAD}  b: {{ backend: disk, root: /b }}\n{}: 1\n", "k".repeat(300));
    assert!(report(&key).contains("key longer than 256 bytes"), "{}", report(&key));
    let many: String = (0..65).fold(HEAD.to_owned(), |mut s, i| {
        let _ = writeln!(s, "  b{i}: {{ backend: disk, root: /b }}");
        s
    });
    assert!(report(&many).contains("targets: expected 1 to 64 entries, found 65"), "{}", report(&many));
}

/// Nine anchors of nine aliases each: ten to the ninth values if they were written out.
#[test]
fn an_alias_bomb_is_refused_at_its_first_anchor() {
    let mut bomb = format!("{HEAD}  b: {{ backend: disk, root: /b }}\nx0: &x0 [1]\n");
    for i in 1..10 {
        let _ = writeln!(bomb, "x{i}: &x{i} [{}]", vec![format!("*x{}", i - 1); 10].join(", "));
    }
    let report = report(&bomb);
    assert!(report.starts_with("p.yaml:7:"), "{report}");
    assert!(report.contains("anchors (&name), aliases (*name) and merge keys (<<) are not used"), "{report}");
}

#[test]
fn nothing_in_a_report_moves_the_cursor() {
    for hostile in [
        "# \u{1b}[2J\nverify: hash\n",
        "veri\u{202e}fy: hash\n",
        "\"a\\e[2J\": 1\n",
        "order: \"\\e]0;x\\a\"\n",
        "on_exists: \"a\\nFAKE LINE\"\n",
        "routes: [{ from: \"\\u202e\", to: b }]\n",
        "peers: { \"\\u200b\": {}, b: {} }\n",
    ] {
        let report = parse(&format!("{HEAD}  b: {{ backend: disk, root: /b }}\n{hostile}"), "\u{1b}p.yaml")
            .expect_err(hostile)
            .to_string();
        assert!(report.lines().flat_map(str::chars).all(text::is_safe), "{report:?}");
        assert!(!report.contains("\nFAKE"), "{report:?}");
    }
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let pad = " ".repeat(200);
    let text = format!(
        "{HEAD}  b: {{ backend: disk, root: /b }}\npeers: {{ a: {{}}, b: {{ {pad}slotz: 8 {pad} }} }}\n"
    );
    let report = report(&text);
    let [line, carets] = report.lines().skip(2).take(2).collect::<Vec<_>>()[..] else { panic!("{report}") };
    assert!(line.chars().count() < 140 && line.contains("…") && line.ends_with('…'), "{report}");
    let caret = carets.chars().position(|c| c == '^').unwrap();
    assert_eq!(line.chars().skip(caret).take(5).collect::<String>(), "slotz");
}

#[test]
fn files_that_cannot_be_profiles() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it's.yaml");

    let error = load(&path).unwrap_err();
    assert!(matches!(error, ProfileError::Unreadable { .. }));
    let shown = format!("{}/it'\\''s.yaml", dir.path().display());
    assert!(
        error.to_string().ends_with(&format!("next: ls -l '{shown}', or start from one of profiles/")),
        "{error}"
    );

    std::fs::write(&path, vec![b'#'; usize::try_from(FILE_BYTES_MAX).unwrap() + 1]).unwrap();
    let error = load(&path).unwrap_err();
    assert!(matches!(error, ProfileError::TooLarge { .. }));
    assert!(error.to_string().contains("is larger than 1 MiB"), "{error}");

    std::fs::write(&path, b"version: 1\nname: \xff\n").unwrap();
    let error = load(&path).unwrap_err();
    let place = error.report().unwrap().place.unwrap();
    assert_eq!((place.line, place.column), (2, 7));
    assert!(error.to_string().contains("expected UTF-8 text"), "{error}");
}
