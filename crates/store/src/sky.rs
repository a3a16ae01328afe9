//! The weather over the store: a file that is looked at with each request, so that whoever changes it knows from when it holds.

use http::StatusCode;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use twinhaul_wire::Weather;
use twinhaul_wire::weather::WEATHER_BYTES_MAX;

/// What comes over one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spell {
    /// Served, after this.
    Fair { delay: Duration },
    /// Not served: this status, and come again after so many seconds.
    Storm { status: StatusCode, retry_after_s: u32 },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Sky {
    file: Option<PathBuf>,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    text: String,
    weather: Weather,
    /// What of a request the storm has not had yet, 0..1: a share of 0.25 is every fourth, not chance.
    owed: f64,
}

impl Sky {
    /// `None`: always fair.
    pub(crate) fn new(file: Option<PathBuf>) -> Self {
        Self { file, now: Mutex::default() }
    }

    /// For one request.
    pub(crate) fn now(&self) -> Spell {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file {
            match read(file) {
                Ok(text) => now.turn(text),
                Err(e) => tell(&e.to_string()),
            }
        }
        now.over_one()
    }
}

impl Now {
    /// A text that is no weather changes nothing, and is told once.
    fn turn(&mut self, text: String) {
        if text == self.text {
            return;
        }
        match Weather::of(&text) {
            Ok(weather) => (self.weather, self.owed) = (weather, 0.0),
            Err(why) => tell(&why),
        }
        self.text = text;
    }

    fn over_one(&mut self) -> Spell {
        if let Some(storm) = &self.weather.storm {
            self.owed += storm.share;
            // A hair less than one, so that ten tenths are one.
            if self.owed > 1.0 - 1e-9 {
                self.owed -= 1.0;
                let status = StatusCode::from_u16(storm.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                return Spell::Storm { status, retry_after_s: storm.retry_after_s };
            }
        }
        Spell::Fair { delay: Duration::from_millis(self.weather.delay_ms.into()) }
    }
}

/// The text of the file; none: it is not there.
fn read(file: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    match std::fs::File::open(file) {
        Ok(file) => file.take(WEATHER_BYTES_MAX).read_to_string(&mut text).map(|_| text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(text),
        Err(e) => Err(e),
    }
}

fn tell(why: &str) {
    let why = twinhaul_units::text::show(why);
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "twinhaul-store: the weather stays as it is: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_wire::Storm;

    const FAIR: Spell = Spell::Fair { delay: Duration::ZERO };

    fn storms(sky: &Sky, of: usize) -> usize {
        (0..of).filter(|_| matches!(sky.now(), Spell::Storm { .. })).count()
    }

    fn weather(share: f64, delay_ms: u32) -> String {
        Weather { storm: Some(Storm { status: 429, share, retry_after_s: 12 }), delay_ms }.line()
    }

    #[test]
    fn a_storm_comes_and_goes_with_its_file() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("weather");
        let sky = Sky::new(Some(file.clone()));
        assert_eq!(sky.now(), FAIR);
        std::fs::write(&file, weather(1.0, 0)).unwrap();
        let storm = Spell::Storm { status: StatusCode::TOO_MANY_REQUESTS, retry_after_s: 12 };
        assert_eq!((sky.now(), sky.now()), (storm, storm));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(sky.now(), FAIR);
    }

    #[test]
    fn a_share_is_exact() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("weather");
        let sky = Sky::new(Some(file.clone()));
        for (share, of, hit) in [(0.25, 100, 25), (0.1, 1000, 100), (0.0, 50, 0), (1.0, 50, 50)] {
            std::fs::write(&file, weather(share, 0)).unwrap();
            assert_eq!(storms(&sky, of), hit, "{share}");
        }
    }

    #[test]
    fn what_is_served_is_held_up_and_nonsense_changes_nothing() {
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("weather");
        let sky = Sky::new(Some(file.clone()));
        std::fs::write(&file, weather(0.0, 40)).unwrap();
        let held_up = Spell::Fair { delay: Duration::from_millis(40) };
        assert_eq!(sky.now(), held_up);
        std::fs::write(&file, "rain").unwrap();
        assert_eq!(sky.now(), held_up);
    }
}
