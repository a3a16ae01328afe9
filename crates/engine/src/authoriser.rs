//! Authorises transfers one by one as slots ask, in groups of whatever has gathered: one commit of the ledger for all that wait.
//!
//! For targets without a private phase (store.md 3): there the slot makes the object visible itself, and must know before
//! that the ledger still calls the transfer its own. One thread with its own ledger connection.

use crate::driver::DriverEvent;
use crate::options::GROUP_TRANSFERS_MAX;
use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::sync::mpsc;
use twinhaul_ledger::{Authorise, Store};
use twinhaul_units::{Incarnation, PeerId};

/// Slots that may wait at once; a slot asks for one at a time.
const ASKS_MAX: usize = 256;

/// One slot's question.
#[derive(Debug)]
pub(crate) struct Ask {
    what: Authorise,
    /// Dropped without a word when it is refused.
    answer: Sender<()>,
}

/// What slots ask. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Authoriser(Sender<Ask>);

impl Authoriser {
    pub(crate) fn new() -> (Self, Receiver<Ask>) {
        let (ask, asks) = bounded(ASKS_MAX);
        (Self(ask), asks)
    }

    /// Waits until the ledger has it durably; `false`: it never will, the peer is ending.
    pub(crate) fn authorise(&self, what: Authorise) -> bool {
        let (answer, answered) = bounded(1);
        self.0.send(Ask { what, answer }).is_ok() && answered.recv().is_ok()
    }
}

/// Runs until all slots are gone, or until the ledger refuses: then this peer is fenced.
pub(crate) fn run(
    store: &Store,
    me: PeerId,
    incarnation: Incarnation,
    asks: &Receiver<Ask>,
    driver: &mpsc::Sender<DriverEvent>,
) {
    while let Ok(first) = asks.recv() {
        let mut group = vec![first];
        group.extend(asks.try_iter().take(GROUP_TRANSFERS_MAX - 1));
        let (what, answers): (Vec<Authorise>, Vec<Sender<()>>) =
            group.into_iter().map(|ask| (ask.what, ask.answer)).unzip();
        if let Err(e) = store.authorise(me, incarnation, &what) {
            // A driver that is gone is ending already.
            let _ = driver.blocking_send(DriverEvent::Fatal(e.into()));
            return;
        }
        for answer in answers {
            // A slot that is gone has no use for it.
            let _ = answer.send(());
        }
    }
}
