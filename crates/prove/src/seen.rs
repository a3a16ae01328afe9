//! Rare things that must have happened: a simulation in which one of them never does proves nothing about it.

macro_rules! rare {
    ($($name:ident = $words:literal),* $(,)?) => {
        /// A rare thing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rare {
            $($name),*
        }

        impl Rare {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As a line of a report.
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words),*
                }
            }
        }
    };
}

rare! {
    Crashed = "a process crashed",
    TornGroup = "a process crashed between two durable steps of a group",
    TornRecovery = "a process crashed while it recovered",
    Frozen = "a process froze",
    Woke = "a frozen process went on",
    SecondCopy = "a second process took the place of one that lives",
    PowerLost = "the power failed",
    LettersLost = "a message was lost",
    LettersDoubled = "a message came twice",
    LettersStale = "a message of a former incarnation came",
    AnswerLost = "the ledger's answer was lost",
    SyncFailed = "a sync failed",
    SourceChanged = "a source changed while it was read",
    AskResent = "an ask was sent again",
    AnsweredTwice = "an ask was answered twice",
    Assigned = "an assignment was made",
    AssignRepeated = "an assignment was asked for again under its number",
    AssignedToStale = "an assignment to a stale incarnation was refused",
    LotSplit = "a lot was cut in two",
    GivenBack = "a transfer went to the other peer and back",
    StaleRefused = "a fenced process was refused by the ledger",
    StalePublishFailed = "a fenced process found its private object gone",
    StalePublished = "a fenced process published before its object was discarded",
    DiscardFound = "recovery discarded an object that was authorised",
    DiscardMissing = "recovery found an authorised object gone",
    Accepted = "recovery accepted without copying",
    Redone = "recovery had a transfer done again",
    Swept = "recovery swept what was not authorised",
    TookOver = "a peer was taken over",
    TookOverAuthorised = "a peer was taken over with authorised transfers",
    TookOverAlive = "a living peer was taken over",
    Rejoined = "a peer that was taken over came back",
    Skipped = "a transfer was found done at the target",
    Pushed = "an ask that was answered no was answered with needed later",
    HandedOver = "an operator's transfers went to the other peer",
    HandOverRefused = "an operator named what could not be handed over",
    Sign = "a sign of life came beside the link",
    SignOfFormer = "a sign of life of a former process came",
    Split = "a second slot took a part of a transfer",
    RangeLent = "a range was lent",
    RangeHome = "a lent range came home done",
    RangeReturned = "a lent range came back to be done at home",
    AwaitingRanges = "a transfer waited for its ranges",
    RangesHome = "a transfer was sealed after its last range had come home",
    Recalled = "lent ranges were recalled, because their transfer is redone",
    Hedged = "a range was done twice at once",
    HedgeWonByHelper = "the helper's copy of a hedge was the first",
    HedgeWonByHome = "the home's copy of a hedge was the first",
    HedgeAbandoned = "the other copy of a hedge was abandoned",
    FinishingTaken = "finishing was done by another process than the one that began it",
}

/// How often each happened.
#[derive(Clone, Copy)]
pub struct Seen([u64; Rare::ALL.len()]);

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seen = Rare::ALL.iter().filter(|what| self.of(**what) > 0);
        f.debug_map().entries(seen.map(|what| (what, self.of(*what)))).finish()
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self([0; Rare::ALL.len()])
    }
}

impl Seen {
    pub const fn count(&mut self, what: Rare) {
        self.0[what as usize] += 1;
    }

    pub const fn of(&self, what: Rare) -> u64 {
        self.0[what as usize]
    }

    pub fn add(&mut self, other: &Self) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }

    /// What never happened.
    pub fn missing(&self) -> Vec<Rare> {
        Rare::ALL.iter().copied().filter(|what| self.of(*what) == 0).collect()
    }
}
