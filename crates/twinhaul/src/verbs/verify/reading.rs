//! Reads objects on a few threads while the ledger's rows come in: each is read once, wherever it is in the order.
//!
//! What cannot be read is a mismatch, and says why: it is not proven. Entry point: [`Reading::all`].

use crate::exit::Failure;
use crate::launch::ledger_failure;
use crate::output;
use crate::values::Sample;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use twinhaul_backend_host::{Caps, Code, OpContext};
use twinhaul_engine::Opened;
use twinhaul_ledger::{Detail, NodeKind, State};
use twinhaul_units::text::show_bytes;
use twinhaul_units::{Bytes, Key, Rate, TransferId};

/// Objects read at a time, as many as a peer has slots: what is small waits for the disk, and not for a processor. Eight threads
/// read 40,000 small files past the cache in 6 to 22 s where two took 13 to 32 s, on the same two busy cores.
const THREADS: usize = 8;
/// Rows that wait for a thread.
const WAITING_MAX: usize = 256;
/// Read at a time, by each thread.
const CHUNK: usize = 1 << 20;
const TELL_TERMINAL: Duration = Duration::from_millis(500);
const TELL_LOG: Duration = Duration::from_secs(10);

/// An object that is not what the ledger says.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) id: TransferId,
    /// By name.
    pub(super) target: String,
    pub(super) key: Vec<u8>,
    /// Not sanitised.
    pub(super) why: String,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    /// In the ledger, of this sample or not.
    pub(super) done: u64,
    /// Of the done: in the sample.
    pub(super) chosen: u64,
    pub(super) skipped: u64,
    pub(super) not_done: u64,
    pub(super) same: u64,
    pub(super) wrong: u64,
    pub(super) bytes: u64,
}

/// See the module.
pub(super) struct Reading<'a> {
    pub(super) targets: &'a BTreeMap<u16, Opened>,
    pub(super) sample: Option<Sample>,
    /// Transfers, about.
    pub(super) expected: u64,
    pub(super) found: &'a (dyn Fn(Mismatch) + Sync),
    pub(super) on_terminal: bool,
}

/// Of all threads.
#[derive(Debug, Default)]
struct Sums {
    same: AtomicU64,
    wrong: AtomicU64,
    bytes: AtomicU64,
}

