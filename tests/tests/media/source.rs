//! The source's file system answers with an error.

use rustix::io::Errno;
use twinhaul_tests::fuse::{Call, Fault, Fuse};
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::{needs, same, tree};
use twinhaul_wire::EventKind;

const SUITE: &str = "file systems that fail";

const SIZE: usize = 300_001;
/// Where the medium cannot be read.
const BAD: u64 = 200_000;

#[test]
fn a_place_that_cannot_be_read_fails_by_name_and_offset_and_the_rest_arrives() {
    if !needs::may_mount(
        SUITE,
        "source::a_place_that_cannot_be_read_fails_by_name_and_offset_and_the_rest_arrives",
    ) {
        return;
    }
    let lab = Lab::new();
    let below = lab.path("below");
    tree::small_files(&below, 20, 10_000, 1);
    tree::file(&below.join("scratched"), SIZE as u64, 2);
    let Some(fuse) = Fuse::over("read error", &lab.source(), &below) else { return };
    fuse.fail(Fault { from: BAD, size: Some(SIZE as u64), ..Fault::of(Call::Read, Errno::IO) });
    let run = lab.start(&Profile::new("scratched", &lab.source(), &lab.target()));
    run.wait().expect_code(3);
    let kinds = run.kinds();
    let failed: Vec<&str> = kinds
        .iter()
        .filter_map(|k| match k {
            EventKind::Failed { error, .. } => Some(error.as_str()),
            _ => None,
        })
        .collect();
    let tried = kinds.iter().filter(|k| matches!(k, EventKind::Retry { .. })).count();
    assert!(failed.len() == 1 && tried == 3, "{kinds:#?}");
    // What was read before it: up to there in whole pages.
    let offset = failed[0].split_once(" at byte ").and_then(|(_, rest)| {
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok()
    });
    let offset = offset.unwrap_or_else(|| panic!("no offset: {}", failed[0]));
    assert!(offset <= BAD && BAD - offset < 256 * 1024, "{}", failed[0]);
    assert!(!lab.target().join("scratched").exists(), "no half object");
    fuse.heal();
    lab.start(&Profile::new("scratched", &lab.source(), &lab.target())).wait().expect_code(0);
    same::assert_same(&lab.source(), &lab.target());
}

#[test]
fn a_read_that_fails_once_is_done_again() {
    if !needs::may_mount(SUITE, "source::a_read_that_fails_once_is_done_again") {
        return;
    }
    let lab = Lab::new();
    let below = lab.path("below");
    tree::small_files(&below, 20, 10_000, 1);
    let Some(fuse) = Fuse::over("read error once", &lab.source(), &below) else { return };
    fuse.fail(Fault::of(Call::Read, Errno::IO).times(2));
    let run = lab.start(&Profile::new("once", &lab.source(), &lab.target()));
    run.wait().expect_code(0);
    assert_eq!(fuse.fired(), 2);
    same::assert_same(&lab.source(), &lab.target());
}
