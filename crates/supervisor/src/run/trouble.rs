//! The first trouble of a run: what is known is put into a bundle while it lasts, by a process of its own, once in a run.
//!
//! A peer that is lost or says nothing is trouble for certain. That nothing moves is only a suspicion here: whoever makes the
//! bundle looks closer, and makes none when a pause, a mount or a limit explains it. A demonstration breaks its peers on
//! purpose, and makes none. Must never hold up the run. Entry points: [`Run::tick_trouble`], [`Run::end_trouble`].

use super::Run;
use crate::{Bundler, exit, seat::Seat, stop::Why};
use std::{
    ffi::OsString,
    process::{Child, Command, Stdio},
    time::Duration,
};
use twinhaul_units::{Moment, text::show};
use twinhaul_wire::EventKind;

/// Problems of a peer that are trouble. One that died and is started again may be none a moment later.
const KINDS: [&str; 4] = ["silent", "not_ready", "gave_up", "ended"];
/// Nothing has moved for so long, with work in flight.
const STALL: Duration = Duration::from_secs(30);
/// Between two closer looks, and how many there are.
const SUSPECT_EVERY: Duration = Duration::from_mins(2);
const SUSPICIONS_MAX: u32 = 30;
/// Whoever makes it is ended after this.
const MAKING_MAX: Duration = Duration::from_mins(3);
/// How long a run that has ended waits for it.
const LAST_WAIT_MAX: Duration = Duration::from_secs(15);
/// A closer look found nothing wrong.
const NO_TROUBLE: i32 = 5;
/// Where its last words go, in the run's directory.
const LOG: &str = "bundler.err";

/// What became of it so far.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// `None`: there is a bundle, or there will be none.
    bundler: Option<Bundler>,
    making: Option<Making>,
    suspicions: u32,
    suspected_at: Option<Moment>,
    awaited_since: Option<Moment>,
    /// The run is over, and was looked at once more.
    looked_last: bool,
}

#[derive(Debug)]
struct Making {
    child: Child,
    since: Moment,
    why: String,
}

impl Trouble {
    /// A run that has made one makes no other, also under a new supervisor.
    pub(super) fn new(bundler: Option<Bundler>, demo: bool) -> Self {
        let bundler = bundler.filter(|b| !demo && !b.file.exists());
        Self { bundler, ..Self::default() }
    }

    fn may_suspect(&self, now: Moment) -> bool {
        self.suspicions < SUSPICIONS_MAX && self.suspected_at.is_none_or(|at| now.since(at) >= SUSPECT_EVERY)
    }
}

impl Run {
    /// Begins a bundle when there is trouble, and hears how it went.
    pub(super) fn tick_trouble(&mut self, now: Moment) {
        if self.trouble.making.is_some() {
            return self.making_trouble(now);
        }
        if self.trouble.bundler.is_none() || self.was_told_to_end() {
            return;
        }
        let problem = self.problems.iter().find(|p| p.peer.is_some() && KINDS.contains(&p.kind.as_str()));
        if let Some(problem) = problem {
            // No last words of anybody: everybody on this machine can read a command line.
            let why = format!("{}: {}", problem.kind, problem.peer.as_deref().unwrap_or_default());
            self.begin_bundle(why, false, now);
        } else if self.trouble.may_suspect(now)
            && let Some((seat, what)) = self.seats.iter().find_map(|seat| Some((seat, suspicion(seat)?)))
        {
            let why = format!("stall: {} {what}", seat.name());
            self.trouble.suspicions += 1;
            self.trouble.suspected_at = Some(now);
            self.begin_bundle(why, true, now);
        }
    }

