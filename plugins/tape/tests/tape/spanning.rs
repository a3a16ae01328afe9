//! End of tape: objects larger than a cartridge, scratch cartridges that run out, and what a recall makes of it.

use twinhaul_backend_abi::{Attrs, Flow, ListRequest, ReadOptions, Target, Wanted};

use crate::common::{
    OP, Place, cartridge, key, names, open, publish, read, read_part, sized, status, store, store_group,
    until, verb, write,
};
use crate::made::pattern;
use crate::tools::{all, run, text};

const SMALL: &str = "\"capacity\":\"1 MiB\",\"cartridges\":6,\"drives\":1";

#[test]
fn an_object_larger_than_a_cartridge_spans_and_other_tools_agree() {
    let place = Place::new(SMALL);
    let t = place.open();
    let bytes = pattern(2_500_000, 1);
    store_group(&t, "r", &[("small".to_owned(), b"before".to_vec())]);
    store(&t, &sized("big", "r/9/1/a1", bytes.len()), &bytes).unwrap();
    store(&t, &sized("after", "r/10/1/a1", 5), b"after").unwrap();
    assert!(read(&t, "big").unwrap() == bytes);
    assert_eq!(read(&t, "after").unwrap(), b"after");
    let part = ReadOptions { offset: 700_000, len: Some(1_200_000), ..ReadOptions::default() };
    assert!(read_part(&t, "big", part).unwrap() == bytes[700_000..1_900_000]);
    for n in 1..=6 {
        let size = std::fs::metadata(place.cartridge(&format!("A0000{n}L8"))).unwrap().len();
        assert!(size <= 1 << 20, "the capacity is exact: {size}");
    }
    drop(t);
    if !all(&["hetget", "tapemap", "tar"]) {
        return;
    }
    let dir = place.dir.path();
    let mut whole = Vec::new();
    for (n, file) in [(1, "2"), (2, "1"), (3, "1")] {
        let tape = place.cartridge(&format!("A0000{n}L8"));
        let mapped = text(dir, "tapemap", &[tape.to_str().unwrap()]);
        assert!(mapped.contains("TWINHAUL.F0000002") && mapped.contains("End of tape"), "{mapped}");
        assert_eq!(mapped.contains("EOV1TWINHAUL.F0000002"), n < 3, "{mapped}");
        text(dir, "hetget", &[tape.to_str().unwrap(), "part", file]);
        whole.extend(std::fs::read(dir.join("part")).unwrap());
    }
    std::fs::write(dir.join("whole.tar"), whole).unwrap();
    assert!(run(dir, "tar", &["-x", "-f", "whole.tar"]).status.success());
    assert!(std::fs::read(dir.join("big")).unwrap() == bytes);
}

#[test]
fn without_a_scratch_cartridge_the_transfer_waits_and_says_so() {
    let place = Place::new("\"capacity\":\"1 MiB\",\"cartridges\":1,\"drives\":1");
    let t = place.open();
    let bytes = pattern(1_600_000, 2);
    std::thread::scope(|s| {
        let storing = s.spawn(|| store(&t, &sized("big", "r/1/1/a1", bytes.len()), &bytes));
        until("the wait is shown", || !status(&t)["waits"].as_array().unwrap().is_empty());
        let shown = status(&t);
        assert_eq!(shown["waits"][0]["reason"], "cartridge");
        let detail = shown["waits"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("no cartridge with room in pool default"), "{detail}");
        assert_eq!(shown["drives"][0]["state"], "empty", "who waits for a cartridge holds no drive");
        // Another process adds one, as an operator would.
        let operator = open(&place.root(), "\"capacity\":\"2 MiB\"").unwrap();
        let said = verb(&operator, "init", r#"{"add":1,"prefix":"B"}"#).unwrap();
        assert!(said.contains("cartridge B00001L8"), "{said}");
        storing.join().unwrap().unwrap();
    });
    assert!(read(&t, "big").unwrap() == bytes);
    assert_eq!(cartridge(&t, "A00001L8")["state"], "full");
}

/// A thousand objects over five cartridges, asked for in the order that the list tells: each cartridge is mounted once.
#[test]
fn a_recall_in_order_of_position_mounts_each_cartridge_once() {
    let place =
        Place::new("\"capacity\":\"1 MiB\",\"cartridges\":8,\"drives\":1,\"close_bytes\":\"200 KiB\"");
    {
        let t = place.open();
        for group in 0..20 {
            // 37 and 1,000 have no common divisor: every name once, and in no order of the tape.
            let name = |k: u64| (format!("d/{:04}", k * 37 % 1000), pattern(3_500, k));
            let objects: Vec<_> = (group * 50..group * 50 + 50).map(name).collect();
            store_group(&t, &format!("r{group}"), &objects);
        }
    }
    let t = place.open();
    let before: u64 =
        (1..=8).map(|n| cartridge(&t, &format!("A0000{n}L8"))["mounts"].as_u64().unwrap()).sum();
    let used =
        (1..=8).filter(|n| cartridge(&t, &format!("A0000{n}L8"))["objects"].as_u64() > Some(0)).count();
    assert!(used >= 5, "{used} cartridges");
    let mut found: Vec<(u64, Vec<u8>)> = Vec::new();
    let directory = key("d");
    let request =
        ListRequest { prefix: Some(&directory), continuation: &[], want: Wanted::All, max_entries: 5_000 };
    t.list(&OP, &request, &mut |name, attrs: &Attrs| {
        found.push((attrs.position.expect("a position"), name.to_vec()));
        Flow::Continue(())
    })
    .unwrap();
    assert_eq!(found.len(), 1000);
    assert!(!found.is_sorted(), "the names are scattered over the tapes");
    found.sort_unstable();
    for (_, name) in &found {
        assert_eq!(read(&t, name).unwrap().len(), 3_500);
    }
    let after: u64 = (1..=8).map(|n| cartridge(&t, &format!("A0000{n}L8"))["mounts"].as_u64().unwrap()).sum();
    assert_eq!(after - before, used as u64);
}

/// The end of the target closes the data set: what was sealed is durable, and was not published.
#[test]
fn what_spans_and_was_only_sealed_is_durable_at_the_end() {
    let place = Place::new(SMALL);
    let bytes = pattern(2_000_000, 2);
    {
        let t = place.open();
        store(&t, &sized("kept", "r/1/1/a1", 4), b"kept").unwrap();
        write(&t, &sized("big", "r/2/1/a1", bytes.len()), &bytes).unwrap();
    }
    let t = place.open();
    assert_eq!(read(&t, "kept").unwrap(), b"kept");
    assert_eq!(names(&t, None), ["kept"]);
    assert_eq!(publish(&t, &sized("big", "r/2/1/a1", bytes.len())).unwrap().size, 2_000_000);
    assert!(read(&t, "big").unwrap() == bytes);
}
