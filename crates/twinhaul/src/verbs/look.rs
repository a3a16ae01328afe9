//! Verbs that look: `ls`, `status`, `wait`, `events`, `attach`, `replay`.

use crate::cli::{AttachArgs, EventsArgs, JsonFlag, ReplayArgs, StatusArgs, WaitArgs};
use crate::exit::{self, Failure};
use crate::launch::{self, ledger_failure};
use crate::watch::{EventReader, failed, progress};
use crate::{exit_file, output, state, status};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use twinhaul_console::{Keys, Left, Recording, Telling};
use twinhaul_console_model::{Names, words};
use twinhaul_ledger::View;
use twinhaul_supervisor::is_supervised;
use twinhaul_units::text::{counted, show};
use twinhaul_units::{Bytes, Dial, Rate, Span};
use twinhaul_wire::status::{PeerStatus, PlaceStatus, Status};
use twinhaul_wire::{DialSnapshot, RunState, Wait, WaitReason};

const LOOK_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn attach(args: &AttachArgs) -> Result<u8, Failure> {
    let telling = args.telling.of(&args.face);
    if telling.is_none() {
        crate::keys::for_console(&args.face.keys)?;
    }
    let run = state::find(args.run.as_deref())?;
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let ended = view.run().map_err(|e| ledger_failure(&e))?.state.ended();
    if !ended && is_supervised(&run.path).is_none() && !args.read_only && telling.is_none() {
        // The supervisor died; its peers may go on. A new one adopts them (architecture.md 2).
        launch::start(&run)?;
    }
    let Some(telling) = telling else {
        return super::run::console(&run, args.read_only, &args.face);
    };
    let options = super::run::options(&run, true, super::run::worn(&args.face, Keys::default()));
    let left = twinhaul_console::tell(&options, telling, &mut std::io::stdout().lock())
        .map_err(|e| Failure::new(e.exit_code(), e.to_string()))?;
    let end = exit_file::read(&run.path).map(|end| end.code);
    match left {
        Left::Ended { exit } => Ok(end.unwrap_or(u8::try_from(exit).unwrap_or(exit::OTHER))),
        Left::Detached if telling == Telling::Lines => Err(Failure::new(
            exit::TEMPORARY,
            format!("nobody works on {0}; go on: twinhaul run --resume {0}", run.file.run),
        )),
        Left::Detached | Left::Stopped { .. } => Ok(exit::COMPLETE),
    }
}

/// The console on a recording: a run's own, a file from elsewhere, or one in a bundle.
pub(crate) fn replay(args: &ReplayArgs) -> Result<u8, Failure> {
    let file = args.run.as_ref().map(PathBuf::from).filter(|path| path.is_file());
    let path = match file {
        Some(path) => path,
        None if args.run.as_deref().is_some_and(|name| name.contains('/')) => {
            let text = "there is no such file; a run is named without a path. See: twinhaul ls";
            let name = args.run.as_deref().unwrap_or_default();
            return Err(Failure::new(exit::NOT_FOUND, format!("{}: {text}", show(name))));
        }
        None => state::find(args.run.as_deref())?.path.join("recording.jsonl"),
    };
    let within = crate::bundle::open::recording(&path)
        .map_err(|why| Failure::usage(format!("{}: {why}", state::shown(&path))))?;
    let recording = Recording { path, bytes: within };
    let shown = if let Some(telling) = args.telling.of(&args.face) {
        twinhaul_console::tell_recording(recording, telling, args.at, &mut std::io::stdout().lock()).map(drop)
    } else {
        let face = super::run::worn(&args.face, crate::keys::for_console(&args.face.keys)?);
        twinhaul_console::replay(recording, &face, args.speed, args.at).map(drop)
    };
    shown.map_err(|e| Failure::new(e.exit_code(), e.to_string()))?;
    Ok(exit::COMPLETE)
}

pub(crate) fn ls(args: &JsonFlag) -> Result<u8, Failure> {
    let mut rows = Vec::new();
    for run in state::all()? {
        let read = || -> twinhaul_ledger::Result<_> {
            let view = View::open(&run.ledger())?;
            Ok((view.run()?.state, view.totals()?.growing))
        };
        let live = is_supervised(&run.path).is_some();
        let words = match read() {
            Ok((state, growing)) if !live && growing => {
                format!("{}; {}", state.words(), next_of_unplanned(&run))
            }
            Ok((state, _)) if state.ended() || live => state.words().to_owned(),
            Ok(_) => "not running; go on: run --resume".to_owned(),
            Err(e) => format!("ledger: {e}"),
        };
        rows.push((run, words));
    }
    if args.json {
        let list: Vec<_> = rows
            .iter()
            .map(|(run, words)| {
                serde_json::json!({
                    "run": run.file.run,
                    "profile": run.file.name,
                    "state": words,
                    "created_at": status::timestamp(run.file.created_at_ms),
                })
            })
            .collect();
        output::json(&list)?;
    } else {
        for (run, words) in rows {
            output::line(&format!(
                "{:<32} {:<27} {words}",
                run.file.run,
                status::date(run.file.created_at_ms)
            ));
        }
    }
    Ok(exit::COMPLETE)
}

