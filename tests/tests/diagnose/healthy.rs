//! Nothing wrong: a run without limits, tiny files, a tape library that mounts.

use crate::stage::{assert_no_fault, let_it_end, page};
use twinhaul_diagnose::{Cause, Diagnosis, Verdict};
use twinhaul_tests::product::run::CONDITION_WAIT_MAX;
use twinhaul_tests::product::{Lab, Profile, Run, poll};
use twinhaul_tests::tree;

/// Diagnoses it again and again until it has ended: at no moment is anything wrong.
fn at_every_moment(run: &Run<'_>) -> Vec<Diagnosis> {
    let mut all = Vec::new();
    let ended = poll(CONDITION_WAIT_MAX, || {
        let d = run.diagnosis();
        assert_no_fault(&d);
        all.push(d);
        run.status().state.ended().then_some(())
    });
    assert!(ended.is_some(), "the run does not end: {:#?}", all.last());
    all
}

#[test]
fn a_healthy_run_has_nothing_wrong_from_beginning_to_end() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3000, 4000, 1);
    tree::file(&lab.source().join("large"), 96 << 20, 2);
    let run = lab.start(&Profile::new("well", &lab.source(), &lab.target()));
    let all = at_every_moment(&run);
    assert!(all.iter().all(|d| d.verdict == Verdict::NothingWrong), "{all:#?}");
    assert!(page(&run).contains("VERDICT The run is complete"));
    let_it_end(&run);
}

/// A library whose robot takes seconds: nothing moves meanwhile, and that is as it should be.
#[test]
fn a_mount_is_named_as_one_and_is_no_fault() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 40, 20_000, 1);
    let library = lab.path("library");
    let library = library.to_str().unwrap();
    let init =
        ["tape", "init", "--library", library, "--drives", "1", "--cartridges", "3", "--capacity", "8 MiB"];
    lab.run(init).expect_code(0);
    let text = format!(
        "version: 1\nname: up\nsources:\n  here: {{ backend: disk, root: {:?} }}\n\
         targets:\n  there: {{ backend: tape, library: {library:?}, timing: lto8, speedup: 8 }}\n\
         routes:\n  - {{ from: here, to: there }}\n",
        lab.source().to_str().unwrap()
    );
    let run = Run::start(&lab, &lab.write("up.yaml", &text));
    let mut seen: Vec<Cause> = Vec::new();
    let mounts = poll(CONDITION_WAIT_MAX, || {
        let d = run.diagnosis();
        assert_no_fault(&d);
        assert_eq!(d.verdict, Verdict::NothingWrong, "{d:#?}");
        seen.extend(d.findings.iter().map(|f| f.cause));
        (seen.contains(&Cause::Mounting) || run.status().state.ended()).then_some(())
    });
    assert!(mounts.is_some() && seen.contains(&Cause::Mounting), "{seen:?}");
    let rest = at_every_moment(&run);
    run.wait().expect_code(0);
    assert_eq!(rest.last().map(|d| d.verdict), Some(Verdict::NothingWrong));
}
