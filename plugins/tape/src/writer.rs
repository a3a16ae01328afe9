//! One object on its way to tape.
//!
//! Small ones wait in memory until they are complete, so that many writers can be open over one sequential medium. Large ones of known
//! size go straight to tape and hold the stream meanwhile; large ones of unknown size are spooled, because a tar member begins with
//! its size. An object that turns out shorter than announced is padded, marked void, and is none (tape-format.md).

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use twinhaul_backend_abi::{Attrs, Buf, Code, Error, Kind, Lost, Op, Put, Result, Writer, WriterInfo};

use crate::fail::{failed, mistake};
use crate::format::manifest::Object;
use crate::format::pax::{self, What};
use crate::stream::Turn;
use crate::target::{Shared, allowed};

/// Objects up to this size are kept in memory until they are complete.
const MEMORY_MAX: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub struct TapeWriter {
    shared: Arc<Shared>,
    put: Put,
    hold: Hold,
    hash: blake3::Hasher,
    written: u64,
}

#[derive(Debug)]
enum Hold {
    Memory(Vec<u8>),
    Spool(File),
    Tape(Live),
    Done,
}

/// An object that streams to tape.
#[derive(Debug)]
struct Live {
    turn: Turn,
    announced: u64,
    /// Where its bytes begin in the archive.
    at: u64,
}

impl TapeWriter {
    pub(crate) fn open(shared: &Arc<Shared>, put: &Put) -> Result<(Self, WriterInfo)> {
        let key = put.key.as_bytes();
        allowed("write", key)?;
        if put.attempt_id.is_empty() {
            return Err(mistake(Code::InvalidArg, "write", key, "an object needs an attempt id"));
        }
        shared.library.catalogue.open_attempt(&put.attempt_id, key)?;
        shared.deck.works_for(&put.attempt_id);
        shared.stream.writer_opened();
        let info = WriterInfo { reference: put.attempt_id.as_bytes().to_vec(), ..WriterInfo::default() };
        let writer = Self {
            shared: Arc::clone(shared),
            put: put.clone(),
            hold: Hold::Memory(Vec::new()),
            hash: blake3::Hasher::new(),
            written: 0,
        };
        Ok((writer, info))
    }

    fn key(&self) -> &[u8] {
        self.put.key.as_bytes()
    }

    fn attrs(&self, size: u64) -> Attrs {
        Attrs { kind: Kind::File, size: Some(size), ..self.put.attrs.clone().unwrap_or_default() }
    }

    fn object(&self, at: u64, len: u64, void: bool) -> Object {
        let mut meta = self.put.user_meta.clone();
        if let Some(content_type) = &self.put.content_type {
            meta.push(("content_type".to_owned(), content_type.clone()));
        }
        Object {
            attempt: self.put.attempt_id.clone(),
            key: self.key().to_vec(),
            at,
            len,
            blake3: *self.hash.finalize().as_bytes(),
            void,
            attrs: self.attrs(len),
            meta,
        }
    }

    /// The member's head is written, and the stream is this object's until it is complete.
    fn go_live(&self, op: &Op<'_>, announced: u64) -> Result<Live> {
        let mut turn = self.shared.stream.take(op)?;
        let attrs = self.attrs(announced);
        let at = turn.ready(op, announced)?.head(op, self.key(), &attrs, What::File(announced))?;
        Ok(Live { turn, announced, at })
    }

    /// What was kept so far finds its way: on to tape if the size is known, else to the spool.
    fn spill(&mut self, op: &Op<'_>, kept: &[u8]) -> Result<Hold> {
        if let Some(announced) = self.put.size_hint {
            let mut live = self.go_live(op, announced)?;
            if let Some(set) = &mut live.turn.set {
                set.write(op, kept)?;
            }
            return Ok(Hold::Tape(live));
        }
        let spool = self.shared.library.spool()?;
        spool.write_all_at(kept, 0).map_err(|e| failed("write to the spool", &e))?;
        Ok(Hold::Spool(spool))
    }

    /// A complete object that was kept in memory or in the spool.
    fn settle(&self, op: &Op<'_>, mut read: impl FnMut(u64, &mut Vec<u8>) -> Result<()>) -> Result<()> {
        let mut live = self.go_live(op, self.written)?;
        let Some(set) = &mut live.turn.set else { return Err(internal()) };
        let (mut done, mut part) = (0, Vec::new());
        while done < self.written {
            read(done, &mut part)?;
            set.write(&op.to_the_end(), &part)?;
            done += part.len() as u64;
        }
        self.complete(op, live)
    }

