//! Every deliberate bug is found by the tool that is quickest to find it, and none is in reach of the product.

use std::fs;
use std::path::{Path, PathBuf};
use twinhaul_prove::{Invariant, Mutant, soak};

#[test]
fn every_mutant_is_found() {
    soak::hush_panics();
    let alive: Vec<String> =
        Mutant::ALL.iter().filter(|m| soak::hunt(**m).is_none()).map(|m| m.name()).collect();
    assert!(alive.is_empty(), "not found, so nothing like them would be: {alive:?}");
}

#[test]
fn every_invariant_has_a_mutant() {
    use Invariant::{L1, L2, L3, L4, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11};
    for invariant in [S1, S2, S3, S4, S5, S6, S7, S8, S9, S10, S11, L1, L2, L3, L4] {
        assert!(Mutant::ALL.iter().any(|m| m.breaks() == invariant), "{invariant:?}");
    }
}

/// What breaks something, or forgets it.
const WORDS: [&str; 7] = [
    "with_flaw",
    "assist::flaw",
    "tamper_",
    "forget_what_decides",
    "forget_questions",
    "forget_answers",
    "renumber_holdings",
];

/// A flaw of the core is asked for by `prove` alone.
#[test]
fn no_room_of_the_product_can_ask_for_a_flaw() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut looked_at = 0;
    for entry in fs::read_dir(&crates).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if ["prove", "assist"].iter().any(|room| name == **room) {
            continue;
        }
        for file in sources(&entry.path().join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let defines = file.ends_with("sim/tamper.rs") || file.ends_with("sim/canonical.rs");
            for word in WORDS {
                let here = text.contains(word) && !defines;
                assert!(!here, "{} names {word}", file.display());
            }
            looked_at += 1;
        }
    }
    assert!(looked_at > 100, "only {looked_at} files were looked at");
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    let (dirs, files): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs"));
    rust.chain(dirs.iter().flat_map(|dir| sources(dir))).collect()
}
