//! Dials: what an operator can turn while a run goes on, of one peer, of a target, or of both peers together.
//!
//! A dial's text is its name in the ledger, on the wire and in the history: "limit", "limit of target vault", "slots".

use crate::{ParseError, Rate};
use std::{fmt, str::FromStr};

const OF_TARGET: &str = " of target ";

/// One of them. Limits are in bytes a second, slots are transfers in flight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dial {
    /// Bandwidth of a peer.
    Limit,
    /// Bandwidth of both peers together.
    SharedLimit,
    /// Bandwidth into a target, of both peers together.
    TargetLimit(String),
    Slots,
    /// Transfers in flight into a target, of each peer.
    TargetSlots(String),
}

impl Dial {
    /// The target that it is about.
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::TargetLimit(target) | Self::TargetSlots(target) => Some(target),
            Self::Limit | Self::SharedLimit | Self::Slots => None,
        }
    }

    /// Whether it counts bytes a second; otherwise transfers.
    pub const fn is_limit(&self) -> bool {
        matches!(self, Self::Limit | Self::SharedLimit | Self::TargetLimit(_))
    }

    /// What a person types for it: "16 MiB/s" or "4", "none", "profile".
    ///
    /// # Errors
    /// When it is none of these.
    pub fn read(&self, typed: &str) -> Result<Turned, ParseError> {
        let limit = self.is_limit();
        let read = match typed.trim().to_ascii_lowercase().as_str() {
            "none" => Some(Turned::Lifted),
            "profile" => Some(Turned::AsProfiled),
            _ if limit => Rate::parse(typed).ok().map(|rate| Turned::Set(rate.0)),
            number => number.parse().ok().map(Turned::Set),
        };
        let expected = if limit {
            "a rate such as 16 MiB/s, none or profile"
        } else {
            "a number of slots, none or profile"
        };
        read.ok_or_else(|| ParseError { expected, found: typed.to_owned() })
    }

    /// Whether what it allows is divided between the peers.
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::SharedLimit | Self::TargetLimit(_))
    }
}

impl fmt::Display for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit => f.write_str("limit"),
            Self::SharedLimit => f.write_str("limit of both peers"),
            Self::TargetLimit(target) => write!(f, "limit{OF_TARGET}{target}"),
            Self::Slots => f.write_str("slots"),
            Self::TargetSlots(target) => write!(f, "slots{OF_TARGET}{target}"),
        }
    }
}

impl FromStr for Dial {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match (text, text.split_once(OF_TARGET)) {
            (_, Some(("limit", target))) => Ok(Self::TargetLimit(target.to_owned())),
            (_, Some(("slots", target))) => Ok(Self::TargetSlots(target.to_owned())),
            ("limit", _) => Ok(Self::Limit),
            ("limit of both peers", _) => Ok(Self::SharedLimit),
            ("slots", _) => Ok(Self::Slots),
            _ => Err(ParseError { expected: "the name of a dial", found: text.to_owned() }),
        }
    }
}

/// How far a dial was turned while the run went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Turned {
    /// Nobody turned it, or it was given back to the profile.
    #[default]
    AsProfiled,
    Lifted,
    Set(u64),
}

impl fmt::Display for Turned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AsProfiled => f.write_str("profile"),
            Self::Lifted => f.write_str("none"),
            Self::Set(value) => write!(f, "{value}"),
        }
    }
}

impl FromStr for Turned {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "profile" => Ok(Self::AsProfiled),
            "none" => Ok(Self::Lifted),
            number => number
                .parse()
                .map(Self::Set)
                .map_err(|_| ParseError { expected: "a number, none, or profile", found: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_are_read_as_they_are_written() {
        let target = || "a of target b".to_owned();
        for dial in [
            Dial::Limit,
            Dial::SharedLimit,
            Dial::TargetLimit(target()),
            Dial::Slots,
            Dial::TargetSlots(target()),
        ] {
            assert_eq!(dial.to_string().parse(), Ok(dial.clone()), "{dial}");
        }
        assert!("speed".parse::<Dial>().is_err());
        for turned in [Turned::AsProfiled, Turned::Lifted, Turned::Set(0), Turned::Set(u64::MAX)] {
            assert_eq!(turned.to_string().parse(), Ok(turned));
        }
        assert!("-1".parse::<Turned>().is_err());
    }

    #[test]
    fn what_a_person_types_is_read_by_what_the_dial_counts() {
        assert_eq!(Dial::SharedLimit.read("2 KiB/s"), Ok(Turned::Set(2048)));
        assert_eq!(Dial::Slots.read(" 4 "), Ok(Turned::Set(4)));
        assert_eq!(Dial::Slots.read("None"), Ok(Turned::Lifted));
        assert_eq!(Dial::Limit.read("profile"), Ok(Turned::AsProfiled));
        for (dial, bad) in [(Dial::Limit, "4"), (Dial::Slots, "4 MiB/s"), (Dial::Slots, "")] {
            assert!(dial.read(bad).is_err(), "{bad}");
        }
    }
}
