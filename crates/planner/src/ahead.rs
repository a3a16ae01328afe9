//! Reading ahead: while the walk plans one directory, a few threads list the first pages of those that it enters next. The
//! walk takes them in its own order, so that a plan does not depend on which came first. The further pages of a directory
//! are the walk's: handed over they took longer than they were waited for, in the cache and from the disk.
//!
//! Bounded by entries, not by directories: neither ten million names in one directory nor a million directories make what
//! lies ahead grow. Calls of one target may run at the same time (header R4); of one that takes a single call at a time
//! nothing is read ahead. Entry point: [`with`].

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use twinhaul_backend_host::{BackendError, ListPage, ListRequest, OpContext, Target, Wanted};
use twinhaul_units::Key;

/// Threads that list.
const READERS_MAX: usize = 4;
/// Entries asked for at a time.
const PAGE: u32 = 4096;
/// Entries that may lie ahead; what is asked for counts as a whole page.
const ENTRIES_MAX: usize = 8 * PAGE as usize;
/// Pages that may lie ahead, however small.
const PAGES_MAX: usize = 256;
/// Listings begun and not read to their end: backends keep only a few open between two pages, and begin others again.
const OPEN_MAX: usize = 2;

/// A listing that takes less, on an average of the last few, is not worth handing over: small directories in the cache.
const WORTH_US: u64 = 50;

/// One page, or why there is none.
pub(crate) type Page = Result<ListPage, BackendError>;

/// A page that was asked for.
#[derive(Debug)]
pub(crate) struct Pending(Receiver<Page>);

#[derive(Debug)]
struct Ask {
    key: Key,
    answer: SyncSender<Page>,
}

/// What lies ahead.
#[derive(Debug, Default)]
struct Load {
    entries: AtomicUsize,
    pages: AtomicUsize,
    open: AtomicUsize,
    /// What a page takes, in sixteenths of a microsecond.
    cost: AtomicU64,
    /// Nobody needs the rest.
    over: AtomicBool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Ahead<'a> {
    target: &'a Target,
    load: &'a Load,
    /// `None`: nothing is read ahead.
    asks: Option<SyncSender<Ask>>,
}

/// Calls `walk` with readers beside it, which are gone when this returns.
pub(crate) fn with<T>(target: &Target, walk: impl FnOnce(&Ahead<'_>) -> T) -> T {
    let load = Load::default();
    let (asks, todo) = sync_channel(PAGES_MAX);
    let todo = Mutex::new(todo);
    std::thread::scope(|scope| {
        let most = match target.limits().max_inflight_calls {
            0 => READERS_MAX,
            n => READERS_MAX.min(n.saturating_sub(1) as usize),
        };
        let reader = |n: usize| {
            let thread = std::thread::Builder::new().name(format!("walk-{n}"));
            thread.spawn_scoped(scope, || read(target, &todo, &load)).is_ok()
        };
        // Where no thread can be had the walk does it all.
        let readers = (0..most).filter(|n| reader(*n)).count();
        let ahead = Ahead { target, load: &load, asks: (readers > 0).then_some(asks) };
        let result = walk(&ahead);
        load.over.store(true, Ordering::Relaxed);
        result
    })
}

impl Ahead<'_> {
    /// Asks for the first page of a directory, if that is worth it and there is room for what it may bring.
    pub(crate) fn ask(&self, key: &Key) -> Option<Pending> {
        let asks = self.asks.as_ref()?;
        if !self.load.is_worth_it() || !self.load.has_room() {
            return None;
        }
        let (answer, pending) = sync_channel(1);
        let ask = Ask { key: key.clone(), answer };
        // Counted first: a reader may be done with it at once. There is always room; a reader that is gone brings nothing.
        self.load.asked();
        asks.try_send(ask).ok()?;
        Some(Pending(pending))
    }

    /// The first page of a directory, from ahead if it was asked for there.
    pub(crate) fn first(&self, key: Option<&Key>, pending: Option<Pending>) -> Page {
        let Some(Ok(page)) = pending.map(|pending| pending.0.recv()) else {
            return self.list(key, &[]);
        };
        self.load.taken(&page);
        page
    }

    /// A page, listed now.
    pub(crate) fn list(&self, key: Option<&Key>, continuation: &[u8]) -> Page {
        self.load.list(self.target, key, continuation)
    }
}

