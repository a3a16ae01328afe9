//! The verbs, as `twinhaul tape` reaches them; and what they refuse.

use twinhaul_backend_abi::{Backend, Code, Host, Target, WriteMode};
use twinhaul_tape::Tape;

use crate::common::{OP, Place, cartridge, key, names, open, read, sized, status, store, store_group, verb};
use crate::made::pattern;
use crate::tools::{all, text};

fn json(t: &twinhaul_tape::TapeTarget, name: &str, args: &str) -> serde_json::Value {
    serde_json::from_str(&verb(t, name, args).unwrap()).unwrap()
}

fn two_sets(place: &Place) -> twinhaul_tape::TapeTarget {
    let t = place.open();
    store_group(&t, "r", &[("a".to_owned(), pattern(50_000, 1)), ("d/b".to_owned(), pattern(1_000, 2))]);
    store_group(&t, "s", &[("c".to_owned(), pattern(2_000, 3))]);
    t
}

#[test]
fn map_scan_and_ls_tell_where_things_lie() {
    let place = Place::new("\"cartridges\":2,\"capacity\":\"10 MiB\"");
    let t = two_sets(&place);
    let map = json(&t, "map", r#"{"barcode":"A00001L8","json":true}"#);
    let sets = map["data_sets"].as_array().unwrap();
    assert_eq!(sets.iter().map(|s| s["live_objects"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(
        (&sets[0]["file"], &sets[0]["block"], &sets[1]["dsn"]),
        (&1.into(), &0.into(), &"TWINHAUL.F0000002".into())
    );
    let lines = verb(&t, "map", r#"{"barcode":"A00001L8"}"#).unwrap();
    assert!(lines.contains("TWINHAUL.F0000001") && lines.contains(" % "), "{lines}");
    drop(t);
    let t = place.open();
    let scan = json(&t, "scan", r#"{"barcode":"A00001L8","json":true}"#);
    assert_eq!(
        (&scan["volser"], &scan["tail"], &scan["labels"]),
        (&"A00001".into(), &"clean".into(), &"ibm".into())
    );
    assert_eq!(scan["sections"][1]["file"], 2);
    let ls = verb(&t, "ls", "{}").unwrap();
    assert!(
        ls.contains("drive 0: empty") && ls.contains("A00001L8  filling") && ls.contains("A00002L8  scratch"),
        "{ls}"
    );
    assert_eq!(json(&t, "ls", r#"{"json":true}"#)["slots"]["total"], 40);
    for (name, args, code) in [
        ("map", "{}", Code::InvalidArg),
        ("map", r#"{"barcode":7}"#, Code::InvalidArg),
        ("map", r#"{"barcode":"B00001L8"}"#, Code::NotFound),
        ("nonsense", "{}", Code::Unsupported),
        ("cat", r#"{"barcode":"A00001L8","file":9}"#, Code::NotFound),
        ("init", "{}", Code::Exists),
        ("verify", r#"{"barcodes":["X"]}"#, Code::NotFound),
    ] {
        assert_eq!(verb(&t, name, args).unwrap_err().code, code, "{name} {args}");
    }
}

#[test]
fn cat_and_export_give_what_is_on_tape() {
    let place = Place::new("\"cartridges\":1,\"capacity\":\"10 MiB\"");
    let t = two_sets(&place);
    let raw = |args: &str| {
        let mut out = Vec::new();
        t.control(&OP, "cat", args, &mut |b| {
            out.extend_from_slice(b);
            twinhaul_backend_abi::Flow::Continue(())
        })
        .unwrap();
        out
    };
    assert!(raw(r#"{"key":"d/b"}"#) == pattern(1_000, 2));
    let archive = raw(r#"{"barcode":"A00001L8","file":1}"#);
    let mut tar = tar::Archive::new(archive.as_slice());
    let inside: Vec<_> = tar
        .entries()
        .unwrap()
        .map(|e| String::from_utf8_lossy(&e.unwrap().path_bytes()).into_owned())
        .collect();
    assert_eq!(inside, ["a", "d/b", ".twinhaul/TWINHAUL.F0000001.jsonl"]);
    let dir = place.dir.path();
    let to = |name: &str| format!(r#"{{"barcode":"A00001L8","to":{:?},"format":{name:?}}}"#, dir.join(name));
    let said = verb(&t, "export", &to("tap")).unwrap();
    assert!(said.contains("tapemarks"), "{said}");
    assert_eq!(verb(&t, "export", &to("tap")).unwrap_err().code, Code::Exists, "nothing is overwritten");
    // SIMH: length, data, padding, length; VOL1 is the first record.
    let tap = std::fs::read(dir.join("tap")).unwrap();
    assert_eq!((&tap[..4], &tap[84..88]), (&[80, 0, 0, 0][..], &[80, 0, 0, 0][..]));
    assert_eq!(tap[tap.len() - 8..], [0; 8]);
    verb(&t, "export", &to("het")).unwrap();
    if all(&["hetget", "hetmap"]) {
        text(dir, "hetget", &["het", "set", "1"]);
        assert!(std::fs::read(dir.join("set")).unwrap() == archive);
    }
}

#[test]
fn nothing_is_labelled_over_without_force() {
    let place = Place::new("\"cartridges\":2,\"capacity\":\"10 MiB\"");
    drop(two_sets(&place));
    let t = place.open();
    let before = std::fs::read(place.cartridge("A00001L8")).unwrap();
    let e = verb(&t, "label", r#"{"barcode":"A00001L8"}"#).unwrap_err();
    assert!(e.code == Code::Exists && e.message.contains("3 live objects"), "{e}");
    verb(&t, "protect", r#"{"barcode":"A00001L8"}"#).unwrap();
    let e = verb(&t, "label", r#"{"barcode":"A00001L8","force":true}"#).unwrap_err();
    assert!(e.code == Code::Denied && e.message.contains("write-protected"), "{e}");
    assert!(std::fs::read(place.cartridge("A00001L8")).unwrap() == before);
    // What is protected is not written to either.
    store(&t, &sized("elsewhere", "x/1/1/a1", 1), b"x").unwrap();
    assert_eq!(cartridge(&t, "A00002L8")["data_sets"], 1);
    verb(&t, "protect", r#"{"barcode":"A00001L8","off":true}"#).unwrap();
    let said = verb(&t, "label", r#"{"barcode":"A00001L8","force":true,"labels":"ansi"}"#).unwrap();
    assert!(said.contains("generation 2, 3 objects gone"), "{said}");
    assert_eq!(names(&t, None), ["d", "elsewhere"]);
    let shown = cartridge(&t, "A00001L8");
    assert_eq!(
        (&shown["state"], &shown["labels"], &shown["generation"]),
        (&"scratch".into(), &"ansi".into(), &2.into())
    );
}

#[test]
fn cartridges_leave_and_come_back() {
    let place = Place::new("\"cartridges\":2,\"capacity\":\"10 MiB\"");
    drop(two_sets(&place));
    let t = place.open();
    verb(&t, "eject", r#"{"barcode":"A00001L8"}"#).unwrap();
    assert_eq!(cartridge(&t, "A00001L8")["state"], "exported");
    // A recall of what is outside asks for it, and goes on when it is there.
    std::thread::scope(|s| {
        let reading = s.spawn(|| read(&t, "a"));
        crate::common::until("it asks", || !status(&t)["waits"].as_array().unwrap().is_empty());
        let detail = status(&t)["waits"][0]["detail"].as_str().unwrap().to_owned();
        assert!(
            detail.contains("insert cartridge A00001L8: it is exported: twinhaul tape import"),
            "{detail}"
        );
        let shown = status(&t)["panel"]["problems"][0].clone();
        assert!(
            shown["next_command"].as_str().unwrap().starts_with("twinhaul tape import A00001L8 --library /")
        );
        verb(&t, "import", r#"{"barcode":"A00001L8"}"#).unwrap();
        assert!(reading.join().unwrap().unwrap() == pattern(50_000, 1));
    });
    // Into another library: readable, not ours, never written to.
    let other = Place::new("\"cartridges\":0,\"slots\":3");
    let o = other.open();
    let from = place.cartridge("A00001L8");
    let args = format!(r#"{{"barcode":"A00001L8","from":{from:?}}}"#);
    let said = verb(&o, "import", &args).unwrap();
    assert!(said.contains("read-only"), "{said}");
    assert_eq!(verb(&o, "import", &args).unwrap_err().code, Code::Exists, "its slot is taken");
    let mut first = Vec::new();
    o.control(&OP, "cat", r#"{"barcode":"A00001L8","file":2}"#, &mut |b| {
        first.extend_from_slice(b);
        twinhaul_backend_abi::Flow::Continue(())
    })
    .unwrap();
    let mut tar = tar::Archive::new(first.as_slice());
    let name = tar.entries().unwrap().next().unwrap().unwrap().path_bytes().into_owned();
    assert_eq!(name, b"c");
}

#[test]
fn a_reclaim_keeps_what_lives_and_empties_the_rest() {
    let place = Place::new("\"cartridges\":4,\"capacity\":\"1 MiB\",\"drives\":2");
    let t = place.open();
    let objects: Vec<_> = (0..8).map(|i| (format!("d/{i}"), pattern(100_000, i << 20))).collect();
    store_group(&t, "r", &objects);
    store_group(&t, "s", &[("gone".to_owned(), b"x".to_vec())]);
    for i in 0..6 {
        t.remove(&OP, &[key(format!("d/{i}"))]).unwrap().remove(0).unwrap();
    }
    t.remove(&OP, &[key("gone")]).unwrap().remove(0).unwrap();
    let mut again = sized("d/6", "u/1/1/a1", 9);
    again.mode = WriteMode::Overwrite;
    store(&t, &again, b"rewritten").unwrap();
    let said = verb(&t, "reclaim", r#"{"barcode":"A00001L8"}"#).unwrap();
    assert!(said.contains("1 cartridges reclaimed"), "{said}");
    let shown = cartridge(&t, "A00001L8");
    assert_eq!(
        (&shown["state"], &shown["generation"], &shown["objects"]),
        (&"scratch".into(), &2.into(), &0.into())
    );
    assert!(read(&t, "d/7").unwrap() == pattern(100_000, 7 << 20));
    assert_eq!(read(&t, "d/6").unwrap(), b"rewritten");
    drop(t);
    // The cartridges alone still say what is and what is gone.
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = std::fs::remove_file(place.root().join(file));
    }
    let t = place.open();
    verb(&t, "rebuild", "{}").unwrap();
    assert_eq!(
        (names(&t, None), names(&t, Some("d"))),
        (vec!["d".to_owned()], vec!["d/6".to_owned(), "d/7".to_owned()])
    );
    let one = Place::new("");
    assert_eq!(
        verb(&one.open(), "reclaim", "{}").unwrap_err().code,
        Code::Unsupported,
        "one drive is too few"
    );
}

#[test]
fn what_is_not_ours_is_told_and_not_touched() {
    let place = Place::new("\"cartridges\":2,\"capacity\":\"10 MiB\"");
    drop(two_sets(&place));
    let ours = std::fs::read(place.cartridge("A00001L8")).unwrap();
    let slot = |barcode: &str, bytes: &[u8]| std::fs::write(place.cartridge(barcode), bytes).unwrap();
    slot("F00001L8", b"%PDF-1.7 not a tape at all, but somebody's thesis");
    slot("U00001L8", &[0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0]);
    slot("W00001L8", &ours);
    slot("T00001L8", &ours[..5000]);
    slot("A00001LY", &ours);
    slot("E00001L8", b"");
    slot("nonsense", &ours);
    let kept: Vec<_> = ["F00001L8", "U00001L8", "W00001L8", "T00001L8", "A00001LY", "E00001L8", "nonsense"]
        .iter()
        .map(|b| (place.cartridge(b), std::fs::read(place.cartridge(b)).unwrap()))
        .collect();
    let t = place.open();
    for (barcode, why) in [
        ("F00001L8", "it is no AWSTAPE file"),
        ("U00001L8", "it has no volume label"),
        ("W00001L8", "its label says A00001"),
        ("T00001L8", "its label says A00001"),
        ("A00001LY", "cartridge A00001L8 has the same volume serial number"),
        ("E00001L8", "its file is empty"),
        ("nonsense", "not a barcode"),
    ] {
        assert_eq!(cartridge(&t, barcode)["state"], "quarantined", "{barcode}");
        let e = verb(&t, "import", &format!(r#"{{"barcode":{barcode:?}}}"#)).unwrap_err();
        assert!(e.message.contains(why), "{barcode}: {e}");
        let e = verb(&t, "cat", &format!(r#"{{"barcode":{barcode:?}}}"#)).unwrap_err();
        assert_eq!(e.code, Code::Offline, "{barcode}: {e}");
    }
    store(&t, &sized("more", "x/1/1/a1", 4), b"more").unwrap();
    assert!(read(&t, "a").unwrap() == pattern(50_000, 1));
    let said = verb(&t, "ls", "{}").unwrap();
    assert!(said.contains("has the same volume serial number"), "{said}");
    for (path, bytes) in kept {
        assert!(std::fs::read(&path).unwrap() == bytes, "{}", path.display());
    }
}

#[test]
fn a_cartridge_whose_file_is_gone_is_missing_and_not_made_again() {
    let place = Place::new("\"cartridges\":1");
    drop(two_sets(&place));
    let away = place.dir.path().join("away");
    std::fs::rename(place.cartridge("A00001L8"), &away).unwrap();
    let t = place.open();
    assert_eq!(cartridge(&t, "A00001L8")["state"], "missing");
    std::thread::scope(|s| {
        let writing = s.spawn(|| store(&t, &sized("new", "x/1/1/a1", 3), b"new"));
        crate::common::until("it asks", || !status(&t)["waits"].as_array().unwrap().is_empty());
        assert!(!place.cartridge("A00001L8").exists());
        std::fs::rename(&away, place.cartridge("A00001L8")).unwrap();
        verb(&t, "import", r#"{"barcode":"A00001L8"}"#).unwrap();
        writing.join().unwrap().unwrap();
    });
    assert!(read(&t, "a").unwrap() == pattern(50_000, 1));
    assert_eq!(read(&t, "new").unwrap(), b"new");
}

#[test]
fn libraries_that_cannot_be() {
    let place = Place::new("");
    drop(place.open());
    let root = place.root();
    let bare = |config: &str| Tape::open(config, &OP, Host::get()).map(|(t, _)| t);
    let at =
        |path: &std::path::Path, more: &str| format!("{{\"library\":{:?}{more}}}", path.to_str().unwrap());
    // Two libraries over one directory, and one within another.
    let t = bare(&at(&root, ",\"bare\":true")).unwrap();
    assert_eq!(verb(&t, "init", "{}").unwrap_err().code, Code::Exists);
    let inside = root.join("cartridges/inner");
    let e = verb(&bare(&at(&inside, ",\"bare\":true")).unwrap(), "init", "{}").unwrap_err();
    assert!(e.message.contains("it lies within the tape library"), "{e}");
    // Cartridges of a library whose description is gone.
    drop(t);
    let elsewhere = place.dir.path().join("two");
    std::fs::create_dir_all(elsewhere.join("cartridges")).unwrap();
    std::fs::copy(place.cartridge("A00001L8"), elsewhere.join("cartridges/A00001L8.aws")).unwrap();
    let e = open(&elsewhere, "").unwrap_err();
    assert!(e.message.contains("belong to another library"), "{e}");
    // No library, and a capacity in which not even a block fits.
    let nowhere = place.dir.path().join("none");
    let e = bare(&at(&nowhere, "")).unwrap_err();
    assert!(e.code == Code::NotFound && e.message.contains("twinhaul tape init"), "{e}");
    let e = bare(&at(&nowhere, ",\"create\":true,\"capacity\":\"10 KiB\"")).unwrap_err();
    assert!(e.code == Code::InvalidConfig && e.message.contains("not even a block fits"), "{e}");
    let e = verb(&bare(&at(&nowhere, ",\"bare\":true")).unwrap(), "ls", "{}").unwrap_err();
    assert_eq!(e.code, Code::NotFound);
    assert!(!nowhere.exists(), "nothing was made");
}
