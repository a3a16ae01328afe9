//! Two peers over one library: drives are exclusive, both make progress, and the dead hold nothing.

use twinhaul_backend_abi::{Buf, Private, Target, Writer};

use crate::child::Peer;
use crate::common::{
    OP, Place, cartridge, names, open, publish, read, sized, status, store, sync, until, write,
};
use crate::made::pattern;

const ONE: &str =
    "\"drives\":1,\"cartridges\":3,\"capacity\":\"64 MiB\",\"turn\":\"100 ms\",\"close_age\":\"1 s\"";

#[test]
fn two_peers_share_one_drive_and_both_make_progress() {
    let place = Place::new(ONE);
    let t = place.open();
    let mut peer = Peer::start(&place.root(), ONE, "12");
    peer.says("stored");
    for n in 0..12 {
        let p = sized(format!("ours/{n}"), &format!("me/{n}/1/a1"), 300_000);
        store(&t, &p, &pattern(300_000, n)).unwrap();
        // Whatever is in the drive, it is one process's: the lock says whose.
        let drives = status(&t)["drives"].as_array().unwrap().clone();
        assert_eq!(drives.len(), 1);
    }
    peer.end();
    for n in 0..12 {
        assert!(read(&t, format!("ours/{n}")).unwrap() == pattern(300_000, n));
        assert!(read(&t, format!("theirs/{n}")).unwrap() == pattern(300_000, n));
    }
}

#[test]
fn with_two_drives_both_stream_at_once() {
    let fields = "\"drives\":2,\"cartridges\":3,\"capacity\":\"64 MiB\"";
    let place = Place::new(fields);
    let (a, b) = (place.open(), place.open());
    let open = |t: &twinhaul_tape::TapeTarget, name: &str| {
        let (mut w, _) = t.writer_open(&OP, &sized(name, &format!("r/{name}/1/a1"), 4 << 20)).unwrap();
        w.write(&OP, &Buf::of(&pattern(2 << 20, 1))).unwrap();
        w
    };
    // Neither waits for the other, although both are in the middle of an object.
    let (mut wa, mut wb) = (open(&a, "a"), open(&b, "b"));
    let drives = status(&a)["drives"].as_array().unwrap().clone();
    let loaded: Vec<_> = drives.iter().map(|d| d["cartridge"].as_str().unwrap().to_owned()).collect();
    assert_eq!(loaded, ["A00001L8", "A00002L8"]);
    for w in [&mut wa, &mut wb] {
        w.write(&OP, &Buf::of(&pattern(2 << 20, 2))).unwrap();
        w.seal(&OP).unwrap();
    }
    drop((wa, wb));
    assert!(sync(&a, &["r/a/1/a1"])[0].is_ok() && sync(&b, &["r/b/1/a1"])[0].is_ok());
}

#[test]
fn who_waits_is_told_who_holds_the_drive() {
    let place = Place::new(ONE);
    let t = place.open();
    let mut peer = Peer::start(&place.root(), ONE, "hold");
    peer.says("holding");
    std::thread::scope(|s| {
        let writing = s.spawn(|| write(&t, &sized("mine", "me/1/1/a1", 4), b"mine"));
        until("the wait is shown", || !status(&t)["waits"].as_array().unwrap().is_empty());
        // Told to others ten times a second.
        until("what the peer does is shown", || status(&t)["drives"][0]["state"] == "writing");
        let shown = status(&t);
        let detail = shown["waits"][0]["detail"].as_str().unwrap();
        assert!(detail.contains("drive 0: pid ") && detail.contains("run peer, peer b"), "{detail}");
        assert_eq!(
            (&shown["waits"][0]["reason"], &shown["queue"][0]["pid"]),
            (&"drive".into(), &std::process::id().into())
        );
        assert_eq!(
            (&shown["drives"][0]["state"], &shown["drives"][0]["cartridge"]),
            (&"writing".into(), &"A00001L8".into())
        );
        peer.kill();
        // The kernel frees what the dead held; the cartridge is cut back to what was durable.
        writing.join().unwrap().unwrap();
    });
    assert!(sync(&t, &["me/1/1/a1"])[0].is_ok());
    publish(&t, &sized("mine", "me/1/1/a1", 4)).unwrap();
    assert_eq!(read(&t, "mine").unwrap(), b"mine");
    assert_eq!(names(&t, None), ["mine"]);
    assert_eq!(cartridge(&t, "A00001L8")["data_sets"], 1);
    // What the dead had in hand is found and discarded, as a take-over does.
    assert!(t.discard(&OP, Private::Attempt("peer/1/1/b1")).unwrap());
    assert!(t.discard(&OP, Private::Attempt("peer/2/1/b1")).unwrap());
}

#[test]
fn killed_while_writing_what_was_published_stays_exact() {
    let place = Place::new(ONE);
    for round in 0..5 {
        let mut peer = Peer::start(&place.root(), ONE, "write");
        for _ in 0..(3 + round * 2) {
            peer.says("published");
        }
        peer.kill();
        let t = open(&place.root(), ONE).unwrap();
        let published = names(&t, Some("w"));
        assert!(published.len() >= 3);
        for name in &published {
            let n = name[2..name.find('-').unwrap()].parse().unwrap();
            assert!(read(&t, name).unwrap() == pattern(400_000, n), "{name}");
        }
        let keys: Vec<_> = published.iter().map(crate::common::key).collect();
        t.remove(&OP, &keys).unwrap().into_iter().for_each(|r| r.unwrap());
        t.sweep(&OP, "peer/", true, &mut |_| twinhaul_backend_abi::Flow::Continue(())).unwrap();
        for barcode in ["A00001L8", "A00002L8", "A00003L8"] {
            assert!(std::fs::metadata(place.cartridge(barcode)).unwrap().len() >= 98);
        }
    }
}

#[test]
fn idle_cartridges_go_back_to_their_slots() {
    let place = Place::new("\"drives\":1,\"idle_unmount\":\"100 ms\"");
    let t = place.open();
    store(&t, &sized("a", "r/1/1/a1", 1), b"a").unwrap();
    until("the drive is empty", || status(&t)["drives"][0]["state"] == "empty");
    store(&t, &sized("b", "r/2/1/a1", 1), b"b").unwrap();
    assert_eq!(cartridge(&t, "A00001L8")["mounts"], 2);
}
