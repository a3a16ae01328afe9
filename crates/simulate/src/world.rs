//! Two peers in virtual time: what happens next, and when the run is over.
//!
//! What recurs (speeds, slots, timers, measurements) has one place each; the rest waits in an agenda. Of things at the
//! same moment the order is fixed, so a seed replays a run bit by bit. The parts: `effects` carries out what the cores
//! want, `ledger` what the books answer, `slots` what becomes complete, `lives` freezing, dying and coming back.

mod effects;
mod ledger;
mod lives;
mod slots;

use crate::books::Books;
use crate::chance::seed_of;
use crate::course::{Course, Life, Position, WHOLE};
use crate::host::Host;
use crate::load::Load;
use crate::net::Net;
use crate::trace::Trace;
use crate::{Outcome, Scenario, SimulateError, bound};
use ledger::Operation;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;
use twinhaul_assist::{Event, Memory, Message, Policy, Settings};
use twinhaul_units::{Incarnation, Moment, PeerId, Ratio};

/// A run that takes this many times its bound is given up as unfinished: the slowest that ever ends is below that.
pub(crate) const BOUNDS_MAX: u64 = 1_000;
/// With nothing in any slot for so long, and nobody to come back, nothing will ever happen: unfinished.
pub(crate) const QUIET_MAX: Duration = Duration::from_mins(2);
/// Steps of one run.
pub(crate) const STEPS_MAX: u64 = 50_000_000;
/// Steps without any time between them; beyond that a core sets its timer to now for ever.
const AT_ONCE_MAX: u32 = 100_000;
/// How long an operation of the ledger takes.
pub(crate) const LEDGER_DELAY: Duration = Duration::from_micros(200);
/// How often a host measures, and looks whether ranges it lent are done.
pub(crate) const MEASURE_EVERY: Duration = Duration::from_millis(100);
/// How long a process takes to come back after it found itself fenced: what the supervisor waits before a first restart
/// (200 ms), and as much and a half for starting and joining.
pub(crate) const RESTART_AFTER: Duration = Duration::from_millis(500);

/// Something that is due.
#[derive(Clone, Debug)]
pub(crate) enum Due {
    Ledger {
        incarnation: Incarnation,
        operation: Operation,
    },
    Message {
        from: Incarnation,
        to: Incarnation,
        msg: Message,
    },
    /// What a host learns about the other without a message.
    Notice(Event),
    /// A new process takes the place.
    Join,
}

struct Entry {
    at_ns: u64,
    number: u64,
    peer: PeerId,
    due: Due,
}

impl Entry {
    const fn key(&self) -> (u64, u64) {
        (self.at_ns, self.number)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
/// The earliest is the greatest.
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Course(PeerId),
    Slot(PeerId),
    Agenda,
    Timer(PeerId),
    Measure(PeerId),
}

/// How many of what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) asks: u64,
    pub(crate) answers: u64,
    pub(crate) fences: u64,
    pub(crate) splits: u64,
    pub(crate) lost_processes: u64,
    /// Bytes whose work was done in vain.
    pub(crate) moot_ranges: u64,
}

pub(crate) struct World {
    policy: Policy,
    settings: Settings,
    /// How often progress is recorded, and when it was.
    checkpoint: Option<Duration>,
    recorded_ns: [u64; 2],
    bound_ns: u64,
    now_ns: u64,
    courses: [Course; 2],
    positions: [Position; 2],
    hosts: [Host; 2],
    books: Books,
    net: Net,
    agenda: BinaryHeap<Entry>,
    scheduled: u64,
    quiet_since_ns: u64,
    tally: Tally,
    trace: Trace,
    /// What outlives a process, of each place.
    memories: [Memory; 2],
    /// Something never ends at one moment.
    circles: bool,
}

/// What moves, how the links go, and the bound of both.
fn prepare(scenario: &Scenario, own_seed: u64) -> Result<(Load, [Course; 2], u64), SimulateError> {
    let load = Load::new(scenario, own_seed);
    let course =
        |peer: PeerId| Course::new(peer, scenario.speeds[peer.index()], &scenario.disturbances, own_seed);
    let courses = PeerId::BOTH.map(course);
    let bound_ns = bound::bound_ns(scenario, &load, &courses)?;
    Ok((load, courses, bound_ns))
}

