//! An open disk target: the calls of the interface, each handed to the file that does it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;
use twinhaul_backend_abi::{
    Attrs, Batch, BatchPut, Buf, Error, Flow, Host, Key, Limits, ListEnd, ListRequest, LogLevel, Lost, Op,
    Private, Probe, Put, ReadOptions, Result, Stat, Target, Writer, WriterInfo,
};

use crate::config::Config;
use crate::durable;
use crate::fail::{failed, root_failed};
use crate::lister::Lister;
use crate::mounts::MountTable;
use crate::node::Node;
use crate::nodes;
use crate::parents::allowed;
use crate::probe::probe;
use crate::publish::publish_batch;
use crate::reader::DiskReader;
use crate::root::Root;
use crate::status::status;
use crate::sweep::{discard, sweep};
use crate::volume::Volume;
use crate::writer::DiskWriter;

/// See the module.
#[derive(Debug)]
pub struct DiskTarget {
    volume: Arc<Volume>,
    lister: Lister,
    /// The root, or the deepest directory there was before it was made, is a mount point that is not mounted.
    bare: bool,
}

impl DiskTarget {
    pub(crate) fn open(config: &Config, op: &Op<'_>, host: Host) -> Result<(Self, Limits)> {
        op.check()?;
        // Asked before the root is made: afterwards a bare mount point would no longer be empty.
        let bare = deepest(&config.root).is_some_and(|there| MountTable::default().bare(&there));
        if config.create {
            make(&config.root)?;
        }
        let volume = Volume::new(Root::at(&config.root)?, config)?;
        if config.xattrs && !volume.xattrs {
            host.log(LogLevel::Debug, "disk", "extended attributes are not kept on this file system");
        }
        let limits = volume
            .medium
            .limits(volume.root.fd(), volume.missing())
            .map_err(|e| failed("ask the limits of", b"", e))?;
        Ok((Self { volume: Arc::new(volume), lister: Lister::default(), bare }, limits))
    }

    fn put_one(&self, op: &Op<'_>, put: &Put, buf: &Buf<'_>) -> Result<BatchPut> {
        op.check()?;
        let (mut writer, mut info) = DiskWriter::open(&self.volume, put)?;
        let sealed = writer.write(op, buf).and_then(|()| writer.seal(op));
        match sealed {
            Ok(lost) => {
                info.lost |= lost;
                Ok(BatchPut { info, ..BatchPut::default() })
            }
            Err(e) => {
                // The first error says what happened; what cannot be removed now is found by the sweep.
                let _ = writer.abort(op);
                Err(e)
            }
        }
    }
}

/// Makes the root and what is missing above it.
fn make(root: &Path) -> Result<()> {
    std::fs::create_dir_all(root).map_err(|e| match Errno::from_io_error(&e) {
        Some(errno) => root_failed("make the directory", root.as_os_str().as_bytes(), errno),
        None => Error::io("make the directory", &e),
    })
}

/// The deepest directory on the way to `path` that is there, resolved.
fn deepest(path: &Path) -> Option<std::path::PathBuf> {
    path.ancestors().find_map(|p| std::fs::canonicalize(p).ok())
}

impl Target for DiskTarget {
    type Writer = DiskWriter;
    type Reader = DiskReader;

    fn probe(&self, op: &Op<'_>) -> Result<Probe> {
        op.check()?;
        probe(&self.volume, self.bare)
    }

    fn writer_open(&self, op: &Op<'_>, put: &Put) -> Result<(DiskWriter, WriterInfo)> {
        op.check()?;
        DiskWriter::open(&self.volume, put)
    }

    fn writer_attach(&self, op: &Op<'_>, put: &Put, reference: &[u8]) -> Result<(DiskWriter, WriterInfo)> {
        op.check()?;
        DiskWriter::attach(&self.volume, put, reference)
    }

    fn put_batch(&self, op: &Op<'_>, puts: &[Put], bufs: &[Buf<'_>]) -> Batch<BatchPut> {
        if puts.len() != bufs.len() {
            return Err(Error::new(twinhaul_backend_abi::Code::InvalidArg, "not as many buffers as objects"));
        }
        Ok(puts.iter().zip(bufs).map(|(put, buf)| self.put_one(op, put, buf)).collect())
    }

    fn seal_sync(&self, op: &Op<'_>, refs: &[&[u8]]) -> Batch<()> {
        durable::seal_sync(&self.volume, op, refs)
    }

    fn publish_batch(&self, op: &Op<'_>, puts: &[Put], refs: &[&[u8]]) -> Batch<Stat> {
        publish_batch(&self.volume, op, puts, refs)
    }

    fn publish_sync(&self, op: &Op<'_>) -> Result<()> {
        durable::publish_sync(&self.volume, op)
    }

    fn discard(&self, _: &Op<'_>, which: Private<'_>) -> Result<bool> {
        discard(&self.volume, which)
    }

    fn sweep(
        &self,
        op: &Op<'_>,
        run_prefix: &str,
        remove: bool,
        found: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        sweep(&self.volume, op, run_prefix, remove, found)
    }

    fn put_node(&self, op: &Op<'_>, put: &Put, hard_link_of: Option<&Key>) -> Result<Lost> {
        op.check()?;
        nodes::put_node(&self.volume, put, hard_link_of)
    }

    fn set_attrs(&self, op: &Op<'_>, key: Option<&Key>, attrs: &Attrs) -> Result<Lost> {
        op.check()?;
        nodes::set_attrs(&self.volume, key, attrs)
    }

    fn get_attrs(&self, op: &Op<'_>, key: Option<&Key>) -> Result<Attrs> {
        op.check()?;
        nodes::get_attrs(&self.volume, key)
    }

    fn stat(&self, op: &Op<'_>, key: &Key) -> Result<Stat> {
        op.check()?;
        let path = key.as_bytes();
        allowed("look at", path)?;
        let look = |()| self.volume.root.handle(path).and_then(Node::of);
        match look(()) {
            // NFS forgot the handle: once more from the root.
            Err(Errno::STALE) => look(()),
            other => other,
        }
        .map(|node| node.stat())
        .map_err(|e| self.volume.blame("look at", path, e))
    }

    fn reader_open(&self, op: &Op<'_>, key: &Key, options: ReadOptions) -> Result<(DiskReader, Stat)> {
        op.check()?;
        DiskReader::open(&self.volume, key, options)
    }

    fn list(
        &self,
        op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        self.lister.list(&self.volume, op, request, entry)
    }

    fn status(&self, op: &Op<'_>) -> Result<String> {
        Ok(status(&self.volume, &self.probe(op)?).to_string())
    }

    fn remove(&self, op: &Op<'_>, keys: &[Key]) -> Batch<()> {
        Ok(nodes::remove(&self.volume, op, keys))
    }
}
