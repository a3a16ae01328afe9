//! Contracts of checkpoints: what of a transfer in flight outlives its process, and when it is over (store.md 3).

use crate::support::*;
use twinhaul_ledger::{
    CHECKPOINT_CHAINS_MAX, Chain, Checkpoint, FinishedRange, LedgerError, NewCheckpoint, Store,
    TakeOverOutcome,
};
use twinhaul_units::{Epoch, TransferId};

const fn chain(at: u64, leaves: u64) -> Chain {
    Chain { at: leaf(at), len: leaf(leaves), value: [9; 32] }
}

fn new(id: u64, epoch: u64, attempt: &str, chains: &[Chain]) -> NewCheckpoint {
    let checkpoint = Checkpoint { object: object(attempt), chains: chains.to_vec() };
    NewCheckpoint { id: TransferId(id), epoch: Epoch(epoch), checkpoint }
}

fn kept(store: &Store, id: u64) -> Option<Checkpoint> {
    store.checkpoint(TransferId(id)).unwrap()
}

pub(crate) fn a_checkpoint_is_replaced_and_ends_with_the_next_step<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let a = join(&store, First);
    assert_eq!(kept(&store, 3), None);
    store.keep_checkpoints(First, a, &[new(3, 1, "t1", &[chain(0, 4)]), new(4, 1, "u", &[])]).unwrap();
    let second = new(3, 1, "t2", &[chain(0, 4), chain(8, 4)]);
    store.keep_checkpoints(First, a, std::slice::from_ref(&second)).unwrap();
    assert_eq!(kept(&store, 3), Some(second.checkpoint.clone()), "the version comes back exactly");
    assert_eq!(factory.view().checkpoint(TransferId(3)).unwrap(), Some(second.checkpoint));
    assert_eq!(store.checkpointed_attempts().unwrap(), ["t2", "u"]);
    // It outlives its process, and a take-over.
    let a = join(&store, First);
    assert!(kept(&store, 3).is_some());
    store.authorise(First, a, &authorise([3], 1)).unwrap();
    store.settle(First, a, &failed([4], 1)).unwrap();
    assert_eq!((kept(&store, 3), kept(&store, 4)), (None, None));
    assert!(store.checkpointed_attempts().unwrap().is_empty());
    store.keep_checkpoints(First, a, &[new(3, 1, "late", &[chain(0, 4)])]).unwrap();
    assert_eq!(kept(&store, 3), None, "what is sealed is not in flight");
    sound(&store);
}

pub(crate) fn only_the_owner_records_what_is_durable<F: Factory>() {
    let factory = F::default();
    let store = factory.create();
    plan_halves(&store, 100);
    let (a, b) = (join(&store, First), join(&store, Second));
    let mine = new(3, 1, "t", &[chain(0, 4)]);
    store.keep_checkpoints(First, a, std::slice::from_ref(&mine)).unwrap();
    let stray = [new(3, 1, "other", &[]), new(70, 7, "epoch", &[]), new(1_000, 1, "unknown", &[])];
    store.keep_checkpoints(Second, b, &stray).unwrap();
    assert_eq!(store.checkpointed_attempts().unwrap(), ["t"]);
    assert!(matches!(store.take_over(&take_over(9, (Second, b), a)).unwrap(), TakeOverOutcome::Taken(_)));
    let late = store.keep_checkpoints(First, a, &[new(3, 1, "late", &[])]).unwrap_err();
    assert!(matches!(late, LedgerError::Fenced { .. }), "{late}");
    assert_eq!(kept(&store, 3), Some(mine.checkpoint), "the new owner finds it");
    let many = vec![chain(0, 1); CHECKPOINT_CHAINS_MAX + 1];
    let refused = store.keep_checkpoints(Second, b, &[new(70, 1, "much", &many)]).unwrap_err();
    assert!(matches!(refused, LedgerError::TooMany { .. }), "{refused}");
    sound(&store);
}

pub(crate) fn what_a_helper_finished_outlives_the_home<F: Factory>() {
    for fenced in [false, true] {
        let factory = F::default();
        let store = factory.create();
        plan_halves(&store, 100);
        let (a, b) = (join(&store, First), join(&store, Second));
        store
            .keep_checkpoints(First, a, &[new(3, 1, "t", &[chain(0, 2)]), new(4, 1, "old", &[chain(0, 2)])])
            .unwrap();
        let cuts =
            [cut(3, 1, 8, 12, "t"), cut(3, 1, 12, 17, "t"), cut(4, 1, 8, 12, "t"), cut(5, 1, 8, 12, "t")];
        let ask =
            twinhaul_ledger::Assign { cuts: cuts.to_vec(), ..assign_from(1, (First, a), (Second, b), &[]) };
        assigned(store.assign(&ask).unwrap());
        let done = |at: usize| FinishedRange { held: held(&cuts[at]), chains: vec![chain(8, 4)] };
        store.finish_ranges(Second, b, &[done(0), done(2)]).unwrap();
        if fenced {
            store.take_over(&take_over(9, (Second, b), a)).unwrap();
        } else {
            join(&store, First);
        }
        let chains = |id| kept(&store, id).map(|c| (c.object.attempt, c.chains));
        assert_eq!(chains(3), Some(("t".to_owned(), vec![chain(0, 2), chain(8, 4)])));
        assert_eq!(
            chains(4),
            Some(("t".to_owned(), vec![chain(8, 4)])),
            "of another attempt nothing is true"
        );
        assert_eq!(chains(5), None, "nothing of it was finished");
        sound(&store);
    }
}
