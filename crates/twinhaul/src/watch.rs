//! Watching a run without a console: progress on stderr or events on stdout, until it ends; then its exit code.

use crate::exit::{self, Failure};
use crate::launch::ledger_failure;
use crate::signals::Signals;
use crate::state::RunDir;
use crate::{exit_file, output, status, verbs};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};
use twinhaul_ledger::View;
use twinhaul_supervisor::{Client, is_supervised};
use twinhaul_units::{Bytes, Rate, Span};
use twinhaul_wire::status::Status;
use twinhaul_wire::{Command, Event};

const LOOK_EVERY: Duration = Duration::from_millis(100);
const PROGRESS_TERMINAL: Duration = Duration::from_millis(500);
const PROGRESS_LOG: Duration = Duration::from_secs(10);
/// A supervisor that is gone without its last word gets this long to be noticed as dead.
const GONE_AFTER: Duration = Duration::from_secs(2);

/// What a run shows at most while something is not done: 100 % only when everything is.
const UNFINISHED_MAX: f64 = 0.999;

/// What is printed while a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    Progress,
    /// Events as JSON lines on stdout.
    Events,
}

/// Follows a run to its end. Signals of a person or a service manager end the run, not only the watching.
pub(crate) fn follow(run: &RunDir, show: Show, signals: &Signals) -> Result<u8, Failure> {
    let view = View::open(&run.ledger()).map_err(|e| ledger_failure(&e))?;
    let mut watcher = status::Watcher::open(run)?;
    let on_terminal = std::io::stderr().is_terminal();
    let every = if on_terminal { PROGRESS_TERMINAL } else { PROGRESS_LOG };
    let mut shown_at = Instant::now();
    let mut events = EventReader::new(&view);
    let mut asked_to_stop = 0;
    let mut gone_since: Option<Instant> = None;
    loop {
        if show == Show::Events {
            events.each(|event| output::json_line(&event))?;
        }
        if let Some(end) = exit_file::read(&run.path) {
            if show == Show::Events {
                events.each(|event| output::json_line(&event))?;
            }
            output::progress_end(on_terminal && show == Show::Progress);
            if let Some(why) = &end.why {
                output::error(why);
            }
            let code = if signals.terminated() && end.code == exit::INTERRUPTED {
                exit::TERMINATED
            } else {
                end.code
            };
            return Ok(code);
        }
        let supervisor = is_supervised(&run.path);
        gone_since = match supervisor {
            Some(_) => None,
            None => gone_since.or_else(|| Some(Instant::now())),
        };
        if gone_since.is_some_and(|since| since.elapsed() > GONE_AFTER) {
            let text =
                format!("the supervisor of {0} is gone; the peers go on. twinhaul attach {0}", run.file.run);
            return Err(Failure::new(exit::TEMPORARY, text));
        }
        asked_to_stop = obey(run, signals, asked_to_stop);
        if signals.take_status() {
            output::say(&verbs::look::status_text(&watcher.status()?));
        }
        if show == Show::Progress && shown_at.elapsed() >= every {
            shown_at = Instant::now();
            if let Ok(status) = watcher.status() {
                output::progress(&progress_line(&status), on_terminal);
            }
        }
        rest(supervisor);
    }
}

/// Until the next look; the end of the supervisor cuts it short, because its last act is to write how the run ended.
fn rest(supervisor: Option<u32>) {
    let pid = supervisor.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let Some(process) = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return std::thread::sleep(LOOK_EVERY);
    };
    let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_EVERY.subsec_nanos()) };
    // Interrupted by a signal it is looked at now, as it should be.
    let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit));
}

/// First Ctrl-C drains, the second stops; TERM stops. Returns how far that has gone.
fn obey(run: &RunDir, signals: &Signals, done: u8) -> u8 {
    let wanted = match (signals.terminated(), signals.interrupts()) {
        (true, _) | (false, 2..) => 2,
        (false, 1) => 1,
        (false, 0) => 0,
    };
    if wanted <= done {
        return done;
    }
    let drain = wanted == 1;
    output::say(if drain { "finishing what is in flight; Ctrl-C again stops now" } else { "stopping" });
    let sent = Client::connect(&run.path, "supervisor").and_then(|mut c| c.request(Command::Stop { drain }));
    if let Err(e) = sent {
        output::error(&format!("failed to {e}"));
        return done;
    }
    wanted
}

/// "41.2 %  12.1 of 29.4 TiB  …", and both peers in a word.
pub(crate) fn progress_line(s: &Status) -> String {
    let peers: Vec<String> =
        s.peers.iter().map(|(name, p)| format!("{name} {} {}", p.state, p.queue.transfers)).collect();
    format!("{}  [{}]{}", progress(s), peers.join(", "), failed(s))
}

/// What was given up, if anything was.
pub(crate) fn failed(s: &Status) -> String {
    if s.failed.transfers > 0 { format!("  {} FAILED", s.failed.transfers) } else { String::new() }
}

