//! Between the program's types and SQLite's 64-bit signed integers. What does not fit is refused, never wrapped.

use crate::{LedgerError, NodeKind, Result, State};
use twinhaul_units::{Amount, Bytes, PeerId};
use twinhaul_wire::RunState;

/// As SQLite keeps it.
pub(super) fn to_sql(what: &'static str, value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| LedgerError::TooLarge { what, value })
}

/// A cursor or bound, where "above everything" may mean the largest there is.
pub(super) fn bound(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// What the tables never hold below zero.
pub(super) fn from_sql(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn amount(n: i64, bytes: i64) -> Amount {
    Amount { transfers: from_sql(n), bytes: Bytes(from_sql(bytes)) }
}

fn unknown(what: &'static str, value: impl std::fmt::Display) -> LedgerError {
    LedgerError::Value { what, value: value.to_string() }
}

pub(super) const fn peer_to_sql(peer: PeerId) -> i64 {
    match peer {
        PeerId::First => 0,
        PeerId::Second => 1,
    }
}

pub(super) fn peer_from_sql(value: i64) -> Result<PeerId> {
    usize::try_from(value).ok().and_then(PeerId::from_index).ok_or_else(|| unknown("a peer", value))
}

pub(super) const fn state_to_sql(state: State) -> i64 {
    match state {
        State::Planned => 0,
        State::Authorised => 1,
        State::Done => 2,
        State::Skipped => 3,
        State::Failed => 4,
    }
}

pub(super) fn state_from_sql(value: i64) -> Result<State> {
    State::ALL.into_iter().find(|s| state_to_sql(*s) == value).ok_or_else(|| unknown("a state", value))
}

pub(super) const fn kind_to_sql(kind: NodeKind) -> i64 {
    match kind {
        NodeKind::File => 0,
        NodeKind::Symlink => 1,
        NodeKind::HardLinkGroup => 2,
    }
}

pub(super) fn kind_from_sql(value: i64) -> Result<NodeKind> {
    match value {
        0 => Ok(NodeKind::File),
        1 => Ok(NodeKind::Symlink),
        2 => Ok(NodeKind::HardLinkGroup),
        _ => Err(unknown("a kind of object", value)),
    }
}

pub(super) fn index_from_sql(value: i64) -> Result<u16> {
    u16::try_from(value).map_err(|_| unknown("a source or target number", value))
}

pub(super) fn hash_from_sql(value: &[u8]) -> Result<[u8; 32]> {
    value.try_into().map_err(|_| unknown("a digest of another length", value.len()))
}

const RUN_STATES: [(RunState, &str); 6] = [
    (RunState::Starting, "starting"),
    (RunState::Running, "running"),
    (RunState::Stopping, "stopping"),
    (RunState::Complete, "complete"),
    (RunState::Failed, "failed"),
    (RunState::Stopped, "stopped"),
];

pub(super) fn run_state_to_sql(state: RunState) -> &'static str {
    RUN_STATES.iter().find(|(s, _)| *s == state).map_or("stopped", |(_, text)| text)
}

pub(super) fn run_state_from_sql(text: &str) -> Result<RunState> {
    RUN_STATES
        .iter()
        .find(|(_, t)| *t == text)
        .map(|(s, _)| *s)
        .ok_or_else(|| unknown("a run state", twinhaul_units::text::show(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back() {
        for state in State::ALL {
            assert_eq!(state_from_sql(state_to_sql(state)).unwrap(), state);
        }
        for kind in [NodeKind::File, NodeKind::Symlink, NodeKind::HardLinkGroup] {
            assert_eq!(kind_from_sql(kind_to_sql(kind)).unwrap(), kind);
        }
        for peer in PeerId::BOTH {
            assert_eq!(peer_from_sql(peer_to_sql(peer)).unwrap(), peer);
        }
        for (state, text) in RUN_STATES {
            assert_eq!(run_state_from_sql(run_state_to_sql(state)).unwrap(), state);
            assert_eq!(serde_json::to_value(state).unwrap(), text, "the ledger and the wire use one word");
        }
        assert!(state_from_sql(5).is_err() && peer_from_sql(2).is_err() && kind_from_sql(-1).is_err());
        assert!(to_sql("size", u64::MAX).is_err());
    }
}
