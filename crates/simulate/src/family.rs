//! Families of scenarios, as YAML: lists along axes, and every combination of them is a scenario.
//!
//! Strict: an unknown key or an unreadable quantity is an error with its place. Entry points: [`read`],
//! [`read_directory`], [`hash`].

mod text;

use crate::chance::Fnv;
use crate::{Cost, Disturbance, Network, Scenario, SimulateError, Slots};
use serde::Deserialize;
use std::hash::Hasher as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use twinhaul_assist::CHECKPOINT_EVERY;
use twinhaul_units::{Bytes, Rate};

/// Scenarios of all families together.
pub const SCENARIOS_MAX: usize = 100_000;
/// Bytes of one family's file.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// One file.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub name: String,
    /// One sentence.
    pub about: String,
    /// In the order of the file's lists, the last axis fastest.
    pub scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u64,
    name: String,
    about: String,
    /// Of the fast peer's link.
    fast: String,
    loads: Vec<LoadText>,
    sizes: Vec<String>,
    speeds: Vec<String>,
    round_trips: Vec<String>,
    slots: Vec<String>,
    /// What each transfer costs besides its bytes, as bytes of work.
    work: Option<String>,
    /// Or as time, whoever does it.
    setups: Option<Vec<String>>,
    /// How often progress is recorded, or "none"; as the product does it, if left out.
    checkpoint: Option<String>,
    #[serde(default)]
    disturbances: Vec<NamedDisturbance>,
    #[serde(default)]
    networks: Vec<NamedNetwork>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoadText {
    transfers: u64,
    mean: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedDisturbance {
    name: String,
    #[serde(default)]
    what: Vec<text::DisturbanceText>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedNetwork {
    name: String,
    #[serde(flatten)]
    what: text::NetworkText,
}

/// Reads one family.
///
/// # Errors
/// When the file can not be read, or says something that is not understood.
pub fn read(path: &Path) -> Result<Family, SimulateError> {
    let unreadable = |why: String| SimulateError::Family { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?.len();
    if size > FILE_BYTES_MAX {
        return Err(unreadable(format!("larger than {} KiB", FILE_BYTES_MAX / 1024)));
    }
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))?;
    parse(&text).map_err(unreadable)
}

/// Reads a family's file, or all `*.yaml` of a directory in the order of their names.
///
/// # Errors
/// As [`read`]; also when there is none, or too much of it.
pub fn read_all(path: &Path) -> Result<Vec<Family>, SimulateError> {
    let unreadable = |why: String| SimulateError::Family { path: path.to_owned(), why };
    let mut files: Vec<PathBuf> = Vec::new();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(|e| unreadable(e.to_string()))? {
            let file = entry.map_err(|e| unreadable(e.to_string()))?.path();
            if file.extension().is_some_and(|e| e == "yaml") {
                files.push(file);
            }
        }
        files.sort();
    } else {
        files.push(path.to_owned());
    }
    let families = files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    match families.iter().map(|f| f.scenarios.len()).sum() {
        0 => Err(unreadable("no scenario in it".to_owned())),
        1..=SCENARIOS_MAX => Ok(families),
        n => Err(unreadable(format!("{n} scenarios; the limit is {SCENARIOS_MAX}"))),
    }
}

/// Names the scenarios: everything that decides what they are.
pub fn hash<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> u64 {
    let mut fnv = Fnv::default();
    for scenario in scenarios {
        fnv.write(format!("{scenario:?}\n").as_bytes());
    }
    fnv.finish()
}

/// "500 ms", or "none": how often a family's peers record how far their transfers in flight are.
///
/// # Errors
/// When it is neither.
pub fn checkpoint(text: &str) -> Result<Option<Duration>, String> {
    text::checkpoint(text)
}

pub(crate) fn parse(text: &str) -> Result<Family, String> {
    let file: File = serde_yaml::from_str(text).map_err(|e| e.without_snippet().to_string())?;
    if file.version != 1 {
        return Err(format!("version {}; this twinhaul reads version 1", file.version));
    }
    let axes = Axes::read(&file)?;
    let scenarios = axes.all(&file.name)?;
    Ok(Family { name: file.name, about: file.about, scenarios })
}

/// Each axis as (words of the name, value).
struct Axes {
    fast: f64,
    loads: Vec<(String, (u64, Bytes))>,
    sizes: Vec<(String, crate::Distribution)>,
    speeds: Vec<(String, f64)>,
    round_trips: Vec<(String, Duration)>,
    slots: Vec<(String, Slots)>,
    costs: Vec<(Option<String>, Cost)>,
    disturbances: Vec<(String, Vec<Disturbance>)>,
    networks: Vec<(Option<String>, Network)>,
    checkpoint: Option<Duration>,
}

