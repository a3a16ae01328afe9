//! A backend in Rust that panics in a write: the panic does not cross the border, and only the transfer fails (threat 9).

use twinhaul_tests::product::{Lab, Profile, exe};
use twinhaul_tests::{same, tree};
use twinhaul_wire::EventKind;

#[test]
fn a_backend_that_panics_fails_the_transfer_and_nothing_else() {
    let library = exe().with_file_name("examples").join("libpanics.so");
    assert!(library.exists(), "{} is not built: cargo build -p twinhaul-tests --examples", library.display());
    let lab = Lab::new();
    tree::small_files(&lab.source(), 40, 20_000, 1);
    for name in ["a-panic", "z-panic"] {
        tree::file(&lab.source().join(name), 5000, 2);
    }
    let mut profile = Profile::new("panics", &lab.source(), &lab.target());
    let plugin = serde_json::Value::from(library.to_str().unwrap());
    profile.target_backend = format!("backend: panics, plugin: {plugin}");
    let run = lab.start(&profile);
    run.wait().expect_code(3);
    let status = run.status();
    assert_eq!((status.done.transfers, status.failed.transfers), (40, 2), "{status:#?}");
    let failures: Vec<String> = run
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::Failed { error, .. } => Some(error),
            EventKind::Exited { words, .. } => panic!("nobody dies of it: {words}"),
            _ => None,
        })
        .collect();
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(|f| f.contains("panic")), "{failures:?}");
    // Bytes are all that this backend keeps.
    let wrong: Vec<Vec<u8>> = same::differences(&lab.source(), &lab.target())
        .into_iter()
        .filter(|d| d.is_missing() || d.is_of_content())
        .map(|d| d.path)
        .collect();
    assert_eq!(wrong, [b"a-panic".to_vec(), b"z-panic".to_vec()]);
}
