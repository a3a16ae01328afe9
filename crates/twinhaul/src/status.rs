//! The state of a run for `status`, `wait` and headless progress: what the peers say now, else what the ledger knows.

use crate::exit::Failure;
use crate::launch::ledger_failure;
use crate::state::RunDir;
use crate::verbs::run::load_frozen;
use crate::watch::EventReader;
use std::collections::{BTreeMap, BTreeSet};
use twinhaul_console_model::words::forecast::BASIS;
use twinhaul_console_model::{Clean, Eta as Forecast, Model, Msg, Setup, WallClock, update};
use twinhaul_ledger::{Counters, State, View};
use twinhaul_supervisor::{Client, SupervisorError, peer_lock_holder};
use twinhaul_units::{Amount, Dial, Moment, PeerId, Turned};
use twinhaul_wire::status::{Assistance, Eta, PeerStatus, PlaceStatus, Status};
use twinhaul_wire::{
    AssignWhy, Command, CommandResult, EventKind, PeerSnapshot, Problem, QueueSize, RunSnapshot, Totals,
};

fn size(a: Amount) -> QueueSize {
    QueueSize { transfers: a.transfers, bytes: a.bytes.0 }
}

fn amount(q: QueueSize) -> Amount {
    Amount::new(q.transfers, q.bytes)
}

/// Everything that is known of a run now.
pub(crate) fn of(run: &RunDir) -> Result<Status, Failure> {
    Watcher::open(run)?.status()
}

/// A run looked at again and again, over connections that are kept.
#[derive(Debug)]
pub(crate) struct Watcher<'a> {
    run: &'a RunDir,
    view: View,
    peers: [Option<Client>; 2],
    supervisor: Option<Client>,
}

impl<'a> Watcher<'a> {
    pub(crate) fn open(run: &'a RunDir) -> Result<Self, Failure> {
        let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
        Ok(Self { run, view, peers: [None, None], supervisor: None })
    }

    /// One peer's own word, if it answers.
    fn snapshot(&mut self, peer: PeerId) -> Option<PeerSnapshot> {
        let client = &mut self.peers[peer.index()];
        let name = &self.run.file.order[peer.index()];
        match asked(client, self.run, name, |c| c.request(Command::Status))? {
            CommandResult::Status(snapshot) => Some(*snapshot),
            _ => None,
        }
    }

    /// The supervisor's word: among it, the problems that it knows of, and what it sees the run wait for.
    fn supervisor(&mut self) -> Option<RunSnapshot> {
        asked(&mut self.supervisor, self.run, "supervisor", Client::run_snapshot)
    }

    pub(crate) fn status(&mut self) -> Result<Status, Failure> {
        status(self)
    }
}

/// Asks over a connection that is there, or over a new one: the process may be another one meanwhile.
fn asked<T>(
    client: &mut Option<Client>,
    run: &RunDir,
    name: &str,
    ask: impl Fn(&mut Client) -> Result<T, SupervisorError>,
) -> Option<T> {
    let answer = client.as_mut().and_then(|client| ask(client).ok());
    if answer.is_some() {
        return answer;
    }
    *client = Client::connect(&run.path, name).ok();
    client.as_mut().and_then(|client| ask(client).ok())
}

