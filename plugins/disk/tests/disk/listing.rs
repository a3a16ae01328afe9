//! Pages of a directory: every entry once, whatever happens to the streams between the pages.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::common::{OP, Place, key, open, put, seal};
use twinhaul_backend_abi::{Attrs, Caps, Code, Key, Kind, ListRequest, Target, Wanted};
use twinhaul_disk::DiskTarget;

const MANY: usize = 10_000;

/// Entries, and the continuation.
type Page = (Vec<(Vec<u8>, Attrs)>, Option<Vec<u8>>);

fn page(t: &DiskTarget, prefix: Option<&Key>, from: &[u8], max: u32, want: Wanted) -> Page {
    let mut found = Vec::new();
    let request = ListRequest { prefix, continuation: from, want, max_entries: max };
    let end = t
        .list(&OP, &request, &mut |k, a| {
            found.push((k.to_vec(), a.clone()));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(!end.ordered);
    (found, end.next)
}

fn many() -> (Place, Key) {
    let place = Place::new();
    std::fs::create_dir(place.path("d")).unwrap();
    for i in 0..MANY {
        std::fs::write(place.path(&format!("d/f{i}")), "").unwrap();
    }
    (place, key("d"))
}

fn expected() -> BTreeSet<Vec<u8>> {
    (0..MANY).map(|i| format!("d/f{i}").into_bytes()).collect()
}

#[test]
fn ten_thousand_entries_come_once_each() {
    let (place, dir) = many();
    for max in [0, 1, 777, 10_000, 20_000] {
        let (mut seen, mut pages, mut from) = (BTreeSet::new(), 0, Vec::new());
        loop {
            let (entries, next) = page(&place.target, Some(&dir), &from, max, Wanted::Kind);
            assert!(entries.len() <= if max == 0 { 1024 } else { max as usize });
            for (name, attrs) in entries {
                assert_eq!(attrs, Attrs::of(Kind::File));
                assert!(seen.insert(name), "twice");
            }
            pages += 1;
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        assert_eq!(seen, expected(), "{max} per page");
        assert!(max != 20_000 || pages == 1);
    }
}

#[test]
fn a_continuation_outlives_its_stream_and_its_process() {
    let (place, dir) = many();
    let (first, next) = page(&place.target, Some(&dir), b"", 3000, Wanted::Kind);
    let next = next.unwrap();
    // More walks than streams are kept, so that this one's is closed.
    for _ in 0..20 {
        page(&place.target, Some(&dir), b"", 1, Wanted::Kind);
    }
    let (other, _) = open(place.dir.path(), "").unwrap();
    for target in [&place.target, &other] {
        let (rest, end) = page(target, Some(&dir), &next, 20_000, Wanted::Kind);
        assert_eq!(end, None);
        assert_eq!(first.len() + rest.len(), MANY);
        let all: BTreeSet<_> = first.iter().chain(&rest).map(|(name, _)| name.clone()).collect();
        assert_eq!(all, expected());
    }
    let request =
        ListRequest { prefix: Some(&dir), continuation: b"odd", want: Wanted::Kind, max_entries: 0 };
    let e = place.target.list(&OP, &request, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert_eq!(e.code, Code::InvalidArg);
}

#[test]
fn a_sink_that_stops_goes_on_where_it_stopped() {
    let (place, dir) = many();
    let mut seen = BTreeSet::new();
    let mut from = Vec::new();
    loop {
        let request =
            ListRequest { prefix: Some(&dir), continuation: &from, want: Wanted::Kind, max_entries: 0 };
        let mut told = 0;
        let end = place
            .target
            .list(&OP, &request, &mut |k, _| {
                assert!(seen.insert(k.to_vec()));
                told += 1;
                if told == 500 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        match end.next {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(seen, expected());
}

#[test]
fn entries_carry_their_attributes_and_private_objects_are_not_among_them() {
    let place = Place::new();
    assert!(!place.limits.caps.contains(Caps::LIST_ORDERED));
    seal(&place.target, &put("pending", "run/1/1/1"), b"x").unwrap();
    std::fs::write(place.path("file"), "12345").unwrap();
    std::fs::create_dir_all(place.path("dir/.twinhaul")).unwrap();
    std::os::unix::fs::symlink("\u{1b}", place.path("link")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    let (mut entries, next) = page(&place.target, None, b"", 0, Wanted::All);
    assert_eq!(next, None);
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    let told: Vec<_> = entries.iter().map(|(k, a)| (k.as_slice(), a.kind)).collect();
    let expected = [
        (&b"dir"[..], Kind::Directory),
        (b"file", Kind::File),
        (b"link", Kind::Symlink),
        (b"socket", Kind::Other),
    ];
    assert_eq!(told, expected);
    for (name, attrs) in &entries {
        assert_eq!(attrs, &place.target.get_attrs(&OP, Some(&key(name))).unwrap());
    }
    assert_eq!(entries[1].1.size, Some(5));
    let (mut planned, _) = page(&place.target, None, b"", 0, Wanted::Plan);
    planned.sort_by(|a, b| a.0.cmp(&b.0));
    for ((name, full), (same, plan)) in entries.iter().zip(&planned) {
        let expected = match full.kind {
            Kind::Directory => Attrs::of(Kind::Directory),
            _ => Attrs { link_target: None, xattrs: Vec::new(), ..full.clone() },
        };
        assert_eq!((name, &expected), (same, plan), "a plan needs no more, and each of these costs a call");
    }
    assert_eq!(entries[2].1.link_target.as_deref(), Some(&b"\x1b"[..]));
    // Below the root the name is like any other.
    assert_eq!(page(&place.target, Some(&key("dir")), b"", 0, Wanted::Kind).0.len(), 1);
}

#[test]
fn only_directories_have_entries() {
    let place = Place::new();
    std::fs::write(place.path("f"), "").unwrap();
    for (name, code) in [("f", Code::WrongKind), ("missing", Code::NotFound)] {
        let k = key(name);
        let request = ListRequest { prefix: Some(&k), continuation: b"", want: Wanted::Kind, max_entries: 0 };
        let e = place.target.list(&OP, &request, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
        assert_eq!(e.code, code, "{e}");
    }
}
