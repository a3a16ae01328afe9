//! Libraries that are none, are something else, or bite: each with its own message, none with its code in this process.

use std::path::Path;
use std::time::Duration;

use twinhaul_backend_host::{HostError, Library};

use crate::support::{build, dir, loader};

fn load(path: &Path) -> Result<Library, HostError> {
    loader().load_file(path, None)
}

/// Whether the constructor of `marker.c` ran in this process; it names its file by the process id.
fn ran_here(marks: &Path) -> bool {
    marks.join(std::process::id().to_string()).exists()
}

#[test]
fn a_missing_file() {
    let dir = dir();
    let e = load(&dir.path().join("libtwinhaul_nothing.so")).unwrap_err();
    assert!(matches!(e, HostError::Missing { .. }), "{e}");
    assert!(
        e.to_string().contains("no library at") && e.to_string().contains("twinhaul backends list"),
        "{e}"
    );
}

#[test]
fn a_text_file() {
    let dir = dir();
    let path = dir.path().join("libtwinhaul_text.so");
    std::fs::write(&path, "\x1b[2Jnot a library").unwrap();
    let e = load(&path).unwrap_err();
    assert!(matches!(e, HostError::NotALibrary { .. }), "{e}");
    assert!(e.to_string().contains("not a shared library (it begins with \"\\x1b[2Jnot "), "{e}");
}

#[test]
fn a_program_and_a_cut_library() {
    let dir = dir();
    let program = dir.path().join("program.so");
    // An ELF header of an object file: type 1.
    let mut header = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    header.extend([1, 0, 62, 0]);
    std::fs::write(&program, &header).unwrap();
    assert!(matches!(load(&program).unwrap_err(), HostError::NotALibrary { .. }));

    let whole = std::fs::read(build(&dir, "mem.c", &[])).unwrap();
    let cut = dir.path().join("cut.so");
    std::fs::write(&cut, &whole[..whole.len().min(200)]).unwrap();
    let e = load(&cut).unwrap_err();
    assert!(matches!(e, HostError::NotALibrary { .. }), "{e}");
    assert!(e.to_string().contains("cut.so") && !e.to_string().contains("/proc/self/fd"), "{e}");
}

#[test]
fn a_library_that_is_no_backend() {
    let dir = dir();
    let e = load(&build(&dir, "hostile/stranger.c", &[])).unwrap_err();
    assert!(matches!(&e, HostError::NotABackend { symbol, .. } if symbol == "twh_module_info"), "{e}");
    assert!(e.to_string().contains("not a backend: it does not export twh_module_info"), "{e}");
}

#[test]
fn a_backend_without_its_function() {
    let dir = dir();
    let e = load(&build(&dir, "hostile/module.c", &["-DNO_INIT"])).unwrap_err();
    assert!(matches!(&e, HostError::NotABackend { symbol, .. } if symbol == "twh_module_init"), "{e}");
}

#[test]
fn another_interface() {
    let dir = dir();
    let e = load(&build(&dir, "hostile/module.c", &["-DMAJOR=2", "-DMINOR=7"])).unwrap_err();
    assert!(matches!(e, HostError::OtherAbi { major: 2, minor: 7, .. }), "{e}");
    assert!(e.to_string().contains("speaks interface 2.7, this program 1.0"), "{e}");
    let newer = build(&dir, "hostile/module.c", &["-DMINOR=9"]);
    assert!(matches!(load(&newer).unwrap_err(), HostError::OtherAbi { major: 1, minor: 9, .. }));
}

#[test]
fn modules_that_describe_themselves_wrongly() {
    for (flag, word) in [
        ("-DMAGIC=1", "magic number"),
        ("-DSIZE=8", "struct_size"),
        ("-DNAME=\"../../x\"", "its name"),
        ("-DNO_VTABLE", "no vtable"),
        ("-DEMPTY_VTABLE", "no target_open"),
    ] {
        let dir = dir();
        let e = load(&build(&dir, "hostile/module.c", &[flag])).unwrap_err();
        assert!(matches!(e, HostError::BadModule { .. }), "{flag}: {e}");
        assert!(e.to_string().contains(word), "{flag}: {e}");
    }
}

#[test]
fn a_backend_that_refuses_to_start() {
    let dir = dir();
    let e = load(&build(&dir, "hostile/module.c", &["-DREFUSES"])).unwrap_err();
    let text = e.to_string();
    assert!(text.contains("no licence on this machine"), "{text}");
}

