//! Who imports whom, read from `cargo metadata` and held against [`super::rooms`].
//!
//! Entry points: [`metadata`] reads, [`check`] judges. Only what cargo resolved counts: a comment cannot lie.

use super::Finding;
use super::rooms::{self, HOMES, IMPURE_PACKAGES, PURE, ROOMS};
use crate::process;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The part of `cargo metadata` that the rules read.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    /// Every package of the lock file that is used.
    pub(super) packages: Vec<Package>,
    /// Normal dependencies, resolved: package id → package ids.
    pub(super) closure: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) licence: Option<String>,
    /// `None`: a path.
    pub(super) source: Option<String>,
    /// Of a member of the workspace: its directory, relative to the root.
    pub(super) directory: Option<String>,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// The name the crate gives it.
    pub(super) rename: Option<String>,
    pub(super) for_tests: bool,
    pub(super) local: bool,
}

/// Asks cargo.
pub(super) fn metadata(root: &Path) -> Result<Metadata, String> {
    let text = process::output(process::cargo(root, &["metadata", "--format-version", "1"]))?;
    let value = serde_json::from_str(&text).map_err(|e| format!("cannot read cargo metadata: {e}"))?;
    Ok(parse(&value))
}

fn parse(value: &Value) -> Metadata {
    let root = value["workspace_root"].as_str().unwrap_or_default();
    let members: BTreeSet<&str> = texts(&value["workspace_members"]).collect();
    let packages = list(&value["packages"]).map(|p| parse_package(p, root, &members)).collect();
    let mut closure = BTreeMap::new();
    for node in list(&value["resolve"]["nodes"]) {
        let normal = list(&node["deps"])
            .filter(|d| list(&d["dep_kinds"]).any(|k| k["kind"].is_null()))
            .filter_map(|d| d["pkg"].as_str().map(str::to_owned))
            .collect();
        closure.insert(text(&node["id"]), normal);
    }
    Metadata { packages, closure }
}

fn parse_package(p: &Value, root: &str, members: &BTreeSet<&str>) -> Package {
    let id = text(&p["id"]);
    let manifest = text(&p["manifest_path"]);
    let directory = members.contains(id.as_str()).then(|| {
        let inside = manifest.strip_prefix(root).unwrap_or(&manifest).trim_start_matches('/');
        inside.strip_suffix("/Cargo.toml").unwrap_or(inside).to_owned()
    });
    let dependencies = list(&p["dependencies"])
        .map(|d| Dependency {
            name: text(&d["name"]),
            rename: d["rename"].as_str().map(str::to_owned),
            for_tests: d["kind"] == "dev",
            local: d["source"].is_null(),
        })
        .collect();
    Package {
        name: text(&p["name"]),
        version: text(&p["version"]),
        licence: p["license"].as_str().map(str::to_owned),
        source: p["source"].as_str().map(str::to_owned),
        id,
        directory,
        dependencies,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).filter_map(Value::as_str)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every edge of the workspace, every package with a home, every closure of a pure room.
pub(super) fn check(metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    let members: BTreeMap<&str, &str> =
        metadata.packages.iter().filter_map(|p| Some((p.name.as_str(), p.directory.as_deref()?))).collect();
    for package in &metadata.packages {
        let Some(directory) = &package.directory else { continue };
        let Some(room) = rooms::of_directory(directory) else {
            findings.push(Finding::error(
                directory,
                format!("the crate {} has no row in the table of rooms", package.name),
                "a wall must earn its place; add it to crates/xtask/src/tidy/rooms.rs with what it may import",
            ));
            continue;
        };
        for dependency in &package.dependencies {
            findings.extend(judge(room, directory, dependency, &members));
        }
    }
    for room in ROOMS.iter().filter(|r| !members.values().any(|d| is_room(d, r.name))) {
        findings.push(Finding::error(
            "crates/xtask/src/tidy/rooms.rs",
            format!("the room {} has a row but no crate", room.name),
            "a crate arrives with its use, and so does its row",
        ));
    }
    findings.extend(pure_closures(metadata));
    findings
}

fn is_room(directory: &str, name: &str) -> bool {
    rooms::of_directory(directory).is_some_and(|r| r.name == name)
}

fn judge(
    room: &rooms::Room,
    directory: &str,
    d: &Dependency,
    members: &BTreeMap<&str, &str>,
) -> Option<Finding> {
    let manifest = format!("{directory}/Cargo.toml");
    if d.local {
        let to = members.get(d.name.as_str()).and_then(|dir| rooms::of_directory(dir))?;
        return (!rooms::may_import(room, to.name, d.for_tests)).then(|| {
            Finding::error(
                manifest,
                format!("{} imports {}", room.name, to.name),
                "the table \"who may import whom\" in crates/README.md has no such edge",
            )
        });
    }
    let (name, homes, why) = HOMES
        .iter()
        .find(|(name, _, _)| *name == d.name || d.rename.as_deref().is_some_and(|rename| rename == *name))?;
    (!homes.contains(&room.name)).then(|| {
        Finding::error(
            manifest,
            format!("{} depends on {name}, whose only home is {homes:?}", room.name),
            *why,
        )
    })
}

/// A pure room must not reach the world through anything it depends on, however far away.
fn pure_closures(metadata: &Metadata) -> Vec<Finding> {
    let by_id: BTreeMap<&str, &Package> = metadata.packages.iter().map(|p| (p.id.as_str(), p)).collect();
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let Some(room) = package.directory.as_deref().and_then(rooms::of_directory) else { continue };
        if !PURE.contains(&room.name) {
            continue;
        }
        for path in paths_to(metadata, &by_id, &package.id) {
            findings.push(Finding::error(
                format!("{}/Cargo.toml", package.directory.as_deref().unwrap_or_default()),
                format!("{} reaches {}", room.name, path.join(" -> ")),
                "assist, wire and console-model know no terminal, runtime, store, clock or chance",
            ));
        }
    }
    findings
}

/// For each impure package in the closure of `from`, one path to it.
fn paths_to(metadata: &Metadata, by_id: &BTreeMap<&str, &Package>, from: &str) -> Vec<Vec<String>> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut open = vec![(from.to_owned(), Vec::<String>::new())];
    let mut found = Vec::new();
    while let Some((id, path)) = open.pop() {
        for next in metadata.closure.get(&id).into_iter().flatten() {
            let Some(package) = by_id.get(next.as_str()) else { continue };
            if !seen.insert(next.clone()) {
                continue;
            }
            let path: Vec<String> = path.iter().cloned().chain([package.name.clone()]).collect();
            if IMPURE_PACKAGES.contains(&package.name.as_str()) {
                found.push(path.clone());
            }
            open.push((next.clone(), path));
        }
    }
    found
}

#[cfg(test)]
mod tests;
