//! The steps of a group that touch storage, each for all targets of the group at once.

use super::Committer;
use super::group::Entry;
use crate::copy::Failure;
use crate::storage::Opened;
use std::collections::BTreeMap;
use twinhaul_backend_host::{Attrs, BackendError, Code, Kind, OpContext, Private, Put, Stat, WriteMode};
use twinhaul_failpoint::{Point, before, hit};
use twinhaul_profile::{Durability, Verify};
use twinhaul_units::Key;

/// A second after the beginning of 1970: no object that is copied has it but by chance.
const WRONG_MTIME_NS: i64 = 1_000_000_000;

impl Committer {
    /// Durable and still private. With `durability: end` this waits for the end of the run, but for what is read back from the
    /// medium: that has to be there.
    pub(super) fn seal(&self, entries: &mut [Entry]) {
        if self.durability == Durability::End && self.verify != Verify::ReadBack {
            return;
        }
        self.per_target(entries, |target, mut members| {
            let refs: Vec<&[u8]> = members.iter().filter_map(|e| e.reference()).collect();
            if refs.is_empty() {
                return;
            }
            let call = self.storage.settling_wait.calling(&target.name);
            let results = target.target.seal_sync(&self.op(), &refs);
            drop(call);
            drop(refs);
            let objects = members.iter_mut().filter(|e| e.reference().is_some());
            note(
                objects.map(|e| &mut **e),
                results.map(|r| r.into_iter().map(|r| r.map(|()| None)).collect()),
                target,
            );
        });
        self.discard_failed(entries);
    }

    /// Visible under their keys, further names of hard-link groups, and symbolic links; then the names are durable.
    pub(super) fn publish(&self, entries: &mut [Entry]) {
        let durable = self.durability != Durability::End;
        self.per_target(entries, |target, mut members| {
            let _call = self.storage.settling_wait.calling(&target.name);
            publish_objects(target, &mut members);
            hit(Point::Published);
            for entry in members.iter_mut().filter(|e| e.failure.is_none()) {
                if let Err(failure) = publish_nodes(target, entry) {
                    entry.failure = Some(failure);
                }
            }
            hit(Point::Named);
            if !durable {
                return;
            }
            if let Err(e) = target.target.publish_sync(&self.op()) {
                // Which names are durable is not known: all of the group are done again (store.md 4.10).
                for entry in members.iter_mut().filter(|e| e.failure.is_none()) {
                    entry.failure = Some(Failure::of("sync names on", &target.name, &e));
                }
            }
            hit(Point::PublishSynced);
        });
    }

    /// Everything sealed or published so far is durable.
    pub(super) fn sync_everything(&self) -> Result<(), Failure> {
        for target in self.storage.reached() {
            target.sync().map_err(|e| Failure::of("sync", &target.name, &e))?;
        }
        Ok(())
    }

    /// What its call waits for is shown beside the transfers that settle.
    fn op(&self) -> OpContext {
        OpContext::new().noting(&self.storage.settling_wait)
    }

    /// What failed before it was published must never be: its private object goes.
    fn discard_failed(&self, entries: &[Entry]) {
        for entry in entries.iter().filter(|e| e.failure.is_some()) {
            if let (Some(target), Some(reference)) = (self.storage.target(entry.target()), entry.reference())
                && let Err(e) = target.target.discard(&OpContext::new(), Private::Ref(reference))
            {
                tracing::warn!(error = %e, target = target.name, "a private object stays until the sweep");
            }
        }
    }

    /// What is known to be wrong, and stays, must not pass for the same in the next run, which goes by size and time: it is given
    /// another time. It is not removed: by now somebody else may have put the right one there.
    pub(super) fn mark(&self, wrong: &[(u16, Key)]) {
        for (target, key) in wrong {
            let Some(target) = self.storage.target(*target) else { continue };
            let other = Attrs { mtime_ns: Some(WRONG_MTIME_NS), ..Attrs::of(Kind::File) };
            if let Err(e) = target.target.set_attrs(&OpContext::new(), Some(key), &other) {
                tracing::warn!(error = %e, target = target.name, "what is wrong there still has its old time");
            }
        }
    }

