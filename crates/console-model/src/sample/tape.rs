//! A run to tape: a library that both peers see, a little apart.

use super::{GIB, WALL_MS, alpha, beta, mid_run, refresh, run};
use crate::Model;
use twinhaul_wire::{
    BackendProblem, BackendRow, BackendStatus, Problem, QueueSize, RowState, Wait, WaitReason,
};

/// A library of tapes as both peers see it, a little apart: one drive writes, one brings a cartridge, a recall waits for one
/// that is not there.
fn library(age_ms: u64) -> BackendStatus {
    let row = |group: &str, name: &str, value: &str, state, pid| BackendRow {
        group: group.into(),
        name: name.into(),
        value: value.into(),
        state,
        pid,
    };
    let words = "insert cartridge A00007L8: it is exported".to_owned();
    BackendStatus {
        name: "vault".into(),
        backend: "tape".into(),
        shared: true,
        headline: "2/2 drives, 2 wait; pool default: 12 scratch, 214 GiB free".into(),
        simulated: "LTO-8 times, 200 x as fast".into(),
        rows: vec![
            row("drives", "drive 0", "A00003L8 writing    4 / 231 / 45.2 %", RowState::Busy, Some(41_220)),
            row("drives", "drive 1", "A00004L8 loading", RowState::Waiting, Some(41_221)),
            row("waits", "waits", "for A00003L8, 12 s", RowState::Waiting, Some(41_221)),
            row("waits", "waits", &format!("{words}, 41 s"), RowState::Bad, Some(99)),
            row(
                "cartridges",
                "A00003L8",
                "filling      45.2 % of   20 GiB     3 sets    7 mounts  default  in drive 0",
                RowState::Good,
                None,
            ),
            row(
                "cartridges",
                "A00004L8",
                "scratch       0.0 % of   20 GiB     0 sets    0 mounts  default",
                RowState::Idle,
                None,
            ),
        ],
        more: 12,
        problems: vec![BackendProblem {
            kind: "cartridge".into(),
            words,
            next_command: "twinhaul tape import A00007L8 --library /vtl/main".into(),
            ..BackendProblem::default()
        }],
        age_ms,
        ..BackendStatus::default()
    }
}

/// A run to tape.
pub fn tape() -> Model {
    let mut model = mid_run();
    let wait = Wait {
        budget_ms: Some(300_000),
        place: "vault".into(),
        ..Wait::new(WaitReason::Mount, "drive 1, cartridge A00004L8", 11_000)
    };
    let (mut first, mut second) = (alpha(), beta());
    second.in_flight[0].wait = Some(wait);
    first.waits_at = [("vault".to_owned(), [(WaitReason::Drive, 154_000)].into())].into();
    second.waits_at =
        [("vault".to_owned(), [(WaitReason::Drive, 21_000), (WaitReason::Mount, 64_000)].into())].into();
    second.settling = QueueSize { transfers: 41, bytes: 12 * GIB };
    second.settling_wait =
        Some(Wait { budget_ms: Some(900_000), ..Wait::new(WaitReason::Drive, "drive 0", 8_000) });
    first.backends.push(library(900));
    second.backends.push(BackendStatus {
        headline: "2/2 drives, 2 wait; pool default: 12 scratch, 215 GiB free".into(),
        ..library(200)
    });
    for snapshot in [&mut first, &mut second] {
        let told = snapshot.backends[0].problems[0].clone();
        snapshot.problems.push(Problem {
            kind: told.kind,
            peer: Some(snapshot.peer.clone()),
            since_ms: WALL_MS - 41_000,
            text: format!("vault: {}", told.words),
            next: told.next_command,
            ..Problem::default()
        });
    }
    refresh(&mut model, &first, &second, &run());
    model
}
