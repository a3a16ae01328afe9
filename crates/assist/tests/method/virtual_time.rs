//! Two peers in virtual time: one queue of what happens when, a ledger without delay, a link with one.

use crate::desk::loaded;
use crate::ledger::Ledger;
use std::collections::BTreeMap;
use std::time::Duration;
use twinhaul_assist::{Core, Effect, Event, Memory, Message, Report, Settings, SlotOutcome};
use twinhaul_units::{Bytes, Incarnation, Moment, PeerId, Ratio};

/// One run to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    /// Initial division: transfers of the first and of the second peer.
    pub(crate) split: [u64; 2],
    /// How long one transfer takes at each.
    pub(crate) each: [Duration; 2],
    pub(crate) one_way: Duration,
    pub(crate) settings: [Settings; 2],
    pub(crate) ratios: [Ratio; 2],
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) end: Moment,
    pub(crate) asks: u64,
    pub(crate) answers: u64,
    pub(crate) assignments: u64,
    pub(crate) memory: [Memory; 2],
    pub(crate) reports: Vec<(PeerId, Report)>,
}

impl Outcome {
    /// Asks, answers and assignments (protocol.md 8).
    pub(crate) fn messages(&self) -> u64 {
        self.asks + self.answers + self.assignments
    }
}

struct World {
    now: Moment,
    cores: [Core; 2],
    ledger: Ledger,
    /// By time, then by order of scheduling.
    agenda: BTreeMap<(Moment, u64), (PeerId, Event)>,
    timers: [Option<(Moment, u64)>; 2],
    scheduled: u64,
    done: u64,
    scenario: Scenario,
    outcome: Outcome,
}

/// Runs until every transfer is done.
pub(crate) fn run(scenario: &Scenario) -> Outcome {
    let core = |me: PeerId| {
        let memory = Memory::fresh(scenario.ratios[me.index()]);
        Core::new(me, Incarnation(1), scenario.settings[me.index()], memory)
    };
    let cores = PeerId::BOTH.map(core);
    let memory = [cores[0].memory(), cores[1].memory()];
    let mut world = World {
        now: Moment::ZERO,
        cores,
        ledger: Ledger::new(scenario.split[0], scenario.split[1]),
        agenda: BTreeMap::new(),
        timers: [None; 2],
        scheduled: 0,
        done: 0,
        scenario: *scenario,
        outcome: Outcome {
            end: Moment::ZERO,
            asks: 0,
            answers: 0,
            assignments: 0,
            memory,
            reports: Vec::new(),
        },
    };
    for me in PeerId::BOTH {
        world.schedule(Duration::ZERO, me, Event::PeerJoined { incarnation: Incarnation(1) });
        world.schedule(Duration::ZERO, me, Event::Started);
    }
    world.run_to_end()
}

impl World {
    fn run_to_end(mut self) -> Outcome {
        let total: u64 = self.scenario.split.iter().sum();
        let mut steps = 0u64;
        while self.done < total {
            let ((at, _), (me, event)) = self.agenda.pop_first().expect("something always happens");
            self.now = at;
            self.done += u64::from(matches!(event, Event::SlotDone { .. }));
            if self.done == total {
                break; // a run that is over asks nothing any more
            }
            self.deliver(me, event);
            steps += 1;
            assert!(steps < 100 * total + 100_000, "the run ends");
        }
        assert_eq!(self.ledger.started.len() as u64, total, "each was started once");
        self.outcome.end = self.now;
        self.outcome.assignments = self.ledger.assignments;
        self.outcome.memory = [self.cores[0].memory(), self.cores[1].memory()];
        self.outcome
    }

    fn schedule(&mut self, after: Duration, to: PeerId, event: Event) -> (Moment, u64) {
        self.scheduled += 1;
        let key = (self.now + after, self.scheduled);
        self.agenda.insert(key, (to, event));
        key
    }

    fn deliver(&mut self, me: PeerId, event: Event) {
        let mut out = Vec::new();
        self.cores[me.index()].handle(self.now, event, &mut out);
        for effect in out {
            self.carry_out(me, effect);
        }
    }

    fn carry_out(&mut self, me: PeerId, effect: Effect) {
        match effect {
            Effect::Start(unit) => {
                self.ledger.start(me, unit.id);
                let done = Event::SlotDone { id: unit.id, outcome: SlotOutcome::Settling };
                self.schedule(self.scenario.each[me.index()], me, done);
            }
            Effect::LoadLots { limit } => {
                let intervals = self.ledger.load(me, limit);
                self.deliver(me, loaded(intervals));
            }
            Effect::Assign { op, asker_incarnation, intervals, .. } => {
                let event = match self.ledger.assign(op, me, asker_incarnation, &intervals) {
                    Ok(lots) => Event::Assigned { op, lots, ranges: vec![], bytes: Bytes::ZERO },
                    Err(why) => Event::Refused { op, why },
                };
                self.deliver(me, event);
            }
            Effect::Send(msg) => {
                match msg {
                    Message::Ask { .. } => self.outcome.asks += 1,
                    Message::Needed { .. } | Message::NotNeeded { .. } => self.outcome.answers += 1,
                    _ => {}
                }
                let event = Event::Message { from_incarnation: Incarnation(1), msg };
                self.schedule(self.scenario.one_way, me.other(), event);
            }
            Effect::Timer { at } => {
                if let Some(old) = self.timers[me.index()].take() {
                    self.agenda.remove(&old);
                }
                self.timers[me.index()] = Some(self.schedule(at.since(self.now), me, Event::Tick));
            }
            Effect::Report(report) => self.outcome.reports.push((me, report)),
            other => panic!("not asked for by whole transfers: {other:?}"),
        }
    }
}
