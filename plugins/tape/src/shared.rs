//! What the calls, writers and readers of a target share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use twinhaul_backend_abi::{Attrs, Host, LogLevel, Op, Result};

use crate::catalogue::order::Order;
use crate::config::Config;
use crate::library::Library;
use crate::library::deck::{Deck, Want};
use crate::stream::Stream;

/// How long an answer about the order of the cartridges may be used again.
const ORDER_AGE: Duration = Duration::from_secs(2);

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
    pub(crate) fn new(library: Arc<Library>, deck: Arc<Deck>, stream: Arc<Stream>, config: Config) -> Self {
        Self { library, deck, stream, config, wrote: AtomicBool::new(false), order: Mutex::default() }
    }

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
    pub(crate) fn shown(&self, attrs: Attrs) -> Result<Attrs> {
        let position = attrs.position.map(|p| self.order().map(|order| order.place(p))).transpose()?;
        Ok(Attrs { dev: Some(self.library.device), position, ..attrs })
    }

    /// Whether this process has changed something.
    pub(crate) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Relaxed)
    }

    pub(crate) fn writes(&self) {
        self.wrote.store(true, Ordering::Relaxed);
    }

    /// What is sealed and was never asked for becomes durable, and what happened to names goes to tape, if a drive and a cartridge
    /// are there for it: nobody waits for an operator at the end.
    pub(crate) fn finish(&self, op: &Op<'_>) {
        let ended = self.stream.take(op).and_then(|mut turn| {
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
}
