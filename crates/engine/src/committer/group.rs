//! One group through the durable steps, in the order of store.md 3.

use super::{Committer, GroupReport, Item, Sealed, SealedKind};
use crate::copy::Failure;
use crate::digest::Through;
use crate::feeder::{Feed, Job};
use crate::options::ATTEMPTS_MAX;
use twinhaul_failpoint::{Point, hit};
use twinhaul_ledger::{Authorise, Outcome, Result, Settled, State};
use twinhaul_profile::{Durability, Verify};
use twinhaul_units::{Amount, Bytes};
use twinhaul_wire::{EventKind, KeyText};

/// A sealed transfer and what has become of it so far.
pub(super) struct Entry {
    pub(super) sealed: Box<Sealed>,
    /// The first step that failed.
    pub(super) failure: Option<Failure>,
    pub(super) etag: Option<String>,
    pub(super) lost: u32,
    pub(super) verified: bool,
}

impl Entry {
    pub(super) fn target(&self) -> u16 {
        self.sealed.job.row.target
    }

    pub(super) fn reference(&self) -> Option<&[u8]> {
        match &self.sealed.kind {
            SealedKind::Object { reference, .. } => Some(reference),
            SealedKind::Visible { .. } | SealedKind::Node { .. } => None,
        }
    }

    pub(super) fn is_node(&self) -> bool {
        matches!(self.sealed.kind, SealedKind::Node { .. })
    }

    /// Authorised and published before it came here.
    fn is_visible(&self) -> bool {
        matches!(self.sealed.kind, SealedKind::Visible { .. })
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        match self.sealed.kind {
            SealedKind::Object { digest, .. }
            | SealedKind::Visible { digest, .. }
            | SealedKind::Node { digest } => digest,
        }
    }

    /// What is visible under its key is not what was written, as its bytes or the size that the target tells say, and it is not written
    /// again.
    fn is_given_up_as_wrong(&self) -> bool {
        let wrong = self.failure.as_ref().is_some_and(|f| f.class == Failure::MISMATCH);
        wrong && self.sealed.attempts >= ATTEMPTS_MAX
    }

    /// Bytes at the target.
    pub(super) fn size(&self) -> u64 {
        match self.sealed.kind {
            SealedKind::Object { size, .. } | SealedKind::Visible { size, .. } => size,
            SealedKind::Node { .. } => 0,
        }
    }

    fn authorise(&self) -> Authorise {
        let mtime_ns = match self.sealed.kind {
            SealedKind::Object { mtime_ns, .. } => mtime_ns,
            SealedKind::Visible { .. } | SealedKind::Node { .. } => self.sealed.job.row.mtime_ns,
        };
        Authorise {
            id: self.sealed.job.unit.id,
            epoch: self.sealed.job.unit.epoch,
            reference: self.reference().unwrap_or_default().to_vec(),
            blake3: self.digest(),
            size: self.size(),
            mtime_ns,
        }
    }
}

impl Committer {
    /// Commits a group; single failures are redone or settled as failed.
    ///
    /// # Errors
    /// The ledger's: fatal for the peer.
    pub(super) fn commit(&mut self, items: Vec<Item>) -> Result<GroupReport> {
        let mut report = GroupReport::default();
        let mut entries = Vec::new();
        let mut settled = Vec::new();
        let mut planned = Vec::new();
        for item in items {
            match item {
                Item::Sealed(sealed) => {
                    let (lost, etag) = match &sealed.kind {
                        SealedKind::Object { lost, .. } => (*lost, None),
                        SealedKind::Visible { lost, etag, .. } => (*lost, etag.clone()),
                        SealedKind::Node { .. } => (0, None),
                    };
                    entries.push(Entry { sealed, failure: None, etag, lost, verified: false });
                }
                Item::Ended { settled: end, bytes, key } => {
                    note_end(&mut report, &end, bytes, &key);
                    planned.push(bytes);
                    settled.push(end);
                }
                Item::Tell(event) => report.events.push(event),
                Item::Flush => {}
            }
        }
        self.seal(&mut entries);
        hit(Point::SealSynced);
        let authorised: Vec<Authorise> =
            entries.iter().filter(|e| e.failure.is_none() && !e.is_visible()).map(Entry::authorise).collect();
        if !authorised.is_empty() {
            self.store.authorise(self.me, self.incarnation, &authorised)?;
            hit(Point::Authorised);
        }
        self.publish(&mut entries);
        self.verify_group(&mut entries);
        let mut released = Vec::new();
        let mut wrong = Vec::new();
        for entry in entries {
            let bytes = entry.sealed.job.row.size;
            if entry.is_given_up_as_wrong() {
                wrong.push((entry.target(), entry.sealed.put.key.clone()));
            }
            match Self::conclude(entry, &mut report) {
                // Visible, but durable only after the sync at the end: not done yet.
                Concluded::Settled(end, _)
                    if self.durability == Durability::End && end.outcome.state() == State::Done =>
                {
                    self.storage.published.add(bytes);
                    self.published.push((end, bytes));
                }
                Concluded::Settled(end, key) => {
                    note_end(&mut report, &end, bytes, &key);
                    planned.push(bytes);
                    settled.push(end);
                }
                Concluded::Redo(job) => {
                    released.push((job.unit.id, job.unit.epoch));
                    self.storage.settling.remove(bytes);
                    // The feeder is gone only when the peer ends: then the next incarnation redoes it.
                    let _ = self.feeder.send(Feed::Redo(Box::new(job)));
                }
            }
        }
        if !released.is_empty() {
            self.store.release(self.me, self.incarnation, &released)?;
        }
        if !settled.is_empty() {
            hit(Point::Settling);
            self.store.settle(self.me, self.incarnation, &settled)?;
            hit(Point::Settled);
        }
        self.mark(&wrong);
        for bytes in planned {
            self.storage.settling.remove(bytes);
        }
        Ok(report)
    }

