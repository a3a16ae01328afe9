//! The bytes themselves: golden, scanned, cut anywhere.

use std::fs::File;
use std::os::unix::fs::FileExt;

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use twinhaul_tape::format::labels::{Charset, Group};
use twinhaul_tape::format::scan::{NotOurs, Scan, Tail, scan, trailer_behind};
use twinhaul_tape::format::section::SectionWriter;
use twinhaul_tape::format::{BLOCK, BLOCK_LARGE};

use crate::made::{append, archive, label, new_cartridge, pattern, trailer};

fn look(file: &File) -> Scan {
    scan(file).unwrap().unwrap()
}

/// Three data sets: 10 blocks, none, 2.
fn three(path: &std::path::Path, charset: Charset, block: u32) -> (File, Vec<Vec<u8>>) {
    let (file, mut end) = new_cartridge(path, charset, "A00001");
    let payloads = vec![
        archive(&[("big.bin", pattern(300_001, 1))]),
        Vec::new(),
        archive(&[("a", pattern(20_000, 2)), ("b", pattern(20_000, 3))]),
    ];
    for (i, payload) in payloads.iter().enumerate() {
        let n = i as u32 + 1;
        end = append(&file, end, n == 1, charset, label(n, "A00001", n, block), payload).end;
    }
    (file, payloads)
}

#[test]
fn the_first_bytes_are_those_of_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = three(&dir.path().join("t.aws"), Charset::Ibm, BLOCK);
    let mut got = vec![0; 0x160];
    file.read_exact_at(&mut got, 0).unwrap();
    assert_eq!(
        got[..16],
        [0x50, 0, 0, 0, 0xa0, 0, 0xe5, 0xd6, 0xd3, 0xf1, 0xc1, 0xf0, 0xf0, 0xf0, 0xf0, 0xf1]
    );
    assert_eq!(got[0x56..0x60], [0x50, 0, 0x50, 0, 0xa0, 0, 0xc8, 0xc4, 0xd9, 0xf1]);
    assert_eq!(got[0xac..0xbc], *b"\x50\x00\x50\x00\xa0\x00\xc8\xc4\xd9\xf2\xc6\xf3\xf2\xf2\xf5\xf6");
    assert_eq!(got[0x102..0x10c], [0x50, 0, 0x50, 0, 0xa0, 0, 0xe4, 0xc8, 0xd3, 0xf1]);
    assert_eq!(got[0x158..0x160], [0, 0, 0x50, 0, 0x40, 0, 0, 0x7e]);
}

/// A change of one byte of the format is a change that every cartridge written so far feels.
#[test]
fn a_whole_cartridge_is_the_same_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    for (charset, block, golden) in [
        (Charset::Ibm, BLOCK, "81510e42ea1300aa7acc6e6e9a80ee225aae28b96ba57b8c523c4c5e27e055fa"),
        (Charset::Ibm, BLOCK_LARGE, "71ee0a3f1330eaead5fe6732691534c5802b1bcf43355ce83e6c119b80e6ee7c"),
        (Charset::Ansi, BLOCK, "2db27c3f3e54eb8ef0abf11e3f6f093334b9c67064863b7d4b84a7353fd11d47"),
    ] {
        let path = dir.path().join(golden);
        three(&path, charset, block);
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(
            blake3::hash(&bytes).to_hex().as_str(),
            golden,
            "{charset:?} {block}, {} bytes",
            bytes.len()
        );
    }
}