    fn per_target(&self, entries: &mut [Entry], mut step: impl FnMut(&Opened, Vec<&mut Entry>)) {
        let mut by_target: BTreeMap<u16, Vec<&mut Entry>> = BTreeMap::new();
        for entry in entries.iter_mut().filter(|e| e.failure.is_none()) {
            by_target.entry(entry.target()).or_default().push(entry);
        }
        for (index, members) in by_target {
            if let Some(target) = self.storage.target(index) {
                step(target, members);
            }
        }
    }
}

/// Spreads a batch's results over its entries; an error of the whole call is everyone's.
fn note<'a>(
    entries: impl Iterator<Item = &'a mut Entry>,
    results: Result<Vec<Result<Option<String>, BackendError>>, BackendError>,
    target: &Opened,
) {
    match results {
        Ok(results) => {
            for (entry, result) in entries.zip(results) {
                match result {
                    Ok(etag) => entry.etag = etag,
                    Err(e) => entry.failure = Some(failed(target, &e)),
                }
            }
        }
        Err(e) => entries.for_each(|entry| entry.failure = Some(failed(target, &e))),
    }
}

fn failed(target: &Opened, e: &BackendError) -> Failure {
    let mut failure = Failure::of("write to", &target.name, e);
    // Taken meanwhile by somebody else, or discarded: look again and decide again.
    failure.worth_another |= matches!(e.code(), Code::Exists | Code::NotFound | Code::NoSpace);
    failure
}

fn publish_objects(target: &Opened, members: &mut [&mut Entry]) {
    let (puts, refs): (Vec<Put>, Vec<Vec<u8>>) =
        members.iter().filter_map(|e| Some((e.sealed.put.clone(), e.reference()?.to_vec()))).unzip();
    if puts.is_empty() {
        return;
    }
    let borrowed: Vec<&[u8]> = refs.iter().map(Vec::as_slice).collect();
    // All at once; in two parts only when a test waits between them.
    let (first, rest) = puts.split_at(before(Point::PublishedHalf, puts.len()));
    let mut objects = members.iter_mut().filter(|e| e.reference().is_some()).map(|e| &mut **e);
    for (part, from) in [(first, 0), (rest, first.len())] {
        if part.is_empty() {
            continue;
        }
        let results =
            target.target.publish_batch(&OpContext::new(), part, &borrowed[from..from + part.len()]);
        let mut told = Vec::new();
        let results = results.map(|all| {
            told = all.iter().map(|one| one.as_ref().ok().and_then(size_told)).collect();
            all.into_iter().map(|one| one.map(|stat| stat.etag)).collect()
        });
        let mut these: Vec<&mut Entry> = objects.by_ref().take(part.len()).collect();
        note(these.iter_mut().map(|e| &mut **e), results, target);
        for (entry, told) in these.into_iter().zip(told) {
            if let Some(told) = told.filter(|told| *told != entry.size()) {
                entry.failure = Some(Failure::other_size(target, told, entry.size()));
            }
        }
        if part.len() < puts.len() {
            hit(Point::PublishedHalf);
        }
    }
}

/// A target that says what it made visible is heard, whatever is verified.
fn size_told(stat: &Stat) -> Option<u64> {
    (stat.kind == Kind::File).then_some(stat.size)
}

fn publish_nodes(target: &Opened, entry: &mut Entry) -> Result<(), Failure> {
    let op = OpContext::new();
    let fail = |e: &BackendError| failed(target, e);
    if entry.is_node() {
        entry.lost |= target.target.put_node(&op, &entry.sealed.put, None).map_err(|e| fail(&e))?.0;
    }
    for name in &entry.sealed.job.row.names {
        let key = Key::new(name.clone())
            .map_err(|e| Failure::permanent("bad_key", format!("a further name {e}")))?;
        let mut put = Put::new(key, entry.sealed.put.attempt_id.clone());
        put.mode = WriteMode::Overwrite;
        let lost = target.target.put_node(&op, &put, Some(&entry.sealed.put.key)).map_err(|e| fail(&e))?;
        entry.lost |= lost.0;
    }
    Ok(())
}
