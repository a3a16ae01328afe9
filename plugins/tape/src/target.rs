//! An open tape target: the calls of the interface, each handed to the file that does it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use twinhaul_backend_abi::{
    Attrs, Batch, Code, Error, Flow, Host, Key, Limits, ListEnd, ListRequest, LogLevel, Lost, Op, Private,
    Probe, Put, ReadOptions, Result, Stat, Target, WriterInfo,
};

use crate::CAPS;
use crate::catalogue::order::Order;
use crate::config::Config;
use crate::fail::mistake;
use crate::format::manifest::DIRECTORY;
use crate::library::deck::{Deck, Want};
use crate::library::{Library, bare};
use crate::reader::TapeReader;
use crate::stream::Stream;
use crate::writer::TapeWriter;
use crate::{control, probe, status};

/// Between two looks of the keeper at what is old, idle or wanted elsewhere.
const KEEPER: Duration = Duration::from_millis(100);
/// Entries of a page when the host does not say.
const PAGE: u32 = 1024;
/// Attempts swept at a time.
const SWEEP: usize = 1024;
/// Objects that are open and not complete. Small ones are kept in memory, so this is also a bound for that.
const OPEN_WRITERS_MAX: u32 = 64;
const CHUNK: u64 = 1 << 20;
/// How long an answer about the order of the cartridges may be used again.
const ORDER_AGE: Duration = Duration::from_secs(2);
const KEY_BYTES_MAX: u32 = 4095;
const COMPONENT_BYTES_MAX: u32 = 255;

/// What the writers and readers of a target share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) library: Arc<Library>,
    pub(crate) deck: Arc<Deck>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) config: Config,
    /// This process has changed something.
    wrote: AtomicBool,
    order: Mutex<Option<(Instant, Arc<Order>)>>,
}

impl Shared {
    /// How a recall goes through the cartridges; a moment old.
    pub(crate) fn order(&self) -> Result<Arc<Order>> {
        let mut kept = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some((at, order)) if at.elapsed() < ORDER_AGE => Ok(Arc::clone(order)),
            _ => {
                let order = Arc::new(self.library.catalogue.order()?);
                *kept = Some((Instant::now(), Arc::clone(&order)));
                Ok(order)
            }
        }
    }

    /// As the host sees them: with the library's device, and the place in the order of a recall.
    fn shown(&self, attrs: Attrs) -> Result<Attrs> {
        let position = attrs.position.map(|p| self.order().map(|order| order.place(p))).transpose()?;
        Ok(Attrs { dev: Some(self.library.device), position, ..attrs })
    }

    pub(crate) fn writes(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }
}

/// See the module.
#[derive(Debug)]
pub struct TapeTarget {
    config: Config,
    /// `None`: opened without a library, to make one.
    shared: Option<Arc<Shared>>,
    stop: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

impl TapeTarget {
    pub(crate) fn open(config: Config, op: &Op<'_>, _host: Host) -> Result<(Self, Limits)> {
        op.check()?;
        let limits = Limits {
            caps: CAPS,
            max_open_writers: OPEN_WRITERS_MAX,
            preferred_chunk: CHUNK,
            mtime_precision_ns: 1,
            max_key_bytes: KEY_BYTES_MAX,
            max_component_bytes: COMPONENT_BYTES_MAX,
            key_rules: twinhaul_backend_abi::KeyRules::NO_PREFIXES,
            ..Limits::default()
        };
        let stop = Arc::new(AtomicBool::new(false));
        if config.bare && !config.library.join("library.json").exists() {
            return Ok((Self { config, shared: None, stop, keeper: None }, limits));
        }
        let library = if config.create {
            Library::open_or_make(&config.library, &config.shape, &config.pool)?
        } else {
            Library::open(&config.library)?
        };
        let library = Arc::new(library);
        let deck = Arc::new(Deck::new(Arc::clone(&library), &config));
        let stream = Arc::new(Stream::new(Arc::clone(&deck), &config));
        let wrote = AtomicBool::new(false);
        let shared = Arc::new(Shared {
            library,
            deck,
            stream,
            config: config.clone(),
            wrote,
            order: Mutex::default(),
        });
        let keeper = keep(Arc::clone(&shared.stream), Arc::clone(&stop))?;
        Ok((Self { config, shared: Some(shared), stop, keeper: Some(keeper) }, limits))
    }

