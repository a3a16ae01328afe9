//! What `cargo xtask bench console [FILES] [TRANSFERS]` runs: what the console costs and how soon it answers, on real runs in a
//! real terminal. A number of 0 leaves that part out.
//!
//! Nothing is judged: figures of one machine on one day. What is wanted stands beside them (crates/console/README.md).

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a command line tool for developers"
)]

mod long;
mod meter;

use meter::{attach, command, cost, first_frame, key, line, median, nearly_all, peak_mib};
use std::time::Duration;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;

/// How long a console is looked at: the processor is counted in hundredths of a second.
const LOOK: Duration = Duration::from_secs(30);
/// After the first frame, until what is drawn is what it will be.
const SETTLES: Duration = Duration::from_secs(4);
const FIRSTS: usize = 9;
const KEYS: usize = 200;
/// No divisor of the time between frames: keys come at every moment of it.
const BETWEEN_KEYS: Duration = Duration::from_millis(37);
const FILES: u64 = 20_000;
const TRANSFERS: u64 = 10_000_000;
/// What the help says and nothing else does.
const HELP: &str = "type to search";

fn main() {
    let number = |nth, usual| std::env::args().nth(nth).and_then(|n| n.parse().ok()).unwrap_or(usual);
    line("", "measured", "wanted");
    let (files, transfers) = (number(1, FILES), number(2, TRANSFERS));
    if files > 0 {
        usual(files);
    }
    if transfers > 0 {
        long::bench(transfers);
    }
}

/// A run as there are many, from its first frame to its rest.
fn usual(files: u64) {
    println!("{files} files of 16 KiB, two peers, limits 2 and 1 MiB/s");
    let firsts = (0..FIRSTS).map(|_| first_frame_of_a_run()).collect();
    line("first frame after run", &format!("{:.0} ms", median(firsts)), "150 ms");
    let lab = Lab::new();
    tree::small_files(&lab.source(), usize::try_from(files).unwrap_or(usize::MAX), 16 * 1024, 3);
    let run = lab.start(&profile(&lab));
    run.until_under_way();
    let firsts = (0..FIRSTS).map(|_| first_frame(command(&lab, &["attach", &run.id]), "LIVE")).collect();
    line("first frame after attach, with live figures", &format!("{:.0} ms", median(firsts)), "50 ms");
    for (cols, rows) in [(160, 50), (80, 24)] {
        let mut session = attach(&lab, &run, cols, rows);
        std::thread::sleep(SETTLES);
        let (bytes, cpu) = cost(&session, LOOK);
        line(&format!("{cols}x{rows}, busy: processor"), &format!("{cpu:.2} %"), "0.5 %");
        let to_the_terminal = format!("{:.1} KiB/s", bytes / 1024.0);
        line(&format!("{cols}x{rows}, busy: to the terminal"), &to_the_terminal, "10 KiB/s");
        let keys = (0..KEYS).map(|n| {
            std::thread::sleep(BETWEEN_KEYS);
            let help = n % 2 == 0;
            key(&mut session, if help { "?" } else { "\x1b" }, |text| text.contains(HELP) == help)
        });
        let keys = nearly_all(keys.collect());
        line(&format!("{cols}x{rows}, key to screen, 99 of 100 (half)"), &keys, "30 ms");
        line(&format!("{cols}x{rows}, memory at most"), &format!("{:.0} MiB", peak_mib(&session)), "64 MiB");
    }
    run.verb("limit", &["none"]);
    run.wait();
    let session = attach(&lab, &run, 160, 50);
    std::thread::sleep(SETTLES);
    let (bytes, cpu) = cost(&session, LOOK);
    line("160x50, the run has ended: processor", &format!("{cpu:.2} %"), "");
    line("160x50, the run has ended: to the terminal", &format!("{bytes:.0} B/s"), "50 B/s");
}

fn profile(lab: &Lab) -> Profile {
    Profile::new("bench", &lab.source(), &lab.target()).limits("2 MiB/s", "1 MiB/s")
}

/// Each begins where none has been.
fn first_frame_of_a_run() -> f64 {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 500, 16 * 1024, 3);
    let path = lab.write_profile(&profile(&lab));
    first_frame(command(&lab, &["run", "--yes", &path.to_string_lossy()]), "run bench-1")
}
