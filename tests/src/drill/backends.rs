//! A library that hangs or crashes in a call, under real peers.

use super::stage::{Stage, peer, pick, profile};
use super::{Situation, fault};
use crate::faulty::{Backend, Fault};
use crate::product::Lab;
use crate::seed::Rng;
use twinhaul_diagnose::Cause;

/// A call may take 10 s; three times that without a device to wait for is a library that hangs.
const HANGS: u64 = 32;

pub(super) const ALL: &[Situation] = &[
    fault(
        "a library that never returns from a call of one peer",
        HANGS,
        &[Cause::BackendHung],
        |lab, rng| {
            let name = peer(rng);
            wrong(lab, rng, |backend| backend.set_for(name, Fault::Hang))
        },
    ),
    fault("a library that returns from no call any more", HANGS, &[Cause::BackendHung], |lab, rng| {
        wrong(lab, rng, |backend| backend.set(Fault::Hang))
    }),
    fault("a library that crashes in a call of one peer", 20, &[Cause::BackendCrashing], |lab, rng| {
        let (name, how) = (peer(rng), crash(rng));
        wrong(lab, rng, |backend| backend.set_for(name, how))
    }),
    fault("a library that crashes in every call", 20, &[Cause::BackendCrashing], |lab, rng| {
        let how = crash(rng);
        wrong(lab, rng, |backend| backend.set(how))
    }),
];

fn crash(rng: &mut Rng) -> Fault {
    *pick(rng, &[&Fault::Abort, &Fault::Segv, &Fault::Stack])
}

/// A run that works well until `act`.
fn wrong(lab: &Lab, rng: &mut Rng, act: impl FnOnce(&Backend)) -> Option<Stage> {
    let backend = Backend::new(lab);
    // What a call may take goes by the kind of backend.
    let run = lab.start(&backend.under_as("disk", profile(lab, rng, 60)));
    run.until_under_way();
    act(&backend);
    Some(Stage::new(&run))
}
