//! The directory below, as it is: nodes are descriptors, calls go to the kernel under the node's own name in `/proc/self/fd`.

use super::{Call, Faults};
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{self, AtFlags, CWD, FallocateFlags, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nothing is remembered by the kernel: every question comes here.
const TTL: Duration = Duration::ZERO;

/// A node that the kernel knows, and how often.
#[derive(Debug)]
struct Known {
    fd: Arc<OwnedFd>,
    lookups: u64,
}

#[derive(Debug, Default)]
struct State {
    nodes: HashMap<u64, Known>,
    files: HashMap<u64, Arc<File>>,
    next: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct PassThrough {
    faults: Faults,
    state: Mutex<State>,
}

type Answer<T> = Result<T, Errno>;

fn errno(e: rustix::io::Errno) -> Errno {
    Errno::from_i32(e.raw_os_error())
}

fn io_errno(e: &io::Error) -> Errno {
    e.raw_os_error().map_or(Errno::EIO, Errno::from_i32)
}

fn name_of(fd: &OwnedFd) -> PathBuf {
    format!("/proc/self/fd/{}", fd.as_raw_fd()).into()
}

fn time(seconds: i64, nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanos).unwrap_or(0))
}

fn kind(mode: u32) -> FileType {
    match fs::FileType::from_raw_mode(mode) {
        fs::FileType::Directory => FileType::Directory,
        fs::FileType::Symlink => FileType::Symlink,
        _ => FileType::RegularFile,
    }
}

