//! Making sealed objects visible: one rename each, which either happens or does not.
//!
//! The rename takes the private name away, a discard unlinks it: whoever is first wins, and the file system orders the two. That is the
//! fence of a take-over (store.md 3), so nothing here may link, copy or try twice under another name.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::Ordering;

use rustix::fs::{Mode, OFlags, RenameFlags, openat, renameat_with};
use rustix::io::Errno;
use twinhaul_backend_abi::{Batch, Code, Error, Kind, Op, Put, Result, Stat, WriteMode};

use crate::fail::{failed, mistake};
use crate::names::Temp;
use crate::node::Node;
use crate::parents::{Parent, TRIES_MAX, allowed};
use crate::root::split;
use crate::volume::Volume;

/// Directories a batch keeps open.
const OPEN_MAX: usize = 64;

/// Directories that this batch has opened: neighbours in a batch mostly share them.
#[derive(Default)]
struct Opened {
    parents: HashMap<Vec<u8>, Parent>,
    runs: HashMap<String, OwnedFd>,
}

/// One answer per object. See the header for what each means.
pub(crate) fn publish_batch(volume: &Volume, op: &Op<'_>, puts: &[Put], refs: &[&[u8]]) -> Batch<Stat> {
    if puts.len() != refs.len() {
        return Err(Error::new(Code::InvalidArg, "not as many refs as objects"));
    }
    let mut opened = Opened::default();
    let one = |(put, reference): (&Put, &&[u8])| {
        op.check()?;
        let key = put.key.as_bytes();
        if opened.parents.len() > OPEN_MAX || opened.runs.len() > OPEN_MAX {
            opened = Opened::default();
        }
        let answer = publish(volume, &mut opened, put, reference);
        if answer.is_ok() {
            volume.flights.forget(reference);
        } else {
            // Nobody may ask for this object again: its descriptor is closed. What was opened may be what is wrong.
            drop(volume.flights.take(reference));
            opened.parents.remove(split(key).0);
        }
        answer
    };
    Ok(puts.iter().zip(refs).map(one).collect())
}

fn publish(volume: &Volume, opened: &mut Opened, put: &Put, reference: &[u8]) -> Result<Stat> {
    let key = put.key.as_bytes();
    let replace = match put.mode {
        WriteMode::CreateNew => false,
        WriteMode::Overwrite => true,
        WriteMode::ReplaceIfMatch(_) => return Err(Error::unsupported("replacing by etag")),
    };
    let temp = Temp::of(reference)?;
    let gone =
        || mistake(Code::NotFound, "publish", key, "its private object was discarded or published before");
    let mut tries = 0;
    loop {
        let found = private(volume, opened, &temp).map_err(|e| match e {
            Errno::NOENT => {
                volume.forget_run_dir();
                gone()
            }
            e => failed("publish", key, e),
        })?;
        open_parent(volume, opened, key)?;
        let (Some(parent), Some(run)) = (opened.parents.get(split(key).0), opened.runs.get(&temp.run)) else {
            return Err(gone());
        };
        match rename_into(volume, run, temp.name.as_bytes(), parent, split(key).1, replace) {
            Ok(()) => {
                volume.touched.dir(parent.id, &parent.path);
                return Ok(found.node.stat());
            }
            // NFS answers so to a rename that happened and whose reply was lost. The open handle keeps the inode
            // number from being given to another file, so that the same number is the same object.
            Err(Errno::NOENT) if found.handle.is_some() && lands_at(parent, key, &found.node) => {
                volume.touched.dir(parent.id, &parent.path);
                return Ok(found.node.stat());
            }
            // The directory was removed after it was opened, or the private object was: look again.
            Err(Errno::NOENT | Errno::STALE) if tries < TRIES_MAX => {
                tries += 1;
                *opened = Opened::default();
                volume.forget_run_dir();
            }
            Err(e) => return Err(refused(volume, parent, key, e)),
        }
    }
}

/// A private object and, where a lost reply must be seen through, a handle that keeps its inode.
struct Found {
    node: Node,
    handle: Option<OwnedFd>,
}

fn private(volume: &Volume, opened: &mut Opened, temp: &Temp) -> rustix::io::Result<Found> {
    if !opened.runs.contains_key(&temp.run) {
        opened.runs.insert(temp.run.clone(), volume.run_dir(temp)?);
    }
    let run = opened.runs.get(&temp.run).ok_or(Errno::NOENT)?;
    if !volume.medium.loses_replies {
        return Ok(Found { node: Node::named(run, &temp.name)?, handle: None });
    }
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(run, &temp.name, flags, Mode::empty())?;
    Ok(Found { node: Node::of(&handle)?, handle: Some(handle) })
}

