//! A target as far as safety goes: private objects by attempt, published objects by key, and what of both is durable.
//!
//! An object is a row of grains of [`GRAIN`] bytes; each holds the number of the source version it was read from, so
//! that a mixture of two versions, a hole and an old object are all told apart. Publishing renames. What was not synced
//! may be gone after a power loss, names and bytes apart.

use crate::Setup;
use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// Bytes of a grain: what ranges are cut to (`twinhaul_ledger::RANGE_ALIGN`).
pub const GRAIN: u64 = 256 << 10;
/// Grains of the largest object.
pub const GRAINS_MAX: usize = 8;

/// The bytes of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Content {
    len: u8,
    /// 0: a hole.
    grains: [u8; GRAINS_MAX],
    /// The version whose times the object has; no part of its digest.
    mtime: u8,
}

impl Content {
    /// So many grains, all of them holes.
    pub(crate) fn empty(len: u8) -> Self {
        Self { len: len.min(GRAINS_MAX as u8), ..Self::default() }
    }

    /// All of it from one source version.
    pub(crate) fn of(len: u8, version: u8) -> Self {
        let mut content = Self::empty(len);
        content.write(0, len, version);
        content
    }

    pub(crate) fn write(&mut self, from: u8, to: u8, version: u8) {
        for at in from..to.min(self.len) {
            self.grains[usize::from(at)] = version;
        }
    }

    /// Gives it the times of a source version.
    pub(crate) const fn stamp(&mut self, version: u8) {
        self.mtime = version;
    }

    pub(crate) const fn mtime(&self) -> u8 {
        self.mtime
    }

    pub(crate) fn has_no_hole(&self) -> bool {
        self.grains[..usize::from(self.len)].iter().all(|grain| *grain > 0)
    }

    /// Takes the grains `from..to` of another.
    fn copy(&mut self, other: &Self, from: u8, to: u8) {
        let part = usize::from(from)..usize::from(to.min(self.len));
        self.grains[part.clone()].copy_from_slice(&other.grains[part]);
    }

    /// Every grain is of this version.
    pub(crate) fn is_whole(&self, version: u8) -> bool {
        self.grains[..usize::from(self.len)].iter().all(|grain| *grain == version)
    }

    /// With its size and times, but without bytes: what some file systems leave of what was not synced.
    fn torn(self) -> Self {
        Self { grains: [0; GRAINS_MAX], ..self }
    }

    /// What a digest of it would be: equal for equal bytes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[0] = self.len;
        digest[1..=GRAINS_MAX].copy_from_slice(&self.grains);
        digest
    }
}

/// Names one attempt's private object before anything about it is recorded (store.md 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Attempt {
    pub(crate) id: TransferId,
    pub(crate) epoch: Epoch,
    pub(crate) peer: PeerId,
    pub(crate) incarnation: Incarnation,
    /// Counts what one incarnation does again.
    pub(crate) nr: u8,
}

impl Attempt {
    /// Unique for every attempt of a run.
    pub(crate) fn name(&self) -> String {
        let letter = if self.peer == PeerId::First { 'a' } else { 'b' };
        format!("{}/{}.{}/{letter}{}", self.id, self.epoch, self.nr, self.incarnation)
    }

    /// As the ledger keeps it.
    pub(crate) fn reference(&self) -> Vec<u8> {
        let peer = self.peer.index() as u64;
        let words = [self.id.0, self.epoch.0, peer, self.incarnation.0, self.nr.into()];
        words.iter().map(|word| u8::try_from(*word).unwrap_or(u8::MAX)).collect()
    }

    pub(crate) fn parse(reference: &[u8]) -> Option<Self> {
        let [id, epoch, peer, incarnation, nr] = *reference else { return None };
        Some(Self {
            id: TransferId(id.into()),
            epoch: Epoch(epoch.into()),
            peer: PeerId::from_index(peer.into())?,
            incarnation: Incarnation(incarnation.into()),
            nr,
        })
    }

    /// Which of two attempts at one transfer is the newer: a lot has one owner in an epoch, which has its place in one
    /// incarnation after another.
    pub(crate) const fn age(&self) -> (u64, u64, u8) {
        (self.epoch.0, self.incarnation.0, self.nr)
    }
}

