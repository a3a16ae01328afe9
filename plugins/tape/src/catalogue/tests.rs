//! Two drives at the same time: what each writes down, and what a rebuild is told.

use super::cartridges::{Cartridge, Signature, State};
use super::sets::Closed;
use super::{Catalogue, Lines};
use crate::format::labels::Charset;
use crate::format::manifest::{Line, Object};
use twinhaul_backend_abi::{Attrs, Kind, Put, WriteMode};
use twinhaul_units::Key;

fn catalogue() -> (tempfile::TempDir, Catalogue) {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(&dir.path().join("catalogue.sqlite")).unwrap();
    (dir, catalogue)
}

fn cartridge() -> Cartridge {
    Cartridge {
        id: 0,
        barcode: "A00001L8".into(),
        volser: "A00001".into(),
        pool: "default".into(),
        state: State::Filling,
        reason: String::new(),
        labels: Charset::Ibm,
        capacity: 1 << 20,
        generation: 1,
        used: 0,
        sets: 0,
        protected: false,
        mounts: 0,
        errors: 0,
        written: 0,
        signature: Signature::default(),
        verified_s: 0,
    }
}

/// Closes the data set `serial` with one object `key`, written as `attempt`, at a second.
fn close(catalogue: &Catalogue, serial: u64, key: &[u8], attempt: &str, at_s: u64, lines: &Lines) {
    let closed = Closed {
        serial,
        dsn: format!("D{serial}"),
        bytes: 1,
        sha256: [0; 32],
        manifest_at: 0,
        manifest_len: 0,
        at_s,
        sections: Vec::new(),
    };
    let object = Object {
        attempt: attempt.into(),
        key: key.to_vec(),
        at: 0,
        len: 1,
        blake3: [0; 32],
        void: false,
        attrs: Attrs::of(Kind::File),
        meta: Vec::new(),
    };
    catalogue.open_attempt(attempt, key).unwrap();
    catalogue.close_set(&closed, &[object], lines, &cartridge()).unwrap();
}

fn publish(catalogue: &Catalogue, key: &[u8], attempt: &str) {
    let put = Put { mode: WriteMode::Overwrite, ..Put::new(Key::new(key).unwrap(), attempt) };
    catalogue.publish(&[put], &[attempt]).unwrap().remove(0).unwrap();
}

fn told(catalogue: &Catalogue) -> Vec<Line> {
    catalogue.lines(100).unwrap().iter().filter_map(|(_, text)| Line::of(text)).collect()
}

/// The set that was begun first closes last: read back as they closed, the older object would be the later one.
#[test]
fn what_replaces_an_object_of_a_data_set_that_closed_later_is_named() {
    for (first_at, second_at, named) in [(20, 10, true), (10, 10, true), (10, 20, false)] {
        let (_dir, catalogue) = catalogue();
        close(&catalogue, 3, b"x", "a", first_at, &Lines::new());
        close(&catalogue, 4, b"x", "b", second_at, &Lines::new());
        publish(&catalogue, b"x", "a");
        publish(&catalogue, b"x", "b");
        let is = told(&catalogue) == [Line::Named { attempt: "b".into(), key: b"x".to_vec() }];
        assert_eq!(is, named, "{first_at} {second_at}: {:?}", told(&catalogue));
    }
}

/// Both drives took the same lines; the one that closes last must not take with them what was told in between.
#[test]
fn a_line_that_came_after_the_same_ones_were_written_elsewhere_is_kept() {
    let (_dir, catalogue) = catalogue();
    let tell = |key: &[u8]| {
        let line = Line::Removed { key: key.to_vec() };
        catalogue
            .note("tell", |tx| {
                Catalogue::tell(tx, &line).unwrap();
                Ok(())
            })
            .unwrap();
        line
    };
    tell(b"old");
    let ((first, a), (second, b)) = (catalogue.closing(100).unwrap(), catalogue.closing(100).unwrap());
    assert!(second > first && a == b && a.len() == 1);
    close(&catalogue, 4, b"y", "b", 1, &b);
    let new = tell(b"new");
    close(&catalogue, 3, b"x", "a", 1, &a);
    assert_eq!(told(&catalogue), [new]);
}
