//! How long frames take, told on stderr after the end when `TWINHAUL_FRAME_TIME=1`.

use std::io::Write;
use std::time::Duration;

/// Frames remembered.
const FRAMES_MAX: usize = 65_536;

/// Durations of the last frames, or nothing at all.
#[derive(Debug, Default)]
pub(crate) struct FrameTimes {
    wanted: bool,
    micros: Vec<u32>,
    count: usize,
}

impl FrameTimes {
    pub(crate) fn from_env() -> Self {
        Self { wanted: std::env::var("TWINHAUL_FRAME_TIME").is_ok_and(|v| v == "1"), ..Self::default() }
    }

    pub(crate) fn add(&mut self, took: Duration) {
        if !self.wanted {
            return;
        }
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        if self.micros.len() < FRAMES_MAX {
            self.micros.push(micros);
        } else {
            self.micros[self.count % FRAMES_MAX] = micros;
        }
        self.count += 1;
    }

    /// One line on stderr.
    pub(crate) fn tell(&mut self) {
        if self.wanted {
            let _ = writeln!(std::io::stderr(), "{}", self.line());
        }
    }

    fn line(&mut self) -> String {
        self.micros.sort_unstable();
        let at = |part: usize| {
            self.micros.get(self.micros.len().saturating_sub(1) * part / 100).copied().unwrap_or(0)
        };
        format!("frame_us frames={} p50={} p99={} max={}", self.count, at(50), at(99), at(100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_what_was_added() {
        let mut times = FrameTimes { wanted: true, ..FrameTimes::default() };
        (1..=101).for_each(|us| times.add(Duration::from_micros(us)));
        assert_eq!(times.line(), "frame_us frames=101 p50=51 p99=100 max=101");
    }
}