fn attributes(node: u64, st: &Stat) -> FileAttr {
    FileAttr {
        ino: INodeNo(node),
        size: u64::try_from(st.st_size).unwrap_or(0),
        blocks: u64::try_from(st.st_blocks).unwrap_or(0),
        atime: time(st.st_atime, st.st_atime_nsec),
        mtime: time(st.st_mtime, st.st_mtime_nsec),
        ctime: time(st.st_ctime, st.st_ctime_nsec),
        crtime: UNIX_EPOCH,
        kind: kind(st.st_mode),
        perm: u16::try_from(st.st_mode & 0o7777).unwrap_or(0),
        nlink: u32::try_from(st.st_nlink).unwrap_or(1),
        uid: st.st_uid,
        gid: st.st_gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

impl PassThrough {
    pub(super) fn new(below: &Path, faults: Faults) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = Arc::new(fs::openat(CWD, below, flags, Mode::empty())?);
        let nodes = HashMap::from([(INodeNo::ROOT.0, Known { fd: root, lookups: 1 })]);
        Ok(Self { faults, state: Mutex::new(State { nodes, ..State::default() }) })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn node(&self, ino: INodeNo) -> Answer<Arc<OwnedFd>> {
        self.with(|s| s.nodes.get(&ino.0).map(|known| Arc::clone(&known.fd))).ok_or(Errno::ESTALE)
    }

    fn file(&self, fh: FileHandle) -> Answer<Arc<File>> {
        self.with(|s| s.files.get(&fh.0).cloned()).ok_or(Errno::EBADF)
    }

    fn keep(&self, file: File) -> FileHandle {
        self.with(|s| {
            s.next += 1;
            s.files.insert(s.next, Arc::new(file));
            FileHandle(s.next)
        })
    }

    /// The node of a name, known to the kernel once more.
    fn find(&self, parent: INodeNo, name: &OsStr) -> Answer<FileAttr> {
        let parent = self.node(parent)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(&parent, name, flags, Mode::empty()).map_err(errno)?;
        let st = fs::fstat(&fd).map_err(errno)?;
        let found = st.st_ino;
        self.with(|s| {
            let known = s.nodes.entry(found).or_insert_with(|| Known { fd: Arc::new(fd), lookups: 0 });
            known.lookups += 1;
        });
        Ok(attributes(found, &st))
    }

    fn attributes(&self, ino: INodeNo) -> Answer<FileAttr> {
        let st = fs::fstat(self.node(ino)?).map_err(errno)?;
        Ok(attributes(ino.0, &st))
    }

    fn size(&self, ino: INodeNo) -> u64 {
        self.attributes(ino).map_or(0, |attributes| attributes.size)
    }

    fn fails(&self, call: Call, ino: INodeNo, end: u64) -> Answer<()> {
        self.faults.meet(call, end, self.size(ino)).map_or(Ok(()), |e| Err(errno(e)))
    }

    fn reopen(&self, ino: INodeNo, flags: OFlags) -> Answer<File> {
        let kept = OFlags::RDONLY | OFlags::WRONLY | OFlags::RDWR | OFlags::APPEND | OFlags::TRUNC;
        let name = name_of(&*self.node(ino)?);
        Ok(fs::openat(CWD, &name, flags & kept | OFlags::CLOEXEC, Mode::empty()).map_err(errno)?.into())
    }

    fn change(
        &self,
        ino: INodeNo,
        mode: Option<u32>,
        owner: (Option<u32>, Option<u32>),
        size: Option<u64>,
        times: (Option<TimeOrNow>, Option<TimeOrNow>),
    ) -> Answer<FileAttr> {
        let node = self.node(ino)?;
        let name = name_of(&node);
        if let Some(mode) = mode {
            fs::chmodat(CWD, &name, Mode::from_raw_mode(mode & 0o7777), AtFlags::empty()).map_err(errno)?;
        }
        if owner != (None, None) {
            let (uid, gid) = (owner.0.map(Uid::from_raw), owner.1.map(Gid::from_raw));
            fs::chownat(CWD, &name, uid, gid, AtFlags::empty()).map_err(errno)?;
        }
        if let Some(size) = size {
            self.reopen(ino, OFlags::WRONLY)?.set_len(size).map_err(|e| io_errno(&e))?;
        }
        if times.0.is_some() || times.1.is_some() {
            let of = |time: Option<TimeOrNow>| match time {
                None => Timespec { tv_sec: 0, tv_nsec: fs::UTIME_OMIT },
                Some(TimeOrNow::Now) => Timespec { tv_sec: 0, tv_nsec: fs::UTIME_NOW },
                Some(TimeOrNow::SpecificTime(at)) => {
                    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
                    let tv_sec = i64::try_from(since.as_secs()).unwrap_or(0);
                    Timespec { tv_sec, tv_nsec: since.subsec_nanos().into() }
                }
            };
            let times = Timestamps { last_access: of(times.0), last_modification: of(times.1) };
            fs::utimensat(CWD, &name, &times, AtFlags::empty()).map_err(errno)?;
        }
        self.attributes(ino)
    }

    fn entries(&self, ino: INodeNo) -> Answer<Vec<(u64, FileType, Vec<u8>)>> {
        let directory = fs::openat(
            CWD,
            name_of(&*self.node(ino)?),
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        );
        let mut entries = Vec::new();
        for entry in fs::Dir::read_from(directory.map_err(errno)?).map_err(errno)? {
            let entry = entry.map_err(errno)?;
            let kind = match entry.file_type() {
                fs::FileType::Directory => FileType::Directory,
                fs::FileType::Symlink => FileType::Symlink,
                _ => FileType::RegularFile,
            };
            entries.push((entry.ino(), kind, entry.file_name().to_bytes().to_vec()));
        }
        Ok(entries)
    }
}

macro_rules! answer {
    ($reply:ident, $result:expr, $ok:expr) => {
        match $result {
            Ok(value) => $ok(value, $reply),
            Err(e) => $reply.error(e),
        }
    };
}

fn entry(attributes: FileAttr, reply: ReplyEntry) {
    reply.entry(&TTL, &attributes, Generation(0));
}

fn empty((): (), reply: ReplyEmpty) {
    reply.ok();
}

impl Filesystem for PassThrough {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        answer!(reply, self.find(parent, name), entry);
    }

    fn forget(&self, _: &Request, ino: INodeNo, lookups: u64) {
        self.with(|s| {
            let Some(known) = s.nodes.get_mut(&ino.0) else { return };
            known.lookups = known.lookups.saturating_sub(lookups);
            if known.lookups == 0 && ino != INodeNo::ROOT {
                s.nodes.remove(&ino.0);
            }
        });
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        answer!(reply, self.attributes(ino), |a, reply: ReplyAttr| reply.attr(&TTL, &a));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = self.change(ino, mode, (uid, gid), size, (atime, mtime));
        answer!(reply, changed, |a, reply: ReplyAttr| reply.attr(&TTL, &a));
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        let made = self.node(parent).and_then(|p| {
            fs::mkdirat(&p, name, Mode::from_raw_mode(mode & 0o7777)).map_err(errno)?;
            self.find(parent, name)
        });
        answer!(reply, made, entry);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let gone = self.node(parent).and_then(|p| fs::unlinkat(&p, name, AtFlags::empty()).map_err(errno));
        answer!(reply, gone, empty);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let gone = self.node(parent).and_then(|p| fs::unlinkat(&p, name, AtFlags::REMOVEDIR).map_err(errno));
        answer!(reply, gone, empty);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let moved = self.node(parent).and_then(|from| {
            let to = self.node(new_parent)?;
            let flags = fs::RenameFlags::from_bits_retain(flags.bits());
            fs::renameat_with(&from, name, &to, new_name, flags).map_err(errno)?;
            self.fails(Call::Rename, parent, 0)
        });
        answer!(reply, moved, empty);
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let opened = self
            .fails(Call::Open, ino, 0)
            .and_then(|()| self.reopen(ino, OFlags::from_bits_retain(flags.0.cast_unsigned())));
        answer!(reply, opened, |file, reply: ReplyOpen| reply.opened(self.keep(file), FopenFlags::empty()));
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let made = self.node(parent).and_then(|p| {
            let flags = (OFlags::from_bits_retain(flags.cast_unsigned()) - OFlags::DIRECT) | OFlags::CREATE;
            let mode = Mode::from_raw_mode(mode & 0o7777);
            let file = fs::openat(&p, name, flags | OFlags::CLOEXEC, mode).map_err(errno)?;
            Ok((self.find(parent, name)?, File::from(file)))
        });
        answer!(reply, made, |(a, file), reply: ReplyCreate| {
            reply.created(&TTL, &a, Generation(0), self.keep(file), FopenFlags::empty());
        });
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let data = self.fails(Call::Read, ino, offset + u64::from(size) - 1).and_then(|()| {
            let mut data = vec![0; size as usize];
            let n = self.file(fh)?.read_at(&mut data, offset).map_err(|e| io_errno(&e))?;
            data.truncate(n);
            Ok(data)
        });
        answer!(reply, data, |data: Vec<u8>, reply: ReplyData| reply.data(&data));
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let Some(reply) = self.faults.hold(reply) else { return };
        let written = self
            .fails(Call::Write, ino, offset)
            .and_then(|()| self.file(fh)?.write_at(data, offset).map_err(|e| io_errno(&e)));
        answer!(reply, written, |n, reply: ReplyWrite| reply.written(u32::try_from(n).unwrap_or(0)));
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        let reserved = self
            .fails(Call::Write, ino, offset)
            .and_then(|()| fs::fallocate(&*self.file(fh)?, mode, offset, length).map_err(errno));
        answer!(reply, reserved, empty);
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        fh: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.with(|s| s.files.remove(&fh.0));
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, fh: FileHandle, _: bool, reply: ReplyEmpty) {
        let synced = self
            .fails(Call::Sync, ino, 0)
            .and_then(|()| self.file(fh)?.sync_data().map_err(|e| io_errno(&e)));
        answer!(reply, synced, empty);
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        match self.entries(ino) {
            Ok(entries) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                for (n, (node, kind, name)) in entries.into_iter().enumerate().skip(from) {
                    use std::os::unix::ffi::OsStrExt as _;
                    if reply.add(INodeNo(node), n as u64 + 1, kind, OsStr::from_bytes(&name)) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(e) => reply.error(e),
        }
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        let told = self.node(ino).and_then(|node| fs::fstatvfs(&*node).map_err(errno));
        answer!(reply, told, |s: fs::StatVfs, reply: ReplyStatfs| {
            let size = u32::try_from(s.f_bsize).unwrap_or(4096);
            reply.statfs(s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree, size, 255, size);
        });
    }
}
