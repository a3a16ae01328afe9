//! One core on a desk: events by hand, effects in sight.

use std::time::Duration;
use twinhaul_assist::{
    AskId, AssignWhy, Core, Effect, Episode, Event, Interval, Last, LoadedLot, Memory, Message, Millionths,
    OpId, Pace, Report, Rule, Settings, SlotOutcome,
};
use twinhaul_units::{Bytes, Epoch, Incarnation, LotId, Moment, PeerId, Rate, Ratio, TransferId};

/// The incarnation of the core on the desk.
pub(crate) const ME: Incarnation = Incarnation(1);
/// That of the other peer.
pub(crate) const OTHER: Incarnation = Incarnation(2);

pub(crate) struct Desk {
    pub(crate) core: Core,
    pub(crate) now: Moment,
    /// What the latest event brought.
    pub(crate) out: Vec<Effect>,
}

impl Desk {
    /// Joined, linked, with `queue` transfers of lot 1 loaded and as many of them started as there are slots.
    pub(crate) fn new(me: PeerId, settings: Settings, queue: u64) -> Self {
        Self::with_memory(me, settings, queue, Memory::fresh(settings.ratio))
    }

    /// As [`Self::new`], where the other peer assisted this one before.
    pub(crate) fn helped(me: PeerId, settings: Settings, queue: u64) -> Self {
        Self::with_memory(
            me,
            settings,
            queue,
            Memory { last: Last::ItHelpedMe, ..Memory::fresh(settings.ratio) },
        )
    }

    /// Joined and linked; the first load is not answered.
    pub(crate) fn bare(me: PeerId, settings: Settings, memory: Memory) -> Self {
        let mut desk = Self { core: Core::new(me, ME, settings, memory), now: Moment::ZERO, out: Vec::new() };
        desk.feed(Event::PeerJoined { incarnation: OTHER });
        desk.feed(Event::Started);
        assert_eq!(desk.loads(), 1);
        desk
    }

    fn with_memory(me: PeerId, settings: Settings, queue: u64, memory: Memory) -> Self {
        let mut desk = Self::bare(me, settings, memory);
        desk.load(if queue == 0 { vec![] } else { vec![lot(1, 0, queue - 1)] });
        desk
    }

    pub(crate) fn feed(&mut self, event: Event) -> &mut Self {
        self.out.clear();
        self.core.handle(self.now, event, &mut self.out);
        self
    }

    pub(crate) fn load(&mut self, intervals: Vec<Interval>) -> &mut Self {
        self.feed(loaded(intervals))
    }

    pub(crate) fn hear(&mut self, msg: Message) -> &mut Self {
        self.feed(Event::Message { from_incarnation: OTHER, msg })
    }

    /// The other peer asks.
    pub(crate) fn asked(&mut self, number: u64, episode: u64) -> &mut Self {
        self.hear(ask(number, episode))
    }

    /// The ledger has made the assignment that the latest event asked for; what the core makes of that.
    pub(crate) fn assigned(&mut self) -> &mut Self {
        let (op, intervals, _) = self.assignment().expect("an assignment");
        let lots =
            intervals.iter().map(|part| Interval { epoch: Epoch(part.epoch.0 + 1), ..*part }).collect();
        self.feed(Event::Assigned { op, lots, ranges: vec![], bytes: Bytes(1) })
    }

    /// The first `n` of the transfers in flight complete, one after the other.
    pub(crate) fn complete(&mut self, n: u64) -> &mut Self {
        for _ in 0..n {
            let id = self.core.in_flight().first().expect("one in flight").id;
            self.feed(Event::SlotDone { id, outcome: SlotOutcome::Settling });
        }
        self
    }

    pub(crate) fn tick_after(&mut self, after: Duration) -> &mut Self {
        self.now = self.now + after;
        self.feed(Event::Tick)
    }

    pub(crate) fn sent(&self) -> Vec<&Message> {
        let sent = self.out.iter().filter_map(|e| if let Effect::Send(m) = e { Some(m) } else { None });
        sent.filter(|m| !matches!(m, Message::Heartbeat { .. })).collect()
    }

    /// The Ask that was sent: number and episode.
    pub(crate) fn ask_sent(&self) -> Option<(AskId, Episode)> {
        self.sent().into_iter().find_map(|m| match m {
            Message::Ask { ask_id, episode, .. } => Some((*ask_id, *episode)),
            _ => None,
        })
    }