    fn begin_bundle(&mut self, why: String, suspected: bool, now: Moment) {
        let Some(bundler) = &self.trouble.bundler else { return };
        let mut args = bundler.argv.clone();
        args.extend(["--why".into(), OsString::from(&why)]);
        args.extend(suspected.then(|| "--if-trouble".into()));
        match spawn(&args, &self.about.run_dir.join(LOG)) {
            Ok(child) => self.trouble.making = Some(Making { child, since: now, why }),
            Err(error) => {
                self.trouble.bundler = None;
                self.event(
                    None,
                    EventKind::Warning { text: format!("no bundle of the first trouble ({why}): {error}") },
                );
            }
        }
    }

    fn making_trouble(&mut self, now: Moment) {
        let Some(making) = &mut self.trouble.making else { return };
        let late = now.since(making.since) >= MAKING_MAX;
        let ended = match making.child.try_wait() {
            Ok(None) if !late => return,
            Ok(None) => {
                end(&mut making.child);
                None
            }
            Ok(Some(status)) => status.code(),
            Err(_) => None,
        };
        let Some(making) = self.trouble.making.take() else { return };
        if ended == Some(NO_TROUBLE) {
            return;
        }
        let Some(bundler) = self.trouble.bundler.take() else { return };
        let file = show(&bundler.file.to_string_lossy()).into_owned();
        let why = making.why;
        let kind = if ended == Some(0) {
            EventKind::Info { text: format!("evidence of the first trouble ({why}) is kept in {file}") }
        } else {
            let words = exit::last_words(&self.about.run_dir.join(LOG), 0);
            let words = match ended {
                _ if !words.is_empty() => words,
                Some(code) => format!("whoever was to make it ended with code {code}"),
                None => "it did not end in time, or was killed".to_owned(),
            };
            EventKind::Warning { text: format!("no bundle of the first trouble ({why}): {words}") }
        };
        self.event(None, kind);
    }

    /// Whether a run that is over goes on being served for the sake of what is being made. Not when somebody wants it to end.
    pub(super) fn awaits_bundle(&mut self) -> bool {
        let now = self.now();
        if !std::mem::replace(&mut self.trouble.looked_last, true) {
            // What ended the run may have come since the last tick.
            self.find_problems(now);
            self.tick_trouble(now);
        }
        if self.trouble.making.is_none() || self.was_told_to_end() {
            return false;
        }
        let since = *self.trouble.awaited_since.get_or_insert(now);
        now.since(since) < LAST_WAIT_MAX
    }

    /// Leaves it to itself, or ends it with a run that was told to end.
    pub(super) fn end_trouble(&mut self) {
        let told = self.was_told_to_end();
        if let Some(mut making) = self.trouble.making.take().filter(|_| told) {
            end(&mut making.child);
        }
    }

    /// By somebody; not because it cannot go on.
    fn was_told_to_end(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| !matches!(stop.why, Why::Broken(_)))
    }
}

/// What a peer does that may be trouble: it says itself that a wait is beyond its budget, or has work in flight, nothing to hold it,
/// and moves nothing.
fn suspicion(seat: &Seat) -> Option<String> {
    let s = seat.snapshot.as_deref().filter(|_| seat.is_peer() && seat.linked)?;
    if s.problems.iter().any(|p| p.kind == "stall") {
        return Some("waits longer than it may".to_owned());
    }
    let limit = u64::try_from(STALL.as_millis()).unwrap_or(u64::MAX);
    let busy = !s.in_flight.is_empty() && s.paused_by.is_none();
    let still = busy && s.last_progress_ms.unwrap_or(s.up_ms) >= limit;
    still.then(|| format!("has moved nothing for {} s", STALL.as_secs()))
}

fn spawn(argv: &[OsString], log: &std::path::Path) -> std::io::Result<Child> {
    let (program, args) = argv.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
    let err = std::fs::File::create(log)?;
    Command::new(program).args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(err).spawn()
}

/// It holds nothing but an unfinished file, which the next one of its kind removes.
fn end(child: &mut Child) {
    // One that hangs in the kernel is not waited for: that would hold up the run.
    let _ = child.kill();
    let _ = child.try_wait();
}