    fn shared(&self) -> Result<&Arc<Shared>> {
        self.shared.as_ref().ok_or_else(bare)
    }

    /// For a call that changes something.
    fn writing(&self) -> Result<&Arc<Shared>> {
        let shared = self.shared()?;
        shared.writes();
        Ok(shared)
    }
}

/// What is sealed and was never asked for becomes durable, and what happened to names goes to tape, if a drive and a cartridge
/// are there for it: nobody waits for an operator at the end.
fn finish(shared: &Shared, op: &Op<'_>) {
    let ended = shared.stream.take(op).and_then(|mut turn| {
        turn.close(op)?;
        turn.flush_names(op, Want::AppendNow)
    });
    if let Err(e) = ended {
        let what = format!(
            "at the end: {}; names are in the catalogue, and on tape with the next data set",
            e.message
        );
        Host::get().log(LogLevel::Info, "tape", &what);
    }
}

fn keep(stream: Arc<Stream>, stop: Arc<AtomicBool>) -> Result<JoinHandle<()>> {
    let work = move || {
        while !stop.load(Ordering::Relaxed) {
            stream.tidy(&Op::detached());
            std::thread::park_timeout(KEEPER);
        }
    };
    std::thread::Builder::new()
        .name("tape-keeper".to_owned())
        .spawn(work)
        .map_err(|e| Error::io("start the keeper of the drives", &e))
}

impl Drop for TapeTarget {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let Some(shared) = &self.shared else { return };
        shared.deck.closing();
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            let _ = keeper.join();
        }
        // Who only looked leaves no trace, whatever others have left to be written.
        if shared.wrote.load(Ordering::Relaxed) {
            finish(shared, &Op::detached());
        }
        shared.stream.leave();
        shared.deck.clear();
    }
}

/// Keys below the private directory are the manifests'.
pub(crate) fn allowed(doing: &str, key: &[u8]) -> Result<()> {
    let private = DIRECTORY.as_bytes();
    if key == private || key.strip_prefix(private).is_some_and(|rest| rest.first() == Some(&b'/')) {
        return Err(mistake(Code::InvalidArg, doing, key, "the name .twinhaul at the root is reserved"));
    }
    Ok(())
}

fn attempt_of(which: Private<'_>) -> Result<&str> {
    match which {
        Private::Attempt(id) => Ok(id),
        Private::Ref(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| Error::new(Code::InvalidArg, "not a ref of a tape target"))
        }
    }
}

fn bytes_of(key: Option<&Key>) -> &[u8] {
    key.map_or(&[], Key::as_bytes)
}

impl Target for TapeTarget {
    type Writer = TapeWriter;
    type Reader = TapeReader;

    fn probe(&self, op: &Op<'_>) -> Result<Probe> {
        op.check()?;
        probe::probe(self.shared()?)
    }

    fn writer_open(&self, op: &Op<'_>, put: &Put) -> Result<(TapeWriter, WriterInfo)> {
        op.check()?;
        TapeWriter::open(self.writing()?, put)
    }

    fn seal_sync(&self, op: &Op<'_>, refs: &[&[u8]]) -> Batch<()> {
        self.shared()?.stream.seal_sync(op, refs)
    }

    fn publish_batch(&self, op: &Op<'_>, puts: &[Put], refs: &[&[u8]]) -> Batch<Stat> {
        op.check()?;
        if puts.len() != refs.len() {
            return Err(Error::new(Code::InvalidArg, "not as many refs as objects"));
        }
        puts.iter().try_for_each(|put| allowed("publish", put.key.as_bytes()))?;
        let ids: Vec<_> = refs.iter().map(|r| String::from_utf8_lossy(r)).collect();
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        self.writing()?.library.catalogue.publish(puts, &ids)
    }

