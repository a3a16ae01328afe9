//! The evidence bundle: what is known of a run, in one archive that can be given away. No contents of files and no secrets.
//!
//! It changes nothing of the run and asks for nothing twice. What cannot be had is missing with its reason, and never an error:
//! a bundle is asked for when something is wrong. Everything is bounded, in size, in memory (a line, or a part of some MiB) and
//! in time. Entry points: [`make`]; [`open::recording`] for `replay`.

mod archive;
mod files;
mod ledger;
pub(crate) mod open;
mod place;
mod system;

use crate::evidence::{self, later, received};
use crate::state::{RunDir, shown};
use crate::status;
use crate::verbs::run::load_frozen;
use archive::{Archive, Part};
pub(crate) use files::FIRST_TROUBLE;
pub(crate) use place::remove_unfinished;
use serde_json::json;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use twinhaul_diagnose::{Diagnosis, Evidence};
use twinhaul_engine::wall_ms;
use twinhaul_profile::{Profile, Redactor};
use twinhaul_supervisor::{is_supervised, peer_lock_holder};
use twinhaul_wire::status::Status;

/// Of the archive's layout: parts are only added, a part that changes its meaning raises this.
pub(crate) const VERSION: u32 = 1;
/// The manifest's `format`.
pub(crate) const FORMAT: &str = "twinhaul bundle";
/// How long the ledger, and how long a status may take; what has not come by then is missing.
const LEDGER_WITHIN: Duration = Duration::from_secs(15);
const STATUS_WITHIN: Duration = Duration::from_secs(20);
/// Between two looks for an answer, and for whoever wants it all to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Between the two looks at a run that goes on: two pictures tell what moves.
const APART: Duration = Duration::from_secs(3);
/// The bytes of an environment that are searched for a reference's value.
const ENVIRONMENT_BYTES_MAX: u64 = 1 << 20;
/// Columns of the diagnosis as a page.
const COLUMNS: usize = 80;

const README: &str = "\
This is what twinhaul knew of one run at one time, for whoever is asked what went wrong.

bundle.json      what is in here, with sizes and BLAKE3; what could not be had, and why; what was cut
diagnosis.txt    what is wrong, how that is known, what can be done: begin here
status-*.json    the run as `twinhaul status --json` tells it; while it goes on twice, some seconds apart
events.jsonl     its history, newest part
recording.jsonl  what a console saw: `twinhaul replay FILE.tar` shows it, on any machine
ledger.json      an excerpt of the truth: counts, peers, lots, ranges, what failed, what is next
logs/            of the engines and their supervisor

It holds names of files and directories, and nothing of their contents. Secrets of the profile are references in it;
their values, where anything held one, and what stood under a secret's name were replaced by [redacted].
";

/// What was made.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) bytes: u64,
    pub(crate) parts: Vec<Part>,
}

impl Made {
    /// Parts that there should be, and could not be had.
    pub(crate) fn missed(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.missing.is_some() && !part.is_none)
    }
}

/// How it is made.
pub(crate) struct Wish<'a> {
    pub(crate) to: &'a Path,
    /// Whether what is there already may be replaced.
    pub(crate) replace: bool,
    /// Why: "asked for", or the trouble that was met.
    pub(crate) why: &'a str,
    /// Hears of each part before it is taken; an error ends it all.
    pub(crate) tell: &'a mut dyn FnMut(&str) -> io::Result<()>,
}

/// The archive's one directory, and its name without `.tar`.
pub(crate) fn stem(run: &RunDir, at_ms: u64) -> String {
    let at = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let time = at.map_or_else(String::new, |t| t.strftime("%Y%m%dT%H%M%SZ").to_string());
    format!("twinhaul-bundle-{}-{time}", run.file.run)
}

