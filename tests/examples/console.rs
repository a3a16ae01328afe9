//! What `cargo xtask bench console` runs: what the console costs and how soon it answers, on a real run in a real terminal.
//!
//! Nothing is judged: figures of one machine on one day. Those of console.md stand beside them.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a command line tool for developers"
)]

use std::time::{Duration, Instant};
use twinhaul_testkit::pty::{PtyCommand, PtySession};
use twinhaul_tests::product::run::Run;
use twinhaul_tests::product::{Lab, Profile, exe};
use twinhaul_tests::tree;

/// How long a busy and a resting console are looked at.
const LOOK: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_secs(20);
const FIRSTS: usize = 9;
const KEYS: usize = 100;
/// Clock ticks a second (`getconf CLK_TCK`): 100 on every Linux that this builds for.
const TICKS: f64 = 100.0;

fn main() {
    let files: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(20_000);
    println!("a run of {files} files, two peers, limits 2 and 1 MiB/s; medians");
    let lab = Lab::new();
    tree::small_files(&lab.source(), usize::try_from(files).unwrap_or(20_000), 16 * 1024, 3);
    let profile = Profile::new("bench", &lab.source(), &lab.target()).limits("2 MiB/s", "1 MiB/s");
    let run = lab.start(&profile);
    run.until_under_way();
    println!("{:<44}{:>12}{:>12}", "", "measured", "wanted");
    let firsts = median((0..FIRSTS).map(|_| first_frame(&lab, &run)).collect());
    line("first frame after attach, with live figures", &format!("{firsts:.0} ms"), "50 ms");
    for (cols, rows) in [(160, 50), (80, 24)] {
        let mut session = attach(&lab, &run, cols, rows);
        std::thread::sleep(Duration::from_secs(2));
        let (bytes, cpu) = cost(&session, LOOK);
        line(&format!("{cols}x{rows}, busy: processor"), &format!("{cpu:.2} %"), "0.5 %");
        line(
            &format!("{cols}x{rows}, busy: to the terminal"),
            &format!("{:.1} KiB/s", bytes / 1024.0),
            "10 KiB/s",
        );
        let mut keys: Vec<f64> =
            (0..KEYS).map(|n| key(&mut session, if n % 2 == 0 { "j" } else { "k" })).collect();
        keys.sort_by(f64::total_cmp);
        let (half, most) = (keys[KEYS / 2], keys[KEYS * 99 / 100]);
        line(
            &format!("{cols}x{rows}, key to screen, 99 of 100 (half)"),
            &format!("{most:.1} ({half:.1}) ms"),
            "30 ms",
        );
        line(&format!("{cols}x{rows}, memory at most"), &format!("{:.0} MiB", peak_mib(&session)), "64 MiB");
    }
    run.verb("limit", &["none"]);
    run.wait();
    let session = attach(&lab, &run, 160, 50);
    std::thread::sleep(Duration::from_secs(4));
    let (bytes, cpu) = cost(&session, LOOK);
    line("160x50, the run has ended: processor", &format!("{cpu:.2} %"), "");
    line("160x50, the run has ended: to the terminal", &format!("{bytes:.0} B/s"), "50 B/s");
}

fn line(what: &str, measured: &str, wanted: &str) {
    println!("{what:<44}{measured:>12}{wanted:>12}");
}

fn command(lab: &Lab, run: &Run<'_>) -> PtyCommand {
    let state = lab.state().to_string_lossy().into_owned();
    PtyCommand::new(exe())
        .arg("attach")
        .arg(&run.id)
        .env("TWINHAUL_STATE", &state)
        .env("TERM", "xterm-256color")
        .env("LANG", "C.UTF-8")
}

fn attach(lab: &Lab, run: &Run<'_>, cols: u16, rows: u16) -> PtySession {
    let session = PtySession::spawn(command(lab, run), rows, cols).expect("a terminal");
    session.wait_for(&run.id, LONG).expect("a first frame");
    session
}

/// Milliseconds from the start of the process until both peers' figures are on the screen.
fn first_frame(lab: &Lab, run: &Run<'_>) -> f64 {
    let began = Instant::now();
    let session = PtySession::spawn(command(lab, run), 50, 160).expect("a terminal");
    while !session.text().contains("LIVE") && began.elapsed() < LONG {
        std::thread::sleep(Duration::from_micros(500));
    }
    began.elapsed().as_secs_f64() * 1000.0
}

/// Bytes a second to the terminal, and per cent of a processor.
fn cost(session: &PtySession, over: Duration) -> (f64, f64) {
    let (bytes, ticks) = (session.bytes(), ticks(session));
    std::thread::sleep(over);
    let bytes = session.bytes().saturating_sub(bytes) as f64 / over.as_secs_f64();
    (bytes, (self::ticks(session) - ticks) / TICKS / over.as_secs_f64() * 100.0)
}

/// Milliseconds from a key to the first byte after it, at a moment when nothing else is drawn.
fn key(session: &mut PtySession, key: &str) -> f64 {
    std::thread::sleep(Duration::from_millis(130));
    let (before, began) = (session.bytes(), Instant::now());
    session.send(key).expect("a terminal");
    while session.bytes() == before && began.elapsed() < LONG {
        std::thread::sleep(Duration::from_micros(100));
    }
    began.elapsed().as_secs_f64() * 1000.0
}

fn stat(session: &PtySession, file: &str) -> String {
    let pid = session.pid().expect("a process");
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
}

fn ticks(session: &PtySession) -> f64 {
    let stat = stat(session, "stat");
    let words: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let at = |n: usize| words.get(n).and_then(|w| w.parse::<f64>().ok()).unwrap_or(0.0);
    // utime and stime, counted from the state.
    at(11) + at(12)
}

fn peak_mib(session: &PtySession) -> f64 {
    let status = stat(session, "status");
    let kib = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).and_then(|l| l.split_whitespace().next());
    kib.and_then(|k| k.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
