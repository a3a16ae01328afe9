//! What an ordinary user may not do is lost or refused, and said. When run by root, these tests run themselves again as nobody.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::{OP, Place, is_root, key, node, publish, put, seal, store};
use twinhaul_backend_abi::{Attrs, Caps, Code, Kind, Lost, Target};

const NOBODY: u32 = 65_534;
const BUSY_TRIES_MAX: u32 = 500;

/// Runs `body` as an ordinary user: here, or in a copy of this program.
fn ordinary(test: &str, body: impl Fn()) {
    if !is_root() {
        return body();
    }
    let dir = tempfile::tempdir().unwrap();
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let (program, temp) = (dir.path().join("program"), dir.path().join("temp"));
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::create_dir(&temp).unwrap();
    set(dir.path(), 0o755);
    set(&program, 0o755);
    set(&temp, 0o1777);
    let name = format!("users::{test}");
    let mut command = Command::new(&program);
    command
        .args(["--exact", &name, "--nocapture"])
        .env("TMPDIR", &temp)
        .current_dir(dir.path())
        .uid(NOBODY)
        .gid(NOBODY);
    let out = (0..BUSY_TRIES_MAX)
        .find_map(|_| match command.output() {
            // Another test's child was forked while the copy was being written, and has not run its program yet.
            Err(e) if e.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(Duration::from_millis(10));
                None
            }
            other => Some(other.unwrap()),
        })
        .expect("the copy of this program stays busy");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn owners_are_lost_and_setuid_with_them() {
    ordinary("owners_are_lost_and_setuid_with_them", || {
        let place = Place::new();
        assert!(!place.limits.caps.contains(Caps::OWNERS));
        let want =
            Attrs { uid: Some(0), gid: Some(0), mode: Some(0o4755), mtime_ns: Some(5), ..Attrs::default() };
        let lost = store(&place.target, &node("f", "run/1/1/1", want), b"x").unwrap();
        assert_eq!(lost, Lost::OWNER | Lost::MODE);
        assert_eq!(mode(&place.path("f")), 0o755);
        assert_eq!(place.target.get_attrs(&OP, Some(&key("f"))).unwrap().mtime_ns, Some(5));
    });
}

#[test]
fn read_only_directories_take_new_names_and_are_read_only_again() {
    ordinary("read_only_directories_take_new_names_and_are_read_only_again", || {
        let place = Place::new();
        std::fs::create_dir(place.path("d")).unwrap();
        set_mode(&place.path("d"), 0o555);
        let t = &place.target;
        let (reference, _) = seal(t, &put("d/f", "run/1/1/1"), b"x").unwrap();
        publish(t, &put("d/f", "run/1/1/1"), &reference).unwrap();
        let directory = node("d/new", "run/2/1/1", Attrs::of(Kind::Directory));
        t.put_node(&OP, &directory, None).unwrap();
        t.put_node(&OP, &put("d/second", "run/3/1/1"), Some(&key("d/f"))).unwrap();
        t.publish_sync(&OP).unwrap();
        assert_eq!(mode(&place.path("d")), 0o555);
        t.sweep(&OP, "", true, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        t.remove(&OP, &[key("d/second")]).unwrap().remove(0).unwrap();
        assert!(!place.path(".twinhaul").exists());
        // A mode that is set on purpose stays.
        let (reference, _) = seal(t, &put("d/g", "run/4/1/1"), b"x").unwrap();
        publish(t, &put("d/g", "run/4/1/1"), &reference).unwrap();
        t.set_attrs(&OP, Some(&key("d")), &Attrs { mode: Some(0o700), ..Attrs::of(Kind::Directory) })
            .unwrap();
        t.publish_sync(&OP).unwrap();
        assert_eq!(mode(&place.path("d")), 0o700);
    });
}

#[test]
fn a_root_that_may_not_be_written_is_told_and_left_as_it_is() {
    ordinary("a_root_that_may_not_be_written_is_told_and_left_as_it_is", || {
        let place = Place::new();
        assert!(!place.target.probe(&OP).unwrap().read_only);
        set_mode(place.dir.path(), 0o555);
        let probe = place.target.probe(&OP).unwrap();
        assert!(probe.read_only && probe.message.contains("chmod u+wx"), "{}", probe.message);
        let e = place.target.writer_open(&OP, &put("f", "run/1/1/1")).unwrap_err();
        assert_eq!(e.code, Code::Denied, "{e}");
        assert_eq!(mode(place.dir.path()), 0o555);
        set_mode(place.dir.path(), 0o755);
    });
}

#[test]
fn closing_the_target_closes_what_it_opened_for_writing() {
    ordinary("closing_the_target_closes_what_it_opened_for_writing", || {
        let Place { dir, target, .. } = Place::new();
        let below = dir.path().join("d");
        std::fs::create_dir(&below).unwrap();
        set_mode(&below, 0o555);
        let (reference, _) = seal(&target, &put("d/f", "run/1/1/1"), b"x").unwrap();
        publish(&target, &put("d/f", "run/1/1/1"), &reference).unwrap();
        assert_eq!(mode(&below), 0o755);
        drop(target);
        assert_eq!(mode(&below), 0o555);
        set_mode(&below, 0o755);
    });
}

#[test]
fn what_is_not_ours_is_denied_in_words() {
    ordinary("what_is_not_ours_is_denied_in_words", || {
        let (target, _) = crate::common::open(Path::new("/"), "").unwrap();
        let e = target.writer_open(&OP, &put("f", "run/1/1/1")).unwrap_err();
        assert_eq!(e.code, Code::Denied, "{e}");
        assert!(e.message.contains("permission denied") && e.message.contains('f'), "{e}");
    });
}

#[test]
fn objects_that_may_not_be_read_become_durable_all_the_same() {
    ordinary("objects_that_may_not_be_read_become_durable_all_the_same", || {
        let place = Place::new();
        for (i, mode) in [0o000, 0o200, 0o400].into_iter().enumerate() {
            let want = node(
                &format!("f{i}"),
                &format!("run/{i}/1/1"),
                Attrs { mode: Some(mode), ..Attrs::default() },
            );
            let (reference, lost) = seal(&place.target, &want, b"x").unwrap();
            assert_eq!(lost, Lost::NONE);
            // Another opening of the target has no descriptor that wrote it.
            let (other, _) = crate::common::open(place.dir.path(), "").unwrap();
            crate::common::sync(&other, &reference).unwrap();
            publish(&place.target, &want, &reference).unwrap();
        }
    });
}
