//! A library of tapes: what it waits for, and what it lacks.

use super::stage::Stage;
use super::{Situation, fault, odd};
use crate::product::{Lab, Run};
use crate::seed::Rng;
use crate::tree;
use twinhaul_diagnose::Cause;

pub(super) const ALL: &[Situation] = &[
    fault("no cartridge with room is left", 20, &[Cause::NoScratchCartridge], no_scratch),
    fault("a cartridge to be recalled is not in the library", 20, &[Cause::CartridgeMissing], missing),
    odd("a robot that takes its time", 30, &[Cause::Mounting], mounting),
    odd("two peers and one drive", 25, &[Cause::DriveBusy, Cause::Mounting], one_drive),
];

fn init(lab: &Lab, drives: u64, cartridges: u64, mebibytes: u64) {
    let library = lab.path("library");
    let numbers = [drives.to_string(), cartridges.to_string(), format!("{mebibytes} MiB")];
    let words = ["--drives", &numbers[0], "--cartridges", &numbers[1], "--capacity", &numbers[2]];
    let words = ["tape", "init", "--library", library.to_str().expect("path")].into_iter().chain(words);
    lab.run(words).expect_code(0);
}

/// Onto the library, or back from it.
fn start<'a>(lab: &'a Lab, recall: bool, timing: &str) -> Run<'a> {
    let library = lab.path("library");
    let tape = format!("{{ backend: tape, library: {:?}{timing} }}", library.to_str().expect("path"));
    let disk = |at: std::path::PathBuf, more: &str| {
        format!("{{ backend: disk, root: {:?}{more} }}", at.to_str().expect("path"))
    };
    let (from, to) =
        if recall { (tape, disk(lab.target(), ", create: true")) } else { (disk(lab.source(), ""), tape) };
    let text = format!(
        "version: 1\nname: drill\nsources:\n  here: {from}\ntargets:\n  there: {to}\nroutes:\n  - {{ from: here, to: there }}\n"
    );
    Run::start(lab, &lab.write("drill.yaml", &text))
}

fn no_scratch(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let files = 2 + rng.below(4);
    for n in 0..files {
        tree::file(&lab.source().join(n.to_string()), 3 << 20, n);
    }
    init(lab, 1 + rng.below(2), files / 2, 4);
    Some(Stage::new(&start(lab, false, "")))
}

fn missing(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    for n in 0..4 + rng.below(3) {
        tree::file(&lab.source().join(n.to_string()), 3 << 20, n);
    }
    init(lab, 2, 10, 4);
    start(lab, false, "").wait().expect_code(0);
    let library = lab.path("library");
    let done = lab.run(["tape", "eject", "--library", library.to_str()?, "A00001L8"]);
    done.expect_code(0);
    Some(Stage::new(&start(lab, true, "")))
}

fn mounting(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    tree::small_files(&lab.source(), 30 + usize::try_from(rng.below(30)).ok()?, 20_000, rng.next_u64());
    init(lab, 2, 3, 8);
    let speedup = 4 + rng.below(6);
    Some(Stage::new(&start(lab, false, &format!(", timing: lto8, speedup: {speedup}"))))
}

fn one_drive(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    tree::small_files(&lab.source(), 40 + usize::try_from(rng.below(30)).ok()?, 40_000, rng.next_u64());
    init(lab, 1, 4, 8);
    let speedup = 8 + rng.below(8);
    Some(Stage::new(&start(lab, false, &format!(", timing: lto8, speedup: {speedup}"))))
}