    /// With `durability: end`: one sync of everything published so far, then all of it is done.
    ///
    /// # Errors
    /// The ledger's. A target that cannot sync keeps its transfers published and not done; they are checked again.
    pub(super) fn settle_published(&mut self, sync: bool, mut report: GroupReport) -> Result<GroupReport> {
        if !sync || self.published.is_empty() {
            return Ok(report);
        }
        if let Err(failure) = self.sync_everything() {
            tracing::error!(error = %failure, "published transfers are not known to be durable");
            return Ok(report);
        }
        let (settled, bytes): (Vec<Settled>, Vec<u64>) =
            std::mem::take(&mut self.published).into_iter().unzip();
        hit(Point::Settling);
        self.store.settle(self.me, self.incarnation, &settled)?;
        hit(Point::Settled);
        for (end, bytes) in settled.iter().zip(bytes) {
            note_end(&mut report, end, bytes, &[]);
            self.storage.published.remove(bytes);
            self.storage.settling.remove(bytes);
        }
        Ok(report)
    }

    fn conclude(entry: Entry, report: &mut GroupReport) -> Concluded {
        let unit = entry.sealed.job.unit;
        let attempts = entry.sealed.attempts;
        let outcome = match &entry.failure {
            None => Outcome::Done {
                verified: entry.verified,
                etag: entry.etag.clone(),
                lost: entry.lost,
                blake3: entry.digest(),
                size: entry.size(),
            },
            Some(failure) if failure.worth_another && attempts < ATTEMPTS_MAX => {
                let (id, key) = (unit.id.0, KeyText::from_bytes(&entry.sealed.job.row.key));
                let error = failure.to_string();
                report.events.push(EventKind::Retry { id, key, error, attempts, in_ms: 0 });
                return Concluded::Redo(entry.sealed.job.again(attempts, failure));
            }
            Some(failure) => Outcome::Failed { error: failure.text.clone(), class: failure.class.to_owned() },
        };
        let end = entry.sealed.job.end(outcome, attempts);
        Concluded::Settled(end, entry.sealed.job.row.key)
    }

    /// "Verified as asked" after the digest of what was read is that of what was written, or of what was read back.
    fn verify_group(&self, entries: &mut [Entry]) {
        match self.verify {
            Verify::None => {}
            // Hashed while it was copied, and the backend took every byte or failed; or hashed after its blocks were shared.
            Verify::Hash => {
                for entry in entries.iter_mut().filter(|e| e.failure.is_none()) {
                    entry.verified = true;
                }
            }
            Verify::ReadBack => self.read_back(entries, Through::Medium),
            Verify::ReadBackCached => self.read_back(entries, Through::Cache),
        }
    }
}

enum Concluded {
    /// With its key.
    Settled(Settled, Vec<u8>),
    Redo(Job),
}

fn note_end(report: &mut GroupReport, end: &Settled, bytes: u64, key: &[u8]) {
    let one = Amount { transfers: 1, bytes: Bytes(bytes) };
    match &end.outcome {
        Outcome::Done { verified, .. } => {
            report.done += one;
            if *verified {
                report.verified += one;
            }
        }
        Outcome::Skipped => report.skipped += one,
        Outcome::Failed { error, .. } => {
            report.failed += one;
            let (id, key) = (end.id.0, KeyText::from_bytes(key));
            report.events.push(EventKind::Failed { id, key, error: error.clone(), attempts: end.attempts });
        }
    }
}