    /// Padding, and a place among the objects of the data set.
    fn complete(&self, op: &Op<'_>, mut live: Live) -> Result<()> {
        let Some(set) = &mut live.turn.set else { return Err(internal()) };
        set.zeros(&op.to_the_end(), pax::padding(self.written) as u64)?;
        set.objects.push(self.object(live.at, self.written, false));
        self.shared.stream.sealed(&self.put.attempt_id);
        Ok(())
    }

    /// An object that came to nothing while it was on its way to tape.
    fn void(&self, mut live: Live) {
        let Some(set) = &mut live.turn.set else { return };
        if set.is_empty() || set.is_broken() {
            if let Some(set) = live.turn.set.take() {
                let broken = set.broken();
                live.turn.give_up(&Op::detached(), *set, broken.as_ref());
            }
            return;
        }
        let rest = live.announced - self.written.min(live.announced) + pax::padding(live.announced) as u64;
        // If not even zeros can be written the data set is broken, and says so to those in it.
        if set.zeros(&Op::detached(), rest).is_ok() {
            set.objects.push(self.object(live.at, live.announced, true));
        }
    }

    fn let_go(&mut self) {
        if let Hold::Tape(live) = std::mem::replace(&mut self.hold, Hold::Done) {
            self.void(live);
        }
    }
}

fn internal() -> Error {
    Error::new(Code::Internal, "the data set is not open")
}

impl Drop for TapeWriter {
    fn drop(&mut self) {
        self.let_go();
        self.shared.stream.writer_gone();
    }
}

impl Writer for TapeWriter {
    fn write(&mut self, op: &Op<'_>, buf: &Buf<'_>) -> Result<()> {
        op.check()?;
        let total = self.written + buf.len() as u64;
        match (&mut self.hold, self.put.size_hint) {
            (Hold::Tape(Live { announced, .. }), _) if total > *announced => {
                let why = "it is longer than it was said to be: the source changed";
                return Err(mistake(Code::Precondition, "write", self.key(), why).retryable());
            }
            (Hold::Tape(live), _) => {
                let Some(set) = &mut live.turn.set else { return Err(internal()) };
                set.write(op, buf)?;
            }
            (Hold::Spool(spool), _) => {
                spool.write_all_at(buf, self.written).map_err(|e| failed("write to the spool", &e))?;
            }
            (Hold::Memory(kept), hint) => {
                if total <= MEMORY_MAX && hint.is_none_or(|hint| hint <= MEMORY_MAX) {
                    kept.extend_from_slice(buf);
                } else {
                    // Only when it is safe elsewhere is it forgotten here: the same write may be repeated.
                    let mut all = kept.clone();
                    all.extend_from_slice(buf);
                    self.hold = self.spill(op, &all)?;
                }
            }
            (Hold::Done, _) => return Err(internal()),
        }
        self.hash.update(buf);
        self.written = total;
        self.shared.stream.stir();
        Ok(())
    }

    fn seal(&mut self, op: &Op<'_>) -> Result<Lost> {
        op.check()?;
        if let Hold::Tape(live) = &self.hold
            && self.written != live.announced
        {
            let why = format!("{} of {} bytes came: the source became shorter", self.written, live.announced);
            return Err(mistake(Code::Precondition, "write", self.key(), &why).retryable().poisoned());
        }
        match std::mem::replace(&mut self.hold, Hold::Done) {
            Hold::Tape(live) => self.complete(op, live)?,
            Hold::Memory(kept) => {
                let sealed = self.settle(op, |_, part| {
                    part.clone_from(&kept);
                    Ok(())
                });
                // A seal that was cancelled before it began can be repeated.
                if sealed.is_err() {
                    self.hold = Hold::Memory(kept);
                }
                sealed?;
            }
            Hold::Spool(spool) => {
                let total = self.written;
                let sealed = self.settle(op, |from, part| {
                    part.resize((total - from).min(MEMORY_MAX) as usize, 0);
                    spool.read_exact_at(part, from).map_err(|e| failed("read the spool", &e))
                });
                if sealed.is_err() {
                    self.hold = Hold::Spool(spool);
                }
                sealed?;
            }
            Hold::Done => return Err(internal()),
        }
        Ok(Lost::NONE)
    }

    fn abort(&mut self, _: &Op<'_>) -> Result<()> {
        self.let_go();
        self.hold = Hold::Done;
        self.shared.stream.forget(&self.put.attempt_id);
        self.shared.library.catalogue.discard_attempt(&self.put.attempt_id).map(|_| ())
    }
}
