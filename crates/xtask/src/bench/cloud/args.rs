//! The words of `cargo xtask bench cloud`.

use super::super::args::{PAIRS, PAIRS_QUICK, list, pairs};
use super::sides::Client;
use crate::bench::sets::Set;
use std::path::PathBuf;

pub(super) const USAGE: &str = "\
usage: cargo xtask bench cloud [SET...] [OPTIONS]

Sends data sets to an object store on this machine, by twinhaul and by the clients found here, side by side, and prints the medians
of the ratios of wall time and of the clients' processor time. Nothing is judged.

  C1  2,000 files of 16 KiB    C2  8 files of 256 MiB    C3  both together

  --pairs N        pairs of runs of each comparison (9)
  --quick          3 pairs
  --against LIST   only these: rclone,aws (all that are here)
  --network MS,PC  between clients and store a network with a round trip of MS milliseconds that loses PC per cent of the packets in
                   each direction, such as 30,1; in name spaces of its own, for which root is needed
  --in DIR         where sets go (target/bench)
  --json           one JSON object on stdout, with every single run
";

#[derive(Debug, PartialEq)]
pub(super) struct Args {
    pub(super) sets: Vec<Set>,
    pub(super) pairs: usize,
    /// `None`: all.
    against: Option<Vec<Client>>,
    pub(super) network: Option<(f64, f64)>,
    pub(super) dir: Option<PathBuf>,
    pub(super) json: bool,
}

impl Args {
    pub(super) fn read(words: &[String]) -> Result<Self, String> {
        let mut args =
            Self { sets: Vec::new(), pairs: PAIRS, against: None, network: None, dir: None, json: false };
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} takes a value\n\n{USAGE}"));
            match word {
                "--pairs" => args.pairs = pairs(value()?)?,
                "--quick" => args.pairs = PAIRS_QUICK,
                "--against" => args.against = Some(list(value()?, "client", USAGE, Client::of)?),
                "--network" => args.network = Some(network(value()?)?),
                "--in" => args.dir = Some(value()?.into()),
                "--json" => args.json = true,
                _ => args.sets.extend(list(word, "set or option", USAGE, Set::of_cloud)?),
            }
        }
        if args.sets.is_empty() {
            args.sets = Set::CLOUD.to_vec();
        }
        Ok(args)
    }

    pub(super) fn against(&self, client: Client) -> bool {
        self.against.as_ref().is_none_or(|all| all.contains(&client))
    }
}

/// Milliseconds and per cent.
fn network(word: &str) -> Result<(f64, f64), String> {
    let numbers: Option<Vec<f64>> = word.split(',').map(|n| n.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[ms, per_cent]) if (0.0..=10_000.0).contains(&ms) && (0.0..100.0).contains(&per_cent) => {
            Ok((ms, per_cent))
        }
        _ => Err(format!(
            "--network takes milliseconds and per cent, such as 30,1, not \"{}\"",
            word.escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_odd_ones_refused() {
        let read = |words: &[&str]| Args::read(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
        let args = read(&["c2", "--quick", "--against", "aws"]).unwrap();
        assert_eq!((args.sets.clone(), args.pairs), (vec![Set::C2], 3));
        assert!(args.against(Client::Aws) && !args.against(Client::Rclone));
        assert_eq!(read(&[]).unwrap().sets, Set::CLOUD);
        assert_eq!(read(&["--network", "30,1"]).unwrap().network, Some((30.0, 1.0)));
        assert!(read(&["--network", "30"]).is_err() && read(&["--network", "30,100"]).is_err());
        assert!(read(&["D1"]).unwrap_err().contains("is no set"));
    }
}