fn status(watcher: &mut Watcher<'_>) -> Result<Status, Failure> {
    let (run, view) = (watcher.run, &watcher.view);
    let read = || -> twinhaul_ledger::Result<_> {
        Ok((view.run()?, view.totals()?, view.counters()?, view.peers()?))
    };
    let (row, totals, counters, peers) = read().map_err(|e| ledger_failure(&e))?;
    let ended = row.state.ended();
    let snapshots = PeerId::BOTH.map(|peer| if ended { None } else { watcher.snapshot(peer) });
    let published = snapshots.iter().flatten().map(|s| amount(s.published)).sum();
    let mut status = Status {
        run: run.file.run.clone(),
        state: row.state,
        policy: row.policy.clone(),
        started_at: timestamp(row.created_at_ms),
        eta_s: None,
        totals: Totals { transfers: totals.transfers, bytes: totals.bytes, growing: totals.growing },
        done: size(counters.sum(State::Done)),
        verified: size(counters.verified[0] + counters.verified[1]),
        skipped: size(counters.sum(State::Skipped)),
        failed: size(counters.sum(State::Failed)),
        remaining: size(counters.remaining()),
        in_flight: size(snapshots.iter().flatten().map(in_flight).sum()),
        published: size(published),
        ..Status::default()
    };
    let mut assistance = Assistance::default();
    let mut simulated = BTreeSet::new();
    for (peer, snapshot) in PeerId::BOTH.into_iter().zip(&snapshots) {
        let gave = &peers[peer.index()];
        assistance.assigned_transfers += gave.given.transfers;
        assistance.assigned_bytes += gave.given.bytes.0;
        assistance.ranges += gave.lent;
        if let Some(snapshot) = snapshot {
            let told = snapshot.was_assisted;
            assistance.messages += told.asked * 2 + told.needed;
            add_problems(&mut status.problems, &snapshot.problems);
            let told = snapshot.backends.iter().filter(|b| !b.simulated.is_empty());
            simulated.extend(told.map(|b| format!("{}: {}", b.name, b.simulated)));
        }
        let peer_status = match snapshot {
            Some(snapshot) => from_snapshot(snapshot),
            None if ended => from_ledger(peer, &counters, &peers),
            None => away(run, peer, from_ledger(peer, &counters, &peers), &peers[peer.index()].dials),
        };
        status.peers.insert(run.file.order[peer.index()].clone(), peer_status);
    }
    if row.state.ended() {
        let past = past(&watcher.view)?;
        assistance.messages = past.messages;
        simulated = past.simulated;
    }
    status.simulated = simulated.into_iter().collect();
    status.assistance = assistance;
    let told = watcher.supervisor();
    // Nobody tells how fast a silent peer's part would go.
    let silent = |peer: PeerId| {
        snapshots[peer.index()].is_none()
            && (counters.at(peer, State::Planned) + counters.at(peer, State::Authorised)).transfers > 0
    };
    let known = !totals.growing && !PeerId::BOTH.into_iter().any(silent);
    status.eta_s = if known { eta(run, told.as_ref(), &snapshots) } else { None };
    status.places = places(&snapshots);
    if let Some(told) = told {
        status.problems.extend(told.problems);
        status.wait = told.wait.filter(|_| !ended);
    }
    Ok(status)
}

/// Where transfers wait or have waited, at both peers.
fn places(snapshots: &[Option<PeerSnapshot>; 2]) -> BTreeMap<String, PlaceStatus> {
    let mut places: BTreeMap<String, PlaceStatus> = BTreeMap::new();
    for s in snapshots.iter().flatten() {
        for (name, waits) in &s.waits_at {
            let place = places.entry(name.clone()).or_default();
            for (reason, ms) in waits {
                *place.waits_ms.entry(*reason).or_default() += ms;
            }
        }
        for wait in s.in_flight.iter().filter_map(|f| f.wait.as_ref()).filter(|wait| !wait.place.is_empty()) {
            let place = places.entry(wait.place.clone()).or_default();
            if place.wait.as_ref().is_none_or(|known| known.age_ms < wait.age_ms) {
                place.wait = Some(wait.clone());
            }
        }
    }
    places
}

/// What a peer has started and not finished; the bytes of it that have moved.
fn in_flight(s: &PeerSnapshot) -> Amount {
    let rows = || s.in_flight.iter().chain(&s.awaiting);
    let moved: u64 = rows().map(|f| f.done).sum();
    // A range that is lent to this peer is a part of the other's transfer.
    let transfers = rows().filter(|f| f.ranges.len() != 1).count() as u64;
    Amount::new(transfers + s.settling.transfers, moved + s.settling.bytes)
}

/// What the history of a run that has ended says.
#[derive(Debug, Default)]
struct Past {
    /// Asks, answers and assignments.
    messages: u64,
    simulated: BTreeSet<String>,
}

