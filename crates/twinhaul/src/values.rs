//! Values on the command line, read by the same code as in a profile.

use std::time::Duration;
use twinhaul_units::{ParseError, Share, Span, Transfers};

pub(crate) fn span(text: &str) -> Result<Span, ParseError> {
    Span::parse(text)
}

/// Columns and rows of a terminal.
pub(crate) fn size(text: &str) -> Result<(u16, u16), String> {
    let side = |text: &str| text.trim().parse::<u16>().ok().filter(|n| (1..=SIDE_MAX).contains(n));
    let both = text.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?)));
    both.ok_or_else(|| format!("expected columns and rows, as 160x50, at most {SIDE_MAX} of each"))
}

/// Columns, or rows, of a screen.
const SIDE_MAX: u16 = 1_000;

/// A time in a recording: h:mm:ss, mm:ss, or a span.
pub(crate) fn position(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time since the beginning, as 1:30, 1:02:03 or 90s".to_owned();
    if !text.contains(':') {
        return Span::parse(text).map(|span| span.0).map_err(|_| wrong());
    }
    let parts: Vec<u64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let (h, m, s) = match parts[..] {
        [m, s] => (0, m, s),
        [h, m, s] => (h, m, s),
        _ => return Err(wrong()),
    };
    let seconds = h.checked_mul(3600).and_then(|h| h.checked_add(m.checked_mul(60)?)?.checked_add(s));
    seconds.filter(|_| s < 60 && (m < 60 || parts.len() == 2)).map(Duration::from_secs).ok_or_else(wrong)
}

/// How often a simulated peer records its progress; `None`: never.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checkpoint(pub(crate) Option<Duration>);

/// A span, or "none".
pub(crate) fn checkpoint(text: &str) -> Result<Checkpoint, String> {
    twinhaul_simulate::family::checkpoint(text).map(Checkpoint)
}

pub(crate) fn transfers(text: &str) -> Result<Transfers, ParseError> {
    Transfers::parse(text)
}

pub(crate) fn share(text: &str) -> Result<Share, ParseError> {
    Share::typed(text)
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
    fn times_and_sizes_are_read_and_what_is_wrong_is_told() {
        let s = |text| position(text).map(|d| d.as_secs());
        assert_eq!(s("1:30"), Ok(90));
        assert_eq!(s("90:00"), Ok(5400));
        assert_eq!(s("1:02:03"), Ok(3723));
        assert_eq!(s("90 s"), Ok(90));
        for text in ["", "abc", "1:60", "1:60:00", "-1:00", "1:2:3:4", "9999999999999999999:00:00"] {
            assert!(s(text).unwrap_err().contains("as 1:30"), "{text}");
        }
        assert_eq!(size("160x50"), Ok((160, 50)));
        for text in ["", "80", "0x24", "80x", "70000x3", "1001x1", "-1x5"] {
            assert!(size(text).unwrap_err().contains("as 160x50"), "{text}");
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