    pub(crate) fn started(&self) -> Vec<u64> {
        let starts =
            self.out.iter().filter_map(|e| if let Effect::Start(u) = e { Some(u.id.0) } else { None });
        starts.collect()
    }

    pub(crate) fn loads(&self) -> usize {
        self.out.iter().filter(|e| matches!(e, Effect::LoadLots { .. })).count()
    }

    pub(crate) fn assignment(&self) -> Option<(OpId, Vec<Interval>, AssignWhy)> {
        self.out.iter().find_map(|e| match e {
            Effect::Assign { op, intervals, why, asker_incarnation, .. } => {
                assert_eq!(
                    *asker_incarnation, OTHER,
                    "the receiver's incarnation travels with the assignment"
                );
                Some((*op, intervals.clone(), *why))
            }
            _ => None,
        })
    }

    /// Number of transfers in the assignment.
    pub(crate) fn assigned_count(&self) -> Option<u64> {
        self.assignment().map(|(_, intervals, _)| intervals.iter().map(Interval::count).sum())
    }

    /// How the ratio moved: new value and rule.
    pub(crate) fn move_of_ratio(&self) -> Option<(String, Rule)> {
        self.reports().into_iter().find_map(|r| match r {
            Report::RatioMoved { new, rule, .. } => Some((new.to_string(), rule)),
            _ => None,
        })
    }

    pub(crate) fn reports(&self) -> Vec<Report> {
        self.out.iter().filter_map(|e| if let Effect::Report(r) = e { Some(*r) } else { None }).collect()
    }

    /// What the answer said: portion, minimum, queued, and how many were handed over.
    pub(crate) fn answer(&self) -> Option<(f64, u64, u64, u64)> {
        self.sent().into_iter().find_map(|m| match m {
            Message::Needed { portion, minimum, queued, count, .. } => {
                Some((portion.get(), *minimum, *queued, *count))
            }
            Message::NotNeeded { portion, minimum, queued, .. } => {
                Some((portion.get(), *minimum, *queued, 0))
            }
            _ => None,
        })
    }
}

pub(crate) fn lot(id: u64, first: u64, last: u64) -> Interval {
    Interval { lot: LotId(id), epoch: Epoch(1), first: TransferId(first), last: TransferId(last) }
}

pub(crate) fn settings(ratio: f64, minimum: u64, slots: u32) -> Settings {
    Settings { ratio: Ratio::clamped(ratio), minimum, slots, ..Settings::default() }
}

pub(crate) fn ask(number: u64, episode: u64) -> Message {
    let (ask_id, episode) = (AskId::new(OTHER, number), Episode(episode));
    Message::Ask {
        ask_id,
        episode,
        rate: Rate(0),
        queued: 0,
        idle_slots: 1,
        left: Bytes(0),
        pace: Pace::default(),
    }
}

/// "Assistance needed" to the core's question `number`, with `queued` at the owner before.
pub(crate) fn needed(number: u64, count: u64, queued: u64) -> Message {
    Message::Needed {
        ask_id: AskId::new(ME, number),
        op: OpId(1),
        lots: vec![LotId(9)],
        count,
        bytes: Bytes(1),
        ratio: Millionths::from_f64(0.5),
        portion: Millionths::from_f64(0.5).times(queued),
        minimum: 0,
        queued,
        portion_bytes: Bytes(0),
        remaining_bytes: Bytes(0),
        ranges: 0,
        pace: Pace::default(),
    }
}

pub(crate) fn not_needed(number: u64, queued: u64) -> Message {
    Message::NotNeeded {
        ask_id: AskId::new(ME, number),
        ratio: Millionths::from_f64(0.5),
        portion: Millionths::from_f64(0.5).times(queued),
        minimum: 0,
        queued,
        portion_bytes: Bytes(0),
        remaining_bytes: Bytes(0),
        pace: Pace::default(),
    }
}

pub(crate) fn lots(intervals: Vec<Interval>) -> Vec<LoadedLot> {
    intervals.into_iter().map(LoadedLot::from).collect()
}

/// A load of `intervals`, of which nothing else is known.
pub(crate) fn loaded(intervals: Vec<Interval>) -> Event {
    Event::LotsLoaded { lots: lots(intervals), pinned: Vec::new(), ranges: Vec::new(), all_planned: true }
}
