//! A library beside a source and a target, profiles over them, and the verbs of `twinhaul tape`.

use std::path::{Path, PathBuf};
use twinhaul_tests::product::{Done, Lab};

/// A library with small cartridges: `mib` each.
pub(crate) fn library(lab: &Lab, drives: u32, cartridges: u32, mib: u32) {
    library_of(lab, drives, cartridges, &format!("{mib} MiB"), &[]);
}

pub(crate) fn library_of(lab: &Lab, drives: u32, cartridges: u32, capacity: &str, more: &[&str]) {
    let (drives, cartridges) = (drives.to_string(), cartridges.to_string());
    let args =
        ["init", "--slots", "60", "--capacity", capacity, "--drives", &drives, "--cartridges", &cartridges];
    tape(lab, &[&args, more].concat()).expect_code(0).expect_words(&["library", "cartridges of"]);
}

/// `twinhaul tape VERB … --library`.
pub(crate) fn tape(lab: &Lab, args: &[&str]) -> Done {
    let mut command = lab.command();
    command.arg("tape").args(args).arg("--library").arg(lab.path("library"));
    lab.finish(command)
}

pub(crate) fn profile(lab: &Lab, name: &str, from: &str, to: &str, peers: &str) -> PathBuf {
    let text = format!(
        "version: 1\nname: {name}\nsources:\n  here: {from}\ntargets:\n  there: {to}\n\
         routes:\n  - {{ from: here, to: there }}\npeers:\n  alpha: {{ slots: 3{peers} }}\n  beta: {{ slots: 3{peers} }}\n"
    );
    lab.write(&format!("{name}.yaml"), &text)
}

pub(crate) fn disk(path: &Path, create: bool) -> String {
    let create = if create { ", create: true" } else { "" };
    format!("{{ backend: disk, root: {:?}{create} }}", path.to_str().unwrap())
}

pub(crate) fn vault(lab: &Lab, more: &str) -> String {
    format!("{{ backend: tape, library: {:?}{more} }}", lab.path("library").to_str().unwrap())
}

pub(crate) fn up(lab: &Lab, more: &str, peers: &str) -> PathBuf {
    profile(lab, "up", &disk(&lab.source(), false), &vault(lab, more), peers)
}

pub(crate) fn down(lab: &Lab) -> PathBuf {
    profile(lab, "down", &vault(lab, ""), &disk(&lab.target(), true), "")
}

/// `tape VERB … --json`.
pub(crate) fn json(lab: &Lab, args: &[&str]) -> serde_json::Value {
    let done = tape(lab, &[args, &["--json"]].concat());
    done.expect_code(0);
    serde_json::from_str(&done.stdout).unwrap_or_else(|e| panic!("{e}\n{done}"))
}

/// What `tape ls` says of each cartridge.
pub(crate) fn cartridges(lab: &Lab) -> Vec<serde_json::Value> {
    json(lab, &["ls"])["cartridges"].as_array().unwrap().clone()
}

/// Mounts of all cartridges, by barcode.
pub(crate) fn mounts(lab: &Lab) -> std::collections::BTreeMap<String, u64> {
    let all = cartridges(lab);
    all.iter().map(|c| (c["barcode"].as_str().unwrap().to_owned(), c["mounts"].as_u64().unwrap())).collect()
}

/// The file of a cartridge.
pub(crate) fn file_of(lab: &Lab, barcode: &str) -> PathBuf {
    lab.path("library").join(format!("cartridges/{barcode}.aws"))
}