/// "41.2 %  12.1 of 29.4 TiB  …".
pub(crate) fn progress(s: &Status) -> String {
    // What failed has not arrived: 100 % only when everything has.
    let finished = s.done.transfers + s.skipped.transfers;
    let bytes = s.done.bytes + s.skipped.bytes + s.in_flight.bytes;
    // While planning, a percentage would go back.
    let part = if s.totals.growing || s.totals.transfers == 0 {
        "planning".to_owned()
    } else {
        // Objects without bytes are counted.
        let of_bytes = (bytes as f64, s.totals.bytes as f64);
        let (done, all) =
            if s.totals.bytes == 0 { (finished as f64, s.totals.transfers as f64) } else { of_bytes };
        let part = done / all;
        let most = if finished < s.totals.transfers { UNFINISHED_MAX } else { 1.0 };
        format!("{:.1} %", part.min(most) * 100.0)
    };
    let rate: u64 = s.peers.values().filter_map(|p| p.rate).sum();
    let rate = if s.state.ended() { String::new() } else { format!("  {}", Rate(rate)) };
    let eta = s.eta_s.as_ref().map_or_else(
        || if s.state.ended() { String::new() } else { "  ends in --:--".to_owned() },
        |e| {
            let span = |s: f64| Span(Duration::try_from_secs_f64(s).unwrap_or_default()).to_string();
            let (low, high) = (span(e.low), span(e.high));
            if low == high { format!("  ends in {low}") } else { format!("  ends in {low}-{high}") }
        },
    );
    let published = match s.published.transfers {
        0 => String::new(),
        n => format!(" (and {n} not yet durable)"),
    };
    format!(
        "{part}  {finished} of {}{} transfers{published}  {} of {}{rate}{eta}",
        s.totals.transfers,
        if s.totals.growing { "+" } else { "" },
        Bytes(bytes),
        Bytes(s.totals.bytes),
    )
}

/// Events in order, each once.
#[derive(Debug)]
pub(crate) struct EventReader<'a> {
    view: &'a View,
    seq: u64,
}

impl<'a> EventReader<'a> {
    pub(crate) fn new(view: &'a View) -> Self {
        Self { view, seq: 0 }
    }

    /// Calls `f` for every event that is new, as they are numbered.
    pub(crate) fn each(&mut self, mut f: impl FnMut(Event) -> Result<(), Failure>) -> Result<(), Failure> {
        self.pages(|page| page.into_iter().try_for_each(&mut f))
    }

    /// … as they happened, for people.
    pub(crate) fn each_as_it_happened(
        &mut self,
        mut f: impl FnMut(Event) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.pages(|mut page| {
            order_by_time(&mut page);
            page.into_iter().try_for_each(&mut f)
        })
    }

    fn pages(&mut self, mut f: impl FnMut(Vec<Event>) -> Result<(), Failure>) -> Result<(), Failure> {
        loop {
            let page = self.view.events_since(self.seq, 500).map_err(|e| ledger_failure(&e))?;
            let Some(last) = page.last() else { return Ok(()) };
            self.seq = last.seq;
            f(page)?;
        }
    }
}

/// Each peer writes its events as it comes to it, so that a question can have a higher number than what came of it. What is further
/// apart than this was not written late: somebody's clock was set.
const LATE_MS_MAX: u64 = 2_000;

/// Puts each event before those that were written before it and happened after it.
fn order_by_time(events: &mut [Event]) {
    for at in 1..events.len() {
        let time = events[at].at_ms;
        let happened_later = |e: &Event| (time + 1..=time + LATE_MS_MAX).contains(&e.at_ms);
        let back = events[..at].iter().rev().take_while(|e| happened_later(e)).count();
        events[at - back..=at].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{order_by_time, progress_line};
    use twinhaul_wire::status::Status;
    use twinhaul_wire::{Event, EventKind};

    #[test]
    fn events_are_told_as_they_happened_unless_a_clock_was_set() {
        let told = |times: &[u64]| {
            let event = |(seq, at_ms): (u64, &u64)| {
                let kind = EventKind::Info { text: String::new() };
                Event { seq, at_ms: *at_ms, peer: None, incarnation: 0, kind }
            };
            let mut events: Vec<Event> = (1..).zip(times).map(event).collect();
            order_by_time(&mut events);
            events.iter().map(|e| e.seq).collect::<Vec<_>>()
        };
        assert_eq!(told(&[10_000, 10_080, 10_010, 10_010, 10_100, 9_990]), [6, 1, 3, 4, 2, 5]);
        assert_eq!(told(&[500_000, 100_000, 100_050]), [1, 2, 3], "set back: by their numbers");
    }

    #[test]
    fn objects_without_bytes_are_counted_and_only_what_is_planned_still_is_said_to_be() {
        let mut status = Status::default();
        assert!(progress_line(&status).starts_with("planning"));
        (status.totals.transfers, status.done.transfers) = (10, 4);
        assert!(
            progress_line(&status).starts_with("40.0 %  4 of 10 transfers"),
            "{}",
            progress_line(&status)
        );
        status.totals.growing = true;
        assert!(progress_line(&status).starts_with("planning  4 of 10+ transfers"));
    }
}