impl Axes {
    fn read(file: &File) -> Result<Self, String> {
        let costs = match (&file.work, &file.setups) {
            (Some(work), None) => {
                let bytes = Bytes::parse(work).map_err(|e| format!("work: {e}"))?;
                vec![(None, Cost::Work(bytes.0 as f64))]
            }
            (None, Some(setups)) => each(setups, |t| {
                let span = text::span(t)?;
                Ok((Some(text::joined(t)), Cost::Time(span)))
            })?,
            _ => return Err("either work: or setups: must be there, and not both".to_owned()),
        };
        let networks = if file.networks.is_empty() {
            vec![(None, Network::default())]
        } else {
            each(&file.networks, |n| Ok((Some(n.name.clone()), n.what.read()?)))?
        };
        let disturbances = if file.disturbances.is_empty() {
            vec![("none".to_owned(), Vec::new())]
        } else {
            each(&file.disturbances, |d| {
                let what = d.what.iter().map(text::DisturbanceText::read).collect::<Result<_, _>>()?;
                Ok((d.name.clone(), what))
            })?
        };
        Ok(Self {
            fast: Rate::parse(&file.fast).map_err(|e| format!("fast: {e}"))?.0 as f64,
            loads: each(&file.loads, |load| {
                let mean = Bytes::parse(&load.mean).map_err(|e| format!("mean: {e}"))?;
                Ok((load.transfers.to_string(), (load.transfers, mean)))
            })?,
            sizes: each(&file.sizes, |t| Ok((t.clone(), text::distribution(t)?)))?,
            speeds: each(&file.speeds, |t| Ok((t.clone(), text::relation(t)?)))?,
            round_trips: each(&file.round_trips, |t| Ok((text::joined(t), text::span(t)?)))?,
            slots: each(&file.slots, |t| Ok((text::joined(t), text::slots(t)?)))?,
            costs,
            disturbances,
            networks,
            checkpoint: file.checkpoint.as_deref().map_or(Ok(Some(CHECKPOINT_EVERY)), text::checkpoint)?,
        })
    }

    /// Every combination.
    fn all(&self, family: &str) -> Result<Vec<Scenario>, String> {
        let lengths = [
            self.loads.len(),
            self.sizes.len(),
            self.speeds.len(),
            self.round_trips.len(),
            self.slots.len(),
            self.costs.len(),
            self.disturbances.len(),
            self.networks.len(),
        ];
        let count = lengths.iter().try_fold(1usize, |n, len| n.checked_mul(*len));
        let count = count.filter(|n| *n <= SCENARIOS_MAX).ok_or("too many scenarios")?;
        Ok((0..count)
            .map(|number| {
                let mut rest = number;
                let mut at = [0; 8];
                for (at, len) in at.iter_mut().zip(lengths).rev() {
                    *at = rest % len;
                    rest /= len;
                }
                self.one(family, at)
            })
            .collect())
    }

    fn one(&self, family: &str, at: [usize; 8]) -> Scenario {
        let (load, (transfers, mean)) = &self.loads[at[0]];
        let (sizes_name, sizes) = &self.sizes[at[1]];
        let (speeds, relation) = &self.speeds[at[2]];
        let (trip, round_trip) = &self.round_trips[at[3]];
        let (slots_name, slots) = &self.slots[at[4]];
        let (setup, cost) = &self.costs[at[5]];
        let (disturbance, disturbances) = &self.disturbances[at[6]];
        let (network_name, network) = &self.networks[at[7]];
        let mut axes = vec![
            ("transfers", load.clone()),
            ("sizes", sizes_name.clone()),
            ("speeds", speeds.clone()),
            ("round-trip", trip.clone()),
            ("slots", slots_name.clone()),
        ];
        axes.extend(setup.clone().map(|name| ("setup", name)));
        axes.push(("disturbance", disturbance.clone()));
        axes.extend(network_name.clone().map(|name| ("network", name)));
        let mut name = family.to_owned();
        for (_, value) in &axes {
            name.push('/');
            name.push_str(value);
        }
        Scenario {
            name,
            axes,
            transfers: *transfers,
            mean: *mean,
            sizes: *sizes,
            speeds: [self.fast, self.fast / relation],
            round_trip: *round_trip,
            slots: *slots,
            cost: *cost,
            disturbances: disturbances.clone(),
            network: network.clone(),
            checkpoint: self.checkpoint,
        }
    }
}

fn each<T, R>(list: &[T], read: impl FnMut(&T) -> Result<R, String>) -> Result<Vec<R>, String> {
    if list.is_empty() {
        return Err("an axis has no value".to_owned());
    }
    list.iter().map(read).collect()
}
