//! The safe side of the interface, against the example in C.

use std::ops::ControlFlow;

use twinhaul_backend_host::{
    Caps, Code, Key, Kind, ListRequest, Loader, OpContext, Put, ReadOptions, Search, Severity, Target, Wanted,
};

use crate::support::{build, dir, loader, mem, probe_command};

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

fn store(t: &Target, name: &str, bytes: &[u8]) {
    let op = OpContext::new();
    let put = Put::new(key(name), format!("run/{name}/1/1"));
    let (mut writer, info) = t.writer_open(&op, &put).unwrap();
    writer.write(&op, bytes).unwrap();
    writer.seal(&op).unwrap();
    drop(writer);
    t.seal_sync(&op, &[&info.reference]).unwrap().remove(0).unwrap();
    t.publish_batch(&op, &[put], &[&info.reference]).unwrap().remove(0).unwrap();
}

#[test]
fn the_module_tells_who_it_is() {
    let dir = dir();
    let path = build(&dir, "mem.c", &[]);
    let library = loader().load_file(&path, None).unwrap();
    let info = library.info();
    assert_eq!((info.name.as_str(), info.version.as_str(), info.abi), ("mem", "1.0.0", (1, 0)));
    assert!(info.caps.contains(Caps::TWO_PHASE | Caps::SHARED_RANGES));
    assert_eq!(info.verbs()[0].verb, "count");
    assert_eq!(library.path(), path);
}

#[test]
fn a_name_is_found_on_the_search_path_and_listed() {
    let dir = dir();
    let path = build(&dir, "mem.c", &[]);
    std::fs::write(dir.path().join("libtwinhaul_broken.so"), "no library").unwrap();
    let loader = Loader::new(Search { dirs: vec![dir.path().to_owned()] }, probe_command);
    assert_eq!(loader.load("mem", None, None).unwrap().path(), path);
    let found = loader.list();
    let names: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.module.is_ok())).collect();
    assert_eq!(names, [("broken", false), ("mem", true)]);
    let e = loader.load("tape", None, None).unwrap_err().to_string();
    assert!(e.contains("no backend \"tape\"") && e.contains(&dir.path().display().to_string()), "{e}");
}

#[test]
fn loading_twice_is_one_library() {
    let dir = dir();
    let path = build(&dir, "mem.c", &[]);
    let (one, two) = (mem(&path, "same"), mem(&path, "same"));
    store(&one, "a", b"x");
    assert_eq!(two.stat(&OpContext::new(), &key("a")).unwrap().size, 1);
}

/// The loader of the system compares names before files, and a descriptor's number comes back.
#[test]
fn a_library_is_never_taken_for_the_one_before() {
    for _ in 0..3 {
        let dir = dir();
        let mem = loader().load_file(&build(&dir, "mem.c", &[]), None).unwrap();
        let other = loader().load_file(&build(&dir, "hostile/module.c", &[]), None).unwrap();
        assert_eq!((mem.info().name.as_str(), other.info().name.as_str()), ("mem", "module"));
    }
}

#[test]
fn errors_carry_backend_call_code_and_message() {
    let dir = dir();
    let t = mem(&build(&dir, "mem.c", &[]), "errors");
    let e = t.stat(&OpContext::new(), &key("nothing")).unwrap_err();
    assert_eq!((&*e.backend, e.op, e.code()), ("mem", "stat", Code::NotFound));
    assert_eq!(e.to_string(), "mem: stat: no such key (not found)");
    assert!(!e.retryable() && !e.poisoned() && !e.uncertain());
    let op = OpContext::new();
    op.cancel();
    assert_eq!(t.publish_sync(&op).unwrap_err().code(), Code::Cancelled);
    // An entry that the backend leaves out.
    let put = Put::new(key("x"), "run/x/1/1");
    let (mut writer, _) = t.writer_open(&OpContext::new(), &put).unwrap();
    assert_eq!(writer.commit(&OpContext::new(), None).unwrap_err().code(), Code::Unsupported);
    assert_eq!(writer.flush(&OpContext::new()).unwrap_err().code(), Code::Unsupported);
}

