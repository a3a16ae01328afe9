//! The hostile tree: everything that must arrive exactly as it is, in one place.

use super::{deep, file, names, set_mtime, sparse};
use rustix::fs::XattrFlags;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// How large the large parts are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub big_bytes: u64,
    pub sparse_bytes: u64,
    pub sparse_data_bytes: u64,
}

impl Sizes {
    /// Small enough for every run of the tests.
    pub const USUAL: Self = Self { big_bytes: 24 << 20, sparse_bytes: 1 << 30, sparse_data_bytes: 8 << 20 };
    /// A file of 1 GiB, a sparse one of 8 GiB with 100 MiB of data.
    pub const FULL: Self = Self { big_bytes: 1 << 30, sparse_bytes: 8 << 30, sparse_data_bytes: 100 << 20 };

    /// `FULL` with `TWINHAUL_BIG=1`.
    pub fn asked_for() -> Self {
        if std::env::var_os("TWINHAUL_BIG").is_some_and(|v| v == "1") { Self::FULL } else { Self::USUAL }
    }
}

/// Makes the tree in `root`, which is made if missing.
pub fn make(root: &Path, sizes: Sizes) {
    std::fs::create_dir_all(root).expect("root");
    awkward_names(&root.join("names"));
    empties(root);
    links(&root.join("links"));
    large(&root.join("large"), sizes);
    attributes(&root.join("attributes"));
    let depth_max = 4000 - root.as_os_str().len();
    deep::file(root, "deep", depth_max, 200, b"at the end of a long path");
    deep::file(root, "narrow", 601, 1, b"three hundred directories down");
    nested_private_names(&root.join("private"));
    modes(&root.join("modes"));
    times(&root.join("times"));
}

fn path_in(directory: &Path, name: &[u8]) -> PathBuf {
    directory.join(OsStr::from_bytes(name))
}

/// Every awkward name as a file, as a directory with a file in it, and as a link.
fn awkward_names(directory: &Path) {
    let [files, directories, links] = ["files", "directories", "links"].map(|n| directory.join(n));
    for d in [&files, &directories, &links] {
        std::fs::create_dir_all(d).expect("directory");
    }
    for (i, name) in names::awkward().iter().enumerate() {
        std::fs::write(path_in(&files, name), format!("content {i}\n")).expect("awkward file");
        let inner = path_in(&directories, name);
        std::fs::create_dir(&inner).expect("awkward directory");
        file(&path_in(&inner, name), i as u64, i as u64);
        symlink(OsStr::from_bytes(name), path_in(&links, name)).expect("awkward link");
    }
}

fn empties(root: &Path) {
    for name in ["empty/files", "empty/directory", "empty/nested/a/b/c"] {
        std::fs::create_dir_all(root.join(name)).expect("directory");
    }
    for i in 0..20 {
        std::fs::write(root.join(format!("empty/files/{i}")), "").expect("empty file");
    }
    std::fs::write(root.join("in the root"), "a file beside the directories").expect("file");
}

fn links(directory: &Path) {
    let (here, there) = (directory.join("here"), directory.join("there/below"));
    std::fs::create_dir_all(&here).expect("directory");
    std::fs::create_dir_all(&there).expect("directory");
    file(&here.join("real"), 5000, 1);
    let absolute = here.join("real");
    let long = "x/".repeat(500) + "y";
    let targets: [(&str, &OsStr); 9] = [
        ("relative", "real".as_ref()),
        ("relative up", "../here/real".as_ref()),
        ("absolute", absolute.as_os_str()),
        ("dangling", "no/such/file".as_ref()),
        ("to directory", "../there".as_ref()),
        ("to itself", "to itself".as_ref()),
        ("to parent", "..".as_ref()),
        ("long", long.as_ref()),
        ("bytes", OsStr::from_bytes(b"\xff\n\x1b[2J")),
    ];
    for (i, (name, target)) in (0..).zip(targets) {
        symlink(target, here.join(name)).expect("symlink");
        set_mtime(&here.join(name), 1_000_000_000 + i, 123_456_789);
    }
    // A group in one directory, one over three, one of empty files.
    for (i, group) in [&["one", "two"][..], &["a", "../there/b", "../there/below/c"], &["e1", "e2", "../e3"]]
        .into_iter()
        .enumerate()
    {
        let size = [70_000, 33, 0][i];
        file(&here.join(group[0]), size, 40 + i as u64);
        for other in &group[1..] {
            std::fs::hard_link(here.join(group[0]), here.join(other)).expect("hard link");
        }
    }
}

