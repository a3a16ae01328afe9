//! The points: one for each durable step of store.md 3, before or after it, as its name says.

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A place in the life of a peer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Point {
            $($(#[$doc])* $variant,)*
        }

        impl Point {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

points! {
    /// The peer has its incarnation, and has not dealt with what the former life left.
    Joined = "joined",
    /// While a new life discards what former ones left, after the first object.
    RecoverDiscarded = "recover_discarded",
    /// Between BEGIN IMMEDIATE and COMMIT of any transaction of the ledger.
    InTransaction = "in_transaction",
    /// The private object exists and is empty.
    Opened = "opened",
    /// Some of its bytes are written.
    Copying = "copying",
    /// All are, and it is sealed.
    Sealed = "sealed",
    /// A group is durable and private.
    SealSynced = "seal_synced",
    /// The group may be published: the commit is durable.
    Authorised = "authorised",
    /// Half of a group is published.
    PublishedHalf = "published_half",
    /// All of it, further names and symbolic links not yet.
    Published = "published",
    /// Nodes too; the names are not yet durable.
    Named = "named",
    /// The names are durable.
    PublishSynced = "publish_synced",
    /// Just before the commit that makes the group done.
    Settling = "settling",
    /// Just after it.
    Settled = "settled",
    /// What large transfers have reached is durable; the ledger does not know it.
    CheckpointSynced = "checkpoint_synced",
    /// What large transfers have reached is durable and recorded.
    Checkpointed = "checkpointed",
    /// The durable bytes of an attempt whose process ended are copied into a new object; nothing of that is recorded.
    Adopted = "adopted",
    /// A large file: some bytes of a part are written, of its first one or of a range.
    PartCopying = "part_copying",
    /// Just before the commit that lends ranges of it.
    RangeLending = "range_lending",
    /// Just after it, before the borrower has heard of it.
    RangeLent = "range_lent",
    /// The borrower has joined the private object and has written nothing.
    RangeJoined = "range_joined",
    /// Just before the commit that divides a lent range for two slots of the borrower.
    RangeDividing = "range_dividing",
    /// Just after it, before the second slot has heard of it.
    RangeDivided = "range_divided",
    /// A lent range is written and durable; the ledger does not know it.
    RangeWritten = "range_written",
    /// The ledger knows it; its home does not.
    RangeRecorded = "range_recorded",
    /// Every range is home and the digest is merged; the object is not sealed.
    Merged = "merged",
    /// Just before an attempt's ranges are called back, because the file changed or could not be read.
    RangeRecalling = "range_recalling",
    /// Just after it.
    RangeRecalled = "range_recalled",
    /// Just before an assignment's commit.
    Assigning = "assigning",
    /// Just after it, before anybody has heard of it.
    Assigned = "assigned",
    /// Just before the commit of a take-over.
    TakingOver = "taking_over",
    /// Just after it: nothing of the dead incarnation is discarded.
    TakenOver = "taken_over",
    /// After the first private object of the dead incarnation is discarded.
    TakeOverDiscarded = "take_over_discarded",
    /// What was accepted is done, what was not is planned again; the core does not know it.
    TakeOverSettled = "take_over_settled",
    /// Just before asking for the right to finish.
    Claiming = "claiming",
    /// With that right, nothing finished.
    Claimed = "claimed",
    /// One directory is finished.
    FinishedOne = "finished_one",
    /// All are; the private directories are not swept.
    FinishedAll = "finished_all",
    /// Swept; the ledger does not know that finishing is over.
    Swept = "swept",
    /// It does; nobody has said how the run ended.
    Finished = "finished",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let names: std::collections::BTreeSet<_> = Point::ALL.iter().map(|p| p.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
    }
}
