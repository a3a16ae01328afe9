//! The words and quantities of a family's file.

use crate::course::{Disturbance, Position, WHOLE, What, Whom};
use crate::{Distribution, Network, Slots};
use serde::Deserialize;
use std::time::Duration;
use twinhaul_units::Span;
use twinhaul_units::text::show;

/// Slots of a peer in a scenario.
const SLOTS_MAX: u32 = 1024;
/// Positions lie below 10,000 % of the bound.
const POSITION_MAX: f64 = 100.0;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DisturbanceText {
    peer: String,
    /// The link has this many times its speed.
    speed: Option<f64>,
    /// Sigma.
    noise: Option<f64>,
    #[serde(default)]
    frozen: bool,
    #[serde(default)]
    dead: bool,
    from: String,
    to: Option<String>,
    every: Option<String>,
}

impl DisturbanceText {
    pub(super) fn read(&self) -> Result<Disturbance, String> {
        let peer = match self.peer.as_str() {
            "fast" => Whom::Fast,
            "slow" => Whom::Slow,
            "both" => Whom::Both,
            other => return Err(format!("peer: expected fast, slow or both, found \"{}\"", show(other))),
        };
        let what = match (self.speed, self.noise, self.frozen, self.dead) {
            (Some(factor), None, false, false) if (0.0..=1000.0).contains(&factor) => What::Speed(factor),
            (None, Some(sigma), false, false) if (0.0..=3.0).contains(&sigma) => What::Noise(sigma),
            (None, None, true, false) => What::Frozen,
            (None, None, false, true) => What::Dead,
            _ => return Err("one of speed, noise, frozen and dead must be there, in its limits".to_owned()),
        };
        let optional = |t: &Option<String>| t.as_deref().map(position).transpose();
        let (from, to, every) = (position(&self.from)?, optional(&self.to)?, optional(&self.every)?);
        if to.is_some_and(|to| to <= from) || every == Some(0) {
            return Err("a disturbance must end after it begins, and come again later".to_owned());
        }
        Ok(Disturbance { peer, what, from, to, every })
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct NetworkText {
    loss: Option<String>,
    duplicate: Option<String>,
    jitter: Option<f64>,
    #[serde(default)]
    partitions: Vec<[String; 2]>,
}

impl NetworkText {
    pub(super) fn read(&self) -> Result<Network, String> {
        let probability = |t: &Option<String>| -> Result<f64, String> {
            Ok(t.as_deref().map(position).transpose()?.unwrap_or(0) as f64 / WHOLE as f64)
        };
        let partitions =
            self.partitions.iter().map(|[from, to]| Ok::<_, String>((position(from)?, position(to)?)));
        Ok(Network {
            loss: probability(&self.loss)?.min(1.0),
            duplicate: probability(&self.duplicate)?.min(1.0),
            jitter: self.jitter.unwrap_or(0.0).clamp(0.0, 1000.0),
            partitions: partitions.collect::<Result<_, _>>()?,
        })
    }
}

/// "40 %" of the bound.
fn position(text: &str) -> Result<Position, String> {
    let fail = || format!("expected a percentage such as \"40 %\", found \"{}\"", show(text));
    let number: f64 = text.strip_suffix('%').ok_or_else(fail)?.trim().parse().map_err(|_| fail())?;
    let value = number / 100.0;
    if (0.0..=POSITION_MAX).contains(&value) {
        Ok((value * WHOLE as f64).round() as Position)
    } else {
        Err(fail())
    }
}

pub(super) fn span(text: &str) -> Result<Duration, String> {
    Ok(Span::parse(text).map_err(|e| e.to_string())?.0)
}

/// A span, or "none".
pub(super) fn checkpoint(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" { Ok(None) } else { span(text).map(Some) }
}

pub(super) fn distribution(text: &str) -> Result<Distribution, String> {
    Ok(match text {
        "equal" => Distribution::Equal,
        "uniform" => Distribution::Uniform,
        "lognormal" => Distribution::Lognormal,
        "pareto" => Distribution::Pareto,
        "giant" => Distribution::Giant,
        other => {
            let known = "equal, uniform, lognormal, pareto or giant";
            return Err(format!("sizes: expected {known}, found \"{}\"", show(other)));
        }
    })
}

/// "1:4": the slow peer has a quarter of the fast one's speed.
pub(super) fn relation(text: &str) -> Result<f64, String> {
    let slower = text.strip_prefix("1:").and_then(|n| n.parse::<f64>().ok());
    slower
        .filter(|n| (1.0..=1000.0).contains(n))
        .ok_or_else(|| format!("speeds: expected a relation such as \"1:4\", found \"{}\"", show(text)))
}

/// "1", "8 sharing", "8 capped".
pub(super) fn slots(text: &str) -> Result<Slots, String> {
    let (count, how) = text.split_once(' ').unwrap_or((text, "sharing"));
    let capped = match how.trim() {
        "sharing" => Some(false),
        "capped" => Some(true),
        _ => None,
    };
    let count = count.parse().ok().filter(|n| (1..=SLOTS_MAX).contains(n));
    match (count, capped) {
        (Some(count), Some(capped)) => Ok(Slots { count, capped }),
        _ => Err(format!("slots: expected \"1\", \"8 sharing\" or \"8 capped\", found \"{}\"", show(text))),
    }
}

/// A quantity as a segment of a name: no spaces.
pub(super) fn joined(text: &str) -> String {
    text.split_whitespace().collect()
}
