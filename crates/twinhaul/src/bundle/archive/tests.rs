//! Sources that are too long, break off or hold secrets; and a place that is taken.

use super::*;
use std::io::{BufReader, Read};

/// Gives its bytes and then fails.
struct Broken(&'static [u8]);

impl Read for Broken {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(into)?;
        if n == 0 { Err(io::Error::other("the disk is gone")) } else { Ok(n) }
    }
}

fn read(path: &Path) -> Vec<(String, String)> {
    let mut archive = tar::Archive::new(File::open(path).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        (name, text)
    });
    entries.collect()
}

#[test]
fn whatever_a_source_does_the_archive_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("x.tar");
    let mut archive = Archive::begin(&to, false, "root", Redactor::default()).unwrap();
    let long = format!("a\n{}\nb password=hunter2", "x".repeat(usize::try_from(LINE_BYTES_MAX).unwrap() + 7));
    archive.lines("long", "", None, &mut long.as_bytes()).unwrap();
    archive.lines("broken", "", Some("old".into()), &mut BufReader::new(Broken(b"c\nd"))).unwrap();
    archive.json("none", "", Err::<(), _>("token=hunter2 was refused".into())).unwrap();
    archive.json("some", "", Ok(serde_json::json!({ "secret": "hunter2" }))).unwrap();
    let parts = archive.parts().to_vec();
    let told = |name: &str| parts.iter().find(|p| p.name == name).unwrap();
    assert_eq!(told("long").left_out.as_deref(), Some("lines of more than 4 MiB: 1"));
    assert_eq!((told("long").redacted, told("some").redacted), (1, 1));
    let broken = told("broken").left_out.as_deref().unwrap();
    assert!(broken.starts_with("old; ") && broken.contains("the disk is gone"), "{broken}");
    assert_eq!(told("none").missing.as_deref(), Some("token=[redacted] was refused"));
    assert!(!to.exists(), "not before it is whole");
    let bytes = archive.end(&serde_json::json!({ "format": "x" })).unwrap();
    assert_eq!(std::fs::metadata(&to).unwrap().len(), bytes);
    let held = read(&to);
    let names: Vec<&str> = held.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["root/long", "root/broken", "root/some", "root/bundle.json"]);
    assert_eq!(held[0].1, "a\nb password=[redacted]");
    assert_eq!(held[1].1, "c\n");
    assert_eq!(told("long").bytes, Some(held[0].1.len() as u64));
}

#[test]
fn what_came_to_stand_there_meanwhile_stays_and_nothing_is_left_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("x.tar");
    for replace in [false, true] {
        let archive = Archive::begin(&to, replace, "root", Redactor::default()).unwrap();
        std::fs::write(&to, "mine").unwrap();
        let ended = archive.end(&serde_json::json!({}));
        if replace {
            assert!(ended.is_ok() && read(&to).len() == 1);
        } else {
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
    // One that is given up leaves nothing.
    drop(Archive::begin(&to, false, "root", Redactor::default()).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
