//! `demo`: the method, understood in one minute by someone who has never heard of it (demo.md); and drills.

mod drill;
mod store;

use crate::cli::DemoArgs;
use crate::demo::{Place, fill};
use crate::exit::{self, Failure};
use crate::launch::{self, ledger_failure};
use crate::signals::Signals;
use crate::state::RunDir;
use crate::watch::EventReader;
use crate::{backends, exit_file, guards, output, status};
use drill::Drill;
use std::time::Duration;
use store::Store;
use twinhaul_console_model::words::equation;
use twinhaul_ledger::View;
use twinhaul_profile::Profile;
use twinhaul_supervisor::{Client, is_supervised};
use twinhaul_units::{Bytes, Ratio, Span, span::clock_tenths, text::counted};
use twinhaul_wire::{Command, Event, EventKind};

/// The stories: name, what it shows, the profile.
const STORIES: [(&str, &str, &str); 6] = [
    (
        "demo",
        "the method in one minute: who asks, who gives, and how the arrow turns",
        include_str!("../../../../profiles/demo.yaml"),
    ),
    (
        "giant",
        "one file larger than all others together: both peers write it",
        include_str!("../../../../profiles/demo-giant.yaml"),
    ),
    (
        "return",
        "a peer is frozen, taken over, fenced, and comes back; then one is killed",
        include_str!("../../../../profiles/demo-return.yaml"),
    ),
    (
        "tape",
        "a tape library: two drives, mounts, data sets that go on on the next cartridge",
        include_str!("../../../../profiles/demo-tape.yaml"),
    ),
    (
        "cloud",
        "an object store in a storm: it asks everybody to slow down, and nothing fails",
        include_str!("../../../../profiles/demo-cloud.yaml"),
    ),
    (
        DRILL,
        "something goes wrong, or nothing, and nobody says what: find it; at the end it is told",
        include_str!("../../../../profiles/demo-drill.yaml"),
    ),
];
const DRILL: &str = "drill";
/// How the problem of a server that asks to slow down begins.
const RATE_LIMIT: &str = "rate_limit ";
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Seeds that are drawn where none is given: short enough to be typed again.
const SEEDS: u64 = 10_000;
/// Events this old have come from both peers.
const SETTLE: Duration = Duration::from_millis(500);

pub(crate) fn demo(args: &DemoArgs) -> Result<u8, Failure> {
    if args.list {
        for (name, what, _) in STORIES {
            output::line(&format!("{name:<10} {what}"));
        }
        return Ok(exit::COMPLETE);
    }
    let Some((name, _, text)) = STORIES.iter().find(|(name, _, _)| *name == args.name) else {
        let shown = twinhaul_units::text::show(&args.name);
        return Err(Failure::usage(format!("there is no story \"{shown}\". See: twinhaul demo --list")));
    };
    if args.seed.is_some() && *name != DRILL {
        return Err(Failure::usage("only a drill has a seed: twinhaul demo drill --seed N"));
    }
    if !args.headless {
        crate::keys::for_console(&args.face.keys)?;
    }
    let parsed = twinhaul_profile::parse(text, name).map_err(|e| super::run::profile_failure(&e))?;
    let Some(data) = parsed.data else { return Err(Failure::usage("this story has no data")) };
    let program = data.store.map(|_| store::draw_keys().and_then(|()| store::find())).transpose()?;
    // Before there is anything that a signal could leave behind.
    let signals = args.headless.then(Signals::install).transpose()?;
    let place = Place::make(&data, args.keep)?;
    let size = data.bytes();
    let files = data.files + u64::from(data.giant.is_some());
    output::say(&format!("making {files} files, {size}, in {}", crate::state::shown(place.path())));
    fill(place.path(), &data)?;
    let mut profile = parsed.with_demo_root(place.path()).map_err(|e| super::run::profile_failure(&e))?;
    let store = match (data.store, program) {
        (Some(about), Some(program)) => Some(Store::start(&program, place.path(), &about)?),
        _ => None,
    };
    if let Some(store) = &store {
        profile = profile.with_demo_store(store.address);
    }
    let loader = backends::loader()?;
    let ends = guards::check(&profile, &loader, None)?;
    let run = launch::create(&profile, &ends)?;
    backends::leave_notes(&run, &loader);
    drop(ends);
    launch::start(&run)?;
    let seed = args.seed.unwrap_or_else(|| twinhaul_engine::wall_ms() % SEEDS);
    let drill = (*name == DRILL).then(|| Drill::begin(&run, seed));
    let seen = match signals {
        Some(signals) => tell(&run, &profile, &signals),
        None => super::run::console(&run, false, &args.face),
    };
    // What was done is taken back first: a peer that stands still could not end.
    let told = drill.map(Drill::end);
    // The files go when this function ends: a run that was left behind must not lose its source under it.
    end_if_left(&run);
    drop(store);
    for line in told.into_iter().flatten() {
        output::line(&line);
    }
    seen
}