    fn publish_sync(&self, op: &Op<'_>) -> Result<()> {
        op.check()?;
        self.shared()?.library.catalogue.sync()
    }

    fn discard(&self, op: &Op<'_>, which: Private<'_>) -> Result<bool> {
        op.check()?;
        let shared = self.writing()?;
        let id = attempt_of(which)?;
        shared.stream.forget(id);
        shared.library.catalogue.discard_attempt(id)
    }

    fn sweep(
        &self,
        op: &Op<'_>,
        run_prefix: &str,
        remove: bool,
        found: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        let shared = self.shared()?;
        let mut after = String::new();
        loop {
            op.check()?;
            let page = shared.library.catalogue.attempts(run_prefix, &after, SWEEP)?;
            let Some(last) = page.last() else {
                // What is swept away is a run's: it is at its end, and the tapes are to know all of it without the catalogue.
                if remove && shared.wrote.load(Ordering::Relaxed) {
                    finish(shared, op);
                }
                return Ok(());
            };
            after.clone_from(last);
            for id in &page {
                if remove {
                    shared.stream.forget(id);
                    shared.library.catalogue.discard_attempt(id)?;
                }
                if found(id.as_bytes()).is_break() {
                    return Ok(());
                }
            }
        }
    }

    fn put_node(&self, op: &Op<'_>, put: &Put, hard_link_of: Option<&Key>) -> Result<Lost> {
        op.check()?;
        allowed("make", put.key.as_bytes())?;
        self.writing()?.library.catalogue.put_node(put, hard_link_of.map(Key::as_bytes))?;
        Ok(Lost::NONE)
    }

    fn set_attrs(&self, op: &Op<'_>, key: Option<&Key>, attrs: &Attrs) -> Result<Lost> {
        op.check()?;
        self.writing()?.library.catalogue.set_attrs(bytes_of(key), attrs)?;
        Ok(Lost::NONE)
    }

    fn get_attrs(&self, op: &Op<'_>, key: Option<&Key>) -> Result<Attrs> {
        op.check()?;
        let shared = self.shared()?;
        shared.shown(shared.library.catalogue.node(bytes_of(key))?.attrs)
    }

    fn stat(&self, op: &Op<'_>, key: &Key) -> Result<Stat> {
        op.check()?;
        Ok(self.shared()?.library.catalogue.node(key.as_bytes())?.stat())
    }

    fn reader_open(&self, op: &Op<'_>, key: &Key, options: ReadOptions) -> Result<(TapeReader, Stat)> {
        op.check()?;
        TapeReader::open(self.shared()?, op, key, options)
    }

    fn list(
        &self,
        op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        op.check()?;
        let shared = self.shared()?;
        let directory = bytes_of(request.prefix);
        allowed("list", directory)?;
        let most = if request.max_entries == 0 { PAGE } else { request.max_entries };
        let page = shared.library.catalogue.list(directory, request.continuation, most)?;
        let whole = (page.len() as u32) < most;
        let mut last = None;
        for (key, node) in page {
            let attrs = shared.shown(node.attrs)?;
            let enough = entry(&key, &attrs).is_break();
            last = Some(key);
            if enough {
                return Ok(ListEnd { next: last, ordered: true });
            }
        }
        Ok(ListEnd { next: if whole { None } else { last }, ordered: true })
    }

    fn status(&self, op: &Op<'_>) -> Result<String> {
        op.check()?;
        Ok(status::status(self.shared()?)?.to_string())
    }

    fn control(
        &self,
        op: &Op<'_>,
        verb: &str,
        args_json: &str,
        out: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<()> {
        control::run(&self.config, self.shared.as_ref(), op, verb, args_json, out)
    }

    fn remove(&self, op: &Op<'_>, keys: &[Key]) -> Batch<()> {
        op.check()?;
        let keys: Vec<&[u8]> = keys.iter().map(Key::as_bytes).collect();
        self.writing()?.library.catalogue.remove(&keys)
    }
}