#[test]
fn configurations_are_checked_without_opening() {
    let dir = dir();
    let library = loader().load_file(&build(&dir, "mem.c", &[]), None).unwrap();
    assert!(library.config_check("{\"store\":\"a\"}").unwrap().is_empty());
    let problems = library.config_check("{}").unwrap();
    assert_eq!((problems[0].severity, problems[0].path.as_str()), (Severity::Error, "/store"));
    let e = library.open("{}", &OpContext::new()).unwrap_err();
    assert_eq!(e.code(), Code::InvalidConfig);
}

#[test]
fn a_target_outlives_its_handle_while_a_writer_or_reader_is_open() {
    let dir = dir();
    let t = mem(&build(&dir, "mem.c", &[]), "outlives");
    let op = OpContext::new();
    store(&t, "read-me", b"content");
    let put = Put::new(key("late"), "run/late/1/1");
    let (mut writer, _) = t.writer_open(&op, &put).unwrap();
    let (mut reader, _) = t.reader_open(&op, &key("read-me"), ReadOptions::default()).unwrap();
    let (cancel_writer, cancel_reader) = (writer.canceller(), reader.canceller());
    drop(t);
    writer.write(&op, b"still").unwrap();
    let mut buf = [0u8; 16];
    assert_eq!(reader.read(&op, &mut buf).unwrap(), 7);
    drop((writer, reader));
    // The objects are gone: cancelling them is nothing.
    cancel_writer.cancel();
    cancel_reader.cancel();
}

#[test]
fn batches_of_unequal_parts_are_refused_before_the_backend_sees_them() {
    let dir = dir();
    let t = mem(&build(&dir, "mem.c", &[]), "unequal");
    let op = OpContext::new();
    let put = Put::new(key("x"), "run/x/1/1");
    let e = t.publish_batch(&op, &[put], &[]).unwrap_err();
    assert_eq!(e.code(), Code::InvalidArg);
    let many = vec![&b"r"[..]; twinhaul_backend_host::target::BATCH_MAX + 1];
    assert_eq!(t.seal_sync(&op, &many).unwrap_err().code(), Code::InvalidArg);
    let answers = t.seal_sync(&op, &[&b"unknown"[..]]).unwrap();
    let e = answers[0].as_ref().unwrap_err();
    assert_eq!((e.op, e.code()), ("seal_sync", Code::NotFound));
    assert!(e.to_string().contains("no such sealed object"), "{e}");
}

#[test]
fn a_page_is_never_longer_than_asked() {
    let dir = dir();
    let t = mem(&build(&dir, "mem.c", &[]), "pages");
    let op = OpContext::new();
    for i in 0..5 {
        store(&t, &format!("d/{i}"), b"x");
    }
    let d = key("d");
    let request = ListRequest { prefix: Some(&d), continuation: &[], want: Wanted::All, max_entries: 3 };
    let page = t.list(&op, &request).unwrap();
    assert_eq!((page.entries.len(), page.ordered), (3, true));
    assert_eq!((page.entries[0].key.as_slice(), page.entries[0].attrs.kind), (&b"d/0"[..], Kind::File));
    let rest = ListRequest { continuation: page.next.as_deref().unwrap(), ..request };
    let page = t.list(&op, &rest).unwrap();
    assert_eq!((page.entries.len(), page.next), (2, None));
    // The root: one directory.
    let root = ListRequest { prefix: None, continuation: &[], want: Wanted::Kind, max_entries: 0 };
    assert_eq!(t.list(&op, &root).unwrap().entries.len(), 1);
}

#[test]
fn status_and_verbs_come_through() {
    let dir = dir();
    let t = mem(&build(&dir, "mem.c", &[]), "verbs");
    let op = OpContext::new();
    store(&t, "one", b"x");
    assert_eq!(t.status(&op).unwrap(), "{\"objects\":1,\"private\":0}");
    let mut out = Vec::new();
    t.control(&op, "count", "{}", &mut |chunk| {
        out.extend_from_slice(chunk);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(out, b"{\"objects\":1,\"private\":0}");
    // A sink that panics does not unwind into the plugin.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let answer = t.control(&op, "count", "{}", &mut |_| panic!("the sink broke"));
    std::panic::set_hook(hook);
    answer.unwrap();
    let probe = t.probe(&op).unwrap();
    assert_eq!((probe.location.as_slice(), probe.used_bytes), (&b"mem:verbs"[..], Some(1)));
}
