//! `prove sim | model | mutants`: what `cargo xtask soak` runs.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool for developers: printing is what it does")]

use std::time::Instant;
use twinhaul_prove::{Rare, Seen, walk};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let from: u64 = args.get(1).and_then(|a| a.parse().ok()).unwrap_or(0);
    let n: u64 = args.get(2).and_then(|a| a.parse().ok()).unwrap_or(1000);
    let t = Instant::now();
    let mut seen = Seen::default();
    let mut bad = 0;
    for seed in from..from + n {
        let outcome = walk(seed, None);
        seen.add(&outcome.seen);
        if let Some(b) = outcome.broken {
            bad += 1;
            if bad < 15 {
                println!("seed {seed} n={} {b}", outcome.transfers);
            }
        }
    }
    for r in Rare::ALL {
        println!("{:8} {}", seen.of(*r), r.words());
    }
    println!("{n} seeds, {bad} bad, {:?}", t.elapsed());
}