/// An object that only its writers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Private {
    pub(crate) attempt: Attempt,
    pub(crate) content: Content,
    /// What the medium has; `None`: not even the name.
    pub(crate) durable: Option<Content>,
}

/// An object under its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Public {
    pub(crate) object: Private,
    /// What a power loss brings back while the name is not synced: what was there before. `None`: it is synced.
    pub(crate) before: Option<Before>,
}

/// What was under a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Before {
    Nothing,
    Older(Box<Private>),
}

/// Why an object could not be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum NotPublished {
    /// The private object is gone: somebody discarded it.
    NotFound,
    /// Something is under the key, and it was not to be replaced.
    Exists,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) privates: Vec<Private>,
    /// By transfer.
    pub(crate) publics: Vec<Option<Public>>,
    /// Names that are neither keys nor ours: there are never any (S9).
    pub(crate) strays: u8,
}

impl Target {
    /// With what an earlier run left, durable and whole.
    pub(crate) fn new(setup: &Setup) -> Self {
        let public = |(id, grains): (u64, &u8)| {
            let version = setup.there.get(place(TransferId(id))).copied().filter(|version| *version > 0)?;
            let mut content = Content::of(*grains, version);
            content.stamp(version);
            let attempt = Attempt {
                id: TransferId(id),
                epoch: Epoch(0),
                peer: PeerId::First,
                incarnation: Incarnation(0),
                nr: 0,
            };
            let object = Private { attempt, content, durable: Some(content) };
            Some(Public { object, before: None })
        };
        Self { publics: (0..).zip(&setup.grains).map(public).collect(), ..Self::default() }
    }

    pub(crate) fn public(&self, id: TransferId) -> Option<&Public> {
        self.publics.get(place(id))?.as_ref()
    }

    pub(crate) fn private(&self, attempt: Attempt) -> Option<&Private> {
        self.privates.iter().find(|p| p.attempt == attempt)
    }

    pub(crate) fn private_mut(&mut self, attempt: Attempt) -> Option<&mut Private> {
        self.privates.iter_mut().find(|p| p.attempt == attempt)
    }

    /// Makes an empty private object; what the same attempt left is replaced.
    pub(crate) fn open(&mut self, attempt: Attempt, grains: u8) {
        self.discard(attempt);
        let at = self.privates.partition_point(|p| p.attempt < attempt);
        self.privates.insert(at, Private { attempt, content: Content::empty(grains), durable: None });
    }

    /// Removes a private object; whether it was there.
    pub(crate) fn discard(&mut self, attempt: Attempt) -> bool {
        let before = self.privates.len();
        self.privates.retain(|p| p.attempt != attempt);
        self.privates.len() < before
    }

    /// One grain, from a writer that has the object open: it gets there also when the object was published since. False:
    /// the object is gone, and nobody sees it.
    pub(crate) fn write(&mut self, attempt: Attempt, grain: u8, version: u8) -> bool {
        let published =
            self.publics.get_mut(place(attempt.id)).and_then(Option::as_mut).map(|p| &mut p.object);
        let mut found = self.privates.iter_mut().chain(published).filter(|object| object.attempt == attempt);
        let Some(object) = found.next() else { return false };
        object.content.write(grain, grain + 1, version);
        true
    }

    /// The grains `from..to` of a private object are durable.
    pub(crate) fn flush(&mut self, attempt: Attempt, from: u8, to: u8) {
        if let Some(private) = self.private_mut(attempt) {
            let content = private.content;
            private.durable.get_or_insert(Content::empty(content.len)).copy(&content, from, to);
        }
    }

    /// Bytes and name of a private object are durable; whether it was there.
    pub(crate) fn seal(&mut self, attempt: Attempt) -> bool {
        let Some(private) = self.private_mut(attempt) else { return false };
        private.durable = Some(private.content);
        true
    }

    /// Everything there is is durable but for the names of published objects.
    pub(crate) fn seal_all(&mut self) {
        for object in self.privates.iter_mut().chain(self.publics.iter_mut().flatten().map(|p| &mut p.object))
        {
            object.durable = Some(object.content);
        }
    }

