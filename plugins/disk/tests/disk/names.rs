//! Awkward names go in and come back, bytewise.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::common::{OP, Place, key, put, read, store};
use twinhaul_backend_abi::{Code, KeyRules, ListRequest, ReadOptions, Target, Wanted};

#[test]
fn every_name_that_is_a_key_is_kept() {
    let place = Place::new();
    let long = vec![b'x'; 255];
    let mut names: Vec<Vec<u8>> = [
        &b"plain"[..],
        b" ",
        b" a ",
        b"a b",
        b"...",
        b"..a",
        b".hidden",
        b"-rf",
        b"*",
        b"?",
        b"\"",
        b"'",
        b"\\",
        b"a\\b",
        b"~",
        b"$HOME",
        b"`id`",
        b"a\nb",
        b"a\rb",
        b"a\tb",
        b"\x1b[2J",
        b"\x1b]52;c;AAAA\x07",
        b"\x7f",
        b"\x80",
        b"\xff\xfe",
        b"caf\xc3\xa9",
        b"cafe\xcc\x81",
        b"\xe2\x80\xae",
        b"NUL",
        b"con",
        b"a:b",
        b"a.",
        b"a ",
        b"A",
        b"a",
        b"#",
        b"%00",
        b"=node",
        b"x=node",
        b"+",
        b"=",
        b".twinhaul2",
        b"twinhaul",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    names.push(long);
    for (i, name) in names.iter().enumerate() {
        for dir in [&b""[..], b"d\n\xff/"] {
            let whole = [dir, name].concat();
            store(&place.target, &put(&whole, &format!("run/{i}-{}/1/1", dir.len())), &whole).unwrap();
            assert_eq!(read(&place.target, &whole, ReadOptions::default()).unwrap(), whole);
        }
    }
    let prefix = key(b"d\n\xff");
    let mut listed = BTreeSet::new();
    let request = ListRequest { prefix: Some(&prefix), continuation: b"", want: Wanted::All, max_entries: 0 };
    let end = place
        .target
        .list(&OP, &request, &mut |k, _| {
            listed.insert(k.to_vec());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(end.next, None);
    assert_eq!(listed, names.iter().map(|n| [&b"d\n\xff/"[..], n].concat()).collect());
}

#[test]
fn the_private_name_is_reserved_at_the_root_only() {
    let place = Place::new();
    store(&place.target, &put("a/.twinhaul/f", "run/1/1/1"), b"x").unwrap();
    assert_eq!(place.target.stat(&OP, &key("a/.twinhaul/f")).unwrap().size, 1);
}

#[test]
fn long_keys_are_kept_as_far_as_linux_takes_paths() {
    let place = Place::new();
    let deep = ["x".repeat(250).as_str(); 16].join("/");
    assert_eq!(deep.len(), 4015);
    store(&place.target, &put(&deep, "run/1/1/1"), b"deep").unwrap();
    assert_eq!(read(&place.target, &deep, ReadOptions::default()).unwrap(), b"deep");
    assert!(place.limits.key_rules.contains(KeyRules::NO_PREFIXES));
    assert_eq!((place.limits.max_key_bytes, place.limits.max_component_bytes), (4095, 255));
}

#[test]
fn a_key_below_an_object_is_refused_with_the_name_in_the_way() {
    let place = Place::new();
    store(&place.target, &put("a", "run/1/1/1"), b"x").unwrap();
    let e = store(&place.target, &put("a/b", "run/2/1/1"), b"x").unwrap_err();
    assert_eq!(e.code, Code::WrongKind);
    let whole = format!("{} is not a directory", place.path("a").display());
    assert!(e.message.contains(&whole), "{e}");
}

#[test]
fn messages_hold_no_raw_control_characters() {
    let place = Place::new();
    let e = read(&place.target, b"\x1b[2J\xff", ReadOptions::default()).unwrap_err();
    assert_eq!(e.code, Code::NotFound);
    assert!(e.message.contains("\\x1b[2J\\xff") && !e.message.contains('\x1b'), "{e}");
}