fn past(view: &View) -> Result<Past, Failure> {
    let mut past = Past::default();
    EventReader::new(view).each(|event| {
        match event.kind {
            EventKind::Ask { .. }
            | EventKind::Needed { .. }
            | EventKind::NotNeeded { .. }
            | EventKind::Assigned { why: AssignWhy::Assistance, .. } => past.messages += 1,
            EventKind::Simulated { name, words, .. } => {
                past.simulated.insert(format!("{name}: {words}"));
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(past)
}

/// What both peers meet, in the same words, is the run's.
fn add_problems(all: &mut Vec<Problem>, more: &[Problem]) {
    for problem in more {
        let same = |p: &&mut Problem| {
            (&p.kind, p.transfer, &p.text) == (&problem.kind, problem.transfer, &problem.text)
        };
        match all.iter_mut().find(same) {
            Some(known) if known.peer != problem.peer => known.peer = None,
            Some(_) => {}
            None => all.push(problem.clone()),
        }
    }
}

/// RFC 3339, UTC.
pub(crate) fn timestamp(ms: u64) -> Option<String> {
    let ms = i64::try_from(ms).ok()?;
    jiff::Timestamp::from_millisecond(ms).ok().map(|t| t.to_string())
}

/// The time of day where the reader is; three digits always, so that columns stand.
pub(crate) fn clock(ms: u64) -> String {
    local(ms, "%H:%M:%S%.3f")
}

/// Date and time where the reader is, with its distance from UTC.
pub(crate) fn date(ms: u64) -> String {
    local(ms, "%Y-%m-%d %H:%M:%S %:z")
}

fn local(ms: u64, format: &str) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or_else(String::new, |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime(format).to_string())
}

fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn from_snapshot(s: &PeerSnapshot) -> PeerStatus {
    PeerStatus {
        state: word(s.state),
        pid: Some(s.pid),
        incarnation: s.incarnation,
        ratio: Some(s.ratio),
        minimum: Some(s.minimum),
        increment: Some(s.increment),
        portion: Some(s.portion),
        queue: s.queue,
        in_flight: s.in_flight.clone(),
        done: s.done,
        rate: Some(s.rate.now),
        limit: s.limit,
        slots: Some(s.slots),
        dials: s.dials.clone(),
        last_progress_s: s.last_progress_ms.map(|ms| ms as f64 / 1000.0),
        idle_s: Some(s.idle_ms as f64 / 1000.0),
        assisted: s.assisted,
        wait: s.wait(),
        free_wait: s.free_wait.clone(),
        settling_wait: s.settling_wait.clone(),
        waits_ms: s.waits.clone(),
        calls: s.calls.clone(),
    }
}

fn from_ledger(peer: PeerId, counters: &Counters, peers: &[twinhaul_ledger::PeerRow; 2]) -> PeerStatus {
    let row = &peers[peer.index()];
    let remaining = counters.at(peer, State::Planned) + counters.at(peer, State::Authorised);
    PeerStatus {
        state: "not running".into(),
        incarnation: row.incarnation.0,
        ratio: row.memory.as_ref().map(|m| m.live_ratio),
        queue: size(remaining),
        done: size(counters.at(peer, State::Done)),
        ..PeerStatus::default()
    }
}

/// A peer that says nothing while the run goes on: between two lives, or stopped. What it was told last, nobody but the
/// ledger and the profile knows.
fn away(run: &RunDir, peer: PeerId, known: PeerStatus, dials: &BTreeMap<Dial, Turned>) -> PeerStatus {
    let limit = match dials.get(&Dial::Limit).copied().unwrap_or_default() {
        Turned::Set(rate) => Some(rate),
        Turned::Lifted => None,
        // A profile whose references do not resolve here any more says nothing.
        Turned::AsProfiled => {
            load_frozen(run).ok().and_then(|profile| profile.peer(peer).bandwidth.limit).map(|rate| rate.0)
        }
    };
    let sits_there = peer_lock_holder(&run.path, &run.file.order[peer.index()]).is_some();
    let state = if sits_there { "not answering".to_owned() } else { known.state };
    PeerStatus { state, limit, ..known }
}

/// The console's forecast, from the same states by the same code: one run has one. Not known while the plan grows, or while
/// something makes every forecast wrong.
fn eta(run: &RunDir, told: Option<&RunSnapshot>, snapshots: &[Option<PeerSnapshot>; 2]) -> Option<Eta> {
    let mut model = Model::new(Setup {
        run: run.file.run.clone(),
        names: run.file.order.clone(),
        read_only: true,
        exit_when_done: false,
        clock: WallClock::default(),
        size: (0, 0),
    });
    let now = Moment::ZERO;
    let peers = PeerId::BOTH.into_iter().zip(snapshots);
    let peers = peers.filter_map(|(peer, s)| Some(Msg::Peer(peer, Box::new(Clean::new(s.clone()?)?))));
    let run = told.and_then(|told| Some(Msg::Run(Box::new(Clean::new(told.clone())?))));
    for msg in run.into_iter().chain(peers) {
        update(&mut model, msg, now);
    }
    match model.live.eta(now) {
        Forecast::Range { low_s, high_s } => Some(Eta { low: low_s, high: high_s, basis: BASIS.into() }),
        _ => None,
    }
}
