//! The two peers.

use super::{NAME, bandwidth, is_name};
use crate::{
    error::Fault,
    fields::{self, Fields},
    model::{End, PeerConfig},
    node::{Entry, Node},
};
use twinhaul_units::text::show;

pub(super) fn read(node: Option<&Node>, targets: &[End]) -> Result<[PeerConfig; 2], Fault> {
    let Some(node) = node else {
        return Ok(PeerConfig::defaults());
    };
    match Fields::any(node)?.entries() {
        [first, second] => Ok([peer(first, targets)?, peer(second, targets)?]),
        all => {
            let place = all.get(2).map_or(node.place, |e| e.at);
            Err(Fault::at(place, format!("peers: expected exactly two, found {}", all.len()))
                .help("the method balances two; leave peers out for alpha and beta with 8 slots each"))
        }
    }
}

fn peer(entry: &Entry, targets: &[End]) -> Result<PeerConfig, Fault> {
    if !is_name(&entry.key) {
        return Err(Fault::at(entry.at, format!("expected {NAME}, found \"{}\"", show(&entry.key))));
    }
    let f = Fields::of(&entry.node, &["slots", "limit", "timetable", "targets"])?;
    let default = PeerConfig::named(&entry.key);
    Ok(PeerConfig {
        slots: bandwidth::slots(&f, "slots")?.unwrap_or(default.slots),
        bandwidth: bandwidth::read(&f)?,
        targets: f.read("targets", |n| reached(n, targets))?,
        ..default
    })
}

fn reached(node: &Node, targets: &[End]) -> Result<Vec<String>, Fault> {
    let items = node.list("names of targets")?;
    if items.is_empty() {
        return Err(node
            .fault("a peer that reaches no target can do nothing")
            .help("leave targets out to reach all"));
    }
    let mut names = Vec::new();
    for item in items {
        let name = end_name(item, targets, "target")?;
        if names.contains(&name) {
            return Err(item.fault(format!("target \"{}\" is named twice", show(&name))));
        }
        names.push(name);
    }
    Ok(names)
}

/// The name of one of `ends`; `kind` is "source" or "target".
pub(super) fn end_name(node: &Node, ends: &[End], kind: &str) -> Result<String, Fault> {
    let name = node.text(&format!("the name of a {kind}"))?;
    if ends.iter().any(|e| e.name == name) {
        return Ok(name.to_owned());
    }
    let all = || ends.iter().map(|e| e.name.as_str());
    let fault = node.fault(format!("there is no {kind} \"{}\"", show(name)));
    Err(match fields::nearest(name, all()) {
        Some(near) => fault.help(format!("did you mean \"{near}\"?")),
        None => fault.help(format!("the {kind}s are: {}", all().collect::<Vec<_>>().join(", "))),
    })
}
