//! What is measured at a console in its terminal, and how a figure is printed.

use std::time::{Duration, Instant};
use twinhaul_testkit::pty::{PtyCommand, PtySession};
use twinhaul_tests::product::run::Run;
use twinhaul_tests::product::{Lab, exe};

/// How long something that must come is waited for.
const LONG: Duration = Duration::from_secs(20);
/// Clock ticks a second (`getconf CLK_TCK`): 100 on every Linux that this builds for.
const TICKS: f64 = 100.0;

pub(crate) fn line(what: &str, measured: &str, wanted: &str) {
    println!("{what:<52}{measured:>14}{wanted:>10}");
}

/// The product in a terminal of its own.
pub(crate) fn command(lab: &Lab, args: &[&str]) -> PtyCommand {
    let state = lab.state().to_string_lossy().into_owned();
    let command = args.iter().fold(PtyCommand::new(exe()), PtyCommand::arg);
    command.env("TWINHAUL_STATE", &state).env("TERM", "xterm-256color").env("LANG", "C.UTF-8")
}

pub(crate) fn attach(lab: &Lab, run: &Run<'_>, cols: u16, rows: u16) -> PtySession {
    let session = PtySession::spawn(command(lab, &["attach", &run.id]), rows, cols).expect("a terminal");
    session.wait_for(&run.id, LONG).expect("a first frame");
    session
}

/// Milliseconds from the start of the process until `shown` is on the screen.
pub(crate) fn first_frame(command: PtyCommand, shown: &str) -> f64 {
    let began = Instant::now();
    let session = PtySession::spawn(command, 50, 160).expect("a terminal");
    until(began, &session, |text| text.contains(shown))
}

/// Bytes a second to the terminal, and per cent of a processor.
pub(crate) fn cost(session: &PtySession, over: Duration) -> (f64, f64) {
    let (bytes, ticks) = (session.bytes(), ticks(session));
    std::thread::sleep(over);
    let bytes = session.bytes().saturating_sub(bytes) as f64 / over.as_secs_f64();
    (bytes, (self::ticks(session) - ticks) / TICKS / over.as_secs_f64() * 100.0)
}

/// Milliseconds from a key until the screen says `shown`, which it did not before.
pub(crate) fn key(session: &mut PtySession, key: &str, shown: impl Fn(&str) -> bool) -> f64 {
    let began = Instant::now();
    session.send(key).expect("a terminal");
    until(began, session, shown)
}

fn until(began: Instant, session: &PtySession, shown: impl Fn(&str) -> bool) -> f64 {
    while !shown(&session.text()) {
        assert!(began.elapsed() < LONG, "what was waited for is not on the screen:\n{}", session.text());
        std::thread::sleep(Duration::from_micros(100));
    }
    began.elapsed().as_secs_f64() * 1000.0
}

fn stat(session: &PtySession, file: &str) -> String {
    let pid = session.pid().expect("a process");
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a living console")
}

fn ticks(session: &PtySession) -> f64 {
    let stat = stat(session, "stat");
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let at = |n: usize| words.get(n).and_then(|w| w.parse::<f64>().ok()).expect("a number of ticks");
    // utime and stime, counted from the state.
    at(11) + at(12)
}

pub(crate) fn peak_mib(session: &PtySession) -> f64 {
    let status = stat(session, "status");
    let kib = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next());
    kib.and_then(|k| k.parse::<f64>().ok()).expect("a peak of memory") / 1024.0
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().expect("something was measured")
}

/// `p99 (median) ms`.
pub(crate) fn nearly_all(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let most = values.get(values.len() * 99 / 100).copied().expect("something was measured");
    format!("{most:.1} ({:.1}) ms", median(values))
}
