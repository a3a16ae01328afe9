//! The operation a call belongs to, as the host sees it: cancel, deadline, and what the call says it waits for.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use twinhaul_backend_abi::raw::{self, Sized32};
use twinhaul_backend_abi::{WaitReason, convert};
use twinhaul_units::text::show;

/// Longest detail of a wait that is kept, in bytes.
pub const WAIT_DETAIL_BYTES_MAX: usize = 256;

type Callback<A> = Box<dyn Fn(A) + Send + Sync>;

/// One operation: one transfer, or one call. May be used for many calls, from many threads.
pub struct OpContext {
    cancel: Arc<AtomicBool>,
    id: u64,
    deadline: Option<Instant>,
    wait: Option<Callback<(Option<WaitReason>, String)>>,
    progress: Option<Callback<(u64, u64)>>,
    /// Asked in addition to `cancel`.
    poll: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl std::fmt::Debug for OpContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpContext")
            .field("id", &self.id)
            .field("cancel", &self.cancel)
            .finish_non_exhaustive()
    }
}

impl Default for OpContext {
    fn default() -> Self {
        Self::new()
    }
}

impl OpContext {
    /// Cancelled only through [`OpContext::cancel`].
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            cancel: Arc::default(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            deadline: None,
            wait: None,
            progress: None,
            poll: None,
        }
    }

    /// Cancelled when `flag` is set.
    #[must_use]
    pub fn cancelled_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = flag;
        self
    }

    /// Cancelled by itself after `limit`.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }

    /// Told what a call waits for ("drive 1, cartridge A00003", sanitised); `None` = no longer.
    #[must_use]
    pub fn on_wait(mut self, f: impl Fn(Option<WaitReason>, &str) + Send + Sync + 'static) -> Self {
        self.wait = Some(Box::new(move |(reason, detail)| f(reason, &detail)));
        self
    }

    /// As [`OpContext::on_wait`], kept in a note that others read.
    #[must_use]
    pub fn noting(self, note: &WaitNote) -> Self {
        let note = note.clone();
        self.on_wait(move |reason, detail| note.set(reason, detail))
    }

    /// Told bytes durable and bytes sent of a call.
    #[must_use]
    pub fn on_progress(mut self, f: impl Fn(u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Box::new(move |(durable, sent)| f(durable, sent)));
        self
    }

    /// Asked each time a backend polls, for tests of cancelling in the middle.
    #[must_use]
    pub fn polled(mut self, f: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.poll = Some(Box::new(f));
        self
    }

    /// What [`crate::Target::cancel`] takes.
    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Release);
    }

    pub fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Acquire)
            || self.deadline.is_some_and(|at| Instant::now() >= at)
            || self.poll.as_ref().is_some_and(|f| f())
    }

    /// The C struct for one call; points to `self`.
    pub(crate) fn raw(&self) -> raw::Op {
        let mut op = raw::Op::zeroed();
        op.ctx = std::ptr::from_ref(self).cast_mut().cast();
        op.op_id = self.id;
        op.deadline_ms = self.deadline.map_or(0, monotonic_ms);
        op.is_cancelled = Some(is_cancelled);
        op.progress = self.progress.is_some().then_some(progress as _);
        op.wait = self.wait.is_some().then_some(wait as _);
        op
    }
}

fn monotonic_ms(at: Instant) -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now_ms = now.tv_sec.cast_unsigned() * 1000 + now.tv_nsec.cast_unsigned() / 1_000_000;
    let left = at.saturating_duration_since(Instant::now());
    // 0 means none, so a deadline that has passed is 1 at least.
    now_ms.saturating_add(left.as_millis() as u64).max(1)
}

/// # Safety
/// `ctx` is that of [`OpContext::raw`], during its call.
unsafe fn context<'a>(ctx: *mut c_void) -> &'a OpContext {
    // SAFETY: the caller's promise.
    unsafe { &*ctx.cast::<OpContext>() }
}

unsafe extern "C" fn is_cancelled(ctx: *mut c_void) -> i32 {
    // SAFETY: the plugin passes what it was given.
    let op = unsafe { context(ctx) };
    i32::from(catch_unwind(AssertUnwindSafe(|| op.is_cancelled())).unwrap_or(true))
}

