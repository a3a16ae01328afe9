//! Who may write to a library, or to a directory on the way, may put code into this program (faults.md, threat 6).

use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use tempfile::TempDir;
use twinhaul_backend_host::HostError;

use crate::support::{build, dir, loader};

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A good library in a directory of its own below `dir`.
fn nested(dir: &TempDir) -> std::path::PathBuf {
    let built = build(dir, "mem.c", &[]);
    let inner = dir.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = inner.join("libtwinhaul_mem.so");
    std::fs::copy(built, &path).unwrap();
    mode(&inner, 0o755);
    mode(&path, 0o644);
    path
}

#[test]
fn a_directory_that_others_write_is_refused_unless_sticky() {
    let dir = dir();
    let path = nested(&dir);
    let inner = path.parent().unwrap();
    loader().load_file(&path, None).unwrap();

    mode(inner, 0o777);
    let e = loader().load_file(&path, None).unwrap_err();
    assert!(matches!(&e, HostError::WritableByOthers { at, .. } if at == inner), "{e}");
    assert!(e.to_string().contains(&format!("chmod go-w {}", inner.display())), "{e}");

    mode(inner, 0o1777);
    loader().load_file(&path, None).expect("as /tmp: what is in it belongs to this user");
}

#[test]
fn a_file_that_others_write_is_refused_also_under_a_sticky_bit() {
    let dir = dir();
    let path = nested(&dir);
    mode(&path, 0o1646);
    let e = loader().probe(&path, None).unwrap_err();
    assert!(matches!(e, HostError::WritableByOthers { .. }), "{e}");
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can give a file away to make this case.
    }
    let dir = dir();
    let path = nested(&dir);
    chown(&path, Some(54_321), None).unwrap();
    let e = loader().probe(&path, None).unwrap_err();
    assert!(matches!(e, HostError::ForeignOwner { uid: 54_321, .. }), "{e}");
    chown(&path, Some(0), None).unwrap();
    chown(path.parent().unwrap(), Some(54_321), None).unwrap();
    let e = loader().probe(&path, None).unwrap_err();
    assert!(matches!(e, HostError::ForeignOwner { uid: 54_321, .. }), "{e}");
}

#[test]
fn a_link_is_judged_by_what_it_points_to() {
    let dir = dir();
    let path = nested(&dir);
    let link = dir.path().join("link.so");
    symlink(&path, &link).unwrap();
    loader().probe(&link, None).unwrap();
    mode(&path, 0o666);
    assert!(matches!(loader().probe(&link, None).unwrap_err(), HostError::WritableByOthers { .. }));
}

#[test]
fn a_pin_is_compared_before_anything_runs() {
    let dir = dir();
    let path = nested(&dir);
    let digest = blake3::hash(&std::fs::read(&path).unwrap()).to_hex();
    loader().load_file(&path, Some(&format!("blake3:{digest}"))).unwrap();

    let wrong = format!("blake3:{}", "0".repeat(64));
    let e = loader().load_file(&path, Some(&wrong)).unwrap_err();
    assert!(
        matches!(&e, HostError::PinMismatch { found, .. } if *found == format!("blake3:{digest}")),
        "{e}"
    );
    for bad in ["", "sha256:00", "blake3:xyz", &digest[..10]] {
        assert!(
            matches!(loader().load_file(&path, Some(bad)).unwrap_err(), HostError::BadPin { .. }),
            "{bad}"
        );
    }
}

#[test]
fn directories_and_fifos_are_not_opened_as_libraries() {
    let dir = dir();
    let e = loader().probe(dir.path(), None).unwrap_err();
    assert!(matches!(e, HostError::NotRegular { what: "a directory", .. }), "{e}");
    let fifo = dir.path().join("fifo.so");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let e = loader().probe(&fifo, None).unwrap_err();
    assert!(matches!(e, HostError::NotRegular { what: "a FIFO", .. }), "{e}");
}