/// Makes the bundle of a run, in whatever state that is.
///
/// # Errors
/// When the archive cannot be written; then nothing is left of it.
pub(crate) fn make(run: &RunDir, wish: &mut Wish<'_>) -> io::Result<Made> {
    let made_at_ms = wall_ms();
    let stem = stem(run, made_at_ms);
    let profile = load_frozen(run).ok();
    let redactor = redactor(run, profile.as_ref());
    let mut archive = Archive::begin(wish.to, wish.replace, &stem, redactor)?;
    archive.text("README.txt", "what this is", README)?;

    (wish.tell)("diagnosis")?;
    let begun = Instant::now();
    // Asked for meanwhile: a peer that says nothing is waited for.
    let first = ask_status(run);
    let live = diagnosis(&mut archive, run, profile.as_ref())?;
    (wish.tell)("profile and ledger")?;
    files::profile(&mut archive, run)?;
    files::about(&mut archive, run)?;
    ledger(&mut archive, run, profile.as_ref())?;
    (wish.tell)("versions")?;
    archive.json(
        "versions.json",
        "versions of the program, its formats and its backends",
        Ok(system::versions()),
    )?;
    (wish.tell)("logs")?;
    files::logs(&mut archive, run)?;
    (wish.tell)("recording")?;
    files::recording(&mut archive, run)?;
    if wish.to.file_name() != Some(FIRST_TROUBLE.as_ref()) {
        files::first_trouble(&mut archive, run)?;
    }
    while live && begun.elapsed() < APART {
        (wish.tell)("status")?;
        std::thread::sleep(LOOK_EVERY);
    }
    let second = live.then(|| ask_status(run));
    status(&mut archive, "status-1.json", STATUS, &first, wish)?;
    match second {
        Some(second) => status(&mut archive, "status-2.json", STATUS_AGAIN, &second, wish)?,
        None => archive.none("status-2.json", STATUS_AGAIN, "nobody works on the run: it would be the same"),
    }
    let manifest = manifest(run, (wish.why, profile.is_some()), made_at_ms, &archive);
    let parts = archive.parts().to_vec();
    let bytes = archive.end(&manifest)?;
    Ok(Made { bytes, parts })
}

/// What is to be taken out: as the profile says, also if it is not understood any more.
fn redactor(run: &RunDir, profile: Option<&Profile>) -> Redactor {
    let env = |name: &str| environment(run, name);
    if let Some(profile) = profile {
        return Redactor::of(profile, &env);
    }
    let text = std::fs::read(run.profile()).unwrap_or_default();
    Redactor::of_text(&String::from_utf8_lossy(&text), &env)
}

const STATUS: &str = "the run as status --json tells it";
const STATUS_AGAIN: &str = "the run as status --json tells it, some seconds later";

fn manifest(
    run: &RunDir,
    (why, understood): (&str, bool),
    made_at_ms: u64,
    archive: &Archive,
) -> serde_json::Value {
    let redactor = archive.redactor();
    json!({
        "format": FORMAT,
        "version": VERSION,
        "twinhaul": env!("CARGO_PKG_VERSION"),
        "run": run.file.run,
        "profile": run.file.name,
        "why": why,
        "made_at": status::timestamp(made_at_ms),
        "made_at_ms": made_at_ms,
        // A secret whose value is not known here can only be found by its name; so can one that is too short to be looked for.
        "redaction": {
            "profile_understood": understood,
            "references": redactor.references(),
            "unknown_here": redactor.unknown(),
            "not_looked_for": redactor.not_looked_for(),
        },
        "parts": archive.parts(),
    })
}

/// A status that was asked for.
struct Asked {
    answer: Receiver<Result<Status, String>>,
    until: Instant,
}

fn ask_status(run: &RunDir) -> Asked {
    let run = run.clone();
    let answer = later(move || status::of(&run).map_err(|e| e.text));
    Asked { answer, until: Instant::now() + STATUS_WITHIN }
}

fn status(
    archive: &mut Archive,
    name: &str,
    what: &'static str,
    asked: &Asked,
    wish: &mut Wish<'_>,
) -> io::Result<()> {
    let told = loop {
        (wish.tell)("status")?;
        match asked.answer.recv_timeout(LOOK_EVERY) {
            Ok(told) => break told,
            Err(RecvTimeoutError::Timeout) if Instant::now() < asked.until => {}
            Err(_) => break Err(format!("no answer within {} s", STATUS_WITHIN.as_secs())),
        }
    };
    archive.json(name, what, told)
}

