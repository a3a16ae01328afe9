//! The checkpointer: makes durable what large transfers in flight have reached and records it in the ledger, so that the
//! end of a process costs at most what it did since (protocol.md 3: what a take-over begins again).
//!
//! One thread, because syncing waits for storage. It must never record what is not durable. Entry point:
//! [`Checkpointer::run`].

use crate::copy::{Failure, resume};
use crate::driver::DriverEvent;
use crate::error::EngineError;
use crate::storage::Storage;
use crate::whole::{Home, Whole, Wholes};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use twinhaul_assist::{CHECKPOINT_BYTES_MIN, CHECKPOINT_EVERY};
use twinhaul_backend_host::{BackendError, Code, OpContext};
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{LedgerError, NewCheckpoint, Store};
use twinhaul_units::{Incarnation, PeerId};

/// It pauses so many times as long as it recorded, up to [`PAUSE_MAX`]: where syncing is slow, it is done less often.
const PAUSES: u32 = 3;
/// Longest pause; also how long this thread may outlive the driver.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// How long to wait after a recording that took so long.
fn pause(took: Duration) -> Duration {
    took.saturating_mul(PAUSES).clamp(CHECKPOINT_EVERY, PAUSE_MAX)
}

/// What the checkpointer works with.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    pub store: Store,
    pub me: PeerId,
    pub incarnation: Incarnation,
    pub storage: Arc<Storage>,
    pub wholes: Arc<Wholes>,
    pub closer: crossbeam_channel::Sender<Arc<Whole>>,
    pub driver: mpsc::Sender<DriverEvent>,
}

impl Checkpointer {
    /// Runs until the driver is gone.
    pub(crate) fn run(&self) {
        let mut took = Duration::ZERO;
        loop {
            std::thread::sleep(pause(took));
            if self.driver.is_closed() {
                return;
            }
            let begun = Instant::now();
            if let Err(e) = self.record() {
                // The driver ends the peer; nothing to do if it is gone already.
                let _ = self.driver.blocking_send(DriverEvent::Fatal(EngineError::from(e)));
                return;
            }
            took = begun.elapsed();
        }
    }

    fn record(&self) -> Result<(), LedgerError> {
        let mut durable = Vec::new();
        for whole in self.wholes.all().into_iter().filter(|whole| whole.size >= CHECKPOINT_BYTES_MIN) {
            let Some((checkpoint, covered)) = whole.written() else { continue };
            match self.sync(&whole) {
                Ok(()) => {
                    let (id, epoch) = (whole.id(), whole.job.unit.epoch);
                    durable.push((NewCheckpoint { id, epoch, checkpoint }, whole, covered));
                }
                // Sealed or discarded meanwhile.
                Err(e) if e.code() == Code::NotFound => {}
                Err(e) => self.failed(&whole, &e),
            }
        }
        if durable.is_empty() {
            return Ok(());
        }
        let (new, rest): (Vec<_>, Vec<_>) =
            durable.into_iter().map(|(new, whole, covered)| (new, (whole, covered))).unzip();
        hit(Point::CheckpointSynced);
        self.store.keep_checkpoints(self.me, self.incarnation, &new)?;
        hit(Point::Checkpointed);
        for (whole, covered) in rest {
            if let Some(target) = self.storage.target(whole.job.row.target) {
                resume::let_go(&whole, target, covered);
            }
        }
        Ok(())
    }

    /// All that was written before this call is durable after it.
    fn sync(&self, whole: &Whole) -> Result<(), BackendError> {
        let Some(target) = self.storage.target(whole.job.row.target) else { return Ok(()) };
        let op = OpContext::new();
        let (mut writer, _) = target.target.writer_attach(&op, &whole.put, &whole.object.reference)?;
        writer.flush(&op).map(|_| ())
    }

    /// A sync that failed is never repeated: the object is written anew (store.md 4.10).
    fn failed(&self, whole: &Arc<Whole>, e: &BackendError) {
        let target = self.storage.target_name(whole.job.row.target);
        if whole.fail(Failure::of("sync", target, e)) == Home::All {
            // A closer that is gone means that the peer is ending.
            let _ = self.closer.send(Arc::clone(whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_storage_is_synced_less_often_and_the_pause_has_an_end() {
        let ms = Duration::from_millis;
        assert_eq!(pause(ms(1)), CHECKPOINT_EVERY);
        assert_eq!(pause(ms(100)), ms(300));
        assert_eq!(pause(Duration::from_hours(1)), PAUSE_MAX);
    }
}
