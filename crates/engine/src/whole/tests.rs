//! What comes home, and when it is of no concern any more.

use super::*;
use crate::feeder::Tried;
use twinhaul_assist::Unit;
use twinhaul_backend_host::{Key, Put};
use twinhaul_ledger::Row;
use twinhaul_units::{Epoch, LotId};

const K: u64 = 256 << 10;

/// Of eight steps, the last two of which are lent.
fn lending() -> Arc<Whole> {
    let unit = Unit { id: TransferId(1), lot: LotId(1), epoch: Epoch(1) };
    let job = Job {
        unit,
        row: Row::default(),
        attempts: 0,
        redo: false,
        checkpoint: None,
        tried: Tried::default(),
    };
    let put = Put::new(Key::new("a").unwrap(), "1/1");
    let (whole, first) = Whole::new(job, 0, (8 * K, K), SharedObject::default(), put, Kept::default());
    let (from, to) = first.cut(2 * K, false).unwrap();
    whole.lend(Span { from, to }, false);
    first.decide(true);
    whole
}

const fn span(from: u64, to: u64) -> Span {
    Span { from: from * K, to: to * K }
}

/// Found by a seed: the copy was begun beside the closer, which sealed the object under it.
#[test]
fn a_copy_of_what_is_home_is_not_begun() {
    let whole = lending();
    assert!(whole.copy_too(span(7, 8)), "while the other peer is at it");
    assert!(whole.begin(7 * K).is_some());
    let whole = lending();
    assert_eq!(whole.lent_done(span(6, 8), false, &[]), Home::NotYet);
    assert!(!whole.copy_too(span(7, 8)), "it came too late");
    assert!(whole.due().is_empty());
}

#[test]
fn what_came_back_is_taken_once_in_whatever_parts() {
    let whole = lending();
    assert!(whole.came_back(span(7, 8)));
    assert_eq!(whole.lent(), [(span(6, 7), false)]);
    assert!(!whole.came_back(span(7, 8)), "a load names what is here already");
    assert!(whole.came_back(span(6, 7)));
    assert_eq!(whole.due(), [span(6, 7), span(7, 8)]);
    assert!(whole.lent().is_empty());
}
