//! References get their values when a backend is opened, and a missing one is a mistake with its line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and the helpers of tests")]

use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt as _};
use twinhaul_profile::{End, Profile, parse};

fn target(config: &str) -> (Profile, End) {
    let text = format!(
        "version: 1\nname: t\nsources:\n  a: {{ backend: disk, root: /a }}\ntargets:\n  b:\n    backend: cloud\n{config}"
    );
    let profile = parse(&text, "p.yaml").unwrap();
    let end = profile.target("b").unwrap().clone();
    (profile, end)
}

fn env(name: &str) -> Option<String> {
    match name {
        "BUCKET" => Some("archive".into()),
        "TOKEN" => Some("t0ken ${env:BUCKET}".into()),
        _ => None,
    }
}

#[test]
fn references_resolve_everywhere_and_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    fs::write(&file, "s3cret\n").unwrap();
    let (profile, end) = target(&format!(
        "    bucket: ${{env:BUCKET}}\n    url: \"https://${{env:BUCKET}}.example/x\"\n    token: ${{env:TOKEN}}\n    \
         secret_key: ${{file:{}}}\n    price: $${{literal}} $5\n    deep: {{ list: [1, \"${{env:BUCKET}}\", true] }}\n",
        file.display()
    ));
    assert_eq!(
        end.resolve_with(&env).unwrap(),
        json!({
            "bucket": "archive",
            "url": "https://archive.example/x",
            "token": "t0ken ${env:BUCKET}",
            "secret_key": "s3cret",
            "price": "${literal} $5",
            "deep": { "list": [1, "archive", true] },
        })
    );
    for kept in [profile.to_yaml(), profile.frozen(), format!("{profile:?}")] {
        assert!(kept.contains("${env:TOKEN}") && !kept.contains("s3cret") && !kept.contains("t0ken"));
    }
}

#[test]
fn a_missing_variable_is_named_with_its_line() {
    let (_, end) = target("    region: eu\n    list: [x, \"${env:NOWHERE}\"]\n");
    assert_eq!(
        end.resolve_with(&env).unwrap_err().to_string(),
        "p.yaml:9:15: targets.b.list[1]: environment variable NOWHERE is not set (or is not UTF-8)\n  |\n\
         9 |     list: [x, \"${env:NOWHERE}\"]\n  |               ^^^^^^^^^^^^^^^^\n  \
         = next: twinhaul profile check p.yaml"
    );
}

#[test]
fn only_private_regular_small_text_files_give_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    fs::write(at("writable"), "x").unwrap();
    fs::set_permissions(at("writable"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::write(at("large"), vec![b'x'; 65 << 10]).unwrap();
    fs::write(at("bytes"), b"\xff").unwrap();
    for (name, why) in [
        ("missing", "No such file"),
        ("folder", "is not a regular file"),
        ("writable", "can be written by others"),
        ("large", "is larger than 64 KiB"),
        ("bytes", "is not UTF-8"),
    ] {
        let (_, end) = target(&format!("    secret_key: ${{file:{}}}\n", at(name).display()));
        let error = end.resolve_with(&env).unwrap_err().to_string();
        assert!(error.starts_with("p.yaml:8:17: targets.b.secret_key: file /"), "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn line_ends_at_the_end_of_a_secret_file_are_cut_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    for (content, value) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a", "a"), ("", "")] {
        fs::write(&file, content).unwrap();
        let (_, end) = target(&format!("    secret_key: ${{file:{}}}\n", file.display()));
        assert_eq!(end.resolve_with(&env).unwrap()["secret_key"], value, "{content:?}");
    }
}

#[test]
fn a_root_must_be_absolute_once_it_is_resolved() {
    let text = "version: 1\nname: t\nsources:\n  a: { backend: disk, root: \"${env:BUCKET}/x\" }\ntargets:\n  b: { backend: disk, root: /b }\n";
    let profile = parse(text, "p.yaml").unwrap().absolute("/somewhere".as_ref()).unwrap();
    let error = profile.sources[0].resolve_with(&env).unwrap_err().to_string();
    assert!(error.starts_with("p.yaml:4:29: sources.a.root: expected an absolute path"), "{error}");
    let home = |_: &str| Some("/home/me".to_owned());
    assert_eq!(profile.sources[0].resolve_with(&home).unwrap()["root"], "/home/me/x");
}
