//! A medium that fails late: the bytes were taken, and the sync behind the trailer says that they are not there. In another process,
//! under a library that stands before the C library's `fdatasync`.

use std::path::Path;
use std::process::Command;

use twinhaul_backend_abi::{Code, Private, Put, Target};
use twinhaul_tape::TapeTarget;

use crate::child::Peer;
use crate::common::{OP, Place, cartridge, publish, read, sized, store, sync, write};
use crate::made::pattern;

/// While the file that it names is there, the next sync of a cartridge fails, once.
const TRIGGER: &str = "TWINHAUL_TAPE_TRIGGER";

const SHIM: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int fdatasync(int fd) {
  char link[64], path[4096];
  const char *trigger = getenv("TWINHAUL_TAPE_TRIGGER");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (trigger && n > 4 && !memcmp(path + n - 4, ".aws", 4) && unlink(trigger) == 0) {
    errno = EIO;
    return -1;
  }
  return (int)syscall(SYS_fdatasync, fd);
}
"#;

fn shim(dir: &Path) -> std::path::PathBuf {
    let (source, library) = (dir.join("shim.c"), dir.join("shim.so"));
    std::fs::write(&source, SHIM).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
    assert!(cc.status().unwrap().success());
    library
}

#[test]
fn a_write_error_that_comes_late_fails_everything_since_the_last_sync() {
    let place = Place::new("\"cartridges\":2");
    drop(place.open());
    let library = shim(place.dir.path());
    let trigger = place.dir.path().join("trigger");
    let variables: [(&str, &Path); 2] = [("LD_PRELOAD", &library), (TRIGGER, &trigger)];
    Peer::start_with(&place.root(), "", "sync-error", &variables).end();
    // As another process finds it: nothing that failed is visible, nothing that was durable is lost.
    let t = place.open();
    assert_eq!(read(&t, "before").unwrap(), pattern(5_000, 1));
    for i in 0..4 {
        assert_eq!(read(&t, format!("s/{i}")).unwrap(), pattern(3_000, i));
    }
}

/// In the other process.
pub(crate) fn a_sync_that_fails(t: &TapeTarget) {
    store(t, &sized("before", "r/0/1/a1", 5_000), &pattern(5_000, 1)).unwrap();
    let used = cartridge(t, "A00001L8")["used"].clone();
    let puts = |attempt: u32| -> Vec<Put> {
        let put = |i| sized(format!("s/{i}"), &format!("r/{i}1/{attempt}/a1"), 3_000);
        (0..4).map(put).collect()
    };
    let write_all = |puts: &[Put]| {
        for (put, i) in puts.iter().zip(0..) {
            write(t, put, &pattern(3_000, i)).unwrap();
        }
        let ids: Vec<String> = puts.iter().map(|p| p.attempt_id.clone()).collect();
        sync(t, &ids.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let first = puts(1);
    std::fs::write(std::env::var_os(TRIGGER).unwrap(), "").unwrap();
    for answer in write_all(&first) {
        assert_eq!(answer.unwrap_err().code, Code::Io, "all of them, for what the medium took is not known");
    }
    assert!(!Path::new(&std::env::var_os(TRIGGER).unwrap()).exists(), "the sync has failed");
    for put in &first {
        assert!(publish(t, put).is_err(), "it can never become visible");
        t.discard(&OP, Private::Attempt(&put.attempt_id)).unwrap();
    }
    // The cartridge is as it was, and is not trusted with more.
    let shown = cartridge(t, "A00001L8");
    assert_eq!((&shown["state"], &shown["used"], &shown["data_sets"]), (&"suspect".into(), &used, &1.into()));
    let second = puts(2);
    assert!(write_all(&second).iter().all(Result::is_ok));
    for put in &second {
        publish(t, put).unwrap();
    }
    assert_eq!(cartridge(t, "A00002L8")["data_sets"], 1);
}
