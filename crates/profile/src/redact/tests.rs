//! What goes, and what stays.

use super::*;

fn knowing(values: &[&str]) -> Redactor {
    let mut redactor = Redactor::default();
    for value in values {
        redactor.keep(value, true);
    }
    redactor.values.sort_by_key(|v| std::cmp::Reverse(v.text.len()));
    redactor
}

#[test]
fn known_values_go_wherever_they_stand() {
    let redactor = knowing(&["can\"ary/5+d", "line one\nline two", "abc", "1234", "12345678"]);
    for (line, clean) in [
        ("put of can\"ary/5+d failed", "put of [redacted] failed"),
        ("https://h/?k=can%22ary%2F5%2Bd&x=1", "https://h/?k=[redacted]&x=1"),
        ("x line two y", "x [redacted] y"),
        ("{\"text\":\"a can\\\"ary/5+d b\",\"n\":1}\n", "{\"n\":1,\"text\":\"a [redacted] b\"}\n"),
        ("{\"can\\\"ary/5+d\":1}", "{\"[redacted]\":1}"),
        ("{\"tokens\":{\"can\\\"ary/5+d\":null}}", "{\"tokens\":{\"[redacted]\":null}}"),
        // Too short to be looked for.
        ("abc 1234", "abc 1234"),
        ("pin 12345678", "pin [redacted]"),
    ] {
        assert_eq!(redactor.line(line), clean, "{line}");
    }
}

#[test]
fn a_place_that_is_a_common_word_leaves_the_names_of_fields() {
    let mut redactor = Redactor::default();
    redactor.keep("transfers", false);
    redactor.keep("data", false);
    let line = "{\"data_version\":1,\"text\":\"to transfers/data\",\"transfers\":2}";
    let clean = "{\"data_version\":1,\"text\":\"to [redacted]/data\",\"transfers\":2}";
    assert_eq!(redactor.line(line), clean);
}

#[test]
fn what_stands_under_a_secrets_name_goes_without_being_known() {
    let redactor = Redactor::default();
    for (line, clean) in [
        ("password=hunter2 user=x", "password=[redacted] user=x"),
        ("secret_access_key: \"hunter2\", region: eu", "secret_access_key: \"[redacted]\", region: eu"),
        (
            "{\"a\":{\"session_token\":\"hunter2\",\"n\":0.5}}",
            "{\"a\":{\"n\":0.5,\"session_token\":\"[redacted]\"}}",
        ),
        (
            "{\"text\":\"{\\\"password\\\":\\\"hunter2\\\"}\"}",
            "{\"text\":\"{\\\"password\\\":\\\"[redacted]\\\"}\"}",
        ),
        ("{\"token\":7}", "{\"token\":\"[redacted]\"}"),
        ("GET /?X-Amz-Signature=0a1b&x=2", "GET /?X-Amz-Signature=[redacted]&x=2"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=y", "Authorization: [redacted]"),
        ("Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: [redacted]"),
        ("password: \"correct horse, battery\" next", "password: \"[redacted]\" next"),
        ("password = 'it\\'s one' next", "password = '[redacted]' next"),
        ("{\"tokens\":[\"hunter2\",null]}", "{\"tokens\":[\"[redacted]\",null]}"),
        (
            "{\"credentials\":{\"user\":\"me\",\"value\":7}}",
            "{\"credentials\":{\"user\":\"[redacted]\",\"value\":\"[redacted]\"}}",
        ),
        ("header Bearer eyJ0.aa.bb, next", "header Bearer [redacted], next"),
        ("ftp://me:hunter2@host/a and s3://you:x@h", "ftp://me:[redacted]@host/a and s3://you:[redacted]@h"),
        ("https://h/?sas=0a1b", "https://h/?sas=[redacted]"),
    ] {
        assert_eq!(redactor.line(line), clean, "{line}");
        assert_eq!(redactor.line(clean), clean, "twice: {line}");
    }
}

#[test]
fn what_is_no_secret_stays_byte_for_byte() {
    let redactor = knowing(&["canary-value"]);
    for line in [
        "{\"event\":{\"seq\":1,\"kind\":{\"failed\":{\"key\":\"a/b\",\"error\":\"no\"}}}}\n",
        "{\"z\":1,\"a\":\"https://host:80/path\"}",
        "the disaster of the keyspace: none",
        "secret_access_key: \"${env:TEST_SECRET}\"",
        "no credential at all",
        "private_key_path: /run/key",
        "{\"x\":\"back\\\\slash\"}",
    ] {
        assert!(matches!(redactor.line(line), Cow::Borrowed(_)), "{line}: {}", redactor.line(line));
    }
}

#[test]
fn a_profile_keeps_its_references_and_loses_what_was_written_out() {
    let text =
        "targets:\n  t: { secret: hunter2, token: \"${env:T}\" }\n  u:\n    private_key: |\n      MIIE abc\n";
    let clean = Redactor::default().yaml(text);
    assert!(!clean.contains("hunter2") && !clean.contains("MIIE"), "{clean}");
    assert!(clean.contains("${env:T}"), "{clean}");
}

#[test]
fn the_items_of_a_secret_list_all_go() {
    let text = "t:\n  tokens:\n  - hunter2\n  - hunter3\n  root: /a\n  keys: {\n    x: hunter4 }\n";
    let clean = Redactor::default().yaml(text);
    assert!(!clean.contains("hunter") && clean.contains("root: /a"), "{clean}");
}

#[test]
fn a_profile_that_is_not_understood_still_says_what_to_look_for() {
    let env = |name: &str| if name == "T" { vec!["hunter2".into(), "x".into()] } else { Vec::new() };
    let redactor = Redactor::of_text("version: [\n  token: \"${env:T}\"\n  other: ${env:GONE}\n", &env);
    assert_eq!((redactor.references(), redactor.unknown(), redactor.not_looked_for()), (2, 1, 1));
    assert_eq!(redactor.text("a hunter2 b"), "a [redacted] b");
}

#[test]
fn values_come_from_the_environment_and_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("k");
    std::fs::write(&path, "canary-in-file\n").unwrap();
    let file = path.to_str().unwrap();
    let text = format!(
        "version: 1\nname: x\nsources:\n  s: {{ backend: disk, root: /a }}\ntargets:\n  t: {{ backend: cloud, service: s3, \
         bucket: b, access_key_id: \"${{env:K}}\", secret_access_key: \"${{file:{file}}}\", endpoint: \"${{env:GONE}}\" }}\n\
         routes:\n  - {{ from: s, to: t }}\n"
    );
    let profile = crate::parse(&text, "x.yaml").unwrap();
    let env = |name: &str| {
        if name == "K" { vec!["one-value".into(), "other-value".into()] } else { Vec::new() }
    };
    let redactor = Redactor::of(&profile, &env);
    assert_eq!((redactor.references(), redactor.unknown()), (3, 1));
    assert_eq!(redactor.text("one-value other-value"), "[redacted] [redacted]");
    assert!(!format!("{redactor:?}").contains("value\""), "{redactor:?}");
}
