//! Every service that is called tested: the suite of promises, and a whole run to it and back.

use crate::stage::{assert_same_files, disk, lab, made, profile, server};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use twinhaul_tests::cloud::others::{AZURE_KEY, Azure, Dav, Ssh};
use twinhaul_tests::cloud::store::Store;
use twinhaul_tests::cloud::{ACCESS_KEY_ID, BUCKET, SECRET_ACCESS_KEY};
use twinhaul_tests::needs;
use twinhaul_tests::product::Lab;

/// Runs the suite, prints what the service cannot do.
fn conformance(lab: &Lab, name: &str, config: &str) {
    let done = lab.run(["backends", "conformance", "cloud", "--config", config]);
    done.expect_code(0).expect_words(&["0 failed"]);
    let mut line = format!("{name}:");
    for case in done.stdout.lines().filter(|l| l.contains("not applicable") && !l.contains("two-phase")) {
        let _ = write!(line, " [{}]", case.trim());
    }
    eprintln!("{line}");
}

fn there_and_back(lab: &Lab, end: &str) {
    made(lab, 30, &[17 << 20]);
    let up = profile(lab, "up", &disk(&lab.source(), false), end, "");
    lab.run_profile(&up).expect_code(0);
    let down = profile(lab, "down", end, &disk(&lab.target(), true), "verify: read-back\n");
    lab.run_profile(&down).expect_code(0);
}

/// At the target, and in the directory that the server serves.
fn assert_same_bytes(lab: &Lab, served: &Path, names: &[&str]) {
    let digest = |path: PathBuf| blake3::hash(&std::fs::read(path).unwrap());
    for name in names {
        let wanted = digest(lab.source().join(name));
        assert_eq!(digest(lab.target().join(name)), wanted, "{name}");
        assert_eq!(digest(served.join(name)), wanted, "{name}");
    }
}

#[test]
fn memory_keeps_its_promises() {
    conformance(&lab(), "memory", "{\"service\":\"memory\",\"name\":\"suite\"}");
}

fn s3_at(address: SocketAddr) -> String {
    format!(
        "{{\"service\":\"s3\",\"bucket\":\"{BUCKET}\",\"region\":\"us-east-1\",\"endpoint\":\"http://{address}\",\
         \"access_key_id\":\"{ACCESS_KEY_ID}\",\"secret_access_key\":\"{SECRET_ACCESS_KEY}\"}}"
    )
}

#[test]
fn s3_keeps_its_promises() {
    let Some(server) = server() else { return };
    conformance(&lab(), "s3 (moto)", &s3_at(server.address));
}

#[test]
fn our_own_store_keeps_its_promises_and_a_tree_comes_back_exactly() {
    let Some(store) = Store::or_skip("cloud, s3 of our own") else { return };
    let lab = lab();
    conformance(&lab, "s3 (twinhaul-store)", &s3_at(store.address));
    there_and_back(&lab, &store.end("s"));
    assert_same_files(&lab.source(), &lab.target());
    let done = lab.newest_status().done.transfers;
    assert_eq!(u64::try_from(store.kept()).ok(), Some(done), "something of the run's own is still there");
}

fn azure() -> Option<Azure> {
    let azure = Azure::start();
    if azure.is_none() {
        needs::skip("cloud, azblob", "azurite is not installed: cargo xtask test installs it, with npm");
    }
    azure
}

#[test]
fn azure_keeps_its_promises_and_a_tree_comes_back_exactly() {
    let Some(azure) = azure() else { return };
    let mut lab = lab();
    conformance(&lab, "azblob (azurite)", &format!("{{{}}}", azure.fields("suite", AZURE_KEY)));
    lab.set_env("TEST_AZURE", AZURE_KEY);
    there_and_back(&lab, &format!("{{ backend: cloud, {} }}", azure.fields("a", "${env:TEST_AZURE}")));
    assert_same_files(&lab.source(), &lab.target());
}

#[test]
fn s3_goes_to_azure() {
    let (Some(server), Some(azure)) = (server(), azure()) else { return };
    let mut lab = lab();
    lab.set_env("TEST_AZURE", AZURE_KEY);
    made(&lab, 20, &[17 << 20]);
    let blobs = format!("{{ backend: cloud, {} }}", azure.fields("x", "${env:TEST_AZURE}"));
    let up = profile(&lab, "up", &disk(&lab.source(), false), &server.end("x"), "");
    lab.run_profile(&up).expect_code(0);
    lab.run_profile(&profile(&lab, "over", &server.end("x"), &blobs, "")).expect_code(0);
    lab.run_profile(&profile(&lab, "down", &blobs, &disk(&lab.target(), true), "")).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}

#[test]
fn sftp_keeps_its_promises_and_the_bytes_come_back() {
    let Some(ssh) = Ssh::start() else {
        return needs::skip("cloud, sftp", "no OpenSSH server, or no mount name space for it");
    };
    let lab = lab();
    conformance(&lab, "sftp (OpenSSH)", &format!("{{{}}}", ssh.fields("suite")));
    there_and_back(&lab, &format!("{{ backend: cloud, {} }}", ssh.fields("s")));
    // Modes and times are not kept there, and the report says so; the bytes are.
    assert_same_bytes(&lab, &ssh.store().join("s"), &["deep/large-0", "deep/er/empty", "100%"]);
    assert!(!ssh.store().join("s/.twinhaul").exists(), "the private directory is still there");
}

#[test]
fn webdav_keeps_its_promises_and_the_bytes_come_back() {
    let Some(dav) = Dav::start() else {
        return needs::skip("cloud, webdav", "dufs is not installed: cargo xtask test installs it");
    };
    let lab = lab();
    conformance(&lab, "webdav (dufs)", &format!("{{{}}}", dav.fields("suite")));
    there_and_back(&lab, &format!("{{ backend: cloud, {} }}", dav.fields("w")));
    assert_same_bytes(
        &lab,
        &dav.store().join("w"),
        &["deep/large-0", "deep/er/empty", "100%", "\u{fc}ml\u{e4}ut"],
    );
    let left = std::fs::read_dir(dav.store().join("w")).unwrap().flatten();
    let private: Vec<_> =
        left.map(|e| e.file_name()).filter(|n| n.to_string_lossy().starts_with(".twinhaul")).collect();
    assert!(private.is_empty(), "{private:?}");
    // What it does not take is known before bytes move, and fails by name.
    std::fs::remove_dir_all(lab.source()).unwrap();
    std::fs::create_dir_all(lab.source()).unwrap();
    std::fs::write(lab.source().join("large"), vec![1u8; 3 << 20]).unwrap();
    std::os::unix::fs::symlink("large", lab.source().join("link")).unwrap();
    let small = format!("{{ backend: cloud, max_object: 2 MiB, {} }}", dav.fields("small"));
    let up = profile(&lab, "up", &disk(&lab.source(), false), &small, "");
    let planned = lab.run(["plan", up.to_str().unwrap()]);
    planned.expect_code(0).expect_words(&[
        "1 will fail: larger than what is taken there; such as large",
        "1 will fail: symbolic links; such as link",
        "not kept: modes and times",
    ]);
    lab.run_profile(&up).expect_code(3).expect_words(&["at most 2 MiB", "keeps no symbolic links"]);
}
