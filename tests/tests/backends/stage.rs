//! What these tests need: a run over the faulty backend that is under way.

use twinhaul_tests::faulty::Backend;
use twinhaul_tests::product::{Lab, Profile};
use twinhaul_tests::tree;
use twinhaul_wire::{Event, EventKind};

/// Some seconds of work for both peers, and the library under the target.
pub(crate) fn lab() -> (Lab, Backend, Profile) {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 96, 64 * 1024, 1);
    let backend = Backend::new(&lab);
    let profile = Profile::new("faulty", &lab.source(), &lab.target()).limits("1 MiB/s", "1 MiB/s");
    let profile = backend.under(profile);
    (lab, backend, profile)
}

/// The supervisor's words about an end.
pub(crate) fn ended_with(name: &str, words: &str) -> impl Fn(&Event) -> bool {
    move |e| matches!(&e.kind, EventKind::Exited { process, words: said, .. } if process == name && said.contains(words))
}
