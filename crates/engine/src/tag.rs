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

    /// Whether an attempt is of this peer's place but of an earlier life.
    pub(crate) fn is_of_former_life(&self, attempt: &[u8]) -> bool {
        let tail = std::str::from_utf8(attempt).ok().and_then(|a| a.rsplit('/').next());
        let Some(number) = tail.and_then(|t| t.strip_prefix(letter(self.me))) else { return false };
        number.parse::<u64>().is_ok_and(|n| n < self.incarnation.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_former_lives_are_recognised() {
        let tag = PeerTag { run: "r-1".into(), me: PeerId::First, incarnation: Incarnation(3) };
        assert_eq!(tag.attempt(TransferId(7), Epoch(2), None), "r-1/7/2/a3");
        assert_eq!(tag.attempt(TransferId(7), Epoch(2), Some(9)), "r-1/7/2.9/a3");
        assert!(tag.is_of_former_life(b"r-1/7/2.9/a2"));
        assert!(tag.is_of_former_life(b"r-1/7/2/a2"));
        assert!(!tag.is_of_former_life(b"r-1/7/2/a3"));
        assert!(!tag.is_of_former_life(b"r-1/7/2/b1"));
        assert!(!tag.is_of_former_life(b"\xff"));
    }
}