unsafe extern "C" fn progress(ctx: *mut c_void, durable: u64, sent: u64) {
    // SAFETY: as above.
    let op = unsafe { context(ctx) };
    if let Some(f) = &op.progress {
        let _ = catch_unwind(AssertUnwindSafe(|| f((durable, sent))));
    }
}

unsafe extern "C" fn wait(ctx: *mut c_void, reason: u32, detail: raw::Str) {
    // SAFETY: as above; the text is valid during the call.
    let (op, detail) = unsafe { (context(ctx), convert::text_lossy(detail)) };
    let short = &detail[..detail.floor_char_boundary(WAIT_DETAIL_BYTES_MAX)];
    if let Some(f) = &op.wait {
        let answer = (WaitReason::from_raw(reason), show(short).into_owned());
        let _ = catch_unwind(AssertUnwindSafe(|| f(answer)));
    }
}

/// What an operation waits for, and since when; shared between the slot and who shows it.
#[derive(Clone, Debug, Default)]
pub struct WaitNote(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    /// What the backend says.
    told: Option<(WaitReason, String, Instant)>,
    /// The call that it is in, to which place: what is waited for when the backend says nothing.
    call: Option<(String, Instant)>,
}

/// A call under way, until it is dropped.
#[derive(Debug)]
pub struct Calling<'a>(&'a WaitNote);

impl WaitNote {
    /// Reason, detail, since; `None` = it works.
    pub fn current(&self) -> Option<(WaitReason, String, Instant)> {
        let note = self.noted();
        let call = || note.call.clone().map(|(place, since)| (WaitReason::Io, place, since));
        note.told.clone().or_else(call)
    }

    /// The place of the call under way.
    pub fn place(&self) -> Option<String> {
        self.noted().call.as_ref().map(|(place, _)| place.clone())
    }

    /// A call to `place` begins.
    pub fn calling(&self, place: &str) -> Calling<'_> {
        self.noted().call = Some((place.to_owned(), Instant::now()));
        Calling(self)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, reason: Option<WaitReason>, detail: &str) {
        let mut note = self.noted();
        // The same wait told again keeps its age.
        let since = match (&note.told, reason) {
            (Some((old, _, since)), Some(new)) if *old == new => *since,
            _ => Instant::now(),
        };
        note.told = reason.map(|r| (r, detail.to_owned(), since));
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        *self.0.noted() = Noted::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_keeps_the_age_of_a_wait_that_is_told_again() {
        let note = WaitNote::default();
        let op = OpContext::new().noting(&note);
        let raw_op = op.raw();
        // SAFETY: op lives.
        let tell =
            |reason, text: &str| unsafe { raw_op.wait.unwrap()(raw_op.ctx, reason, raw::Str::of(text)) };
        tell(raw::WAIT_MOUNT, "drive 1\x1b");
        let (reason, detail, since) = note.current().unwrap();
        assert_eq!((reason, detail.as_str()), (WaitReason::Mount, "drive 1\\x1b"));
        tell(raw::WAIT_MOUNT, "drive 2");
        assert_eq!(note.current().unwrap(), (WaitReason::Mount, "drive 2".to_owned(), since));
        tell(raw::WAIT_NONE, "");
        assert!(note.current().is_none());
        // A call in which the backend says nothing is waited for all the same.
        let call = note.calling("vault");
        assert_eq!(note.current().map(|(reason, ..)| reason), Some(WaitReason::Io));
        tell(raw::WAIT_MOUNT, "drive 1");
        assert_eq!(note.current().map(|(reason, ..)| reason), Some(WaitReason::Mount));
        tell(raw::WAIT_NONE, "");
        assert_eq!(
            (note.current().map(|(_, detail, _)| detail), note.place()),
            (Some("vault".into()), Some("vault".into()))
        );
        drop(call);
        assert!(note.current().is_none() && note.place().is_none());
    }

    #[test]
    fn flag_deadline_and_poll_all_cancel() {
        let flag = Arc::new(AtomicBool::new(false));
        let op = OpContext::new().cancelled_by(flag.clone());
        assert!(!op.is_cancelled());
        flag.store(true, Ordering::Release);
        assert!(op.is_cancelled());
        assert!(OpContext::new().within(Duration::ZERO).is_cancelled());
        assert!(OpContext::new().polled(|| true).is_cancelled());
        assert_eq!(OpContext::new().raw().deadline_ms, 0);
        assert_ne!(OpContext::new().within(Duration::from_secs(9)).raw().deadline_ms, 0);
    }
}
