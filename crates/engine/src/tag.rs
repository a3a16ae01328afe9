//! Attempt ids: `run/transfer/epoch/a3` names one attempt's private object, before anything about it is recorded
//! (store.md 3), so that whoever comes later can find it and knows whose it was.

use twinhaul_units::{Epoch, Incarnation, PeerId, TransferId};

/// The part of attempt ids that one process writes.
#[derive(Clone, Debug)]
pub(crate) struct PeerTag {
    pub run: String,
    pub me: PeerId,
    pub incarnation: Incarnation,
}

fn letter(peer: PeerId) -> char {
    match peer {
        PeerId::First => 'a',
        PeerId::Second => 'b',
    }
}

impl PeerTag {
    /// `again`: a number that makes a further attempt another one.
    pub(crate) fn attempt(&self, id: TransferId, epoch: Epoch, again: Option<u64>) -> String {
        let again = again.map(|n| format!(".{n}")).unwrap_or_default();
        format!("{}/{id}/{epoch}{again}/{}{}", self.run, letter(self.me), self.incarnation)
    }

    /// All attempts of the run begin with it.
    pub(crate) fn run_prefix(run: &str) -> String {
        format!("{run}/")
    }

    /// Whether an attempt is of an incarnation before the current one of its peer.
    pub(crate) fn is_of_dead_life(attempt: &[u8], current: [Incarnation; 2]) -> bool {
        Self::life(attempt).is_some_and(|(peer, life)| life < current[peer.index()])
    }

    /// Whether an attempt is of this very process.
    pub(crate) fn is_own(&self, attempt: &[u8]) -> bool {
        Self::life(attempt) == Some((self.me, self.incarnation))
    }

    /// The peer and incarnation that an attempt names.
    fn life(attempt: &[u8]) -> Option<(PeerId, Incarnation)> {
        let tail = std::str::from_utf8(attempt).ok()?.rsplit('/').next()?;
        let of = |peer| tail.strip_prefix(letter(peer)).map(|number| (peer, number));
        let (peer, number) = of(PeerId::First).or_else(|| of(PeerId::Second))?;
        Some((peer, Incarnation(number.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_lives_of_both_peers_are_recognised() {
        let tag = PeerTag { run: "r-1".into(), me: PeerId::First, incarnation: Incarnation(3) };
        assert_eq!(tag.attempt(TransferId(7), Epoch(2), None), "r-1/7/2/a3");
        assert_eq!(tag.attempt(TransferId(7), Epoch(2), Some(9)), "r-1/7/2.9/a3");
        let current = [Incarnation(3), Incarnation(2)];
        for (attempt, dead, own) in [
            (&b"r-1/7/2/a2"[..], true, false),
            (b"r-1/7/2.9/a2", true, false),
            (b"r-1/7/2/a3", false, true),
            (b"r-1/7/2/b1", true, false),
            (b"r-1/7/2/b2", false, false),
            (b"r-1/7/2/c1", false, false),
            (b"r-1/7/2/a", false, false),
            (b"\xff", false, false),
        ] {
            assert_eq!(PeerTag::is_of_dead_life(attempt, current), dead, "{attempt:?}");
            assert_eq!(tag.is_own(attempt), own, "{attempt:?}");
        }
    }
}