fn large(directory: &Path, sizes: Sizes) {
    std::fs::create_dir_all(directory).expect("directory");
    file(&directory.join("big"), sizes.big_bytes, 2);
    sparse(&directory.join("sparse"), sizes.sparse_bytes, sizes.sparse_data_bytes, 16, 3);
    let hole = std::fs::File::create_new(directory.join("only a hole")).expect("file");
    hole.set_len(64 << 20).expect("length");
    // Around the sizes at which a copy loop changes its step.
    for size in [1, 4095, 4096, 4097, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (8 << 20) + 1] {
        file(&directory.join(format!("size {size}")), size, size);
    }
}

/// User attributes, where the file system has them.
fn attributes(directory: &Path) {
    std::fs::create_dir_all(directory.join("directory")).expect("directory");
    for (name, value) in
        [("user.twinhaul", &b"value"[..]), ("user.empty", b""), ("user.bytes", &[0xff; 1000])]
    {
        for object in ["one", "both", "directory"] {
            if object == "one" && name != "user.twinhaul" {
                continue;
            }
            let path = directory.join(object);
            if !path.exists() {
                file(&path, 100, 9);
            }
            match rustix::fs::setxattr(&path, name, value, XattrFlags::empty()) {
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
                Err(e) => panic!("cannot set {name}: {e}"),
            }
        }
    }
}

/// Names of ours, where they are not ours: only the one in a target's root is.
fn nested_private_names(directory: &Path) {
    std::fs::create_dir_all(directory.join("a/.twinhaul")).expect("directory");
    std::fs::write(directory.join("a/.twinhaul/keep"), "a user's file").expect("file");
    std::fs::write(directory.join(".twinhaul"), "a user's file too").expect("file");
}

fn modes(directory: &Path) {
    let readable = [0o444, 0o400, 0o600, 0o640, 0o644, 0o755, 0o777, 0o551];
    let locked = directory.join("read-only/inner");
    std::fs::create_dir_all(&locked).expect("directory");
    // Root reads what has no permission at all; others could not copy it.
    let secret = rustix::process::geteuid().is_root().then_some([0o000, 0o200]).into_iter().flatten();
    for mode in readable.into_iter().chain(secret) {
        for parent in [directory, &locked] {
            let path = parent.join(format!("file {mode:o}"));
            file(&path, u64::from(mode) + 1, mode.into());
            chmod(&path, mode);
        }
    }
    for mode in [0o700, 0o777, 0o751, 0o555, 0o500] {
        let path = directory.join(format!("directory {mode:o}"));
        std::fs::create_dir(&path).expect("directory");
        file(&path.join("inside"), 10, mode.into());
        chmod(&path, mode);
    }
    chmod(&locked, 0o555);
    chmod(&directory.join("read-only"), 0o555);
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("mode");
}

/// Nanoseconds, before 1970, and far in the future: beyond 32 bits, and within what 64 bits of nanoseconds hold (2262).
fn times(directory: &Path) {
    std::fs::create_dir_all(directory).expect("directory");
    let moments = [
        (0, 0),
        (0, 1),
        (1, 999_999_999),
        (-1, 999_999_999),
        (-2_000_000_000, 5),
        (1 << 31, 7),
        (9_000_000_000, 123),
    ];
    for (i, (seconds, nanoseconds)) in moments.into_iter().enumerate() {
        let path = directory.join(format!("file {i}"));
        file(&path, i as u64, 50 + i as u64);
        set_mtime(&path, seconds, nanoseconds);
        let inner = directory.join(format!("directory {i}"));
        std::fs::create_dir_all(inner.join("empty")).expect("directory");
        file(&inner.join("inside"), 3, 60 + i as u64);
        set_mtime(&inner.join("empty"), seconds, nanoseconds);
        set_mtime(&inner, seconds, nanoseconds);
    }
}
