//! The drives as one process uses them: mounting, sharing what is mounted, giving way to others, unmounting what idles.
//!
//! A cartridge is read or written only while it is in a drive, and both are locked against every other process (flock, drive before
//! cartridge, never one held while waiting for the other). Requests for a mounted cartridge are served first; a drive that
//! others wait for is given up after its turn. Waiting is told to the caller's operation, with who is in the way.

mod tell;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use twinhaul_backend_abi::{Code, Error, Op, Result, WaitReason};

use super::load::{Doing, Loaded, load};
use super::lock::{Held, holder, try_hold, who};
use super::model::Model;
use super::ticket::{Ticket, Wanted, is_blocked, waiting};
use super::{Library, inventory};
use crate::catalogue::cartridges::{Cartridge, State};
use crate::config::{Config, DEFAULT_POOL};
use crate::fail::{about, failed};
use crate::format::SETS_MAX;
pub(crate) use tell::Wait;
use tell::Waiting;

/// Between two looks at locks that other processes hold.
const POLL: Duration = Duration::from_millis(50);
/// How long an answer about the queue may be used again.
const QUEUE_AGE: Duration = Duration::from_millis(100);
/// Between two looks through the slots while a cartridge is missing.
const SLOTS_AGE: Duration = Duration::from_secs(1);
/// Below this room (beyond the early warning) a cartridge gets no new data set.
const ROOM_MIN: u64 = 256 << 10;

/// A mounted cartridge that nobody uses just now is given to others only after so long: the next of its objects is mostly
/// on its way, and each change costs a mount.
const GRACE: Duration = Duration::from_millis(150);

/// After so many turns a mounted cartridge is no longer lent to new readers while others wait.
const TURNS_OF_READING: u32 = 4;

/// What a caller needs in a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want<'a> {
    /// This cartridge, to read it (or for maintenance).
    Read(&'a str),
    /// One of the pool with room.
    Append,
    /// As that, if there is one now: what can wait for the next data set waits for no operator.
    AppendNow,
}

#[derive(Debug)]
struct Mount {
    drive: u32,
    barcode: String,
    hold: Held,
    /// `None` while it is being loaded or unloaded.
    loaded: Option<Arc<Loaded>>,
    users: usize,
    since: Instant,
    idle_since: Instant,
}

