//! The example passes the suite, in two phases and in one; every liar fails it at the case that its lie is about.

use twinhaul_backend_host::OpContext;
use twinhaul_backend_host::conformance::{Case, Options, Outcome, Report, case_names, run};

use crate::support::{build, dir, loader};

fn suite(flags: &[&str], large: usize) -> Report {
    let dir = dir();
    let library = loader().load_file(&build(&dir, "mem.c", flags), None).unwrap();
    let open = || library.open("{\"store\":\"suite\"}", &OpContext::new());
    let mut told = 0;
    let report = run(&open, &Options { large, only: None }, &mut |_: &Case| told += 1).unwrap();
    assert_eq!(told, case_names().count());
    report
}

#[test]
fn the_example_passes() {
    let report = suite(&[], 64 << 20);
    assert!(report.passed(), "{:#?}", report.failures().collect::<Vec<_>>());
    let skipped: Vec<_> = report
        .cases
        .iter()
        .filter(|c| matches!(c.outcome, Outcome::NotApplicable(_)))
        .map(|c| c.name)
        .collect();
    let known = ["objects of a source", "one shot", "copy by descriptor", "share blocks of a descriptor"];
    assert_eq!(skipped, known, "it has everything else");
}

#[test]
fn the_example_in_one_phase_passes() {
    let report = suite(&["-DONE_PHASE"], 1 << 20);
    assert!(report.passed(), "{:#?}", report.failures().collect::<Vec<_>>());
    let passed = |name| report.cases.iter().any(|c| c.name == name && c.outcome == Outcome::Pass);
    assert!(passed("create new, two at once") && passed("cancel at every poll") && !passed("sweep"));
}

#[test]
fn only_some_cases() {
    let dir = dir();
    let library = loader().load_file(&build(&dir, "mem.c", &[]), None).unwrap();
    let open = || library.open("{\"store\":\"some\"}", &OpContext::new());
    let options = Options { large: 1 << 20, only: Some("discard".to_owned()) };
    let report = run(&open, &options, &mut |_| {}).unwrap();
    assert_eq!(report.cases.len(), case_names().filter(|n| n.contains("discard")).count());
    assert!(report.passed());
}

/// For authors, before their backend is anywhere on a search path; `plugins/README.md` has the command.
#[test]
#[ignore = "runs the suite against the library that the environment names"]
fn of_a_library() {
    let (Ok(library), Ok(config)) = (std::env::var("TWINHAUL_LIBRARY"), std::env::var("TWINHAUL_CONFIG"))
    else {
        return;
    };
    let library = loader().load_file(std::path::Path::new(&library), None).unwrap();
    let open = || library.open(&config, &OpContext::new());
    let report =
        run(&open, &Options::default(), &mut |case| println!("{:<32} {:?}", case.name, case.outcome))
            .unwrap();
    assert!(report.passed(), "{:#?}", report.failures().collect::<Vec<_>>());
}

/// The suite leaves nothing behind.
#[test]
fn what_the_suite_made_is_gone() {
    let dir = dir();
    let library = loader().load_file(&build(&dir, "mem.c", &[]), None).unwrap();
    let open = || library.open("{\"store\":\"left\"}", &OpContext::new());
    run(&open, &Options { large: 1 << 20, only: None }, &mut |_| {}).unwrap();
    assert_eq!(open().unwrap().status(&OpContext::new()).unwrap(), "{\"objects\":0,\"private\":0}");
}

macro_rules! liars {
    ($($test:ident: $lie:literal => $case:literal;)*) => {$(
        #[test]
        fn $test() {
            let report = suite(&[concat!("-DLIE_", $lie)], 1 << 20);
            let failed: Vec<_> = report.failures().collect();
            assert!(failed.iter().any(|(name, _)| *name == $case), "not found at \"{}\": {failed:#?}", $case);
        }
    )*};
}

mod lies {
    use super::suite;

    liars! {
        writing: "WRITING" => "limits";
        sequential: "SEQUENTIAL" => "limits";
        random_write: "RANDOM_WRITE" => "write at offsets";
        parallel_ranges: "PARALLEL_RANGES" => "write ranges in parallel";
        retains_buffers: "RETAINS_BUFFERS" => "retained buffers";
        read: "READ" => "large object";
        range_read: "RANGE_READ" => "read ranges";
        list: "LIST" => "list in pages";
        list_ordered: "LIST_ORDERED" => "list in order";
        delete: "DELETE" => "remove";
        if_not_exists: "IF_NOT_EXISTS" => "create new";
        if_match: "IF_MATCH" => "replace if match";
        overwrite: "OVERWRITE" => "overwrite";
        atomic_commit: "ATOMIC_COMMIT" => "overwrite under a reader";
        resumable: "RESUMABLE" => "save and resume";
        server_checksum: "SERVER_CHECKSUM" => "checksums verified";
        checksum_told: "CHECKSUM" => "checksums told";
        user_metadata: "USER_METADATA" => "user metadata";
        posix_metadata: "POSIX_METADATA" => "mode and mtime";
        empty_objects: "EMPTY_OBJECTS" => "empty object";
        capacity: "CAPACITY" => "probe";
        one_shot: "ONE_SHOT" => "one shot";
        two_phase: "TWO_PHASE" => "private until published";
        discard: "DISCARD" => "discarded, then published";
        publish_once: "PUBLISH_ONCE" => "published once";
        sweep: "SWEEP" => "sweep";
        shared_ranges: "SHARED_RANGES" => "ranges of two peers";
        adopt: "ADOPT" => "ranges taken over";
        directories: "DIRECTORIES" => "directories";
        symlinks: "SYMLINKS" => "symlinks";
        hard_links: "HARD_LINKS" => "hard links";
        sparse: "SPARSE" => "holes";
        xattrs: "XATTRS" => "extended attributes";
        owners: "OWNERS" => "owner";
        codes: "NOT_FOUND" => "errors have the right code";
    }
}
