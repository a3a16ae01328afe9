//! What the tests of this file share: a lab with a server, profiles, trees that an object store can hold.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use twinhaul_tests::cloud::{S3, give_keys};
use twinhaul_tests::product::{Lab, Run};
use twinhaul_tests::{needs, same, tree};

/// A lab whose processes know the secret by its name.
pub(crate) fn lab() -> Lab {
    let mut lab = Lab::new();
    give_keys(&mut lab);
    lab
}

pub(crate) fn server() -> Option<S3> {
    let server = S3::start();
    if server.is_none() {
        needs::skip(
            "cloud",
            "moto_server is not installed: cargo xtask test installs it, or: pip install 'moto[server]'",
        );
    }
    server
}

pub(crate) fn profile(lab: &Lab, name: &str, from: &str, to: &str, more: &str) -> PathBuf {
    let text = format!(
        "version: 1\nname: {name}\nsources:\n  here: {from}\ntargets:\n  there: {to}\n\
         routes:\n  - {{ from: here, to: there }}\n{more}"
    );
    lab.write(&format!("{name}.yaml"), &text)
}

pub(crate) fn disk(path: &Path, create: bool) -> String {
    let create = if create { ", create: true" } else { "" };
    format!("{{ backend: disk, root: {:?}{create} }}", path.to_str().unwrap())
}

/// Small ones, some of several parts, an empty one, awkward names.
pub(crate) fn made(lab: &Lab, small: usize, large: &[u64]) {
    let source = lab.source();
    std::fs::create_dir_all(source.join("deep/er")).unwrap();
    tree::small_files(&source.join("small"), small, 3000, 1);
    for (i, size) in large.iter().enumerate() {
        tree::file(&source.join(format!("deep/large-{i}")), *size, i as u64 + 7);
    }
    std::fs::write(source.join("deep/er/empty"), b"").unwrap();
    for name in [" spaces at the ends ", "a+b=c&d", "100%", "\u{fc}ml\u{e4}ut", "quote'\"", "#hash?"] {
        std::fs::write(source.join(name), name).unwrap();
    }
}

/// Names, bytes, modes and times of files; a store keeps nothing of directories.
pub(crate) fn assert_same_files(original: &Path, copy: &Path) {
    let mut found = same::differences(original, copy);
    found.retain(|d| !original.join(std::ffi::OsStr::from_bytes(&d.path)).is_dir());
    assert!(found.is_empty(), "{found:#?}");
}

/// Both peers slow enough that a run of some large objects lasts.
pub(crate) const SLOW: &str =
    "peers:\n  alpha: { slots: 3, limit: 8 MiB/s }\n  beta: { slots: 3, limit: 8 MiB/s }\n";

/// To the process of a peer, which must be there.
pub(crate) fn signal(run: &Run<'_>, peer: &str, signal: rustix::process::Signal) {
    let pid = run.pid(peer).and_then(|p| i32::try_from(p).ok()).and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("its process"), signal).expect("a signal");
}
