//! The time model: what a real drive would have taken, slept on a virtual clock (tape-format.md 8). Off by default.
//!
//! Figures are those of an LTO-8 half-height drive: load 15 s, unload 24 s, 59 s to locate from the beginning on average, 300 MB/s.
//! Times are divided by `speedup`, and whatever shows one says "simulated". Nothing sleeps with a lock in hand.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use twinhaul_backend_abi::{Op, Result, WaitReason};

const ROBOT: f64 = 10.0;
const LOAD: f64 = 15.0;
const UNLOAD: f64 = 24.0;
const LOCATE_START: f64 = 4.0;
/// From one end of the tape to the other: twice the average.
const TRAVEL: f64 = 118.0;
const WRAPS: f64 = 208.0;
const BYTES_PER_S: f64 = 300e6;
/// The drive's buffer, in seconds of streaming.
const BUFFER_S: f64 = 3.5;
const BACKHITCH: f64 = 3.0;
const FILEMARK: f64 = 2.0;
/// Longest sleep between two looks at whether to stop.
const STEP: Duration = Duration::from_millis(20);

/// Of one loaded cartridge.
#[derive(Debug)]
pub(crate) struct Model {
    speedup: f64,
    capacity: f64,
    state: Mutex<Head>,
}

#[derive(Debug)]
struct Head {
    /// Bytes from the beginning of the tape.
    at: u64,
    /// Until when the medium has data to write.
    busy_until: Option<Instant>,
    backhitches: u64,
}

/// How far along the tape (0 to 1) a byte lies: serpentine, there and back.
fn along(at: u64, capacity: f64) -> f64 {
    let wrap = (at as f64 / (capacity / WRAPS)).max(0.0);
    let (whole, part) = (wrap.floor(), wrap.fract());
    if whole as u64 % 2 == 1 { 1.0 - part } else { part }
}

impl Model {
    pub(crate) fn new(speedup: u32, capacity: u64) -> Self {
        let state = Mutex::new(Head { at: 0, busy_until: None, backhitches: 0 });
        Self { speedup: f64::from(speedup.max(1)), capacity: capacity.max(1) as f64, state }
    }

    /// What a change of cartridges costs, with the model's speed.
    pub(crate) fn mount_time(speedup: Option<u32>) -> Duration {
        speedup.map_or(Duration::ZERO, |s| {
            Duration::from_secs_f64((ROBOT + LOAD + UNLOAD + TRAVEL / 2.0) / f64::from(s.max(1)))
        })
    }

    /// The robot brings the cartridge, the drive takes it.
    pub(crate) fn load(&self, op: &Op<'_>, detail: &str) -> Result<()> {
        self.spend(op, WaitReason::Mount, detail, ROBOT + LOAD)
    }

    /// Rewinds and gives the cartridge back.
    pub(crate) fn unload(&self, op: &Op<'_>, detail: &str) -> Result<()> {
        let rewind = along(self.lock().at, self.capacity) * TRAVEL;
        self.spend(op, WaitReason::Mount, detail, rewind + UNLOAD)
    }

    /// Moves to a byte, unless the head is there.
    pub(crate) fn locate(&self, op: &Op<'_>, to: u64, detail: &str) -> Result<()> {
        let from = std::mem::replace(&mut self.lock().at, to);
        if from == to {
            return Ok(());
        }
        let way = (along(from, self.capacity) - along(to, self.capacity)).abs();
        self.spend(op, WaitReason::Locate, detail, LOCATE_START + way * TRAVEL)
    }

    /// `n` bytes stream past the head; a writer that is too slow lets the buffer run dry, and the tape must go back.
    pub(crate) fn stream(&self, op: &Op<'_>, n: u64, detail: &str) -> Result<()> {
        let now = Instant::now();
        let ahead = {
            let mut head = self.lock();
            head.at += n;
            let mut cost = n as f64 / BYTES_PER_S;
            let from = match head.busy_until {
                Some(until) if until >= now => until,
                Some(_) => {
                    head.backhitches += 1;
                    cost += BACKHITCH;
                    now
                }
                None => now,
            };
            let until = from + self.real(cost);
            head.busy_until = Some(until);
            until.saturating_duration_since(now)
        };
        sleep(op, WaitReason::Io, detail, ahead.saturating_sub(self.real(BUFFER_S)))
    }

    /// A synchronous filemark: the buffer is written out, then the mark.
    pub(crate) fn filemark(&self, op: &Op<'_>, detail: &str) -> Result<()> {
        let left = self
            .lock()
            .busy_until
            .take()
            .map_or(Duration::ZERO, |u| u.saturating_duration_since(Instant::now()));
        sleep(op, WaitReason::Io, detail, left + self.real(FILEMARK))
    }

    /// How often the tape had to go back because its writer was too slow.
    pub(crate) fn backhitches(&self) -> u64 {
        self.lock().backhitches
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Head> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn real(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds / self.speedup).max(0.0))
    }

    fn spend(&self, op: &Op<'_>, reason: WaitReason, detail: &str, seconds: f64) -> Result<()> {
        sleep(op, reason, detail, self.real(seconds))
    }
}

/// Until it is over or the operation is cancelled; told as a wait, and as simulated.
fn sleep(op: &Op<'_>, reason: WaitReason, detail: &str, time: Duration) -> Result<()> {
    if time.is_zero() {
        return Ok(());
    }
    op.wait(Some(reason), &format!("{detail} (simulated)"));
    let until = Instant::now() + time;
    let answer = loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Ok(());
        }
        if let Err(e) = op.check() {
            break Err(e);
        }
        std::thread::sleep(left.min(STEP));
    };
    op.wait(None, "");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tape_goes_there_and_back() {
        let capacity = 208_000.0;
        assert!(along(0, capacity).abs() < 1e-9);
        assert!((along(500, capacity) - 0.5).abs() < 1e-9);
        assert!((along(1_250, capacity) - 0.75).abs() < 1e-9, "the second wrap runs backwards");
        assert!((along(2_250, capacity) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn times_are_divided_and_counted() {
        assert_eq!(Model::mount_time(None), Duration::ZERO);
        assert_eq!(Model::mount_time(Some(2)), Duration::from_secs(54));
        let m = Model::new(1_000, 1 << 30);
        let op = Op::detached();
        let began = Instant::now();
        m.load(&op, "x").unwrap();
        m.locate(&op, 1 << 20, "x").unwrap();
        m.stream(&op, 3_000_000_000, "x").unwrap();
        assert!(began.elapsed() >= Duration::from_millis(25 + 4 + 6), "{:?}", began.elapsed());
        assert_eq!(m.backhitches(), 0);
        m.filemark(&op, "x").unwrap();
        m.stream(&op, 1, "x").unwrap();
        std::thread::sleep(Duration::from_millis(5));
        m.stream(&op, 1, "x").unwrap();
        assert_eq!(m.backhitches(), 1, "the buffer ran dry");
    }
}
