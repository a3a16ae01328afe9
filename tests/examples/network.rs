//! `network MILLISECONDS PER_CENT`: two name spaces with such a round-trip time and loss between them. Prints their names and addresses, and
//! ends, with both, when its standard input does.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for benchmarks")]

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use twinhaul_tests::network::{FAR, NEAR, Network, Weather};

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<f64>().ok());
    let (Some(milliseconds), Some(per_cent), None) = (numbers.next(), numbers.next(), numbers.next()) else {
        eprintln!("usage: network MILLISECONDS PER_CENT");
        return ExitCode::from(2);
    };
    let weather = Weather {
        round_trip: Duration::from_secs_f64(milliseconds.max(0.0) / 1000.0),
        loss: per_cent / 100.0,
        seed: 1,
    };
    let network = match Network::start(weather) {
        Ok(network) => network,
        Err(why) => {
            eprintln!("network: {why}");
            return ExitCode::from(1);
        }
    };
    println!("near {} {NEAR} far {} {FAR}", network.near, network.far);
    let _ = std::io::stdout().flush();
    let mut bytes = [0; 64];
    while let Ok(1..) = std::io::stdin().read(&mut bytes) {}
    ExitCode::SUCCESS
}
