//! Nodes without bytes: directories, symlinks, further names of an object; and the removal of all kinds.
//!
//! Symlinks, and whatever replaces something, are made under a private name and renamed, so that nobody sees them half made.
//! A directory is never replaced.

use rustix::fs::{AtFlags, Mode, linkat, mkdirat, symlinkat, unlinkat};
use rustix::io::Errno;
use std::os::fd::AsFd;
use twinhaul_backend_abi::{Attrs, Code, Error, Key, Kind, Lost, Op, Put, Result, WriteMode};

use crate::attrs;
use crate::fail::{failed, mistake};
use crate::names::Temp;
use crate::node::Node;
use crate::parents::{MADE_MODE, Parent};
use crate::publish::{refused, rename_into};
use crate::root::split;
use crate::volume::Volume;

/// What directories are made with beyond their own mode, until they are finished: their owner must be able to fill them.
const FILLABLE: u32 = 0o700;

/// Makes the node of `put`; see the header.
pub(crate) fn put_node(volume: &Volume, put: &Put, hard_link_of: Option<&Key>) -> Result<Lost> {
    let key = put.key.as_bytes();
    if matches!(put.mode, WriteMode::ReplaceIfMatch(_)) {
        return Err(Error::unsupported("replacing by etag"));
    }
    let parent = volume.parent_made("make", key)?;
    if let Some(of) = hard_link_of {
        return hard_link(volume, put, &parent, of);
    }
    let attrs =
        put.attrs.as_ref().ok_or_else(|| Error::new(Code::InvalidArg, "a node without attributes"))?;
    match attrs.kind {
        Kind::Directory => directory(volume, put, &parent, attrs),
        Kind::Symlink => symlink(volume, put, &parent, attrs),
        _ => Err(mistake(
            Code::InvalidArg,
            "make",
            key,
            "only directories, symlinks and further names are nodes",
        )),
    }
}

fn replaces(put: &Put) -> bool {
    put.mode == WriteMode::Overwrite
}

/// A new directory gets its attributes at once, but stays fillable; one that exists stays as it is. Both are finished later.
fn directory(volume: &Volume, put: &Put, parent: &Parent, attrs: &Attrs) -> Result<Lost> {
    let key = put.key.as_bytes();
    let name = split(key).1;
    let make = || volume.thaw.writing(&parent.fd, &parent.path, || mkdirat(&parent.fd, name, MADE_MODE));
    let mut made = make();
    if made == Err(Errno::EXIST) {
        match Node::named(&parent.fd, name).map(|n| n.kind) {
            Ok(Kind::Directory) => return Ok(Lost::NONE),
            Ok(_) if replaces(put) => {
                let away = || unlinkat(&parent.fd, name, AtFlags::empty());
                volume.thaw.writing(&parent.fd, &parent.path, away).map_err(|e| failed("replace", key, e))?;
                made = make();
            }
            _ => return Err(refused(volume, parent, key, Errno::EXIST)),
        }
    }
    made.map_err(|e| failed("make", key, e))?;
    volume.touched.dir(parent.id, &parent.path);
    let dir = volume.root.dir(key).map_err(|e| failed("make", key, e))?;
    let fillable = Attrs { mode: attrs.mode.map(|m| m | FILLABLE), ..attrs.clone() };
    let lost =
        attrs::apply(volume, dir.as_fd(), &fillable).map_err(|e| failed("set attributes of", key, e))?;
    let id = Node::of(&dir).map_err(|e| failed("make", key, e))?.id();
    volume.touched.dir(id, key);
    Ok(lost)
}

fn symlink(volume: &Volume, put: &Put, parent: &Parent, attrs: &Attrs) -> Result<Lost> {
    let key = put.key.as_bytes();
    let target = match attrs.link_target.as_deref() {
        None | Some(b"") => return Err(mistake(Code::InvalidArg, "make", key, "a symlink without a target")),
        Some(target) if target.contains(&0) => {
            return Err(mistake(Code::InvalidArg, "make", key, "the target of the symlink holds a NUL byte"));
        }
        Some(target) => target,
    };
    let temp = Temp::of_node(put.attempt_id.as_bytes())?;
    let name = temp.name.as_bytes();
    volume
        .in_run_dir(&temp, |dir| {
            // What an interrupted call of the same attempt left.
            let _ = unlinkat(dir, name, AtFlags::empty());
            symlinkat(target, dir, name)
        })
        .map_err(|e| failed("make", key, e))?;
    let made = volume.run_dir(&temp).map_err(|e| failed("make", key, e)).and_then(|dir| {
        let lost = attrs::apply_to_symlink(volume, &dir, name, attrs)
            .map_err(|e| failed("set attributes of", key, e))?;
        rename_into(volume, &dir, name, parent, split(key).1, replaces(put))
            .map_err(|e| refused(volume, parent, key, e))?;
        Ok(lost)
    });
    settle(volume, parent, &temp, made)
}

