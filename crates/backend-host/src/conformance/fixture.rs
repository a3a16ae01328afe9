//! What the cases share: the target opened twice (two peers), keys of their own, whole puts and whole reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use twinhaul_backend_abi::{
    Caps, Code, Key, Limits, ListRequest, Lost, Put, ReadOptions, Stat, Wanted, WriterInfo,
};
use twinhaul_units::text::show_bytes;

use super::Options;
use crate::error::BackendError;
use crate::op::OpContext;
use crate::target::{Entry, Target};
use crate::writer::Writer;

/// Deepest directory that cleaning goes into, and most pages of one listing.
const DEPTH_MAX: usize = 16;
const PAGES_MAX: usize = 10_000;

/// Why a case ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    Fail(String),
    Skip(&'static str),
}

pub(crate) type Verdict<T = ()> = Result<T, Stop>;

impl From<BackendError> for Stop {
    fn from(e: BackendError) -> Self {
        // A source that cannot be written; that it claims nothing else is checked first of all.
        if e.op == "writer_open" && e.code() == Code::Unsupported {
            return Self::Skip("writing");
        }
        Self::Fail(e.to_string())
    }
}

/// Fails the case unless the condition holds.
macro_rules! check {
    ($cond:expr, $($text:tt)+) => {
        if !$cond {
            return Err($crate::conformance::Stop::Fail(format!($($text)+)));
        }
    };
}
pub(crate) use check;

/// What one finished put answers.
#[derive(Debug)]
pub(super) struct Stored {
    pub stat: Stat,
    /// Of open, seal, commit and publish together.
    pub lost: Lost,
}

pub(crate) struct Fixture {
    /// One peer.
    pub target: Target,
    /// The other.
    pub other: Target,
    pub caps: Caps,
    pub limits: Limits,
    pub op: OpContext,
    pub options: Options,
    /// Attempt ids begin with it.
    pub run: String,
    /// Keys of this case begin with it.
    prefix: String,
    root: String,
    next: Arc<AtomicU64>,
}

impl Fixture {
    pub(super) fn new(
        open: &dyn Fn() -> Result<Target, BackendError>,
        options: &Options,
    ) -> Result<Self, BackendError> {
        let target = open()?;
        let other = open()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        let root = format!("twinhaul-conformance-{}-{now:x}", std::process::id());
        Ok(Self {
            caps: target.caps(),
            limits: *target.limits(),
            op: OpContext::new(),
            options: options.clone(),
            run: root.clone(),
            prefix: root.clone(),
            root,
            next: Arc::default(),
            target,
            other,
        })
    }

    /// The same targets for one case.
    pub(super) fn begin(&self, case: &str) -> Self {
        Self {
            target: self.target.clone(),
            other: self.other.clone(),
            caps: self.caps,
            limits: self.limits,
            op: OpContext::new(),
            options: self.options.clone(),
            run: self.run.clone(),
            prefix: format!("{}/{}", self.root, case.replace(' ', "-")),
            root: self.root.clone(),
            next: self.next.clone(),
        }
    }

    pub(super) fn needs(&self, caps: Caps, name: &'static str) -> Verdict {
        if self.caps.contains(caps) { Ok(()) } else { Err(Stop::Skip(name)) }
    }

    pub(super) fn two_phase(&self) -> bool {
        self.caps.contains(Caps::TWO_PHASE)
    }

    /// A key of this case.
    pub(super) fn key(&self, name: impl AsRef<[u8]>) -> Verdict<Key> {
        let whole = [self.prefix.as_bytes(), b"/", name.as_ref()].concat();
        Key::new(whole).map_err(|e| Stop::Fail(format!("the suite made no key: it {e}")))
    }

    /// The directory of this case.
    pub(super) fn directory(&self) -> Verdict<Key> {
        Key::new(self.prefix.as_str()).map_err(|e| Stop::Fail(format!("the suite made no key: it {e}")))
    }