/// A demonstration whose console was left ends with it: its data is about to be removed.
fn end_if_left(run: &RunDir) {
    if exit_file::read(&run.path).is_some() {
        return;
    }
    output::say("ending the demonstration: its files are temporary");
    if is_supervised(&run.path).is_none() {
        // What its supervisor left behind, frozen perhaps, is taken in hand by another one; without it there is nobody to ask.
        let _ = launch::start(run);
    }
    if let Ok(mut supervisor) = Client::connect(&run.path, "supervisor") {
        // A supervisor that does not answer is told by its exit file.
        let _ = supervisor.request(Command::Stop { drain: false });
    }
    for _ in 0..300 {
        if exit_file::read(&run.path).is_some() {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The story as a table, printed while it happens.
fn tell(run: &RunDir, profile: &Profile, signals: &Signals) -> Result<u8, Failure> {
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let mut reader = EventReader::new(&view);
    let mut table = Table { start_ms: None, caption: String::new(), waiting: Vec::new() };
    let mut stopped = false;
    output::line("   about  message");
    loop {
        let end = exit_file::read(&run.path);
        reader.each(|event| {
            table.waiting.push(event);
            Ok(())
        })?;
        table.print(if end.is_some() { Duration::ZERO } else { SETTLE });
        if let Some(end) = end {
            finish(run, profile, &table)?;
            return Ok(end.code);
        }
        if let Ok(snapshot) = Client::connect(&run.path, "supervisor").and_then(|mut c| c.run_snapshot()) {
            table.caption(snapshot.caption);
        }
        if !stopped && (signals.terminated() || signals.interrupts() > 0) {
            stopped = true;
            end_if_left(run);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Two peers write the history in batches: events of the same moment are put in the order of the method.
struct Table {
    start_ms: Option<u64>,
    caption: String,
    waiting: Vec<Event>,
}

impl Table {
    fn caption(&mut self, caption: Option<String>) {
        let Some(caption) = caption.filter(|c| *c != self.caption) else { return };
        output::line(&format!("           * {}", twinhaul_units::text::show(&caption)));
        self.caption = caption;
    }

    /// Prints what is older than `settle`, in order.
    fn print(&mut self, settle: Duration) {
        let until = twinhaul_engine::wall_ms().saturating_sub(u64::try_from(settle.as_millis()).unwrap_or(0));
        self.waiting.sort_by_key(|e| (e.at_ms, rank(&e.kind)));
        let old = self.waiting.partition_point(|e| e.at_ms <= until);
        for event in self.waiting.drain(..old).collect::<Vec<_>>() {
            self.event(&event);
        }
    }

    fn event(&mut self, event: &Event) {
        let who = event.peer.as_deref().unwrap_or("-");
        let text = match &event.kind {
            EventKind::Planned { transfers, bytes, .. } => {
                format!("{}, {}", counted(*transfers, "transfer"), Bytes(*bytes))
            }
            EventKind::Joined { .. } if event.incarnation > 1 => {
                format!("{who} is back, incarnation {}", event.incarnation)
            }
            EventKind::RangesLent { to, count, bytes, .. } => {
                format!("{who} lends {}, {}, to {to}", counted(*count, "range"), Bytes(*bytes))
            }
            EventKind::TakenOver { from, count, discarded, .. } => {
                let (transfers, halves) = (counted(*count, "transfer"), counted(*discarded, "half object"));
                format!("{who} takes over from {from}: {transfers}, {halves} discarded")
            }
            EventKind::Exited { words, .. } => twinhaul_units::text::show(words).into_owned(),
            EventKind::Joined { .. } => {
                self.start_ms.get_or_insert(event.at_ms);
                return;
            }
            EventKind::Ask { .. } => format!("{who} asks: do you need assistance?"),
            EventKind::Ratio { old, new, rule } => {
                format!(
                    "{who}: ratio {} -> {}  (claim {})",
                    Ratio::clamped(*old),
                    Ratio::clamped(*new),
                    rule.name()
                )
            }
            EventKind::Needed { count: 0, bytes, .. } => {
                format!("{who} is told: ASSISTANCE NEEDED  a part of a file in flight, {}", Bytes(*bytes))
            }
            EventKind::Needed { count, ratio, queued, portion, minimum, .. } => {
                let (sum, what) = (equation(*ratio, *queued, *portion), counted(*count, "transfer"));
                format!("{who} is told: ASSISTANCE NEEDED  {sum} > {minimum}: {what}")
            }
            EventKind::NotNeeded { ratio, queued, portion, minimum, .. } => {
                let sum = equation(*ratio, *queued, *portion);
                format!("{who} is told: NO ASSISTANCE NEEDED  {sum} <= {minimum}")
            }
            EventKind::ProblemBegan { problem, text } if problem.starts_with(RATE_LIMIT) => {
                format!("{who}: {}", twinhaul_units::text::show(text))
            }
            EventKind::ProblemEnded { problem } if problem.starts_with(RATE_LIMIT) => {
                format!("{who}: the server asks no more")
            }
            EventKind::Control { command, by, .. } if by == "story" => format!("***** {command} *****"),
            EventKind::Failed { error, .. } => {
                format!("{who}: a transfer failed: {}", twinhaul_units::text::show(error))
            }
            EventKind::RunEnded { state, .. } => format!("all done: {state}"),
            _ => return,
        };
        let at = Duration::from_millis(event.at_ms.saturating_sub(self.start_ms.unwrap_or(event.at_ms)));
        output::line(&format!("{:>8}  {text}", clock_tenths(at)));
    }
}

/// The question comes before the ratio's move, and that before the answer (claims 2.1, 4.1, 4.3).
fn rank(kind: &EventKind) -> u8 {
    match kind {
        EventKind::Ratio { rule: twinhaul_wire::Rule::R62 | twinhaul_wire::Rule::R72, .. } => 0,
        EventKind::Ask { .. } => 1,
        EventKind::Ratio { .. } => 2,
        _ => 3,
    }
}

fn finish(run: &RunDir, profile: &Profile, table: &Table) -> Result<(), Failure> {
    let status = status::of(run)?;
    let ended = exit_file::read(&run.path).map(|e| e.ended_at_ms);
    let took = ended.zip(table.start_ms).map(|(end, start)| Duration::from_millis(end.saturating_sub(start)));
    let peers: Vec<String> =
        status.peers.iter().map(|(name, p)| format!("{name} {}", p.done.transfers)).collect();
    output::line("");
    output::line(&format!(
        "{} of {} verified ({}), {}",
        status.verified.transfers,
        status.totals.transfers,
        peers.join(", "),
        took.map_or_else(|| "time not known".to_owned(), |t| format!("{} with assistance", Span(t)))
    ));
    if let Some(alone) = without_assistance(profile) {
        output::line(&format!("without assistance: {} by the limits alone", Span(alone)));
    }
    Ok(())
}

/// The slower peer with the queue it began with, at its first limit.
fn without_assistance(profile: &Profile) -> Option<Duration> {
    let (twinhaul_profile::Split::Count(share), Some(data)) = (&profile.split, &profile.data) else {
        return None;
    };
    let bytes = (data.files * data.size.0) as f64;
    let parts = [share.get() * bytes, (1.0 - share.get()) * bytes];
    let times = profile.peers.iter().zip(parts).map(|(p, part)| p.bandwidth.limit.map(|l| part / l.0 as f64));
    let slowest = times.collect::<Option<Vec<f64>>>()?.into_iter().reduce(f64::max)?;
    Duration::try_from_secs_f64(slowest).ok()
}
