use super::*;
use crate::tree::{self, hostile};
use crate::workdir::Workdir;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

/// Two copies of a small tree, made by `cp -a`.
fn twins() -> (Workdir, PathBuf, PathBuf) {
    let work = Workdir::new();
    let (a, b) = (work.path().join("a"), work.path().join("b"));
    std::fs::create_dir_all(a.join("d/empty")).unwrap();
    tree::file(&a.join("d/f"), 10_000, 1);
    std::fs::hard_link(a.join("d/f"), a.join("linked")).unwrap();
    symlink("d/f", a.join("link")).unwrap();
    tree::sparse(&a.join("sparse"), 64 << 20, 1 << 20, 2, 2);
    tree::file(&a.join("alone"), 100, 3);
    cp(&a, &b);
    assert_eq!(differences(&a, &b), Vec::new());
    (work, a, b)
}

fn cp(a: &Path, b: &Path) {
    let done = Command::new("cp").args(["-a", "--sparse=always", "--"]).arg(a).arg(b).status().unwrap();
    assert!(done.success());
}

fn said(a: &Path, b: &Path) -> Vec<String> {
    differences(a, b).iter().map(ToString::to_string).collect()
}

fn only(found: &[String], path: &str, what: &str) {
    assert!(
        found.iter().any(|f| f.starts_with(&format!("{path}: ")) && f.contains(what)),
        "{what}: {found:?}"
    );
    assert!(found.iter().all(|f| f.starts_with(&format!("{path}: "))), "more than {path}: {found:?}");
}

/// Changes one thing in the copy of a fresh pair and keeps all modification times.
fn after(change: impl FnOnce(&Path)) -> Vec<String> {
    let (_work, a, b) = twins();
    change(&b);
    for path in ["d/empty", "d", "alone", "linked", "sparse"] {
        let Ok(meta) = std::fs::symlink_metadata(a.join(path)) else { continue };
        if std::fs::symlink_metadata(b.join(path)).is_ok() {
            use std::os::unix::fs::MetadataExt as _;
            tree::set_mtime(&b.join(path), meta.mtime(), u32::try_from(meta.mtime_nsec()).unwrap());
        }
    }
    said(&a, &b)
}

#[test]
fn each_kind_of_difference_is_seen() {
    only(&after(|b| std::fs::write(b.join("alone"), [7; 100]).unwrap()), "alone", "other contents");
    only(&after(|b| std::fs::write(b.join("alone"), "short").unwrap()), "alone", "100 bytes, in the copy 5");
    only(&after(|b| std::fs::remove_file(b.join("alone")).unwrap()), "alone", "missing in the copy");
    only(&after(|b| std::fs::write(b.join("extra"), "").unwrap()), "extra", "only in the copy");
    only(&after(|b| std::fs::create_dir(b.join(".twinhaul")).unwrap()), ".twinhaul", "only in the copy");
    let mode =
        |b: &Path| std::fs::set_permissions(b.join("alone"), PermissionsExt::from_mode(0o600)).unwrap();
    only(&after(mode), "alone", "mode");
    let relink = |b: &Path| {
        std::fs::remove_file(b.join("link")).unwrap();
        symlink("elsewhere", b.join("link")).unwrap();
    };
    assert!(after(relink).iter().any(|f| f.starts_with("link: has other contents")));
    let kind = |b: &Path| {
        std::fs::remove_file(b.join("alone")).unwrap();
        std::fs::create_dir(b.join("alone")).unwrap();
    };
    only(&after(kind), "alone", "is a file, in the copy a directory");
}

#[test]
fn times_links_and_holes_are_compared() {
    let (_work, a, b) = twins();
    tree::set_mtime(&b.join("alone"), 5, 1);
    only(&said(&a, &b), "alone", "mtime 5.000000001".trim_start_matches("mtime "));

    let parted = after(|b| {
        let content = std::fs::read(b.join("linked")).unwrap();
        std::fs::remove_file(b.join("linked")).unwrap();
        std::fs::write(b.join("linked"), content).unwrap();
    });
    assert!(
        parted.iter().any(|f| f.starts_with("linked: is hard-linked to d/f, linked, in the copy to nothing"))
    );

    let filled = after(|b| {
        let content = std::fs::read(b.join("sparse")).unwrap();
        std::fs::write(b.join("sparse"), content).unwrap();
    });
    only(&filled, "sparse", "holes were filled");
}

#[test]
fn the_hostile_tree_survives_cp_and_differs_where_it_is_bent() {
    let work = Workdir::new();
    let (a, b) = (work.path().join("a"), work.path().join("b"));
    let sizes = hostile::Sizes { big_bytes: 1 << 20, sparse_bytes: 64 << 20, sparse_data_bytes: 1 << 20 };
    hostile::make(&a, sizes);
    cp(&a, &b);
    assert_same(&a, &b);
    assert_eq!(diff_r(&a, &b), Ok(()));
    let tree = scan::read_stats(&a);
    assert!(tree.links.len() == 8, "{:?}", tree.links.keys());
    assert!(tree.entries.keys().any(|k| k.len() > 3900 - work.path().as_os_str().len()));

    std::fs::write(b.join("names/files/line\nbreak"), "content X\n").unwrap();
    let found = said(&a, &b);
    assert!(found.iter().all(|f| f.starts_with("names/files/line\\nbreak: ")), "{found:?}");
    assert!(diff_r(&a, &b).is_err());
}

#[test]
fn zeros_and_holes_say_the_same() {
    let work = Workdir::new();
    let (a, b) = (work.path().join("a"), work.path().join("b"));
    std::fs::create_dir_all(&a).unwrap();
    std::fs::create_dir_all(&b).unwrap();
    std::fs::File::create(a.join("f")).unwrap().set_len(1 << 20).unwrap();
    std::fs::write(b.join("f"), vec![0u8; 1 << 20]).unwrap();
    let found = said(&a, &b);
    assert!(!found.iter().any(|f| f.contains("contents")), "{found:?}");
    std::fs::write(b.join("f"), [vec![0u8; (1 << 20) - 1], vec![1]].concat()).unwrap();
    assert!(said(&a, &b).iter().any(|f| f.contains("contents")));
}