/// A run that ended before its plan was whole cannot be gone on with: nobody knows what it did not see.
pub(crate) fn next_of_unplanned(run: &state::RunDir) -> String {
    let list = crate::only::path(run);
    let only = if list.exists() { format!(" --only {}", state::shown(&list)) } else { String::new() };
    format!("it was still being planned; start it anew: twinhaul run {}{only}", state::shown(&run.profile()))
}

/// How to go on with a run that has not ended, and on which nobody works.
pub(crate) fn next_of_abandoned(run: &state::RunDir, growing: bool) -> String {
    if growing {
        return next_of_unplanned(run);
    }
    format!("go on with it: twinhaul run --resume {}", run.file.run)
}

pub(crate) fn status(args: &StatusArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let mut watcher = status::Watcher::open(&run)?;
    // On a terminal one state takes the place of the one before; elsewhere each is kept.
    let in_place = args.watch && !args.json.json && output::is_screen();
    loop {
        let status = watcher.status()?;
        if args.json.json {
            if args.watch { output::json_line(&status)? } else { output::json(&status)? }
        } else {
            let mut text = status_text(&status);
            if !status.state.ended() && nobody_works(&run) {
                let next = next_of_abandoned(&run, status.totals.growing);
                text = format!("{text}\n  ! nobody works on it; {next}");
            }
            if in_place { output::in_place(&text, status.state.ended()) } else { output::line(&text) }
        }
        if !args.watch || status.state.ended() || !output::is_read() {
            return Ok(exit::COMPLETE);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// A status for people.
pub(crate) fn status_text(s: &Status) -> String {
    let mut lines = vec![
        format!("run {}  {}  policy {}", s.run, s.state.words(), s.policy),
        format!("  {}{}", progress(s), failed(s)),
    ];
    lines.extend(
        s.wait
            .as_ref()
            .filter(|wait| is_news(wait))
            .map(|wait| format!("  waits for {}", show(&wait_words(wait)))),
    );
    for (name, p) in &s.peers {
        lines.push(peer_line(name, p));
        let more = ratio_line(p).into_iter().chain(waiting_lines(p));
        lines.extend(more.map(|line| format!("           {line}")));
    }
    lines.extend(s.places.iter().filter_map(|(name, place)| place_line(name, place)));
    let a = &s.assistance;
    lines.push(format!(
        "  assistance: {}; handed over, by hand too: {}, {}{}",
        counted(a.messages, "message"),
        counted(a.assigned_transfers, "transfer"),
        Bytes(a.assigned_bytes),
        words::lent(a.ranges)
    ));
    lines.extend(s.simulated.iter().map(|words| format!("  simulated: {}", show(words))));
    for p in &s.problems {
        lines.push(format!("  ! {}  {}", show(&p.text), show(&p.next)));
    }
    lines.join("\n")
}

/// One peer of a status; what is not known is left out.
fn peer_line(name: &str, p: &PeerStatus) -> String {
    let mut parts = vec![
        format!("  {name:<8} {:<12} queue {} ({})", p.state, p.queue.transfers, Bytes(p.queue.bytes)),
        p.slots.map_or_else(String::new, |s| format!("slots {}/{}", s.used, s.max)),
        p.rate.map_or_else(String::new, |r| Rate(r).to_string()),
    ];
    parts.extend(p.limit.map(|l| format!("limit {}", Rate(l))));
    parts.extend(p.dials.iter().filter_map(dial_words));
    parts.retain(|part| !part.is_empty());
    parts.join("  ")
}

/// What a peer gives when it is asked.
fn ratio_line(p: &PeerStatus) -> Option<String> {
    let ratio = format!("ratio {:.2}", p.ratio?);
    let portion = p.portion.zip(p.minimum);
    Some(portion.map_or_else(
        || ratio.clone(),
        |(portion, minimum)| format!("{ratio}  portion {portion:.1} against minimum {minimum}"),
    ))
}

/// What a source or target is waited for, by both peers.
fn place_line(name: &str, place: &PlaceStatus) -> Option<String> {
    let now = place
        .wait
        .as_ref()
        .filter(|wait| is_news(wait))
        .map(|wait| format!("waits for {}", wait_words(wait)));
    let past = words::waited(&place.waits_ms);
    let past = (!past.is_empty()).then(|| format!("waited {}", past.join(", ")));
    let told: Vec<String> = now.into_iter().chain(past).collect();
    (!told.is_empty()).then(|| show(&format!("  at {name}: {}", told.join("; "))).into_owned())
}

/// "target write 12 s (vault)".
fn wait_words(wait: &Wait) -> String {
    let detail = if wait.detail.is_empty() { String::new() } else { format!(" ({})", wait.detail) };
    format!("{} {}{detail}", wait.reason.words(), age(wait))
}

fn age(wait: &Wait) -> String {
    words::age(Duration::from_millis(wait.age_ms))
}

/// Shorter waits are work.
const fn is_news(wait: &Wait) -> bool {
    wait.age_ms >= 1_000
}

/// What a peer waits for now, and where the time of its slots went.
fn waiting_lines(p: &PeerStatus) -> Vec<String> {
    let mut by_reason: BTreeMap<WaitReason, Vec<&Wait>> = BTreeMap::new();
    for wait in p.in_flight.iter().filter_map(|f| f.wait.as_ref()).filter(|wait| is_news(wait)) {
        by_reason.entry(wait.reason).or_default().push(wait);
    }
    let slots = by_reason.into_iter().filter_map(|(reason, waits)| {
        let longest = waits.iter().max_by_key(|wait| wait.age_ms)?;
        Some(format!("{} in flight: {} {}", waits.len(), reason.words(), age(longest)))
    });
    let free = p.free_wait.as_ref().filter(|wait| is_news(wait));
    let free =
        free.map(|wait| format!("free slots: {} {} ({})", wait.reason.words(), age(wait), wait.detail));
    let settling = p.settling_wait.as_ref().filter(|wait| is_news(wait));
    let settling = settling.map(|wait| format!("settling: {} {}", wait.reason.words(), age(wait)));
    let now: Vec<String> = slots.chain(free).chain(settling).collect();
    let past = words::waited(&p.waits_ms);
    let line = |what: &str, all: Vec<String>| (!all.is_empty()).then(|| format!("{what} {}", all.join(", ")));
    line("waits for", now).into_iter().chain(line("waited", past)).map(|l| show(&l).into_owned()).collect()
}

/// What is limited beside the peer itself: "limit of both peers 50 MiB/s, 60 % of it here".
fn dial_words(d: &DialSnapshot) -> Option<String> {
    let value = d.value.filter(|_| !matches!(d.dial, Dial::Limit | Dial::Slots))?;
    Some(match (d.dial.is_limit(), d.dial.is_shared()) {
        (true, true) => format!("{} {}, {:.0} % of it here", d.dial, Rate(value), f64::from(d.part) / 10.0),
        (true, false) => format!("{} {}", d.dial, Rate(value)),
        (false, _) => format!("{} {value}", d.dial),
    })
}

pub(crate) fn wait(args: &WaitArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let deadline = args.timeout.map(|Span(d)| Instant::now() + d);
    loop {
        if let Some(end) = exit_file::read(&run.path) {
            return Ok(end.code);
        }
        if nobody_works(&run) {
            // Between a start and its lock there is a moment; a second look tells.
            std::thread::sleep(Duration::from_secs(1));
            if nobody_works(&run) && exit_file::read(&run.path).is_none() {
                return without_supervisor(&run);
            }
        }
        if deadline.is_some_and(|at| Instant::now() >= at) {
            return Err(Failure::new(exit::TIME_LIMIT, format!("run {} still goes on", run.file.run)));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// No supervisor and no peer: a supervisor that died has left nobody behind.
fn nobody_works(run: &state::RunDir) -> bool {
    is_supervised(&run.path).is_none()
        && run.file.order.iter().all(|peer| twinhaul_supervisor::peer_lock_holder(&run.path, peer).is_none())
}

/// How a run ended whose supervisor did not see the end: the ledger knows.
fn without_supervisor(run: &state::RunDir) -> Result<u8, Failure> {
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    match view.run().map_err(|e| ledger_failure(&e))?.state {
        RunState::Complete => Ok(exit::COMPLETE),
        RunState::Failed => Ok(exit::FAILED_TRANSFERS),
        _ => {
            let text =
                format!("run {0} is not running. Go on with it: twinhaul run --resume {0}", run.file.run);
            Err(Failure::new(exit::TEMPORARY, text))
        }
    }
}

pub(crate) fn events(args: &EventsArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let names = Names::new(run.file.order.clone());
    let mut reader = EventReader::new(&view);
    loop {
        let ended = exit_file::read(&run.path).is_some() || is_supervised(&run.path).is_none();
        if args.json.json {
            reader.each(|event| output::json_line(&event))?;
        } else {
            reader.each_as_it_happened(|event| {
                output::line(&event_text(&event, &names));
                Ok(())
            })?;
        }
        if !args.follow || ended || !output::is_read() {
            return Ok(exit::COMPLETE);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// One event as one line.
fn event_text(event: &twinhaul_wire::Event, names: &Names) -> String {
    let clock = status::clock(event.at_ms);
    let who = words::event::speaker(event, names).map_or("-", |p| names.name(p));
    format!("{clock} {who:<8} {}", words::event::log_line(event, names))
}