/// Diagnosis, evidence, and the machine; returns whether anybody works on the run.
fn diagnosis(archive: &mut Archive, run: &RunDir, profile: Option<&Profile>) -> io::Result<bool> {
    const PAGE: &str = "what is wrong, how that is known, what can be done";
    let gathered = evidence::gather(run).map_err(|e| e.text);
    let mut pids = Vec::new();
    match &gathered {
        Ok((evidence, now_ms)) => {
            let diagnosis = twinhaul_diagnose::diagnose(evidence, *now_ms);
            archive.text("diagnosis.txt", PAGE, &page(&diagnosis))?;
            archive.json("diagnosis.json", "the same as diagnose --json", Ok(&diagnosis))?;
            archive.json("evidence.json", "from what the diagnosis was made", Ok(facts(evidence)))?;
            pids = processes(evidence);
        }
        Err(why) => {
            archive.missing("diagnosis.txt", PAGE, why);
            archive.missing("diagnosis.json", "the same as diagnose --json", why);
            archive.missing("evidence.json", "from what the diagnosis was made", why);
        }
    }
    let machine = system::facts(run, profile, &pids);
    archive.json("system.json", "the machine, its places, the run's processes", Ok(machine))?;
    Ok(!pids.is_empty())
}

fn page(diagnosis: &Diagnosis) -> String {
    let lines = twinhaul_console_model::words::diagnosis::page(diagnosis, COLUMNS, &status::clock);
    lines.into_iter().map(|line| line.text + "\n").collect()
}

fn facts(evidence: &Evidence) -> serde_json::Value {
    let peer = |p: &twinhaul_diagnose::PeerEvidence| json!({ "name": p.name, "answered": p.answered, "snapshot": p.snapshot, "process": p.process });
    json!({
        "state": evidence.state, "supervised": evidence.supervised, "supervisor": evidence.supervisor,
        "snapshot": evidence.snapshot, "peers": evidence.peers.iter().map(peer).collect::<Vec<_>>(), "probes": evidence.probes,
    })
}

/// Those of the run that live, by name.
fn processes(evidence: &Evidence) -> Vec<(String, u32)> {
    let supervisor = evidence.supervisor.iter().map(|facts| ("supervisor", facts));
    let peers = evidence.peers.iter().filter_map(|p| Some((p.name.as_str(), p.process.as_ref()?)));
    let alive = supervisor.chain(peers).filter(|(_, facts)| facts.exists && facts.pid > 0);
    alive.map(|(name, facts)| (name.to_owned(), facts.pid)).collect()
}

fn ledger(archive: &mut Archive, run: &RunDir, profile: Option<&Profile>) -> io::Result<()> {
    const EVENTS: &str = "the history, newest part, as events --json tells it";
    const EXCERPT: &str = "counts, peers, lots, ranges, what failed, what is next";
    let (asked, names) = (run.clone(), ledger::Names::new(run, profile));
    let answer = later(move || ledger::read(&asked, &names));
    let late = || Err(format!("the ledger did not answer within {} s", LEDGER_WITHIN.as_secs()));
    match received(&answer, Instant::now() + LEDGER_WITHIN).unwrap_or_else(late) {
        Ok(told) => {
            archive.json("ledger.json", EXCERPT, Ok(told.excerpt))?;
            archive.lines("events.jsonl", EVENTS, told.events_left_out, &mut told.events.as_slice())
        }
        Err(why) => {
            archive.missing("ledger.json", EXCERPT, &why);
            archive.missing("events.jsonl", EVENTS, &why);
            Ok(())
        }
    }
}

/// The values that a variable has here and in the run's processes, which may have been started elsewhere. They are looked for
/// so that they can be taken out, and kept no longer.
fn environment(run: &RunDir, name: &str) -> Vec<String> {
    let peers = run.file.order.iter().filter_map(|peer| peer_lock_holder(&run.path, peer));
    let of_process = |pid: u32| {
        use std::io::Read as _;
        let mut bytes = Vec::new();
        let file = std::fs::File::open(format!("/proc/{pid}/environ")).ok()?;
        file.take(ENVIRONMENT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        let of_name =
            |entry: &[u8]| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec);
        String::from_utf8(bytes.split(|b| *b == 0).find_map(of_name)?).ok()
    };
    let theirs = peers.chain(is_supervised(&run.path)).filter(|pid| *pid > 0).filter_map(of_process);
    std::env::var(name).into_iter().chain(theirs).collect()
}

/// How a run of which a bundle is there is looked at again.
pub(crate) fn next(path: &Path) -> String {
    format!("look at it: tar tvf {0}; replay it, also elsewhere: twinhaul replay {0}", shown(path))
}