fn open_parent(volume: &Volume, opened: &mut Opened, key: &[u8]) -> Result<()> {
    let path = split(key).0;
    // A key of the private directory must not find a cached parent either.
    allowed("publish", key)?;
    if !opened.parents.contains_key(path) {
        opened.parents.insert(path.to_vec(), volume.parent_made("publish", key)?);
    }
    Ok(())
}

fn lands_at(parent: &Parent, key: &[u8], object: &Node) -> bool {
    Node::named(&parent.fd, split(key).1).is_ok_and(|n| n.id() == object.id())
}

/// Moves `from` in the private directory to `name` in `parent`; without `replace` only if nothing is there.
pub(crate) fn rename_into(
    volume: &Volume,
    private: impl AsFd,
    from: &[u8],
    parent: &Parent,
    name: &[u8],
    replace: bool,
) -> rustix::io::Result<()> {
    let private = private.as_fd();
    let rename = |flags| {
        volume
            .thaw
            .writing(&parent.fd, &parent.path, || renameat_with(private, from, &parent.fd, name, flags))
    };
    if replace {
        return rename(RenameFlags::empty());
    }
    if !volume.no_noreplace.load(Ordering::Relaxed) {
        match rename(RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                volume.no_noreplace.store(true, Ordering::Relaxed);
            }
            other => return other,
        }
    }
    // Such a file system (NFS, FUSE) does not promise IF_NOT_EXISTS: what appears between look and rename is replaced.
    match Node::named(&parent.fd, name) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => rename(RenameFlags::empty()),
        Err(e) => Err(e),
    }
}

/// Why a rename to `key` was refused, in words.
pub(crate) fn refused(volume: &Volume, parent: &Parent, key: &[u8], e: Errno) -> Error {
    let kind = || Node::named(&parent.fd, split(key).1).map(|n| n.kind);
    let place = || volume.root.place(key);
    let (code, why) = match e {
        Errno::EXIST | Errno::NOTEMPTY if kind() == Ok(Kind::Directory) => {
            (Code::Exists, format!("{} is a directory", place()))
        }
        Errno::EXIST | Errno::NOTEMPTY => (Code::Exists, "it exists already".to_owned()),
        Errno::ISDIR => (Code::WrongKind, format!("{} is a directory, and is not replaced", place())),
        Errno::XDEV => {
            let elsewhere = "lies on another file system than the target's root; make that one a target";
            (Code::Unsupported, format!("{} {elsewhere}", place()))
        }
        Errno::NOENT => (Code::NotFound, "its private object was discarded or published before".to_owned()),
        e => return failed("publish", key, e),
    };
    Error { errno: e.raw_os_error(), ..mistake(code, "publish", key, &why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_backend_abi::{Key, Op};

    #[test]
    fn a_file_system_without_noreplace_is_asked_first() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::for_tests(dir.path());
        volume.no_noreplace.store(true, Ordering::Relaxed);
        std::fs::write(dir.path().join("taken"), "old").unwrap();
        for (name, code) in [("taken", Some(Code::Exists)), ("free", None)] {
            let attempt = format!("run/{name}/1/1");
            drop(volume.make_temp(&Temp::of(attempt.as_bytes()).unwrap()).unwrap());
            let put = Put::new(Key::new(name).unwrap(), attempt.clone());
            let answers = publish_batch(&volume, &Op::detached(), &[put], &[attempt.as_bytes()]).unwrap();
            assert_eq!(answers[0].as_ref().err().map(|e| e.code), code);
        }
        assert_eq!(std::fs::read(dir.path().join("taken")).unwrap(), b"old");
    }

    /// Else each attempt at what cannot be published, for want of descriptors too, would hold one more.
    #[test]
    fn what_could_not_be_published_is_not_kept_open() {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::for_tests(dir.path());
        std::fs::write(dir.path().join("taken"), "old").unwrap();
        let attempt = "run/taken/1/1";
        let file = volume.make_temp(&Temp::of(attempt.as_bytes()).unwrap()).unwrap();
        volume.flights.sealed(attempt.as_bytes(), file);
        let put = Put::new(Key::new("taken").unwrap(), attempt.to_owned());
        let answers = publish_batch(&volume, &Op::detached(), &[put], &[attempt.as_bytes()]).unwrap();
        assert!(answers[0].is_err());
        assert!(volume.flights.take(attempt.as_bytes()).is_none());
    }
}
