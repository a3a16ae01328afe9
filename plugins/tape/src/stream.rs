//! The append stream of a target: one open data set, one object at a time, whoever brings it.
//!
//! Objects are complete on tape only when their data set is closed: trailer, tapemark, sync, catalogue, in this order. A data set
//! closes when it is large or old enough, when nothing more comes, or when the drive is wanted elsewhere; an error on the way fails everything
//! in it (tape-format.md 7.5). Whoever has taken the stream holds the [`Turn`]; nobody waits with the lock in hand.

mod close;
mod linger;
mod open_set;

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use twinhaul_backend_abi::{Error, Op, Result, WaitReason};

use crate::config::Config;
use crate::library::deck::{Deck, Seat, Want};
pub(crate) use open_set::OpenSet;

/// Between two looks at whether a wait is over.
const POLL: Duration = Duration::from_millis(20);

/// What became of a sealed object that is not durable yet.
#[derive(Clone, Debug)]
enum Settling {
    /// In the open data set.
    Open,
    /// Its data set failed.
    Failed(Error),
}

#[derive(Debug)]
struct State {
    set: Option<Box<OpenSet>>,
    /// Kept between two data sets.
    seat: Option<Seat>,
    /// Somebody has the turn.
    taken: bool,
    settling: HashMap<String, Settling>,
    /// Writers that are open, and since when there has been none.
    writers: usize,
    none_since: Instant,
    /// When the last byte came.
    active: Instant,
    /// Those who wait for a data set to close, now.
    pressing: usize,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) deck: Arc<Deck>,
    close_bytes: u64,
    close_age: Duration,
    state: Mutex<State>,
    changed: Condvar,
}

/// The right to write; given back when dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    stream: Arc<Stream>,
    pub(crate) set: Option<Box<OpenSet>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.stream.lock();
        state.set = self.set.take();
        state.taken = false;
        state.active = Instant::now();
        drop(state);
        self.stream.changed.notify_all();
    }
}

impl Stream {
    pub(crate) fn new(deck: Arc<Deck>, config: &Config) -> Self {
        let now = Instant::now();
        Self {
            deck,
            close_bytes: config.close_bytes,
            close_age: config.close_age,
            state: Mutex::new(State {
                set: None,
                seat: None,
                taken: false,
                settling: HashMap::new(),
                writers: 0,
                none_since: now,
                active: now,
                pressing: 0,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn writer_opened(&self) {
        self.lock().writers += 1;
    }

    pub(crate) fn writer_gone(&self) {
        let mut state = self.lock();
        state.writers = state.writers.saturating_sub(1);
        state.none_since = Instant::now();
        drop(state);
        self.changed.notify_all();
    }

    /// Bytes arrived: the data set is not closed for idleness.
    pub(crate) fn stir(&self) {
        self.lock().active = Instant::now();
    }

    /// Waits for the turn.
    pub(crate) fn take(self: &Arc<Self>, op: &Op<'_>) -> Result<Turn> {
        let mut told = false;
        loop {
            op.check()?;
            let mut state = self.lock();
            if !state.taken {
                state.taken = true;
                let set = state.set.take();
                drop(state);
                if told {
                    op.wait(None, "");
                }
                return Ok(Turn { stream: Arc::clone(self), set });
            }
            if !told {
                op.wait(Some(WaitReason::Drive), "another object is on its way to tape");
                told = true;
            }
            drop(self.changed.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// As [`Stream::take`], if nobody has it.
    fn try_take(self: &Arc<Self>) -> Option<Turn> {
        let mut state = self.lock();
        if state.taken {
            return None;
        }
        state.taken = true;
        let set = state.set.take();
        Some(Turn { stream: Arc::clone(self), set })
    }

    /// The object was sealed into the open data set.
    pub(crate) fn sealed(&self, attempt: &str) {
        self.lock().settling.insert(attempt.to_owned(), Settling::Open);
    }

    pub(crate) fn forget(&self, attempt: &str) {
        self.lock().settling.remove(attempt);
    }

    /// Gives the seat back, for the end.
    pub(crate) fn leave(&self) {
        let seat = self.lock().seat.take();
        drop(seat);
    }

    /// How many objects wait for their data set.
    pub(crate) fn settling(&self) -> usize {
        self.lock().settling.len()
    }
}

impl Turn {
    /// A data set with room for an object of `len` bytes: the open one, or a new one on a mounted cartridge.
    pub(crate) fn ready(&mut self, op: &Op<'_>, len: u64) -> Result<&mut OpenSet> {
        let stream = Arc::clone(&self.stream);
        if let Some(set) = &self.set {
            // A large object has a data set of its own, so that the small ones before it need not wait for it.
            let full = set.total() >= stream.close_bytes || (len >= stream.close_bytes && !set.is_empty());
            if set.is_broken() || full || stream.deck.must_yield(set.barcode()) {
                self.close(op)?;
            }
        }
        self.ready_one(op, Want::Append)
    }

    /// The open data set as it is, however full, or a new one.
    pub(crate) fn ready_one(&mut self, op: &Op<'_>, want: Want<'_>) -> Result<&mut OpenSet> {
        if self.set.is_none() {
            let seat = self.seat(op, want)?;
            self.set = Some(Box::new(OpenSet::begin(&self.stream.deck, op, seat)?));
        }
        match &mut self.set {
            Some(set) => Ok(set),
            None => Err(Error::new(twinhaul_backend_abi::Code::Internal, "no data set is open")),
        }
    }

    /// The seat of the data set before, if it has room and nobody else waits for it; else a fresh one.
    fn seat(&self, op: &Op<'_>, want: Want<'_>) -> Result<Seat> {
        let kept = self.stream.lock().seat.take();
        // Given back first: a mounted cartridge with room is found again at once.
        if let Some(seat) = kept {
            let barcode = seat.loaded.barcode.clone();
            let give_way = self.stream.deck.must_yield(&barcode);
            drop(seat);
            if give_way {
                self.stream.deck.unmount(op, &barcode);
            }
        }
        self.stream.deck.mount(op, want)
    }

    fn keep(&self, seat: Option<Seat>) {
        self.stream.lock().seat = seat;
    }
}