    /// An attempt id that was never used.
    pub(super) fn attempt(&self) -> String {
        format!("{}/{}/1/1", self.run, self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn put(&self, name: impl AsRef<[u8]>) -> Verdict<Put> {
        Ok(Put::new(self.key(name)?, self.attempt()))
    }

    /// Opens a writer and writes all of it in chunks.
    pub(super) fn write(&self, put: &Put, bytes: &[u8]) -> Result<(Writer, WriterInfo), BackendError> {
        let (mut writer, info) = self.target.writer_open(&self.op, put)?;
        for chunk in bytes.chunks(self.chunk()) {
            writer.write(&self.op, chunk)?;
        }
        Ok((writer, info))
    }

    /// Bytes per write.
    pub(super) fn chunk(&self) -> usize {
        match self.limits.preferred_chunk {
            0 => 1 << 20,
            n => usize::try_from(n).unwrap_or(1 << 20).min(16 << 20),
        }
    }

    /// One object, all the way.
    pub(super) fn store(&self, put: &Put, bytes: &[u8]) -> Result<Stored, BackendError> {
        let (writer, info) = self.write(put, bytes)?;
        self.finish(put, writer, &info)
    }

    /// Seals and publishes, or commits.
    pub(super) fn finish(
        &self,
        put: &Put,
        mut writer: Writer,
        info: &WriterInfo,
    ) -> Result<Stored, BackendError> {
        if !self.two_phase() {
            let stat = writer.commit(&self.op, put.checksum.as_ref())?;
            let lost = info.lost | stat.lost;
            return Ok(Stored { stat, lost });
        }
        let lost = info.lost | writer.seal(&self.op)?;
        drop(writer);
        let stat = self.publish(put, &info.reference)?;
        Ok(Stored { lost: lost | stat.lost, stat })
    }

    /// What is left to do after sealing.
    pub(super) fn publish(&self, put: &Put, reference: &[u8]) -> Result<Stat, BackendError> {
        first(self.target.seal_sync(&self.op, &[reference])?)?;
        let stat = first(self.target.publish_batch(&self.op, std::slice::from_ref(put), &[reference])?)?;
        self.target.publish_sync(&self.op)?;
        Ok(stat)
    }

    /// Opened, written, sealed and durable, not visible; answers its ref. Two-phase only.
    pub(super) fn sealed(&self, put: &Put, bytes: &[u8]) -> Verdict<Vec<u8>> {
        let (mut writer, info) = self.write(put, bytes)?;
        writer.seal(&self.op)?;
        drop(writer);
        first(self.target.seal_sync(&self.op, &[&info.reference])?)?;
        Ok(info.reference)
    }

    /// Many small objects: one group where there are two phases.
    pub(super) fn store_all(&self, objects: &[(Put, Vec<u8>)]) -> Verdict<Vec<Result<Stored, BackendError>>> {
        if !self.two_phase() {
            return Ok(objects.iter().map(|(put, bytes)| self.store(put, bytes)).collect());
        }
        let mut answers: Vec<Option<Result<Stored, BackendError>>> = Vec::new();
        let mut group: Vec<(usize, Put, Vec<u8>, Lost)> = Vec::new();
        for (i, (put, bytes)) in objects.iter().enumerate() {
            let sealed = self.write(put, bytes).and_then(|(mut w, info)| Ok((w.seal(&self.op)?, info)));
            match sealed {
                Ok((lost, info)) => {
                    group.push((i, put.clone(), info.reference, lost | info.lost));
                    answers.push(None);
                }
                Err(e) => answers.push(Some(Err(e))),
            }
        }
        let refs: Vec<&[u8]> = group.iter().map(|(_, _, r, _)| r.as_slice()).collect();
        for synced in self.target.seal_sync(&self.op, &refs)? {
            synced?;
        }
        let puts: Vec<Put> = group.iter().map(|(_, put, _, _)| put.clone()).collect();
        let published = self.target.publish_batch(&self.op, &puts, &refs)?;
        self.target.publish_sync(&self.op)?;
        for ((i, _, _, lost), stat) in group.iter().zip(published) {
            answers[*i] = Some(stat.map(|stat| Stored { lost: *lost | stat.lost, stat }));
        }
        Ok(answers.into_iter().flatten().collect())
    }

    pub(super) fn read(&self, key: &Key) -> Result<Vec<u8>, BackendError> {
        self.read_with(key, ReadOptions::default(), self.chunk())
    }

    /// All that a reader gives, asked in pieces of `piece` bytes.
    pub(super) fn read_with(
        &self,
        key: &Key,
        options: ReadOptions,
        piece: usize,
    ) -> Result<Vec<u8>, BackendError> {
        let (mut reader, _) = self.target.reader_open(&self.op, key, options)?;
        let (mut out, mut buf) = (Vec::new(), vec![0u8; piece]);
        loop {
            match reader.read(&self.op, &mut buf)? {
                0 => return Ok(out),
                n => out.extend_from_slice(&buf[..n]),
            }
        }
    }

    /// Whether a key is visible; any error but `NotFound` fails.
    pub(super) fn visible(&self, target: &Target, key: &Key) -> Verdict<bool> {
        match target.stat(&self.op, key) {
            Ok(_) => Ok(true),
            Err(e) if e.code() == Code::NotFound => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// All entries directly below a directory, in pages of `page` (0 = the backend's size).
    pub(super) fn list(&self, prefix: Option<&Key>, page: u32) -> Verdict<Vec<Entry>> {
        let (mut entries, mut continuation) = (Vec::new(), Vec::new());
        for _ in 0..PAGES_MAX {
            let request =
                ListRequest { prefix, continuation: &continuation, want: Wanted::All, max_entries: page };
            let got = self.target.list(&self.op, &request)?;
            entries.extend(got.entries);
            match got.next {
                None => return Ok(entries),
                Some(next) => {
                    check!(next != continuation, "list gives the same continuation again and again");
                    continuation = next;
                }
            }
        }
        Err(Stop::Fail(format!("list does not end after {PAGES_MAX} pages")))
    }

    /// The visible content is exactly this.
    pub(super) fn holds(&self, key: &Key, bytes: &[u8]) -> Verdict {
        let stat = self.target.stat(&self.op, key)?;
        check!(
            stat.size == bytes.len() as u64,
            "stat says {} bytes, {} were written",
            stat.size,
            bytes.len()
        );
        let found = self.read(key)?;
        check!(found == bytes, "{}", difference(&found, bytes));
        Ok(())
    }

    /// Removes what the suite made.
    pub(super) fn clean(&self) -> Verdict {
        if self.two_phase() {
            self.target.sweep(&self.op, &self.run, true)?;
        }
        if self.caps.contains(Caps::DELETE.with(Caps::LIST)) {
            let root = Key::new(self.root.as_str())
                .map_err(|e| Stop::Fail(format!("the suite made no key: it {e}")))?;
            self.clean_below(&root, DEPTH_MAX)?;
            let _ = self.target.remove(&self.op, &[root])?;
        }
        Ok(())
    }

    fn clean_below(&self, directory: &Key, depth: usize) -> Verdict {
        use twinhaul_backend_abi::Kind;
        if depth == 0 {
            return Ok(());
        }
        let mut keys = Vec::new();
        for entry in self.list(Some(directory), 0)? {
            let Ok(key) = Key::new(entry.key) else { continue };
            if matches!(entry.attrs.kind, Kind::Directory | Kind::Prefix) {
                self.clean_below(&key, depth - 1)?;
            }
            keys.push(key);
        }
        for batch in keys.chunks(1000) {
            let _ = self.target.remove(&self.op, batch)?;
        }
        Ok(())
    }
}

/// The only answer of a batch of one.
pub(super) fn first<T>(answers: Vec<Result<T, BackendError>>) -> Result<T, BackendError> {
    match answers.into_iter().next() {
        Some(answer) => answer,
        None => Err(BackendError {
            backend: "the suite".into(),
            op: "batch",
            error: twinhaul_backend_abi::Error::new(Code::Internal, "no answer for a batch of one"),
        }),
    }
}

/// Where two contents part, for a message.
pub(super) fn difference(found: &[u8], wanted: &[u8]) -> String {
    let at = found.iter().zip(wanted).position(|(a, b)| a != b).unwrap_or(found.len().min(wanted.len()));
    let window = |b: &[u8]| show_bytes(&b[at.min(b.len())..(at + 8).min(b.len())]);
    format!(
        "{} bytes read, {} written; they part at byte {at} (\"{}\" instead of \"{}\")",
        found.len(),
        wanted.len(),
        window(found),
        window(wanted)
    )
}

/// The code of a call that must fail.
pub(super) fn refused<T>(answer: Result<T, BackendError>, what: &str) -> Verdict<Code> {
    match answer {
        Ok(_) => Err(Stop::Fail(format!("{what} succeeded"))),
        Err(e) => Ok(e.code()),
    }
}

/// A failure with what it is about in front.
pub(super) fn named(about: &str, stop: Stop) -> Stop {
    match stop {
        Stop::Fail(why) => Stop::Fail(format!("{about}: {why}")),
        skip @ Stop::Skip(_) => skip,
    }
}
