//! Some transfers, as a person names them: "12,40-44".

use crate::ParseError;

/// Ids of transfers: ascending, each once, at most [`Self::MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfers(Vec<u64>);

impl Transfers {
    /// What is named one by one is this much at most.
    pub const MAX: usize = 1_000;

    /// `None`: none, or more than [`Self::MAX`].
    pub fn new(mut ids: Vec<u64>) -> Option<Self> {
        ids.sort_unstable();
        ids.dedup();
        (1..=Self::MAX).contains(&ids.len()).then_some(Self(ids))
    }

    /// Ids and spans of them, with commas between.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError {
            expected: "ids of at most 1,000 transfers, as in 12,40-44",
            found: text.to_owned(),
        };
        let mut ids = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let read = |s: &str| s.trim().parse::<u64>().map_err(|_| error());
            let (first, last) = (read(first)?, read(last)?);
            let room = (Self::MAX - ids.len().min(Self::MAX)) as u64;
            if last < first || last - first >= room {
                return Err(error());
            }
            ids.extend(first..=last);
        }
        Self::new(ids).ok_or_else(error)
    }

    pub fn ids(&self) -> &[u64] {
        &self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Display for Transfers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut at = 0;
        while let Some(first) = self.0.get(at).copied() {
            let follows = |n: &usize| self.0.get(at + n).is_some_and(|id| *id - first == *n as u64);
            let more = (1..Self::MAX).take_while(follows).count();
            let comma = if at == 0 { "" } else { "," };
            match more {
                0 => write!(f, "{comma}{first}")?,
                n => write!(f, "{comma}{first}-{}", first + n as u64)?,
            }
            at += more + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_read() {
        for (text, ids, shown) in [
            ("7", vec![7], "7"),
            ("44, 12,40-43,12", vec![12, 40, 41, 42, 43, 44], "12,40-44"),
            ("0-1,3", vec![0, 1, 3], "0-1,3"),
            ("18446744073709551615", vec![u64::MAX], "18446744073709551615"),
        ] {
            let read = Transfers::parse(text).unwrap();
            assert_eq!(read.ids(), ids);
            assert_eq!(read.to_string(), shown);
            assert_eq!(Transfers::parse(shown).as_ref(), Ok(&read));
        }
        assert_eq!(Transfers::parse("1-1000").map(|t| t.len()), Ok(1_000));
        for bad in ["", "x", "5-3", "1-1001", "1-999,2000,2001", "0-18446744073709551615", "1,,2", "-5"] {
            assert!(Transfers::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Transfers::new(Vec::new()), None);
    }
}