#[test]
fn what_was_written_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    for (name, charset, block) in
        [("i", Charset::Ibm, BLOCK), ("l", Charset::Ibm, BLOCK_LARGE), ("a", Charset::Ansi, BLOCK)]
    {
        let (file, payloads) = three(&dir.path().join(name), charset, block);
        let found = look(&file);
        assert_eq!(
            (found.charset, found.volser.as_str(), found.tail.clone()),
            (charset, "A00001", Tail::Clean)
        );
        assert_eq!(found.sections.len(), 3);
        for (section, payload) in found.sections.iter().zip(&payloads) {
            assert_eq!(section.span.bytes, payload.len() as u64);
            assert_eq!(section.sha256().unwrap(), *Sha256::digest(payload));
            assert_eq!((section.total(), section.next()), (Some(payload.len() as u64), None));
            assert_eq!((section.offset(), section.regular), (Some(0), true));
            assert_eq!(section.span.block, block);
            let (mut got, mut raw) = (vec![0; payload.len()], Vec::new());
            let mut at = 0;
            while at < got.len() {
                at += section.span.read(&file, at as u64, &mut got[at..], &mut raw).unwrap();
            }
            assert!(got == *payload);
        }
        assert_eq!(found.good_end + 6, found.size);
    }
}

#[test]
fn empty_cartridges_and_foreign_files() {
    let dir = tempfile::tempdir().unwrap();
    let (file, end) = new_cartridge(&dir.path().join("e"), Charset::Ibm, "A00001");
    assert_eq!(file.metadata().unwrap().len(), 98);
    let found = look(&file);
    assert_eq!((found.good_end, found.tail, end), (86, Tail::Clean, 86));
    let made = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.path().join(name), bytes).unwrap();
        scan(&File::open(dir.path().join(name)).unwrap()).unwrap()
    };
    assert_eq!(made("0", b""), Err(NotOurs::Empty));
    assert!(matches!(made("text", b"just a text, no tape at all"), Err(NotOurs::Foreign(_))));
    assert_eq!(made("marks", &[0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0x40, 0]), Err(NotOurs::Unlabelled));
    let mut unlabelled = vec![80, 0, 0, 0, 0xA0, 0];
    unlabelled.extend([0x40; 80]);
    assert_eq!(made("blank", &unlabelled), Err(NotOurs::Unlabelled));
}

#[test]
fn a_section_ends_before_its_cartridge_does() {
    let dir = tempfile::tempdir().unwrap();
    let capacity = 700_000;
    let (file, end) = new_cartridge(&dir.path().join("s"), Charset::Ibm, "A00010");
    let payload = pattern(2_000_000, 4);
    let set = label(1, "A00010", 1, BLOCK);
    let mut w = SectionWriter::begin(file, end, true, capacity, Charset::Ibm, set, &[]).unwrap();
    let taken = w.write(&payload).unwrap();
    assert!(taken > 500_000 && taken.is_multiple_of(BLOCK as usize), "{taken}");
    let (file, done) = w.finish(Group::EndOfVolume, &trailer(&payload[..taken], "A00011")).unwrap();
    assert!(done.end + 6 <= capacity, "the capacity is exact");
    let found = look(&file);
    assert!(found.sections[0].end_of_volume);
    assert_eq!(found.sections[0].next(), Some("A00011"));
}

proptest! {
    // 300 cuts: a third of them with a tail of zeros, as delayed allocation leaves it.
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn wherever_it_is_cut_the_complete_data_sets_are_found(at in 86u64..1_000_000, zeros in 0u32..3, flip in any::<u8>()) {
        let dir = tempfile::tempdir().unwrap();
        let (file, _) = three(&dir.path().join("c"), Charset::Ibm, BLOCK);
        let whole = look(&file);
        let at = 86 + at % (whole.size - 86);
        file.set_len(at).unwrap();
        if zeros == 0 {
            file.set_len(at + u64::from(flip) * 500 + 1).unwrap();
        }
        let found = look(&file);
        let complete: Vec<_> = whole.sections.iter().filter(|s| s.end <= at).cloned().collect();
        let end = complete.last().map_or(86, |s| s.end);
        prop_assert_eq!(&found.sections, &complete);
        prop_assert_eq!(found.good_end, end);
        prop_assert!(matches!(found.tail, Tail::Torn(_)));
        // What a torn tail leaves behind the cut holds no trailer.
        let behind = trailer_behind(&file, end, found.size).unwrap();
        let trailer_begun = whole.sections.iter().any(|s| s.end > at && s.span.end() + 6 + 10 <= at);
        prop_assert_eq!(behind, trailer_begun);
    }
}
