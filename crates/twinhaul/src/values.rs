//! Values on the command line, read by the same code as in a profile.

use twinhaul_units::{ParseError, Share, Span, Transfers};

pub(crate) fn span(text: &str) -> Result<Span, ParseError> {
    Span::parse(text)
}

/// How often a simulated peer records its progress; `None`: never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint(pub(crate) Option<std::time::Duration>);

/// A span, or "none".
pub(crate) fn checkpoint(text: &str) -> Result<Checkpoint, String> {
    twinhaul_simulate::family::checkpoint(text).map(Checkpoint)
}

pub(crate) fn transfers(text: &str) -> Result<Transfers, ParseError> {
    Transfers::parse(text)
}

pub(crate) fn share(text: &str) -> Result<Share, ParseError> {
    Share::parse(text)
}

/// One of equal parts of a run's transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// From 1.
    pub(crate) n: u64,
    pub(crate) of: u64,
}

/// More samples than nights in a century.
const SAMPLES_MAX: u64 = 65_536;

impl Sample {
    /// Whether it holds this transfer: of every `of` samples exactly one does, at any time and on any machine.
    pub(crate) fn holds(self, id: twinhaul_units::TransferId) -> bool {
        // Ids lie in the order of sizes; a hash mixes large and small, near and far.
        let digest = blake3::hash(&id.0.to_le_bytes());
        let first = digest.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        first % self.of == self.n - 1
    }
}

/// "1/10".
pub(crate) fn sample(text: &str) -> Result<Sample, String> {
    let number = |t: &str| t.trim().parse::<u64>().ok();
    let both = text.split_once('/').and_then(|(n, of)| Some((number(n)?, number(of)?)));
    match both {
        None => Err("expected which sample of how many, as 1/10".to_owned()),
        Some((_, 0)) => Err("there is no sample of 0".to_owned()),
        Some((_, of)) if of > SAMPLES_MAX => Err(format!("at most {SAMPLES_MAX} samples")),
        Some((n, of)) if n == 0 || n > of => Err(format!("the samples are 1/{of} to {of}/{of}")),
        Some((n, of)) => Ok(Sample { n, of }),
    }
}

/// The head of a manifest: a BLAKE3 value in hexadecimal.
pub(crate) fn head(text: &str) -> Result<String, String> {
    let head = text.trim().to_ascii_lowercase();
    let fits = head.len() == 64 && head.bytes().all(|b| b.is_ascii_hexdigit());
    if fits { Ok(head) } else { Err("expected the 64 hexadecimal digits that `report` printed".to_owned()) }
}

/// Seeds of one `--seed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) std::ops::RangeInclusive<u64>);

/// "7" or "1-8".
pub(crate) fn seeds(text: &str) -> Result<Seeds, String> {
    let number = |t: &str| t.trim().parse::<u64>().map_err(|_| "expected a number, or two as 1-8".to_owned());
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (number(from)?, number(to)?);
    if from <= to { Ok(Seeds(from..=to)) } else { Err("the first seed is behind the last".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_units::TransferId;

    #[test]
    fn samples_are_disjoint_and_cover_everything() {
        for of in [1, 2, 7, 10] {
            let mut sizes = vec![0u64; usize::try_from(of).unwrap()];
            for id in 0..20_000 {
                let holding: Vec<u64> =
                    (1..=of).filter(|n| Sample { n: *n, of }.holds(TransferId(id))).collect();
                assert_eq!(holding.len(), 1, "transfer {id} of {of}");
                sizes[usize::try_from(holding[0]).unwrap() - 1] += 1;
            }
            let fair = 20_000 / of;
            assert!(sizes.iter().all(|n| n.abs_diff(fair) < fair / 10), "{of}: {sizes:?}");
        }
    }

    #[test]
    fn bad_samples_are_told() {
        assert_eq!(sample("1/10"), Ok(Sample { n: 1, of: 10 }));
        assert_eq!(sample(" 10 / 10"), Ok(Sample { n: 10, of: 10 }));
        for (text, why) in [
            ("", "as 1/10"),
            ("3", "as 1/10"),
            ("a/b", "as 1/10"),
            ("-1/5", "as 1/10"),
            ("1/0", "of 0"),
            ("0/5", "1/5 to 5/5"),
            ("6/5", "1/5 to 5/5"),
            ("1/99999", "at most"),
        ] {
            assert!(sample(text).unwrap_err().contains(why), "{text}: {:?}", sample(text));
        }
    }
}