/// The bound of a scenario under a seed, in nanoseconds: what no policy can beat.
///
/// # Errors
/// When its scenario moves nothing.
pub fn bound_ns(scenario: &Scenario, seed: u64) -> Result<u64, SimulateError> {
    Ok(prepare(scenario, seed_of(seed, &scenario.name))?.2)
}

/// Runs one scenario; the lines tell what happened if they are wanted (`readable`).
///
/// # Errors
/// When its scenario moves nothing.
pub fn run(
    scenario: &Scenario,
    policy: Policy,
    seed: u64,
    readable: bool,
) -> Result<(Outcome, Vec<String>), SimulateError> {
    let own_seed = seed_of(seed, &scenario.name);
    let (load, courses, bound_ns) = prepare(scenario, own_seed)?;
    // Take-over is what `balanced` brings to the comparison (protocol.md 3); the product has it under every policy.
    let take_over = policy == Policy::Balanced;
    let settings = Settings { policy, slots: scenario.slots.count, take_over, ..Settings::default() };
    let mut world = World {
        policy,
        settings,
        bound_ns,
        now_ns: 0,
        courses,
        positions: [0; 2],
        hosts: [Host::new(scenario), Host::new(scenario)],
        books: Books::new(&load, scenario.checkpoint.is_some()),
        checkpoint: scenario.checkpoint,
        recorded_ns: [0; 2],
        net: Net::new(scenario, own_seed),
        agenda: BinaryHeap::new(),
        scheduled: 0,
        quiet_since_ns: 0,
        tally: Tally::default(),
        trace: Trace::new(readable),
        memories: [Memory::fresh(Ratio::default()); 2],
        circles: false,
    };
    world.begin();
    let finished = world.run_to_end();
    let outcome = world.outcome(scenario, seed, own_seed, finished);
    Ok((outcome, world.trace.into_lines()))
}

impl World {
    fn run_to_end(&mut self) -> bool {
        let limit_ns = self.bound_ns.saturating_mul(BOUNDS_MAX);
        let mut at_once = 0;
        for _ in 0..STEPS_MAX {
            if self.books.undone == 0 {
                return true;
            }
            if self.circles {
                return false;
            }
            let Some((at_ns, next)) = self.next() else { return false };
            if at_ns > limit_ns || self.is_over(at_ns) {
                return false;
            }
            at_once = if at_ns > self.now_ns { 0 } else { at_once + 1 };
            if at_once > AT_ONCE_MAX {
                self.books.breach += 1;
                return false;
            }
            self.now_ns = self.now_ns.max(at_ns);
            self.step(next);
        }
        false
    }

    fn next(&self) -> Option<(u64, Next)> {
        let mut next: Option<(u64, Next)> = None;
        let mut consider = |at_ns: Option<u64>, what: Next| {
            if let Some(at_ns) = at_ns
                && next.is_none_or(|best| (at_ns, what) < best)
            {
                next = Some((at_ns, what));
            }
        };
        for peer in PeerId::BOTH {
            let host = &self.hosts[peer.index()];
            let change = self.courses[peer.index()].next(self.positions[peer.index()]);
            consider(change.map(|at| self.time_of(at)), Next::Course(peer));
            if host.is_up() {
                consider(host.next_ns(), Next::Slot(peer));
                consider(host.timer_ns, Next::Timer(peer));
                consider(host.measure_ns, Next::Measure(peer));
            }
        }
        consider(self.agenda.peek().map(|entry| entry.at_ns), Next::Agenda);
        next
    }

    fn time_of(&self, at: Position) -> u64 {
        (u128::from(self.bound_ns) * u128::from(at) / u128::from(WHOLE)) as u64
    }

    fn position(&self) -> Position {
        (u128::from(self.now_ns) * u128::from(WHOLE) / u128::from(self.bound_ns.max(1))) as Position
    }