#[test]
fn constructors_that_crash() {
    for (flag, signal, words) in
        [("-DSEGFAULT", 11, "signal 11, segmentation fault"), ("-DABORT", 6, "signal 6, aborted")]
    {
        let dir = dir();
        let e = load(&build(&dir, "hostile/module.c", &[flag])).unwrap_err();
        assert!(matches!(e, HostError::Crashed { signal: s, .. } if s == signal), "{flag}: {e}");
        assert!(
            e.to_string().contains("crashed when probed") && e.to_string().contains(words),
            "{flag}: {e}"
        );
    }
}

#[test]
fn a_constructor_that_ends_the_process() {
    let dir = dir();
    let e = load(&build(&dir, "hostile/module.c", &["-DEXITS"])).unwrap_err();
    assert!(matches!(e, HostError::NoAnswer { .. }), "{e}");
    assert!(e.to_string().contains("ended the probe without an answer (exit 0)"), "{e}");
}

#[test]
fn a_constructor_that_hangs() {
    let dir = dir();
    let path = build(&dir, "hostile/module.c", &["-DHANGS"]);
    let e = loader().probe_limit(Duration::from_millis(300)).load_file(&path, None).unwrap_err();
    assert!(matches!(e, HostError::ProbeTimeout { .. }), "{e}");
}

#[test]
fn a_constructor_that_prints() {
    let dir = dir();
    let path = build(&dir, "hostile/module.c", &["-DPRINTS"]);
    let info = loader().probe(&path, None).unwrap();
    assert_eq!(info.name, "module");
}

#[test]
fn no_code_runs_here_when_a_check_fails() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = dir();
    let marks = dir.path().join("marks");
    std::fs::create_dir(&marks).unwrap();
    let flag = format!("-DMARKS=\"{}\"", marks.display());

    // Writable by others: no code anywhere.
    let path = build(&dir, "hostile/module.c", &[&flag]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    let e = load(&path).unwrap_err();
    assert!(matches!(e, HostError::WritableByOthers { mode: 0o777, .. }), "{e}");
    assert!(e.to_string().contains("chmod go-w"), "{e}");
    assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 0, "its constructor ran");

    // Of another interface: in the probe's child, not here.
    std::fs::remove_file(&path).unwrap();
    let path = build(&dir, "hostile/module.c", &[&flag, "-DMAJOR=3"]);
    assert!(matches!(load(&path).unwrap_err(), HostError::OtherAbi { .. }));
    assert_eq!(std::fs::read_dir(&marks).unwrap().count(), 1, "the marker works");
    assert!(!ran_here(&marks), "its constructor ran in this process");

    // Nothing wrong with it: also here.
    std::fs::remove_file(&path).unwrap();
    load(&build(&dir, "hostile/module.c", &[&flag])).unwrap();
    assert!(ran_here(&marks), "a good library is loaded");
}

/// Another library takes the place of a good one, again and again, while the good one is pinned and loaded: whichever moment it is,
/// no code of the other runs, neither here nor in the child of the probe (faults.md, threat 7).
#[test]
fn a_library_that_is_swapped_while_it_is_loaded_never_runs() {
    /// Of a swap between the check and the probe.
    const CHANGED: usize = 10;
    const LOADS_MAX: usize = 1_000_000;
    let dir = dir();
    let marks = dir.path().join("marks");
    std::fs::create_dir(&marks).unwrap();
    let built = build(&dir, "hostile/module.c", &[&format!("-DMARKS=\"{}\"", marks.display())]);
    let (good, bad) = (dir.path().join("good"), dir.path().join("bad"));
    std::fs::rename(&built, &bad).unwrap();
    std::fs::rename(build(&dir, "hostile/module.c", &[]), &good).unwrap();
    let pin = format!("blake3:{}", blake3::hash(&std::fs::read(&good).unwrap()).to_hex());
    let path = dir.path().join("libtwinhaul_module.so");
    let put = |what: &Path| {
        let new = path.with_extension("new");
        std::fs::copy(what, &new).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    put(&good);
    let over = std::sync::atomic::AtomicBool::new(false);
    let (mut loaded, mut refused, mut changed) = (0, 0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if over.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                put(if n % 2 == 0 { &bad } else { &good });
                // Some lie there longer than a load takes, some not.
                std::thread::sleep(Duration::from_millis(n * 7 % 40));
            }
        });
        for _ in 0..LOADS_MAX {
            match loader().load_file(&path, Some(&pin)) {
                Ok(_) => loaded += 1,
                Err(HostError::PinMismatch { .. }) => refused += 1,
                Err(HostError::Changed { .. }) => changed += 1,
                Err(e) => panic!("{e}"),
            }
            if loaded > 0 && changed >= CHANGED {
                break;
            }
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(loaded > 0 && changed >= CHANGED, "loaded {loaded}, refused {refused}, changed {changed}");
    let ran: Vec<_> = std::fs::read_dir(&marks).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(ran.is_empty(), "its constructor ran: {ran:?}");
}
