//! What the drives of this process do and what its calls wait for, told to people and to other processes.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde_json::{Value, json};
use twinhaul_backend_abi::WaitReason;

use super::Deck;
use crate::format::aws::HEADER;
use crate::library::load::Loaded;
use crate::library::model::Model;

/// What a call waits for, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Wait {
    pub(crate) reason: WaitReason,
    pub(crate) detail: String,
    pub(crate) since: Instant,
}

/// A call that waits for a drive or cartridge, as the status shows it.
pub(super) struct Waiting<'a> {
    deck: &'a Deck,
    number: u64,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(deck: &'a Deck) -> Self {
        Self { deck, number: deck.next_wait.fetch_add(1, Ordering::Relaxed) }
    }

    pub(super) fn tell(&self, reason: WaitReason, detail: String) {
        let mut waits = self.deck.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let since = waits.get(&self.number).map_or_else(Instant::now, |w| w.since);
        waits.insert(self.number, Wait { reason, detail, since });
    }

    pub(super) fn is_told(&self) -> bool {
        self.deck.waits.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&self.number)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.deck.waits.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Deck {
    /// For whom this process works, from an attempt id: shown to those who wait for its drives.
    pub(crate) fn works_for(&self, attempt: &str) {
        let mut who = self.who.lock().unwrap_or_else(PoisonError::into_inner);
        if who.is_empty() {
            let run = attempt.split('/').next().unwrap_or_default();
            let peer =
                attempt.rsplit('/').next().and_then(|p| p.chars().next()).filter(char::is_ascii_alphabetic);
            *who = peer.map_or_else(|| format!("run {run}"), |p| format!("run {run}, peer {p}"));
        }
    }

    pub(super) fn who(&self) -> String {
        self.who.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What calls of this process wait for, oldest first.
    pub(crate) fn waits(&self) -> Vec<Wait> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Tells what the drives of this process do, for other processes' status.
    pub(crate) fn tell(&self) {
        for mount in self.lock().iter() {
            if let Some(loaded) = &mount.loaded {
                mount.hold.say(&self.says(loaded.head.doing().word(), &mount.barcode, Some(loaded)));
            }
        }
    }

    pub(super) fn says(&self, state: &str, barcode: &str, loaded: Option<&Loaded>) -> Value {
        let position = loaded.map(|l| {
            let (at, begin) = (l.head.at.load(Ordering::Relaxed), l.head.begin.load(Ordering::Relaxed));
            let block = at.saturating_sub(begin) / (u64::from(self.library.shape.block) + HEADER as u64);
            (l.head.set.load(Ordering::Relaxed), block, at)
        });
        json!({
            "pid": std::process::id(), "who": self.who(), "state": state, "cartridge": barcode,
            "file": position.map(|p| p.0),
            "block": position.map(|p| p.1),
            "at": position.map(|p| p.2),
            "capacity": loaded.map(|l| l.capacity),
            "backhitches": loaded.and_then(|l| l.model.as_ref()).map(Model::backhitches),
        })
    }
}
