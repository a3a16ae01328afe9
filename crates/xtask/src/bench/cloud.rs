//! `cargo xtask bench cloud`: the product beside the clients that people use today, sending the same files to the same object store
//! on this machine, in pairs, as [`super::data`] does it.
//!
//! The store is the project's own (`twinhaul-store`, a release build), with its objects in memory where there is
//! room, and a new one for each run. It shares the processors with its clients, so wall time says how both go together; the
//! client's processor time is the client's alone. What a client left is counted at the store, by its files.

mod args;
mod beside;
mod server;
mod sides;
mod wire;

use super::data::Pair;
use super::machine::Machine;
use super::measure::{Spent, Step, measure};
use super::place::{self, Place};
use super::product::Product;
use super::sets::Set;
use super::{json, make, table};
use crate::process::{cargo, pass};
use args::Args;
use server::Server;
use sides::{Client, OURS};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use wire::Wire;

/// One set against one other client.
struct Measured {
    set: Set,
    theirs: Client,
    pairs: Vec<Pair>,
}

pub(super) fn run(root: &Path, words: &[String]) -> Result<bool, String> {
    if words.iter().any(|w| matches!(w.as_str(), "--help" | "-h")) {
        print!("{}", args::USAGE);
        return Ok(true);
    }
    let args = Args::read(words)?;
    let release = super::target_dir()?.join("release");
    let words =
        ["build", "--release", "--quiet", "-p", "twinhaul", "-p", "twinhaul-disk", "-p", "twinhaul-cloud"];
    if !pass(cargo(root, &[&words[..], &["-p", "twinhaul-store"]].concat()))? {
        return Ok(false);
    }
    let product = Product::at(&release.join("twinhaul"))?;
    let dir = args.dir.clone().map_or_else(|| super::target_dir().map(|t| t.join("bench")), Ok)?;
    let mut place = Place::open(&dir)?;
    let network = |network| Wire::start(root, &super::target_dir()?, &place.fresh()?, network);
    let wire = args.network.map(network).transpose()?;
    let mut bench = Bench { product, place, program: release.join("twinhaul-store"), wire };
    let machine = Machine::of(bench.place.dir());
    let (mut all, mut left_out) = (Vec::new(), Vec::new());
    for set in args.sets.iter().copied() {
        for theirs in Client::OTHERS.into_iter().filter(|c| args.against(*c)) {
            let done = theirs.here().and_then(|()| bench.compare(set, theirs, args.pairs));
            match done {
                Ok(pairs) => all.push(Measured { set, theirs, pairs }),
                Err(why) => {
                    eprintln!("{} / {}: left out: {why}", set.name(), theirs.says());
                    left_out.push((set, theirs, why));
                }
            }
        }
    }
    bench.place.clear()?;
    if args.json {
        let comparison = |m: &Measured| {
            let mut one = json::figures(&m.pairs);
            one["set"] = m.set.name().into();
            one["against"] = m.theirs.says().into();
            one
        };
        let left_out = left_out.iter().map(|(set, theirs, why)| {
            serde_json::json!({ "set": set.name(), "against": theirs.says(), "why": why })
        });
        println!(
            "{}",
            serde_json::json!({
                "machine": json::of_machine(&machine), "twinhaul": bench.product.version()?,
                "comparisons": all.iter().map(comparison).collect::<Vec<_>>(), "left_out": left_out.collect::<Vec<_>>(),
            })
        );
        return Ok(true);
    }
    print!("{}", shown(&bench.product.version()?, &machine, args.network, &all));
    for (set, theirs, why) in &left_out {
        println!("left out: {} / {}: {why}", set.name(), theirs.says());
    }
    Ok(true)
}

fn shown(version: &str, machine: &Machine, network: Option<(f64, f64)>, all: &[Measured]) -> String {
    let mut out = format!("{}; the store on the same machine\n", table::head(version, machine));
    if let Some((ms, per_cent)) = network {
        let control =
            std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
        let control = control.trim();
        let _ = writeln!(
            out,
            "over a round trip of {ms} ms, {per_cent} % of the packets lost in each direction, TCP with {control}"
        );
    }
    for set in Set::CLOUD {
        let _ = writeln!(out, "{}: {}", set.name(), set.says());
    }
    out.push('\n');
    let rows: Vec<_> = all
        .iter()
        .map(|m| table::figures([m.set.name(), "to the store", m.theirs.says()], &m.pairs))
        .collect();
    table::lines(&mut out, &rows);
    out.push_str(
        "\ntwinhaul first, then the other client; below 1 twinhaul took less. Processor time is the clients' alone, not the store's.\n",
    );
    table::interval(&mut out, all.iter().map(|m| m.pairs.as_slice()));
    out
}

struct Bench {
    product: Product,
    place: Place,
    program: PathBuf,
    wire: Option<Wire>,
}

impl Bench {
    fn compare(&mut self, set: Set, theirs: Client, pairs: usize) -> Result<Vec<Pair>, String> {
        let from = self.place.set(set);
        if !from.exists() {
            self.place.room_for(set.amount().disk)?;
        }
        make::make(set, &from)?;
        make::warm(&from)?;
        let mut all = Vec::new();
        for number in 1..=pairs {
            let pair = if number % 2 == 1 {
                let ours = self.once(set, OURS, &from)?;
                Pair { ours, theirs: Some(self.once(set, theirs, &from)?) }
            } else {
                let theirs = Some(self.once(set, theirs, &from)?);
                Pair { ours: self.once(set, OURS, &from)?, theirs }
            };
            let seconds = |spent: &Spent| format!("{:.2} s", spent.wall.as_secs_f64());
            let beside = pair.theirs.as_ref().map(seconds).unwrap_or_default();
            eprintln!(
                "{} / {}: {number} of {pairs}: {} beside {beside}",
                set.name(),
                theirs.says(),
                seconds(&pair.ours)
            );
            all.push(pair);
        }
        Ok(all)
    }

    fn once(&mut self, set: Set, client: Client, from: &Path) -> Result<Spent, String> {
        let dir = self.place.fresh()?;
        let server = Server::start(&self.program, &dir, set.amount().bytes, self.wire.as_ref())?;
        let command = client.command(&self.product, set, from, &dir, &server)?;
        let command = self.wire.as_ref().map(|wire| wire.near(&command)).unwrap_or(command);
        rustix::fs::sync();
        let spent = measure(vec![Step::Start(command)], &dir.join("log"))?;
        let (wanted, found) = (set.amount(), place::count(server.root())?);
        server.end()?;
        if (wanted.files, wanted.bytes) == (found.files, found.bytes) {
            return Ok(spent);
        }
        Err(format!(
            "{} left {} objects and {} bytes at the store, not {} and {}",
            client.says(),
            found.files,
            found.bytes,
            wanted.files,
            wanted.bytes
        ))
    }
}