impl Mount {
    /// Whether others may have its drive.
    fn may_go(&self, turn: Duration) -> bool {
        let spent = self.idle_since.elapsed() >= GRACE || self.since.elapsed() >= turn;
        self.users == 0 && self.loaded.is_some() && spent
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Deck {
    pub(crate) library: Arc<Library>,
    pool: String,
    turn: Duration,
    idle: Duration,
    speedup: Option<u32>,
    mounts: Mutex<Vec<Mount>>,
    changed: Condvar,
    queue: Mutex<Option<Queue>>,
    slots_seen: Mutex<Option<Instant>>,
    /// What calls of this process wait for, by their number.
    waits: Mutex<BTreeMap<u64, Wait>>,
    next_wait: AtomicU64,
    /// The target is going: nothing is waited for any more.
    closing: AtomicBool,
    /// "run projects-3, peer a".
    who: Mutex<String>,
}

/// What the queue looked like.
#[derive(Debug)]
struct Queue {
    at: Instant,
    tickets: Vec<Value>,
    free: usize,
}

/// A mounted cartridge in use.
#[derive(Debug)]
pub(crate) struct Seat {
    deck: Arc<Deck>,
    pub(crate) loaded: Arc<Loaded>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut mounts = self.deck.lock();
        if let Some(mount) = mounts.iter_mut().find(|m| m.barcode == self.loaded.barcode) {
            mount.users = mount.users.saturating_sub(1);
            mount.idle_since = Instant::now();
            if mount.users == 0 {
                self.loaded.head.does(Doing::Nothing);
            }
        }
        drop(mounts);
        self.deck.changed.notify_all();
    }
}

/// One try.
enum Step {
    Have(Arc<Loaded>),
    Load {
        drive: u32,
        hold: Held,
        barcode: String,
        lock: Held,
    },
    /// This mount of ours idles and is to go first.
    Evict(String),
    Wait(WaitReason, String),
}

/// Only an operator can help.
struct Bring {
    /// What is to be brought, and why.
    words: String,
    /// What to type.
    next: String,
}

impl Deck {
    pub(crate) fn new(library: Arc<Library>, config: &Config) -> Self {
        Self {
            library,
            pool: config.pool.clone(),
            turn: config.turn_after(Model::mount_time(config.speedup)),
            idle: config.idle_unmount,
            speedup: config.speedup,
            mounts: Mutex::default(),
            changed: Condvar::new(),
            queue: Mutex::default(),
            slots_seen: Mutex::default(),
            waits: Mutex::default(),
            next_wait: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            who: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Mount>> {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings a cartridge into a drive; waits as long as it takes, visibly, unless the operation is cancelled.
    pub(crate) fn mount(self: &Arc<Self>, op: &Op<'_>, want: Want<'_>) -> Result<Seat> {
        let mut ticket = None;
        let wait = Waiting::new(self);
        loop {
            op.check()?;
            let loaded = match self.step(want, &mut ticket)? {
                Step::Have(loaded) => {
                    if wait.is_told() {
                        op.wait(None, "");
                    }
                    loaded
                }
                Step::Load { drive, hold, barcode, lock } => self.load(op, drive, hold, &barcode, lock)?,
                Step::Evict(barcode) => {
                    self.unmount(op, &barcode);
                    continue;
                }
                Step::Wait(_, detail) if self.closing.load(Ordering::Relaxed) => {
                    return Err(about(Code::Busy, "the target is being closed", &detail));
                }
                Step::Wait(reason, detail) => {
                    op.wait(Some(reason), &detail);
                    wait.tell(reason, detail);
                    self.pause();
                    continue;
                }
            };
            if matches!(want, Want::Read(_)) {
                loaded.head.does(Doing::Reading);
            }
            return Ok(Seat { deck: Arc::clone(self), loaded });
        }
    }

    fn pause(&self) {
        let mounts = self.lock();
        drop(self.changed.wait_timeout(mounts, POLL).unwrap_or_else(PoisonError::into_inner));
    }

    /// The cartridge is entered as being loaded, so that others of this process wait for it, and loaded without the lock.
    fn load(&self, op: &Op<'_>, drive: u32, hold: Held, barcode: &str, lock: Held) -> Result<Arc<Loaded>> {
        let now = Instant::now();
        hold.say(&self.says("loading", barcode, None));
        let barcode = barcode.to_owned();
        self.lock().push(Mount {
            drive,
            barcode: barcode.clone(),
            hold,
            loaded: None,
            users: 1,
            since: now,
            idle_since: now,
        });
        let loaded = load(&self.library, op, drive, &barcode, lock, self.speedup).map(Arc::new);
        let mut mounts = self.lock();
        match &loaded {
            Ok(loaded) => {
                if let Some(mount) = mounts.iter_mut().find(|m| m.drive == drive) {
                    mount.loaded = Some(Arc::clone(loaded));
                    mount.since = Instant::now();
                    mount.hold.say(&self.says("ready", &barcode, Some(loaded)));
                }
            }
            Err(_) => mounts.retain(|m| m.drive != drive),
        }
        drop(mounts);
        self.changed.notify_all();
        loaded
    }

    fn step(&self, want: Want<'_>, ticket: &mut Option<Ticket>) -> Result<Step> {
        let candidates = match self.candidates(want)? {
            Ok(candidates) => candidates,
            Err(Bring { words, .. }) if want == Want::AppendNow => {
                return Err(Error::new(Code::NoSpace, words));
            }
            Err(Bring { words, next }) => {
                // Seen by other processes too: status, console and `tape ls` say what an operator has to bring.
                self.queue_as(ticket, &words, true, Some(&next))?;
                return Ok(Step::Wait(WaitReason::Cartridge, format!("{words}: {next}")));
            }
        };
        if let Some(step) = self.ours(&candidates) {
            return Ok(step);
        }
        let mut taken = None;
        for cartridge in &candidates {
            if self.lock().iter().any(|m| m.barcode == cartridge.barcode) {
                continue;
            }
            let path = self.library.cartridge_lock(&cartridge.barcode);
            match try_hold(&path).map_err(|e| failed("lock a cartridge", &e))? {
                Some(lock) => return self.drive_for(&cartridge.barcode, lock, ticket),
                None => taken = taken.or_else(|| Some((cartridge.barcode.clone(), holder(&path)))),
            }
        }
        self.queue_up(ticket, want, true)?;
        Ok(match taken {
            Some((barcode, by)) => {
                let by = by.map_or("another process".to_owned(), |b| who(&b));
                Step::Wait(WaitReason::Cartridge, format!("cartridge {barcode} is in use by {by}"))
            }
            None => Step::Wait(WaitReason::Drive, "the cartridge is being used or changed here".to_owned()),
        })
    }

    /// A mount of this process that serves the want; requests for what is mounted come first.
    fn ours(&self, candidates: &[Cartridge]) -> Option<Step> {
        let pressed: Vec<bool> = candidates.iter().map(|c| self.pressure(&c.barcode) > 0).collect();
        let mut mounts = self.lock();
        let mount = mounts.iter_mut().find(|m| candidates.iter().any(|c| c.barcode == m.barcode))?;
        let loaded = mount.loaded.clone()?;
        let long = mount.since.elapsed() >= self.turn * TURNS_OF_READING;
        if long && candidates.iter().zip(&pressed).any(|(c, pressed)| c.barcode == mount.barcode && *pressed)
        {
            // Served first, but not for ever.
            return Some(match mount.users {
                0 => Step::Evict(mount.barcode.clone()),
                _ => Step::Wait(WaitReason::Drive, format!("drive {} gives way to others", mount.drive)),
            });
        }
        mount.users += 1;
        Some(Step::Have(loaded))
    }

    /// Which cartridges would do, best first; or what to wait for.
    fn candidates(&self, want: Want<'_>) -> Result<std::result::Result<Vec<Cartridge>, Bring>> {
        match want {
            Want::Append | Want::AppendNow => {
                let mut found = self.library.catalogue.writable(&self.pool, SETS_MAX)?;
                found.retain(|c| {
                    c.used + ROOM_MIN.min(c.capacity / 4) + crate::format::EARLY_WARNING.min(c.capacity / 8)
                        < c.capacity
                });
                if !found.is_empty() {
                    return Ok(Ok(found));
                }
                self.look_through_slots()?;
                let pool = &self.pool;
                let words = format!("no cartridge with room in pool {pool}: insert one");
                let of_pool = if pool == DEFAULT_POOL { String::new() } else { format!(" --pool {pool}") };
                let next = self.library.command(&format!("init --add 1{of_pool}"));
                Ok(Err(Bring { words, next }))
            }
            Want::Read(barcode) => {
                let found = self.library.catalogue.cartridge(barcode)?;
                let cartridge =
                    found.ok_or_else(|| about(Code::NotFound, barcode, "there is no such cartridge"))?;
                match cartridge.state {
                    State::Exported | State::Missing => {
                        self.look_through_slots()?;
                        let words = format!("insert cartridge {barcode}: it is {}", cartridge.state.word());
                        let next = self.library.command(&format!("import {barcode}"));
                        Ok(Err(Bring { words, next }))
                    }
                    state if state.readable() => Ok(Ok(vec![cartridge])),
                    state => {
                        let why = format!("it is {}: {}", state.word(), cartridge.reason);
                        Err(about(Code::Offline, &format!("cartridge {barcode}"), &why))
                    }
                }
            }
        }
    }

    fn look_through_slots(&self) -> Result<()> {
        let mut seen = self.slots_seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_none_or(|at| at.elapsed() >= SLOTS_AGE) {
            *seen = Some(Instant::now());
            inventory::refresh(&self.library)?;
        }
        Ok(())
    }

    /// A drive for a cartridge that is locked: a free one if nobody older waits for it, else an idle one of ours.
    fn drive_for(&self, barcode: &str, lock: Held, ticket: &mut Option<Ticket>) -> Result<Step> {
        self.queue_up(ticket, Want::Read(barcode), false)?;
        let older = waiting(&self.wait_dir(), ticket.as_ref()).iter().filter(|t| !is_blocked(t)).count();
        let mut free = Vec::new();
        let mut holders = Vec::new();
        for drive in 0..self.library.shape.drives {
            let path = self.library.drive_lock(drive);
            match try_hold(&path).map_err(|e| failed("lock a drive", &e))? {
                Some(hold) => free.push((drive, hold)),
                None => holders
                    .push(format!("drive {drive}: {}", holder(&path).map_or_else(String::new, |h| who(&h)))),
            }
            if free.len() > older {
                break;
            }
        }
        if free.len() > older
            && let Some((drive, hold)) = free.pop()
        {
            lock.say(&json!({"pid": std::process::id(), "who": self.who(), "drive": drive}));
            *ticket = None;
            return Ok(Step::Load { drive, hold, barcode: barcode.to_owned(), lock });
        }
        if let Some(idle) = self.lock().iter().find(|m| m.may_go(self.turn)) {
            return Ok(Step::Evict(idle.barcode.clone()));
        }
        let queue = if older > 0 { format!("; {older} wait before it") } else { String::new() };
        Ok(Step::Wait(WaitReason::Drive, format!("cartridge {barcode}: {}{queue}", holders.join(", "))))
    }

    fn queue_up(&self, ticket: &mut Option<Ticket>, want: Want<'_>, blocked: bool) -> Result<()> {
        match want {
            Want::Append | Want::AppendNow => self.queue_as(ticket, &self.any_of_pool(), blocked, None),
            Want::Read(barcode) => self.queue_as(ticket, barcode, blocked, None),
        }
    }

    fn queue_as(
        &self,
        ticket: &mut Option<Ticket>,
        wants: &str,
        blocked: bool,
        next: Option<&str>,
    ) -> Result<()> {
        let wanted = Wanted { who: &self.who(), wants, blocked, next };
        if let Some(ticket) = ticket {
            ticket.say(wanted);
            return Ok(());
        }
        let made = Ticket::take(&self.wait_dir(), wanted);
        *ticket = Some(made.map_err(|e| failed("queue for a drive", &e))?);
        Ok(())
    }

    pub(crate) fn wait_dir(&self) -> std::path::PathBuf {
        self.library.root.join("drives/wait")
    }

    /// How many wait for a drive that no free drive would serve, or for this very cartridge (or any of its pool).
    pub(crate) fn pressure(&self, barcode: &str) -> usize {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_none_or(|q| q.at.elapsed() >= QUEUE_AGE) {
            let tickets = waiting(&self.wait_dir(), None);
            let is_free = |d: &u32| holder(&self.library.drive_lock(*d)).is_none();
            let free =
                if tickets.is_empty() { 0 } else { (0..self.library.shape.drives).filter(is_free).count() };
            *queue = Some(Queue { at: Instant::now(), tickets, free });
        }
        let Some(Queue { tickets, free, .. }) = queue.as_ref() else { return 0 };
        let pool = self.any_of_pool();
        let (blocked, helped): (Vec<_>, Vec<_>) = tickets.iter().partition(|t| is_blocked(t));
        let for_this = |t: &&&Value| t["wants"] == barcode || t["wants"] == pool.as_str();
        helped.len().saturating_sub(*free) + blocked.iter().filter(for_this).count()
    }

    fn any_of_pool(&self) -> String {
        format!("a cartridge of pool {}", self.pool)
    }

    /// Whether the user of a mount should let it go: others wait, and its turn is over.
    pub(crate) fn must_yield(&self, barcode: &str) -> bool {
        let held = self.lock().iter().find(|m| m.barcode == barcode).map(|m| m.since.elapsed());
        held.is_some_and(|held| held >= self.turn) && self.pressure(barcode) > 0
    }

    /// Unmounts what nobody here uses: soon when others wait, else after the idle time.
    pub(crate) fn tidy(&self, op: &Op<'_>) {
        self.tell();
        let idle: Vec<(String, Duration)> = {
            let mounts = self.lock();
            let done = mounts.iter().filter(|m| m.may_go(self.turn));
            done.map(|m| (m.barcode.clone(), m.idle_since.elapsed())).collect()
        };
        for (barcode, idle) in idle {
            if idle >= self.idle || self.pressure(&barcode) > 0 {
                self.unmount(op, &barcode);
            }
        }
    }

    /// Takes an idle cartridge out of its drive and frees both.
    pub(crate) fn unmount(&self, op: &Op<'_>, barcode: &str) {
        let taken = {
            let mut mounts = self.lock();
            let mount = mounts.iter_mut().find(|m| m.barcode == barcode && m.users == 0);
            mount.and_then(|m| {
                m.hold.say(&self.says("unloading", barcode, None));
                m.loaded.take()
            })
        };
        let Some(loaded) = taken else { return };
        // A cancelled operation must not leave a drive that is neither loaded nor free.
        if let Some(model) = &loaded.model {
            let _ = model.unload(op, &loaded.name());
        }
        drop(loaded);
        self.lock().retain(|m| m.barcode != barcode);
        self.changed.notify_all();
    }

    /// From now on no mount waits for anybody.
    pub(crate) fn closing(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Unmounts everything, for the end.
    pub(crate) fn clear(&self) {
        let all: Vec<String> = self.lock().iter().map(|m| m.barcode.clone()).collect();
        for barcode in all {
            self.unmount(&Op::detached(), &barcode);
        }
    }
}