    /// Nothing moves, and nothing will.
    fn is_over(&mut self, at_ns: u64) -> bool {
        let moving = self.hosts.iter().any(|host| host.next_ns().is_some());
        let coming = PeerId::BOTH.iter().any(|p| {
            let host = &self.hosts[p.index()];
            self.courses[p.index()].comes_back(self.positions[p.index()])
                || (host.life == Life::Alive && host.core.is_none())
        });
        if moving || coming {
            self.quiet_since_ns = at_ns;
        }
        let quiet = QUIET_MAX.as_nanos() as u64 + 40 * self.net.one_way_ns();
        at_ns.saturating_sub(self.quiet_since_ns) > quiet
    }

    fn step(&mut self, next: Next) {
        match next {
            Next::Course(peer) => self.on_course(peer),
            Next::Slot(peer) => self.on_slot(peer),
            Next::Agenda => {
                if let Some(entry) = self.agenda.pop() {
                    self.on_due(entry.peer, entry.due);
                }
            }
            Next::Timer(peer) => {
                self.hosts[peer.index()].timer_ns = None;
                self.deliver(peer, Event::Tick);
            }
            Next::Measure(peer) => self.on_measure(peer),
        }
    }

    fn schedule(&mut self, after_ns: u64, peer: PeerId, due: Due) {
        self.scheduled += 1;
        let entry = Entry { at_ns: self.now_ns.saturating_add(after_ns), number: self.scheduled, peer, due };
        self.agenda.push(entry);
    }

    fn moment(&self) -> Moment {
        Moment(self.now_ns / 1000)
    }

    fn host(&mut self, peer: PeerId) -> &mut Host {
        &mut self.hosts[peer.index()]
    }

    fn on_due(&mut self, peer: PeerId, due: Due) {
        let host = &mut self.hosts[peer.index()];
        if let Due::Join = due {
            if host.life == Life::Alive {
                self.join(peer);
            } else {
                host.join_at_thaw = true;
            }
            return;
        }
        if host.core.is_none() {
            return;
        }
        if host.life == Life::Frozen {
            if host.inbox.len() < crate::host::INBOX_MAX {
                host.inbox.push_back(due);
            }
            return;
        }
        match due {
            Due::Ledger { incarnation, operation } if incarnation == host.incarnation => {
                self.on_operation(peer, operation);
            }
            Due::Message { from, to, msg } if to == host.incarnation => self.on_message(peer, from, msg),
            Due::Notice(event) => {
                let joined = matches!(event, Event::PeerJoined { .. });
                self.deliver(peer, event);
                if joined {
                    self.drop_moot_ranges(peer);
                }
            }
            Due::Ledger { .. } | Due::Message { .. } | Due::Join => {}
        }
    }

    fn on_message(&mut self, peer: PeerId, from: Incarnation, msg: Message) {
        if let Message::Ask { .. } = msg {
            self.measure(peer);
        }
        let looks = matches!(msg, Message::RangeDone { .. });
        self.deliver(peer, Event::Message { from_incarnation: from, msg });
        if looks {
            self.look_for_ranges(peer);
        }
    }

    fn outcome(&mut self, scenario: &Scenario, seed: u64, own_seed: u64, finished: bool) -> Outcome {
        let now_ns = self.now_ns;
        for host in &mut self.hosts {
            host.advance(now_ns);
        }
        let sum = |of: fn(&Host) -> f64| self.hosts.iter().map(of).sum::<f64>();
        let (used, offered) = (sum(|h| h.link.used), sum(|h| h.link.offered));
        let messages = self.tally.asks + self.tally.answers + self.books.assignments;
        Outcome {
            scenario: scenario.name.clone(),
            seed,
            half: (own_seed % 2) as u8,
            bound_ns: self.bound_ns,
            makespan_ns: finished.then_some(now_ns),
            idle: if offered > 0.0 { (1.0 - used / offered).clamp(0.0, 1.0) } else { 0.0 },
            messages,
            assignments: self.books.assignments,
            ranges: self.books.lent,
            splits: self.tally.splits,
            fences: self.tally.fences,
            breaches: self.books.breach,
            trace_hash: self.trace.hash(),
        }
    }
}
