//! After a crash: cut back to the last complete data set, wherever the tear is; the catalogue from the cartridges alone.

use std::fs::File;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use twinhaul_backend_abi::{Code, Private, Target, WriteMode};

use crate::common::{
    OP, Place, cartridge, key, names, open, publish, put, read, sized, store, store_group, sync, verb, write,
};
use crate::made::pattern;
use crate::tools::{all, text};

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// 300 tears behind what is durable: random bytes, zeros, half blocks; one third of each.
    #[test]
    fn a_torn_end_is_cut_back_and_nothing_durable_is_lost(kind in 0u8..3, len in 1usize..200_000, seed in any::<u64>()) {
        let place = Place::fast("\"cartridges\":1");
        {
            let t = place.open();
            store(&t, &sized("a", "r/1/1/a1", 50_000), &pattern(50_000, 1)).unwrap();
            store(&t, &sized("b", "r/2/1/a1", 70_000), &pattern(70_000, 2)).unwrap();
        }
        let path = place.cartridge("A00001L8");
        let whole = std::fs::read(&path).unwrap();
        // As a writer leaves it that dies in a data set: over the end mark, anywhere.
        let torn = match kind {
            0 => vec![0; len],
            1 => pattern(len, seed),
            _ => {
                let mut more = vec![0x50, 0, 0, 0, 0xA0, 0];
                // The beginning of a data set, and not its end.
                more.extend(&whole[92..92 + len % 40_000]);
                more
            }
        };
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(&torn, whole.len() as u64 - 6).unwrap();
        drop(file);
        let t = place.open();
        prop_assert!(read(&t, "a").unwrap() == pattern(50_000, 1));
        prop_assert!(std::fs::read(&path).unwrap() == whole, "cut back to what it was");
        store(&t, &sized("c", "r/3/1/a1", 10), b"0123456789").unwrap();
        prop_assert!(read(&t, "b").unwrap() == pattern(70_000, 2));
        prop_assert_eq!(read(&t, "c").unwrap(), b"0123456789");
        prop_assert_eq!(&cartridge(&t, "A00001L8")["data_sets"], 3);
    }
}

#[test]
fn a_cartridge_that_lost_what_was_durable_is_suspect_and_never_cut() {
    let place = Place::new("\"cartridges\":2");
    {
        let t = place.open();
        store(&t, &sized("a", "r/1/1/a1", 50_000), &pattern(50_000, 1)).unwrap();
        store(&t, &sized("b", "r/2/1/a1", 50_000), &pattern(50_000, 2)).unwrap();
    }
    let path = place.cartridge("A00001L8");
    let len = std::fs::metadata(&path).unwrap().len();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(len - 1000).unwrap();
    let t = place.open();
    let e = read(&t, "b").unwrap_err();
    assert_eq!(e.code, Code::Corrupt);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), len - 1000);
    let shown = cartridge(&t, "A00001L8");
    assert_eq!(shown["state"], "suspect");
    assert!(shown["reason"].as_str().unwrap().contains("readable up to byte"), "{shown}");
    // What comes next goes to another cartridge.
    store(&t, &sized("c", "r/3/1/a1", 1), b"c").unwrap();
    assert_eq!(cartridge(&t, "A00002L8")["data_sets"], 1);
}

/// A library with everything in it: overwritten, removed, discarded, directories, links, spanned.
fn full(place: &Place) {
    let t = place.open();
    store_group(
        &t,
        "r",
        &[
            ("a".to_owned(), pattern(1000, 1)),
            ("b/c".to_owned(), pattern(2000, 2)),
            ("empty".to_owned(), Vec::new()),
        ],
    );
    store(&t, &sized("span", "s/1/1/a1", 1_500_000), &pattern(1_500_000, 3)).unwrap();
    let mut again = sized("a", "r/20/1/a1", 500);
    again.mode = WriteMode::Overwrite;
    store(&t, &again, &pattern(500, 4)).unwrap();
    store_group(&t, "x", &[("gone".to_owned(), b"x".to_vec())]);
    t.remove(&OP, &[key("gone")]).unwrap().remove(0).unwrap();
    write(&t, &sized("never", "n/1/1/a1", 5), b"never").unwrap();
    assert!(sync(&t, &["n/1/1/a1"])[0].is_ok());
    t.discard(&OP, Private::Attempt("n/1/1/a1")).unwrap();
    let mut dir = put("empty-dir/below", "");
    dir.attrs = Some(twinhaul_backend_abi::Attrs {
        mode: Some(0o750),
        ..twinhaul_backend_abi::Attrs::of(twinhaul_backend_abi::Kind::Directory)
    });
    t.put_node(&OP, &dir, None).unwrap();
    let mut link = put("link", "");
    link.attrs = Some(twinhaul_backend_abi::Attrs {
        link_target: Some(b"../a\xff".to_vec()),
        ..twinhaul_backend_abi::Attrs::of(twinhaul_backend_abi::Kind::Symlink)
    });
    t.put_node(&OP, &link, None).unwrap();
    t.put_node(&OP, &put("second", ""), Some(&key("b/c"))).unwrap();
    write(&t, &sized("private", "p/1/1/a1", 7), b"private").unwrap();
    assert!(sync(&t, &["p/1/1/a1"])[0].is_ok());
}

