//! The model check of the small worlds: every state of them, none broken, and from each the run ends well.

use std::time::Duration;
use twinhaul_prove::{Limits, search, soak};

/// Far more than any of them has; a search that is cut has proven nothing.
const LIMITS: Limits =
    Limits { states: 2_000_000, time: Duration::from_mins(15), threads: 2, shortest: true };

#[test]
fn every_state_of_the_small_worlds_is_sound_and_drains() {
    for case in soak::quick() {
        let verdict = search(&case, LIMITS);
        let found = verdict.found.as_ref().map(|found| soak::replay_of(&case, found));
        assert!(found.is_none(), "{}", found.unwrap_or_default());
        assert!(verdict.exhausted, "{} was cut after {} states", case.name(), verdict.states);
    }
}

/// Otherwise the mutant is not what was found.
#[test]
fn no_world_of_a_mutant_is_broken_without_it() {
    soak::hush_panics();
    let few = Limits { states: 20_000, ..LIMITS };
    let mut seen = Vec::new();
    for case in twinhaul_prove::Mutant::ALL.iter().filter_map(|mutant| mutant.case()) {
        let case = twinhaul_prove::Case { mutant: None, ..case };
        if !seen.contains(&case) {
            let verdict = search(&case, few);
            let found = verdict.found.as_ref().map(|found| soak::replay_of(&case, found));
            assert!(found.is_none(), "{}", found.unwrap_or_default());
            seen.push(case);
        }
    }
}

#[test]
fn a_path_is_told_again_by_its_numbers() {
    let case = twinhaul_prove::Mutant::DoneBeforeNames.case().unwrap();
    let found = search(&case, LIMITS).found.expect("a mutant that lives");
    let (story, broken) = twinhaul_prove::retell(&case, &found.path).unwrap();
    assert_eq!(broken, Some(found.broken), "{story}");
    assert_eq!(twinhaul_prove::Case::parse(&case.name()), Some(case));
}

/// It never ended: the helper's slot still had what the home's former life had lent, and took what its next life lent for that.
#[test]
fn what_broke_once_stays_whole() {
    let case = twinhaul_prove::Case::parse("ranges-2:doubling+crash:0").unwrap();
    let path = [0, 0, 0, 2, 2, 2, 3, 4, 0, 0, 5, 3, 6, 5, 0, 0, 0, 0];
    let (story, broken) = twinhaul_prove::retell(&case, &path).unwrap();
    assert_eq!(broken, None, "{story}");
    for step in ["Deliver { letter: 0, keep: true }", "Crash { process: 0 }", "Start { peer: First"] {
        assert!(story.contains(step), "the numbers mean other steps now: {story}");
    }
}

/// No time passed for a place whose latest life was gone while a former one, frozen, had its lock.
#[test]
fn a_frozen_copy_of_who_is_gone_holds_nothing_up() {
    let case = twinhaul_prove::Case::parse("lots-2:crash+second-copy:0:brisk").unwrap();
    let (story, broken) = twinhaul_prove::retell(&case, &[0, 7, 4, 4, 8, 5]).unwrap();
    assert_eq!(broken, None, "{story}");
    for step in ["Start { peer: Second, second: true }", "Crash { process: 2 }"] {
        assert!(story.contains(step), "the numbers mean other steps now: {story}");
    }
}

/// What a brisk world leaves out hides none of them.
#[test]
fn every_mutant_of_the_model_is_found_in_a_brisk_world_too() {
    let cases = twinhaul_prove::Mutant::ALL.iter().filter_map(|mutant| mutant.case());
    let missed: Vec<String> = cases
        .map(twinhaul_prove::Case::briskly)
        .filter(|case| {
            let found = search(case, LIMITS).found;
            let told = found.as_ref().map(|found| twinhaul_prove::retell(case, &found.path).unwrap().1);
            told.flatten() != found.as_ref().map(|found| found.broken.clone()) || found.is_none()
        })
        .map(|case| case.name())
        .collect();
    assert_eq!(missed, [""; 0]);
}