/// Directly if nothing is there; else, when replacing, under a private name and renamed.
fn hard_link(volume: &Volume, put: &Put, parent: &Parent, of: &Key) -> Result<Lost> {
    let (key, name) = (put.key.as_bytes(), split(put.key.as_bytes()).1);
    let from = volume.parent("link to", of.as_bytes())?;
    let old = split(of.as_bytes()).1;
    let object = Node::named(&from.fd, old).map_err(|e| failed("link to", of.as_bytes(), e))?;
    if object.kind == Kind::Directory {
        return Err(mistake(Code::WrongKind, "link to", of.as_bytes(), "it is a directory"));
    }
    let direct = || linkat(&from.fd, old, &parent.fd, name, AtFlags::empty());
    match volume.thaw.writing(&parent.fd, &parent.path, direct) {
        Ok(()) => {
            volume.touched.dir(parent.id, &parent.path);
            return Ok(Lost::NONE);
        }
        Err(Errno::EXIST) => {}
        Err(Errno::XDEV) => return Err(refused(volume, parent, key, Errno::XDEV)),
        Err(e) => return Err(failed("make a further name at", key, e)),
    }
    if Node::named(&parent.fd, name).is_ok_and(|there| there.id() == object.id()) {
        return Ok(Lost::NONE);
    }
    if !replaces(put) {
        return Err(refused(volume, parent, key, Errno::EXIST));
    }
    let temp = Temp::of_node(put.attempt_id.as_bytes())?;
    let private = temp.name.as_bytes();
    volume
        .in_run_dir(&temp, |dir| {
            let _ = unlinkat(dir, private, AtFlags::empty());
            linkat(&from.fd, old, dir, private, AtFlags::empty())
        })
        .map_err(|e| failed("make a further name at", key, e))?;
    let made = volume
        .run_dir(&temp)
        .and_then(|dir| rename_into(volume, &dir, private, parent, name, true))
        .map(|()| Lost::NONE)
        .map_err(|e| refused(volume, parent, key, e));
    settle(volume, parent, &temp, made)
}

/// The private name is gone either way: a rename between two names of one inode does nothing and leaves it.
fn settle(volume: &Volume, parent: &Parent, temp: &Temp, made: Result<Lost>) -> Result<Lost> {
    if made.is_ok() {
        volume.touched.dir(parent.id, &parent.path);
    }
    let removed = volume.remove_temp(temp).map_err(|e| failed("remove", temp.name.as_bytes(), e));
    made.and_then(|lost| removed.map(|_| lost))
}

/// Removes objects, symlinks and empty directories.
pub(crate) fn remove(volume: &Volume, op: &Op<'_>, keys: &[Key]) -> Vec<Result<()>> {
    let one = |key: &Key| {
        op.check()?;
        let parent = volume.parent("remove", key.as_bytes())?;
        let name = split(key.as_bytes()).1;
        let unlink =
            |flags| volume.thaw.writing(&parent.fd, &parent.path, || unlinkat(&parent.fd, name, flags));
        let done = match unlink(AtFlags::empty()) {
            Err(Errno::ISDIR) => unlink(AtFlags::REMOVEDIR),
            other => other,
        };
        done.map_err(|e| match e {
            Errno::NOTEMPTY | Errno::EXIST => {
                mistake(Code::Exists, "remove", key.as_bytes(), "the directory is not empty")
            }
            e => failed("remove", key.as_bytes(), e),
        })?;
        volume.touched.dir(parent.id, &parent.path);
        Ok(())
    };
    keys.iter().map(one).collect()
}

/// Attributes of what is visible; `None` = the root.
pub(crate) fn set_attrs(volume: &Volume, key: Option<&Key>, want: &Attrs) -> Result<Lost> {
    let path = key.map_or(&b""[..], Key::as_bytes);
    let wrong = |e| volume.blame("set attributes of", path, e);
    crate::parents::allowed("set attributes of", path)?;
    let node = volume.root.handle(path).and_then(Node::of).map_err(wrong)?;
    match node.kind {
        Kind::Symlink => {
            let parent = volume.parent("set attributes of", path)?;
            let lost = attrs::apply_to_symlink(volume, &parent.fd, split(path).1, want).map_err(wrong)?;
            volume.touched.everything();
            Ok(lost)
        }
        Kind::Directory => {
            let dir = volume.root.dir(path).map_err(wrong)?;
            let id = Node::of(&dir).map_err(wrong)?.id();
            if want.mode.is_some() {
                // Before: else a restore could undo the mode that is set here.
                volume.thaw.forget(id);
            }
            let lost = attrs::apply(volume, dir.as_fd(), want).map_err(wrong)?;
            volume.touched.dir(id, path);
            Ok(lost)
        }
        Kind::File => {
            use rustix::fs::OFlags;
            let open = |flags| volume.root.open(path, flags | OFlags::NONBLOCK, Mode::empty());
            let file = open(OFlags::RDONLY).or_else(|_| open(OFlags::WRONLY)).map_err(wrong)?;
            let lost = attrs::apply(volume, file.as_fd(), want).map_err(wrong)?;
            volume.touched.everything();
            Ok(lost)
        }
        _ => Err(mistake(Code::WrongKind, "set attributes of", path, "it is a device, FIFO or socket")),
    }
}

/// All attributes of the node itself; `None` = the root.
pub(crate) fn get_attrs(volume: &Volume, key: Option<&Key>) -> Result<Attrs> {
    let path = key.map_or(&b""[..], Key::as_bytes);
    crate::parents::allowed("read attributes of", path)?;
    let wrong = |e| volume.blame("read attributes of", path, e);
    let handle = volume.root.handle(path).map_err(wrong)?;
    let node = Node::of(&handle).map_err(wrong)?;
    attrs::read(volume, &handle, &node).map_err(wrong)
}
