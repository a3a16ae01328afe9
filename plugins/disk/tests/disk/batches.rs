//! Many small objects in one call.

use crate::common::{OP, Place, node, pattern, put, read};
use twinhaul_backend_abi::{Attrs, Buf, Code, Lost, Put, ReadOptions, Target};

#[test]
fn a_batch_is_sealed_published_and_read_back() {
    let place = Place::new();
    let bytes: Vec<Vec<u8>> = (0..100).map(|i| pattern(i * 37)).collect();
    let want = Attrs { mode: Some(0o600), mtime_ns: Some(99), ..Attrs::default() };
    let puts: Vec<Put> =
        (0..100).map(|i| node(&format!("d{}/f{i}", i % 3), &format!("run/{i}/1/1"), want.clone())).collect();
    let bufs: Vec<_> = bytes.iter().map(|b| Buf::of(b)).collect();
    let answers = place.target.put_batch(&OP, &puts, &bufs).unwrap();
    let infos: Vec<_> = answers.into_iter().map(|a| a.unwrap().info).collect();
    assert!(infos.iter().all(|i| i.lost == Lost::NONE));
    let refs: Vec<_> = infos.iter().map(|i| i.reference.as_slice()).collect();
    assert!(place.target.seal_sync(&OP, &refs).unwrap().iter().all(Result::is_ok));
    let stats = place.target.publish_batch(&OP, &puts, &refs).unwrap();
    place.target.publish_sync(&OP).unwrap();
    for ((put, stat), bytes) in puts.iter().zip(stats).zip(&bytes) {
        let stat = stat.unwrap();
        assert_eq!((stat.size, stat.mtime_ns, stat.mode), (bytes.len() as u64, Some(99), Some(0o600)));
        assert_eq!(&read(&place.target, put.key.as_bytes(), ReadOptions::default()).unwrap(), bytes);
    }
}

#[test]
fn one_bad_item_does_not_spoil_the_others() {
    let place = Place::new();
    let puts = [
        put("a", "run/1/1/1"),
        put("b", "run/1/1/1"),
        put(".twinhaul/x", "run/3/1/1"),
        put("c", "run/4/1/1"),
    ];
    let bufs = [Buf::of(b"a"), Buf::of(b"b"), Buf::of(b"x"), Buf::of(b"c")];
    let answers = place.target.put_batch(&OP, &puts, &bufs).unwrap();
    let codes: Vec<_> = answers.iter().map(|a| a.as_ref().err().map(|e| e.code)).collect();
    assert_eq!(codes, [None, Some(Code::Exists), Some(Code::InvalidArg), None]);
    assert_eq!(place.target.put_batch(&OP, &puts, &bufs[..3]).unwrap_err().code, Code::InvalidArg);
}
