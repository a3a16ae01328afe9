//! Who waits for a drive, and whether that is a reason to give one away.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use serde_json::Value;
use twinhaul_backend_abi::Result;

use super::{Deck, Want};
use crate::fail::failed;
use crate::library::lock::holder;
use crate::library::ticket::{Ticket, Wanted, is_blocked, waiting};

/// How long an answer about the queue may be used again.
const QUEUE_AGE: Duration = Duration::from_millis(100);
/// What the queue looked like.
#[derive(Debug)]
pub(super) struct Queue {
    at: Instant,
    tickets: Vec<Value>,
    free: usize,
}

impl Deck {
    pub(super) fn queue_up(&self, ticket: &mut Option<Ticket>, want: Want<'_>, blocked: bool) -> Result<()> {
        match want {
            Want::Append | Want::AppendNow => self.queue_as(ticket, &self.any_of_pool(), blocked, None),
            Want::Read(barcode) => self.queue_as(ticket, barcode, blocked, None),
        }
    }

    pub(super) fn queue_as(
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

    pub(super) fn any_of_pool(&self) -> String {
        format!("a cartridge of pool {}", self.pool)
    }

    /// Whether the user of a mount should let it go: others wait, and its turn is over.
    pub(crate) fn must_yield(&self, barcode: &str) -> bool {
        let held = self.lock().iter().find(|m| m.barcode == barcode).map(|m| m.since.elapsed());
        held.is_some_and(|held| held >= self.turn) && self.pressure(barcode) > 0
    }
}