    /// All names are durable.
    pub(crate) fn sync_names(&mut self) {
        for public in self.publics.iter_mut().flatten() {
            public.before = None;
        }
    }

    /// Renames a private object to its key.
    pub(crate) fn publish(&mut self, attempt: Attempt, overwrite: bool) -> Result<(), NotPublished> {
        let object = *self.private(attempt).ok_or(NotPublished::NotFound)?;
        let slot = &mut self.publics[place(attempt.id)];
        let before = match slot.take() {
            Some(there) if !overwrite => {
                *slot = Some(there);
                return Err(NotPublished::Exists);
            }
            // A power loss goes back to what was durable last.
            Some(Public { before: Some(older), .. }) => older,
            Some(there) => Before::Older(Box::new(there.object)),
            None => Before::Nothing,
        };
        *slot = Some(Public { object, before: Some(before) });
        self.discard(attempt);
        Ok(())
    }

    /// Takes away what the medium never had. `names`: which un-synced renames are lost too, by bits of transfer ids.
    pub(crate) fn lose_power(&mut self, names: u64) {
        self.privates.retain_mut(|p| {
            p.content = p.durable.unwrap_or_default();
            p.durable.is_some()
        });
        for at in 0..self.publics.len() {
            let lost_name = names >> (at % 64) & 1 == 1;
            let Some(public) = &mut self.publics[at] else { continue };
            public.object.content = public.object.durable.unwrap_or_else(|| public.object.content.torn());
            public.object.durable = Some(public.object.content);
            let Some(before) = public.before.take().filter(|_| lost_name) else { continue };
            let was = public.object;
            self.publics[at] = match before {
                Before::Nothing => None,
                Before::Older(object) => Some(Public { object: *object, before: None }),
            };
            if self.private(was.attempt).is_none() {
                let place = self.privates.partition_point(|p| p.attempt < was.attempt);
                self.privates.insert(place, was);
            }
        }
    }
}

fn place(id: TransferId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn attempt(epoch: u64) -> Attempt {
        Attempt {
            id: TransferId(0),
            epoch: Epoch(epoch),
            peer: PeerId::Second,
            incarnation: Incarnation(3),
            nr: 0,
        }
    }

    fn written(target: &mut Target, epoch: u64, version: u8) {
        target.open(attempt(epoch), 2);
        if let Some(p) = target.private_mut(attempt(epoch)) {
            p.content.write(0, 2, version);
        }
    }

    #[test]
    fn what_was_not_synced_is_gone_after_a_power_loss() {
        let mut target = Target::new(&Setup::small(1));
        written(&mut target, 1, 7);
        target.lose_power(1);
        assert_eq!(target, Target::new(&Setup::small(1)));
        written(&mut target, 1, 7);
        assert!(target.seal(attempt(1)));
        assert_eq!(target.publish(attempt(1), false), Ok(()));
        let published = target.clone();
        target.lose_power(0);
        assert_eq!(target.public(TransferId(0)).map(|p| p.object.content), Some(Content::of(2, 7)));
        target = published;
        target.lose_power(1);
        assert_eq!((target.publics[0].is_none(), target.privates.len()), (true, 1), "the name came back");
    }

    #[test]
    fn an_unsynced_replacement_falls_back_to_what_was_durable() {
        let mut target = Target::new(&Setup::small(1));
        for (epoch, version) in [(1, 5), (2, 6)] {
            written(&mut target, epoch, version);
            target.seal(attempt(epoch));
            assert_eq!(target.publish(attempt(epoch), true), Ok(()));
            if epoch == 1 {
                target.sync_names();
            }
        }
        assert_eq!(target.publish(attempt(2), true), Err(NotPublished::NotFound));
        target.lose_power(1);
        assert_eq!(target.public(TransferId(0)).map(|p| p.object.content), Some(Content::of(2, 5)));
    }

    #[test]
    fn a_reference_names_its_attempt() {
        assert_eq!(Attempt::parse(&attempt(4).reference()), Some(attempt(4)));
        assert_eq!(Attempt::parse(b"x"), None);
    }
}