impl Reading<'_> {
    /// Reads what the sample holds of `rows`.
    ///
    /// # Errors
    /// The ledger's.
    pub(super) fn all(
        &self,
        rows: impl Iterator<Item = twinhaul_ledger::Result<Detail>>,
    ) -> Result<Read, Failure> {
        let sums = Sums::default();
        let (give, waiting) = sync_channel(WAITING_MAX);
        let waiting = Mutex::new(waiting);
        let (over, is_over) = channel::<()>();
        let mut read = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.threads()).map(|_| scope.spawn(|| self.work(&waiting, &sums))).collect();
            let sums = &sums;
            scope.spawn(move || self.tell(&is_over, sums));
            let read = self.hand_out(rows, |row| give.send(row).is_ok());
            drop(give);
            for worker in workers {
                // What a thread that panicked did not read is missed below.
                let _ = worker.join();
            }
            drop(over);
            read
        })?;
        read.same = sums.same.into_inner();
        read.wrong = sums.wrong.into_inner();
        read.bytes = sums.bytes.into_inner();
        let missed = read.chosen - (read.same + read.wrong).min(read.chosen);
        if missed > 0 {
            return Err(Failure::other("verify", format!("{missed} transfers were not read")));
        }
        Ok(read)
    }

    /// One where a medium is read from its beginning to its end: others would only wind it to and fro.
    fn threads(&self) -> usize {
        let winds = self.targets.values().any(|t| t.limits.caps.contains(Caps::SEQUENTIAL));
        if winds { 1 } else { THREADS }
    }

    fn hand_out(
        &self,
        rows: impl Iterator<Item = twinhaul_ledger::Result<Detail>>,
        give: impl Fn(Detail) -> bool,
    ) -> Result<Read, Failure> {
        let mut read = Read::default();
        for row in rows {
            let row = row.map_err(|e| ledger_failure(&e))?;
            match row.state {
                State::Done => read.done += 1,
                State::Skipped => read.skipped += 1,
                State::Planned | State::Authorised | State::Failed => read.not_done += 1,
            }
            let chosen = row.state == State::Done && self.sample.is_none_or(|s| s.holds(row.id));
            read.chosen += u64::from(chosen);
            if chosen && !give(row) {
                break;
            }
        }
        Ok(read)
    }

    fn work(&self, waiting: &Mutex<Receiver<Detail>>, sums: &Sums) {
        let mut buffer = vec![0; CHUNK];
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(row) = next else { return };
            let target = self.targets.get(&row.target);
            let compared = match target {
                None => Err("its target is not in the run's profile".to_owned()),
                Some(target) => compare(target, &row, &mut buffer, &sums.bytes),
            };
            let Err(why) = compared else {
                sums.same.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            sums.wrong.fetch_add(1, Ordering::Relaxed);
            let target = target.map_or_else(|| format!("target {}", row.target), |t| t.name.clone());
            (self.found)(Mismatch { id: row.id, target, key: row.key, why });
        }
    }

    /// Until it is over.
    fn tell(&self, is_over: &Receiver<()>, sums: &Sums) {
        let begun = Instant::now();
        let every = if self.on_terminal { TELL_TERMINAL } else { TELL_LOG };
        while is_over.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
            let (same, wrong, bytes) = (
                sums.same.load(Ordering::Relaxed),
                sums.wrong.load(Ordering::Relaxed),
                sums.bytes.load(Ordering::Relaxed),
            );
            let rate = Rate((bytes as f64 / begun.elapsed().as_secs_f64()) as u64);
            let about = if self.sample.is_some() { "about " } else { "" };
            let text = format!(
                "verify: {} of {about}{} transfers, {}, {rate} on average, {wrong} mismatched",
                same + wrong,
                self.expected,
                Bytes(bytes)
            );
            output::progress(&text, self.on_terminal);
        }
        output::progress_end(self.on_terminal);
    }
}

fn compare(target: &Opened, row: &Detail, buffer: &mut [u8], bytes: &AtomicU64) -> Result<(), String> {
    let wanted = row.blake3.ok_or("the ledger has no digest of it")?;
    if row.kind == NodeKind::Symlink {
        let key = Key::new(row.key.clone()).map_err(|e| e.to_string())?;
        let attrs = target.target.get_attrs(&OpContext::new(), Some(&key)).map_err(|e| words(&e))?;
        let link = attrs.link_target.ok_or("it is not a symbolic link")?;
        let same = *blake3::hash(&link).as_bytes() == wanted;
        return if same { Ok(()) } else { Err("it points elsewhere".into()) };
    }
    for name in std::iter::once(&row.key).chain(&row.names) {
        // The transfer is told by its first name; a further one has to say which it is.
        let further =
            if *name == row.key { String::new() } else { format!("its name {} ", show_bytes(name)) };
        let key = Key::new(name.clone()).map_err(|e| format!("{further}{e}"))?;
        let tell = |n: usize| {
            bytes.fetch_add(n as u64, Ordering::Relaxed);
        };
        let found = twinhaul_engine::digest_told(&OpContext::new(), target, &key, buffer, &tell)
            .map_err(|e| format!("{further}{}", words(&e)))?;
        if found != wanted {
            return Err(format!("{further}holds other bytes than were written"));
        }
    }
    Ok(())
}

fn words(e: &twinhaul_backend_host::BackendError) -> String {
    if e.code() == Code::NotFound { "is missing".into() } else { format!("cannot be read: {e}") }
}
