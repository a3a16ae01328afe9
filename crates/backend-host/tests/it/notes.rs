//! What one process has probed another believes, as long as the file is the same.

use std::path::Path;
use std::process::Command;

use twinhaul_backend_host::{HostError, Loader, Search};

use crate::support::{build, dir, loader};

/// A loader that cannot probe.
fn blind() -> Loader {
    Loader::new(Search::default(), |_: &Path| Command::new("false"))
}

#[test]
fn a_library_that_was_probed_is_not_probed_again_until_it_changes() {
    let dir = dir();
    let path = build(&dir, "mem.c", &[]);
    let first = loader();
    let info = first.probe(&path, None).unwrap();
    let notes = first.notes();
    assert!(matches!(blind().probe(&path, None), Err(HostError::NoAnswer { .. })), "it has to be probed");
    assert_eq!(blind().with_notes(&notes).probe(&path, None).unwrap(), info);
    blind().with_notes(&notes).load_file(&path, None).unwrap();

    build(&dir, "mem.c", &["-DONE_PHASE"]);
    let again = blind().with_notes(&notes).probe(&path, None);
    assert!(matches!(again, Err(HostError::NoAnswer { .. })), "{again:?}");
}

#[test]
fn notes_that_are_not_understood_are_no_notes() {
    let dir = dir();
    let path = build(&dir, "mem.c", &[]);
    let file = loader();
    file.probe(&path, None).unwrap();
    let token = file.notes().as_object().unwrap().keys().next().unwrap().clone();
    for notes in [serde_json::json!([]), serde_json::json!({ token: { "name": "../mem" } })] {
        assert!(blind().with_notes(&notes).probe(&path, None).is_err(), "{notes}");
    }
}