fn read(target: &Target, todo: &Mutex<Receiver<Ask>>, load: &Load) {
    loop {
        let next = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Ask { key, answer }) = next else { return };
        if load.over.load(Ordering::Relaxed) {
            return;
        }
        let page = load.list(target, Some(&key), &[]);
        load.listed(&page);
        // A walk that has ended needs it no more.
        let _ = answer.send(page);
    }
}

impl Load {
    fn is_worth_it(&self) -> bool {
        self.cost.load(Ordering::Relaxed) >= WORTH_US * 16
    }

    /// Only the walk asks, so what it saw here stays true: readers take away, but for listings that stay open.
    fn has_room(&self) -> bool {
        self.entries.load(Ordering::Relaxed) + PAGE as usize <= ENTRIES_MAX
            && self.pages.load(Ordering::Relaxed) < PAGES_MAX
            && self.open.load(Ordering::Relaxed) < OPEN_MAX
    }

    fn asked(&self) {
        self.entries.fetch_add(PAGE as usize, Ordering::Relaxed);
        self.pages.fetch_add(1, Ordering::Relaxed);
    }

    /// A reader knows what was asked for.
    fn listed(&self, page: &Page) {
        let found = page.as_ref().map_or(0, |page| page.entries.len());
        self.entries.fetch_sub((PAGE as usize).saturating_sub(found), Ordering::Relaxed);
        let more = page.as_ref().is_ok_and(|page| page.next.is_some());
        self.open.fetch_add(usize::from(more), Ordering::Relaxed);
    }

    /// The walk has it.
    fn taken(&self, page: &Page) {
        self.pages.fetch_sub(1, Ordering::Relaxed);
        if let Ok(page) = page {
            self.entries.fetch_sub(page.entries.len(), Ordering::Relaxed);
            self.open.fetch_sub(usize::from(page.next.is_some()), Ordering::Relaxed);
        }
    }

    fn list(&self, target: &Target, key: Option<&Key>, continuation: &[u8]) -> Page {
        let begun = Instant::now();
        let request = ListRequest { prefix: key, continuation, want: Wanted::Plan, max_entries: PAGE };
        let page = target.list(&OpContext::new(), &request);
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX).saturating_mul(16);
        let before = self.cost.load(Ordering::Relaxed);
        // Two at once may forget each other's: it is an estimate.
        self.cost.store(before - before / 16 + took / 16, Ordering::Relaxed);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_backend_host::{Attrs, Entry};

    #[test]
    fn what_lies_ahead_is_bounded_in_entries_in_pages_and_in_open_listings() {
        let page = |n: usize, more: bool| -> Page {
            let entry = Entry { key: b"k".to_vec(), attrs: Attrs::default() };
            Ok(ListPage { entries: vec![entry; n], next: more.then(Vec::new), ordered: false })
        };
        let load = Load::default();
        let mut asked = 0;
        while load.has_room() {
            load.asked();
            asked += 1;
        }
        assert_eq!(asked * PAGE as usize, ENTRIES_MAX, "a page asked for may be full");
        for _ in 0..asked {
            load.listed(&page(1, false));
        }
        assert!(load.has_room(), "they were small");
        for _ in asked..PAGES_MAX {
            load.asked();
            load.listed(&page(1, false));
        }
        assert!(!load.has_room(), "so many pages, however small");
        (0..PAGES_MAX).for_each(|_| load.taken(&page(1, false)));
        assert!(load.has_room());
        for _ in 0..OPEN_MAX {
            load.asked();
            load.listed(&page(9, true));
        }
        assert!(!load.has_room(), "so many are open");
        (0..OPEN_MAX).for_each(|_| load.taken(&page(9, true)));
        let left = [&load.entries, &load.pages, &load.open].map(|n| n.load(Ordering::Relaxed));
        assert!(load.has_room() && left == [0, 0, 0], "nothing stays counted: {left:?}");
    }
}
