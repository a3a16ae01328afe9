//! Waves: transfers gathered until a number or an age is reached, then ordered, numbered, divided and passed on.

use crate::links::{Links, NAMES_WAITING_MAX};
use crate::summary::{RouteSummary, Summary};
use crate::{Free, Losses, PlanError, Sink, WAVE_AGE_MAX, WAVE_TRANSFERS_MAX, division};
use std::collections::BTreeMap;
use std::time::Instant;
use twinhaul_backend_host::{Attrs, Caps, Kind, POSITION_MEDIUM_SHIFT};
use twinhaul_ledger::{NewLot, NodeKind, Planned, PlannedDirectory};
use twinhaul_profile::{Profile, Route};
use twinhaul_units::text::show_bytes;
use twinhaul_units::{Amount, Bytes, Key, KeyError};

/// Directories passed on at a time.
const DIRECTORIES_BATCH: usize = 10_000;

/// One wave, ready for the ledger.
#[derive(Debug, Default)]
pub struct Wave {
    pub number: u64,
    /// In id order, ids dense.
    pub transfers: Vec<Planned>,
    pub lots: Vec<NewLot>,
}

/// Takes what the walk finds.
pub(crate) struct Builder<'a> {
    profile: &'a Profile,
    free: &'a mut [Free],
    sink: &'a mut dyn Sink,
    links: Links,
    wave: Vec<Planned>,
    /// Of what a source of sequential media tells: where each key lies. Waits with the key when its other names are waited for.
    positions: BTreeMap<(u16, Vec<u8>), u64>,
    opened: Instant,
    number: u64,
    next_id: u64,
    directories: Vec<PlannedDirectory>,
    found: u64,
    links_full: bool,
    summary: Summary,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(profile: &'a Profile, free: &'a mut [Free], sink: &'a mut dyn Sink) -> Self {
        let route =
            |r: &Route| RouteSummary { from: r.from.clone(), to: r.to.clone(), amount: Amount::default() };
        Self {
            profile,
            free,
            sink,
            links: Links::default(),
            wave: Vec::new(),
            positions: BTreeMap::new(),
            opened: Instant::now(),
            number: 0,
            next_id: 1,
            directories: Vec::new(),
            found: 0,
            links_full: false,
            summary: Summary {
                routes: profile.routes.iter().map(route).collect(),
                losses: vec![Losses::default(); profile.targets.len()],
                ..Summary::default()
            },
        }
    }

    /// A file or a symbolic link. Returns the number of the target it goes to.
    pub(crate) fn object(&mut self, source: u16, key: &Key, attrs: &Attrs) -> Result<Option<u16>, PlanError> {
        self.found += 1;
        let kind = match attrs.kind {
            Kind::Symlink => NodeKind::Symlink,
            Kind::File => NodeKind::File,
            Kind::Directory | Kind::Prefix | Kind::Other => {
                self.summary.special += 1;
                return Ok(None);
            }
        };
        let Some((target, target_key)) = self.routed(source, key)? else { return Ok(None) };
        let at = usize::from(target);
        if let (Some(free), Some(losses)) = (self.free.get(at), self.summary.losses.get_mut(at)) {
            losses.object(free.target.limits(), key, &target_key, attrs);
        }
        let transfer = Planned {
            key: target_key.as_bytes().to_vec(),
            source_key: key.as_bytes().to_vec(),
            source,
            target,
            kind,
            size: if kind == NodeKind::Symlink { 0 } else { attrs.size.unwrap_or(0) },
            mtime_ns: attrs.mtime_ns.unwrap_or(0),
            ..Planned::default()
        };
        if let Some(position) = attrs.position {
            self.positions.insert((source, transfer.source_key.clone()), position);
        }
        let keeps = |cap: Caps| {
            self.free.get(usize::from(target)).is_none_or(|free| free.target.caps().contains(cap))
        };
        // Where further names are not kept, each is a file of its own.
        let linked = kind == NodeKind::File && attrs.nlink.is_some_and(|n| n > 1) && keeps(Caps::HARD_LINKS);
        let whole = match (linked, attrs.dev, attrs.ino) {
            (true, Some(dev), Some(ino)) => self.links.take(transfer, dev, ino, attrs.nlink.unwrap_or(2)),
            _ => Some(transfer),
        };
        if let Some(transfer) = whole {
            if linked && transfer.kind == NodeKind::File && !self.links_full {
                self.links_full = true;
                let text = format!(
                    "more than {NAMES_WAITING_MAX} names of hard-linked files: further ones become files of their own"
                );
                self.sink.warn(text)?;
            }
            self.push(transfer)?;
        }
        Ok(Some(target))
    }

    /// A directory that could not be listed: planned as a transfer, which fails with the reason.
    pub(crate) fn unreadable(&mut self, source: u16, key: &Key, why: &str) -> Result<(), PlanError> {
        self.summary.unreadable_directories += 1;
        self.sink.warn(format!(
            "directory {key} of the source cannot be listed: {why}. Nothing below it is planned."
        ))?;
        if let Some((target, target_key)) = self.routed(source, key)? {
            let (key, source_key) = (target_key.as_bytes().to_vec(), key.as_bytes().to_vec());
            self.push(Planned { key, source_key, source, target, ..Planned::default() })?;
        }
        Ok(())
    }

    /// Something listed that no walk has met: planned as a transfer, which fails with the reason.
    pub(crate) fn missing(&mut self, source: u16, key: &Key) -> Result<(), PlanError> {
        self.found += 1;
        if let Some((target, target_key)) = self.routed(source, key)? {
            self.summary.missing += 1;
            let (key, source_key) = (target_key.as_bytes().to_vec(), key.as_bytes().to_vec());
            self.push(Planned { key, source_key, source, target, ..Planned::default() })?;
        }
        Ok(())
    }

    /// A name that no key can be: it is not copied, and the plan says so.
    pub(crate) fn bad_key(&mut self, source: &str, why: KeyError) -> Result<(), PlanError> {
        self.found += 1;
        self.summary.unrouted += 1;
        self.sink.warn(format!("an object of source {source} is not planned: its key {why}"))
    }

    /// A directory, for each target that got something from below it, and for its own route's.
    pub(crate) fn directory(&mut self, source: u16, key: &Key, targets: u64) -> Result<u64, PlanError> {
        let own = self.profile.sources.get(usize::from(source)).map_or("", |s| s.name.as_str());
        let route = self.profile.route(own, key.as_bytes());
        let mut mask = targets;
        if let Some(target) = route.and_then(|r| self.target_index(&r.to)) {
            mask |= 1 << target.min(63);
        }
        self.touched(source, key, mask)
    }

    /// A directory, for each target that got something from below it.
    pub(crate) fn touched(&mut self, source: u16, key: &Key, mask: u64) -> Result<u64, PlanError> {
        let own = self.profile.sources.get(usize::from(source)).map_or("", |s| s.name.as_str());
        for route in &self.profile.routes {
            let Some(target) = self.target_index(&route.to) else { continue };
            if route.from != own || mask & (1 << target.min(63)) == 0 {
                continue;
            }
            let Ok(at_target) = route.target_key(key) else { continue };
            let depth = u32::try_from(at_target.as_bytes().split(|b| *b == b'/').count()).unwrap_or(u32::MAX);
            let directory = PlannedDirectory {
                source,
                source_key: key.as_bytes().to_vec(),
                target,
                key: at_target.as_bytes().to_vec(),
                depth,
                attrs_json: String::new(),
            };
            // Two routes of one source to one target under one prefix name the same directory.
            if !self
                .directories
                .iter()
                .rev()
                .take(8)
                .any(|d| d.target == directory.target && d.key == directory.key)
            {
                self.summary.directories += 1;
                let at = usize::from(target);
                if let (Some(free), Some(losses)) = (self.free.get(at), self.summary.losses.get_mut(at)) {
                    losses.directory(free.target.limits(), key);
                }
                self.directories.push(directory);
            }
        }
        if self.directories.len() >= DIRECTORIES_BATCH {
            self.sink.directories(&std::mem::take(&mut self.directories))?;
        }
        Ok(mask)
    }

    fn target_index(&self, name: &str) -> Option<u16> {
        self.profile.targets.iter().position(|t| t.name == name).and_then(|i| u16::try_from(i).ok())
    }

    /// The first route that takes a key; counts what no route takes.
    fn routed(&mut self, source: u16, key: &Key) -> Result<Option<(u16, Key)>, PlanError> {
        let own = self.profile.sources.get(usize::from(source)).map_or("", |s| s.name.as_str());
        let Some(route) = self.profile.route(own, key.as_bytes()) else {
            self.summary.unrouted += 1;
            return Ok(None);
        };
        let Some(target) = self.target_index(&route.to) else { return Ok(None) };
        match route.target_key(key) {
            Ok(at_target) => Ok(Some((target, at_target))),
            Err(e) => {
                self.sink.warn(format!("{key}: with its route's prefix the key {e}; it is not planned"))?;
                self.summary.unrouted += 1;
                Ok(None)
            }
        }
    }

    fn push(&mut self, transfer: Planned) -> Result<(), PlanError> {
        if self.wave.is_empty() {
            self.opened = Instant::now();
        }
        self.wave.push(transfer);
        let full = self.wave.len() >= WAVE_TRANSFERS_MAX;
        // Looking at the clock for each object would cost more than listing it.
        let old = self.wave.len().is_multiple_of(1024) && self.opened.elapsed() >= WAVE_AGE_MAX;
        // A wave is read medium by medium: the more is in it, the fewer mounts.
        let old = old && self.positions.is_empty();
        if full || old { self.close(true) } else { Ok(()) }
    }

    /// Closes the wave: order, ids, lots, guards, sink.
    fn close(&mut self, growing: bool) -> Result<(), PlanError> {
        if self.wave.is_empty() {
            return Ok(());
        }
        let mut transfers = std::mem::take(&mut self.wave);
        let positions = &mut self.positions;
        let place = |t: &Planned| positions.get(&(t.source, t.source_key.clone())).copied();
        division::order(self.profile, &mut transfers, self.next_id, place);
        let mut medium = |t: &Planned| {
            let position = positions.remove(&(t.source, t.source_key.clone()))?;
            u32::try_from(position >> POSITION_MEDIUM_SHIFT).ok()
        };
        let media: Vec<Option<u32>> = transfers.iter().map(&mut medium).collect();
        self.next_id += transfers.len() as u64;
        self.guard(&transfers)?;
        let lots = division::lots(self.profile, &transfers, &media);
        self.sum(&transfers, &media, &lots);
        let wave = Wave { number: self.number, transfers, lots };
        self.number += 1;
        self.sink.wave(&wave, growing)
    }

    fn guard(&mut self, transfers: &[Planned]) -> Result<(), PlanError> {
        let mut by_target: BTreeMap<u16, Vec<&Planned>> = BTreeMap::new();
        for transfer in transfers {
            by_target.entry(transfer.target).or_default().push(transfer);
        }
        for (target, members) in by_target {
            if let Some(free) = self.free.get_mut(usize::from(target)) {
                free.count(&members)?;
            }
        }
        Ok(())
    }

    fn sum(&mut self, transfers: &[Planned], media: &[Option<u32>], lots: &[NewLot]) {
        let mut lots = lots.iter();
        let mut lot = lots.next();
        for (i, (t, medium)) in transfers.iter().zip(media).enumerate() {
            let amount = Amount { transfers: 1, bytes: Bytes(t.size) };
            self.summary.total += amount;
            self.summary.symlinks += u64::from(t.kind == NodeKind::Symlink);
            self.summary.hard_link_groups += u64::from(t.kind == NodeKind::HardLinkGroup);
            while lot.is_some_and(|l| l.last < t.id) {
                let former = lot.map(|l| l.owner);
                lot = lots.next();
                let owner = lot.map(|l| l.owner);
                // The end of the former peer's last object may lie on the other's first medium.
                if let (Some(former), Some(number)) = (former.filter(|f| Some(*f) != owner), medium)
                    && division::crosses(transfers, media, i)
                {
                    self.summary.bring(t.source, *number, former, Amount::default());
                }
            }
            if let Some(lot) = lot {
                self.summary.give(lot.owner, amount);
                if let Some(number) = medium {
                    self.summary.bring(t.source, *number, lot.owner, amount);
                }
            }
            let source = self.profile.sources.get(usize::from(t.source)).map_or("", |s| s.name.as_str());
            if let Some(at) = self.profile.routes.iter().position(|r| r.takes(source, &t.source_key)) {
                self.summary.routes[at].amount += amount;
            }
        }
    }

    /// What a target will not take is said once, before its transfers fail by name.
    fn warn_of_failures(&mut self) -> Result<(), PlanError> {
        for (target, losses) in self.profile.targets.iter().zip(&self.summary.losses) {
            for (loss, count) in losses.iter().filter(|(loss, _)| loss.fails()) {
                let text = format!(
                    "target {}: {} will fail: {}; such as {}",
                    target.name,
                    count.objects,
                    loss.words(),
                    show_bytes(&count.example)
                );
                self.sink.warn(text)?;
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Result<Summary, PlanError> {
        for transfer in self.links.rest() {
            self.push(transfer)?;
        }
        self.close(false)?;
        if self.summary.total.transfers == 0 && self.summary.directories == 0 && self.found > 0 {
            return Err(PlanError::NothingRouted { found: self.found });
        }
        if self.summary.missing > 0 {
            let keys = if self.summary.missing == 1 { "key was" } else { "keys were" };
            self.sink.warn(format!(
                "{} listed {keys} not met in the source; what is not there fails by name",
                self.summary.missing
            ))?;
        }
        self.warn_of_failures()?;
        if self.summary.special > 0 {
            let text =
                format!("{} special files (devices, FIFOs, sockets) are not copied", self.summary.special);
            self.sink.warn(text)?;
        }
        if self.summary.unrouted > 0 {
            self.sink.warn(format!(
                "{} objects stay where they are: no route takes them",
                self.summary.unrouted
            ))?;
        }
        self.summary.waves = self.number;
        self.sink.directories(&std::mem::take(&mut self.directories))?;
        self.sink.finish()?;
        Ok(self.summary)
    }
}
