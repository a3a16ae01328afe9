//! What work costs, when some of it was done by a process that is gone (checkpoints): only what was copied here counts.

use crate::desk::{Desk, OTHER};
use crate::weighed::{MB, MS};
use twinhaul_assist::{Event, FencedFigures, Memory, PartProgress, Settings};
use twinhaul_units::{Bytes, Incarnation, PeerId};

/// Does the transfer in the one slot at 10 MB/s from `kept` on; with a word of how far it is, or none.
fn copy(desk: &mut Desk, moved: &mut u64, (size, kept): (u64, u64), is_seen: bool) {
    let unit = desk.core.in_flight()[0];
    let mut reached = kept;
    while reached < size {
        let step = MB.min(size - reached);
        (reached, *moved) = (reached + step, *moved + step);
        desk.now = desk.now + MS(step / 10_000);
        let part = PartProgress { id: unit.id, from: 0, reached, to: size };
        let parts = if is_seen { vec![part] } else { vec![] };
        desk.feed(Event::Measured { moved: Bytes(*moved), parts });
    }
    desk.complete(1);
}

#[test]
fn what_an_earlier_process_left_of_a_transfer_is_no_speed_of_this_one() {
    for is_seen in [true, false] {
        let sizes: Vec<u64> = (6..=20).rev().map(|n| n * MB).collect();
        let mut desk = Desk::unmeasured(PeerId::First, Memory::fresh(Settings::default().ratio), 1, &[]);
        desk.feed(Event::PeerDead { incarnation: OTHER });
        let op = desk.out.iter().find_map(|e| match e {
            twinhaul_assist::Effect::Fence { op, .. } => Some(*op),
            _ => None,
        });
        let outcome = Ok(FencedFigures { incarnation: Incarnation(OTHER.0 + 1), count: 12, bytes: Bytes(0) });
        desk.feed(Event::Fenced { op: op.expect("a take-over"), outcome });
        desk.load_sized(vec![crate::weighed::sized(&sizes)]);
        let mut moved = 0;
        desk.feed(Event::Measured { moved: Bytes(0), parts: vec![] });
        for size in &sizes {
            // What is left takes as long as if each transfer cost 0.1 s, and a byte a tenth of what it does.
            copy(&mut desk, &mut moved, (*size, size / 10 * 9 - MB), is_seen);
        }
        let pace = desk.core.pace();
        assert_eq!(pace.per_transfer_ns, 0, "nothing but bytes took time (seen: {is_seen}): {pace:?}");
        assert!((95_000..105_000).contains(&pace.per_byte_ps), "10 MB/s: {pace:?}");
    }
}
