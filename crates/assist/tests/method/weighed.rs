//! A desk on which transfers have sizes and peers have paces: what `balanced` looks at.

use crate::desk::{Desk, OTHER, lot};
use std::time::Duration;
use twinhaul_assist::{
    AskId, Cut, Effect, Episode, Event, LoadedLot, Memory, Message, Millionths, Pace, PartProgress, Policy,
    Settings, Sizes, Unit,
};
use twinhaul_units::{Bytes, Moment, PeerId, Rate, TransferId};

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;
pub(crate) const MB: u64 = 1_000_000;

pub(crate) fn balanced(slots: u32) -> Settings {
    Settings { policy: Policy::Balanced, slots, ..Settings::default() }
}

/// Lot 1 with these sizes, from id 0 on; ranges of them can be lent.
pub(crate) fn sized(sizes: &[u64]) -> LoadedLot {
    let interval = lot(1, 0, sizes.len() as u64 - 1);
    let sizes = Sizes::exact(interval.first, sizes);
    LoadedLot { interval, target: 0, sizes, shared_ranges: true }
}

impl Desk {
    /// A first peer under `balanced` with these transfers, linked, without a round trip; so many megabytes a second
    /// were measured, and nothing of what is in flight is copied.
    pub(crate) fn weighed(slots: u32, sizes: &[u64], rate_mb: u64) -> Self {
        Self::weighed_as(PeerId::First, Memory::fresh(Settings::default().ratio), slots, sizes, rate_mb)
    }

    pub(crate) fn weighed_as(me: PeerId, memory: Memory, slots: u32, sizes: &[u64], rate_mb: u64) -> Self {
        let mut desk = Self::unmeasured(me, memory, slots, sizes);
        desk.feed(Event::Measured { moved: Bytes(0), parts: vec![] });
        desk.now = desk.now + Duration::from_secs(1);
        let part =
            |unit: &Unit| PartProgress { id: unit.id, from: 0, reached: 0, to: sizes[unit.id.0 as usize] };
        let parts = desk.core.in_flight().iter().map(part).collect();
        desk.feed(Event::Measured { moved: Bytes(rate_mb * MB), parts });
        desk.heard(0, 0, Pace::from_rate(rate_mb * MB));
        desk.tick_after(Duration::ZERO);
        desk
    }

    /// As [`Self::weighed`], with nothing measured; the other peer has nothing left.
    pub(crate) fn unmeasured(me: PeerId, memory: Memory, slots: u32, sizes: &[u64]) -> Self {
        let mut desk = Self::bare(me, balanced(slots), memory);
        desk.heard(0, 0, Pace::from_rate(MB));
        desk.load_sized(if sizes.is_empty() { vec![] } else { vec![sized(sizes)] });
        desk
    }

    pub(crate) fn load_sized(&mut self, lots: Vec<LoadedLot>) -> &mut Self {
        self.feed(Event::LotsLoaded { lots, pinned: vec![], ranges: vec![], all_planned: true })
    }

    /// How far the parts in flight have come: id, begin, reached, end.
    pub(crate) fn reached(&mut self, parts: &[(u64, u64, u64, u64)]) -> &mut Self {
        let part = |(id, from, reached, to): &(u64, u64, u64, u64)| PartProgress {
            id: TransferId(*id),
            from: *from,
            reached: *reached,
            to: *to,
        };
        // Too soon after the last one to count as another measurement of the rate.
        self.feed(Event::Measured { moved: Bytes(0), parts: parts.iter().map(part).collect() })
    }

    /// A heartbeat: the other peer has so much left. Its answer to ours came at once.
    pub(crate) fn heard(&mut self, queued: u64, left: u64, pace: Pace) -> &mut Self {
        let echo = Some(self.now);
        self.heard_late(queued, left, pace, echo)
    }

    pub(crate) fn heard_late(
        &mut self,
        queued: u64,
        left: u64,
        pace: Pace,
        echo: Option<Moment>,
    ) -> &mut Self {
        self.hear(Message::Heartbeat {
            queued,
            queued_bytes: Bytes(left),
            in_flight: 1,
            rate: Rate(0),
            ratio: Millionths::from_f64(0.5),
            paused: false,
            left: Bytes(left),
            pace,
            sent: self.now,
            echo,
        })
    }

    /// The other peer asks, with so many bytes left.
    pub(crate) fn asked_with(&mut self, number: u64, queued: u64, left: u64, pace: Pace) -> &mut Self {
        self.hear(Message::Ask {
            ask_id: AskId::new(OTHER, number),
            episode: Episode(number),
            rate: Rate(0),
            queued,
            idle_slots: 1,
            left: Bytes(left),
            pace,
        })
    }

    /// First id, number and bytes of what the latest event assigned; and the cuts.
    pub(crate) fn moved(&self) -> Option<(Vec<u64>, Vec<Cut>)> {
        self.out.iter().find_map(|effect| match effect {
            Effect::Assign { intervals, cuts, .. } => {
                Some((intervals.iter().flat_map(|i| i.first.0..=i.last.0).collect(), cuts.clone()))
            }
            _ => None,
        })
    }

    pub(crate) fn splits(&self) -> Vec<Cut> {
        self.out.iter().filter_map(|e| if let Effect::Split(cut) = e { Some(*cut) } else { None }).collect()
    }
}

pub(crate) fn mb_per_s(rate: u64) -> Pace {
    Pace::from_rate(rate * MB)
}