const SMALL: &str = "\"capacity\":\"1 MiB\",\"cartridges\":5";

fn told(t: &twinhaul_tape::TapeTarget) -> Vec<String> {
    let mut all = Vec::new();
    for directory in [None, Some("b"), Some("empty-dir"), Some("empty-dir/below")] {
        for name in names(t, directory) {
            let attrs = t.get_attrs(&OP, Some(&key(&name))).unwrap();
            let content = read(t, &name).map(|b| blake3::hash(&b).to_hex().to_string()).unwrap_or_default();
            let stat = t.stat(&OP, &key(&name)).unwrap();
            all.push(format!(
                "{name} {:?} {:?} {:?} {:?} {:?} {:?} {content} {:?}",
                attrs.kind,
                attrs.mode,
                attrs.mtime_ns,
                attrs.size,
                attrs.nlink,
                attrs.link_target,
                stat.checksum
            ));
        }
    }
    all
}

#[test]
fn the_catalogue_is_made_again_from_the_cartridges_alone() {
    let place = Place::new(SMALL);
    full(&place);
    let before = told(&place.open());
    assert!(before.len() > 7, "{before:#?}");
    for file in ["catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"] {
        let _ = std::fs::remove_file(place.root().join(file));
    }
    let t = open(&place.root(), SMALL).unwrap();
    assert!(names(&t, None).is_empty());
    let said = verb(&t, "rebuild", "{}").unwrap();
    assert!(said.contains("0 problems"), "{said}");
    let mut after = told(&t);
    // What was durable and not published cannot be told from what was: it is there, and nothing else is different.
    let extra =
        after.iter().position(|l| l.starts_with("private ")).expect("the one that was never published");
    after.remove(extra);
    assert_eq!(after, before);
    // Writing goes on behind what is there.
    store(&t, &sized("more", "r/30/1/a1", 4), b"more").unwrap();
    assert_eq!(read(&t, "more").unwrap(), b"more");
    assert!(read(&t, "span").unwrap() == pattern(1_500_000, 3));
}

#[test]
fn a_rebuild_with_the_catalogue_there_keeps_private_what_is() {
    let place = Place::new(SMALL);
    full(&place);
    let t = place.open();
    let before = told(&t);
    verb(&t, "rebuild", "{}").unwrap();
    assert_eq!(told(&t), before);
    assert_eq!(publish(&t, &sized("private", "p/1/1/a1", 7)).unwrap().size, 7);
    assert_eq!(read(&t, "private").unwrap(), b"private");
}

#[test]
fn a_flipped_byte_is_found_and_named_and_the_rest_recalls() {
    let place = Place::new("\"cartridges\":2");
    let t = place.open();
    let objects: Vec<_> = (0..10).map(|i| (format!("d/{i}"), vec![i + 1; 50_000])).collect();
    store_group(&t, "r", &objects);
    store(&t, &sized("other", "r/99/1/a1", 1000), &pattern(1000, 77)).unwrap();
    assert!(verb(&t, "verify", "{}").unwrap().contains("0 damaged"));
    let path = place.cartridge("A00001L8");
    let mut bytes = std::fs::read(&path).unwrap();
    // In the middle of the fifth object's bytes.
    let at = bytes.windows(1000).position(|w| w.iter().all(|b| *b == 5)).unwrap() + 500;
    bytes[at] ^= 1;
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&bytes[at..=at], at as u64).unwrap();
    let t = place.open();
    let mut said = Vec::new();
    let e = t.control(&OP, "verify", "{}", &mut |b| {
        said.extend_from_slice(b);
        twinhaul_backend_abi::Flow::Continue(())
    });
    let said = String::from_utf8(said).unwrap();
    assert_eq!(e.unwrap_err().code, Code::Corrupt);
    assert!(said.contains("damaged: d/4\n") && said.matches("damaged: ").count() == 1, "{said}");
    assert_eq!(cartridge(&t, "A00001L8")["state"], "suspect");
    for i in 0..10 {
        match read(&t, format!("d/{i}")) {
            Ok(bytes) => assert!(i != 4 && bytes == vec![i + 1; 50_000]),
            Err(e) => assert!(i == 4 && e.code == Code::Corrupt && e.message.contains("d/4"), "{i}: {e}"),
        }
    }
    assert!(read(&t, "other").unwrap() == pattern(1000, 77));
}

#[test]
fn hercules_reads_what_recovery_left() {
    if !all(&["hetmap"]) {
        return;
    }
    let place = Place::new("\"cartridges\":1");
    store(&place.open(), &sized("a", "r/1/1/a1", 50_000), &pattern(50_000, 1)).unwrap();
    let path = place.cartridge("A00001L8");
    let len = std::fs::metadata(&path).unwrap().len();
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[7; 5000], len - 6).unwrap();
    assert!(
        text(place.dir.path(), "hetmap", &[path.to_str().unwrap()]).contains("het_read() returned"),
        "it was torn"
    );
    read(&place.open(), "a").unwrap();
    let mapped = text(place.dir.path(), "hetmap", &["-d", path.to_str().unwrap()]);
    assert!(mapped.contains("dsn=TWINHAUL.F0000001") && !mapped.contains("returned -"), "{mapped}");
}
