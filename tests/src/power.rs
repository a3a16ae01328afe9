//! Power loss, by replaying recorded writes: a real run on a real file system over a block device that records every write and
//! every flush in their order; then the disk as a power cut would have left it, at as many instants as wanted.
//!
//! Recorded is what the kernel sends to the device: an image file, exported by `qemu-storage-daemon` over FUSE, its driver
//! `blklogwrites` in between, a loop device over the export. Of a disk with a volatile cache it is only known that what
//! was written before a flush is there after it: so a [`cut`] keeps all that, and of the rest what the seed says, in an
//! order of the seed's, some of it torn between two sectors. Needs root, loop devices and `/dev/fuse`. Entry points:
//! [`scene::Recording`] (a run), [`after::Recovered`] (what must be true after a cut in it), and below them
//! [`recorder::Recorder`], [`log::Log`], [`cut::Cut`], [`part::Part`].

pub mod after;
pub mod cut;
pub mod log;
pub mod part;
pub mod recorder;
pub mod scene;

/// The smallest thing that a disk writes whole.
pub const SECTOR_BYTES: u64 = 512;
