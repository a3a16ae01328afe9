//! A sync of the ledger fails: what it had promised is not known any more, and nobody goes on (faults.md 18).
//!
//! Not through FUSE, where no ledger may lie: a library stands before the C library's syncs, which the ledger calls.

use std::process::Command;
use twinhaul_tests::product::end::{assert_nobody_is_left, examine};
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;
use twinhaul_wire::EventKind;

/// While the file that this names is there, every sync of a ledger fails.
const TRIGGER: &str = "TWINHAUL_TEST_SYNC_FAILS";

const SHIM: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fails(int fd) {
  char link[64], path[4096];
  const char *trigger = getenv("TWINHAUL_TEST_SYNC_FAILS");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n <= 0 || !trigger) return 0;
  path[n] = 0;
  return strstr(path, "/ledger.sqlite") && access(trigger, F_OK) == 0;
}
int fdatasync(int fd) {
  if (fails(fd)) { errno = EIO; return -1; }
  return (int)syscall(SYS_fdatasync, fd);
}
int fsync(int fd) {
  if (fails(fd)) { errno = EIO; return -1; }
  return (int)syscall(SYS_fsync, fd);
}
"#;

#[test]
fn a_sync_of_the_ledger_that_fails_ends_the_run_at_once_and_it_is_resumed_exactly() {
    let mut lab = Lab::new();
    tree::small_files(&lab.source(), 96, 64 * 1024, 1);
    let (source, library, trigger) = (lab.write("shim.c", SHIM), lab.path("shim.so"), lab.path("trigger"));
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status();
    assert!(built.expect("a C compiler is needed for the tests").success());
    lab.set_env("LD_PRELOAD", &library);
    lab.set_env(TRIGGER, &trigger);
    let run = lab.start(&Profile::new("sync", &lab.source(), &lab.target()).limits("512 KiB/s", "512 KiB/s"));
    run.until_under_way();
    std::fs::write(&trigger, "").unwrap();
    let done = run.wait();
    done.expect_code(74);
    std::fs::remove_file(&trigger).unwrap();
    assert_nobody_is_left(&run);
    let before = run.status().done.transfers;
    assert!(before > 0 && before < 96, "{before}");
    // Not started again and again.
    let ends = run.kinds().into_iter().filter(|k| matches!(k, EventKind::Exited { .. })).count();
    assert!(ends <= 2, "{:#?}", run.kinds());
    lab.run(["run", "--resume", &run.id, "--headless"]).expect_code(0);
    examine(&run);
}
