//! Sources and targets: what the host needs of them, and the rest for their backend.

use super::{NAME, TARGET_MUST_BE, bandwidth, is_name};
use crate::{
    error::Fault,
    fields::Fields,
    marks::Marks,
    model::{End, Side},
    node::{Entry, Node, Value},
    paths, refs,
};
use twinhaul_units::text::show;

/// Most sources, and most targets.
const ENDS_MAX: usize = 64;

pub(super) fn read(node: &Node, side: Side, demo: bool, marks: &Marks) -> Result<Vec<End>, Fault> {
    let entries = Fields::any(node)?.entries();
    if entries.is_empty() || entries.len() > ENDS_MAX {
        return Err(node.fault(format!("expected 1 to {ENDS_MAX} entries, found {}", entries.len())));
    }
    entries.iter().map(|e| end(e, side, demo, marks)).collect()
}

fn end(entry: &Entry, side: Side, demo: bool, marks: &Marks) -> Result<End, Fault> {
    if !is_name(&entry.key) {
        return Err(Fault::at(entry.at, format!("expected {NAME}, found \"{}\"", show(&entry.key))));
    }
    let node = &entry.node;
    let f = Fields::any(node)?;
    let backend = f.need("backend", "backend: disk, tape, cloud or the name of a plugin")?;
    let mut end = End {
        side,
        name: entry.key.clone(),
        backend: backend_name(backend)?,
        plugin: f.read("plugin", plugin)?,
        pin: f.read("pin", pin)?,
        allow_root_fs: f.read("allow_root_fs", |n| only_target(n, side)?.boolean())?,
        target_must_be: f.read("target_must_be", |n| only_target(n, side)?.choice(&TARGET_MUST_BE))?,
        bandwidth: bandwidth::read(&f)?,
        slots_per_peer: bandwidth::slots(&f, "slots_per_peer")?,
        config: serde_json::Map::new(),
        marks: marks.clone(),
    };
    for key in ["limit", "timetable", "slots_per_peer"] {
        f.get(key).map_or(Ok(node), |n| only_target(n, side))?;
    }
    for e in f.entries().iter().filter(|e| !HOST_KEYS.contains(&e.key.as_str())) {
        references(&e.node)?;
        end.config.insert(e.key.clone(), e.node.to_json());
    }
    check_paths(&end, &f, demo)?;
    Ok(end)
}

/// What the host reads; the backend never sees these.
pub(crate) const HOST_KEYS: [&str; 8] =
    ["backend", "plugin", "pin", "allow_root_fs", "target_must_be", "limit", "timetable", "slots_per_peer"];

fn backend_name(node: &Node) -> Result<String, Fault> {
    const EXPECTED: &str =
        "disk, tape, cloud or the name of a plugin (lowercase letters, digits, \"_\", \"-\")";
    let text = node.text(EXPECTED)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if is_name(text) && text.chars().all(plain) { Ok(text.to_owned()) } else { Err(node.expected(EXPECTED)) }
}

fn plugin(node: &Node) -> Result<String, Fault> {
    references(node)?;
    path(node, false).map(str::to_owned)
}

fn pin(node: &Node) -> Result<String, Fault> {
    const EXPECTED: &str = "blake3: and 64 hex digits, as b3sum prints them";
    let text = node.text(EXPECTED)?;
    let digits = text.strip_prefix("blake3:").ok_or_else(|| node.expected(EXPECTED))?;
    if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(node.expected(EXPECTED))
    }
}

fn only_target(node: &Node, side: Side) -> Result<&Node, Fault> {
    match side {
        Side::Target => Ok(node),
        Side::Source => Err(node.fault("belongs to a target, not to a source")),
    }
}

/// Refuses a misspelt `${…}` anywhere below.
fn references(node: &Node) -> Result<(), Fault> {
    match &node.value {
        Value::Text(s) => refs::pieces(s).map(|_| ()).map_err(|why| node.fault(why)),
        Value::List(items) => items.iter().try_for_each(references),
        Value::Map(entries) => entries.iter().try_for_each(|e| references(&e.node)),
        _ => Ok(()),
    }
}

/// The keys of a backend that hold local paths must be there.
fn check_paths(end: &End, f: &Fields<'_>, demo: bool) -> Result<(), Fault> {
    paths::keys(&end.backend).iter().try_for_each(|key| path(f.need(key, "a path")?, demo).map(|_| ()))
}

/// A local path: text, and nothing that only a shell would expand.
fn path(node: &Node, demo: bool) -> Result<&str, Fault> {
    let text = node.text("a path")?;
    match paths::check(text, demo) {
        Ok(()) => Ok(text),
        Err((what, "")) => Err(node.fault(what)),
        Err((what, help)) => Err(node.fault(what).help(help)),
    }
}
