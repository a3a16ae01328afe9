//! What the weather is at a demonstration's store: one line of JSON in a file that the store looks at with each request.
//!
//! No file, or an empty one, is fair weather. The supervisor writes it, a person may too.

use serde::{Deserialize, Serialize};
use twinhaul_units::Share;

/// Longest pause that a store asks for, in seconds.
pub const RETRY_AFTER_MAX_S: u32 = 300;
/// Longest that a store holds a request up, in milliseconds.
pub const DELAY_MAX_MS: u32 = 60_000;
/// Longest file, in bytes.
pub const WEATHER_BYTES_MAX: u64 = 4096;

/// See the module. What is left out is fair.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weather {
    /// A part of the requests is not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storm: Option<Storm>,
    /// What is served is held up for so long first.
    #[serde(default)]
    pub delay_ms: u32,
}

/// "Slow down": the answer to a part of the requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storm {
    /// 429 or 503.
    pub status: u16,
    /// Which part of the requests is answered so, 0..=1.
    pub share: f64,
    /// How long the client is to wait, in whole seconds.
    pub retry_after_s: u32,
}

impl Weather {
    /// # Errors
    /// Why the text is no weather.
    pub fn of(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let weather: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if weather.delay_ms > DELAY_MAX_MS {
            return Err(format!("delay_ms is at most {DELAY_MAX_MS}"));
        }
        match &weather.storm {
            Some(storm) if !matches!(storm.status, 429 | 503) => {
                Err(format!("a storm answers 429 or 503, not {}", storm.status))
            }
            Some(storm) if Share::new(storm.share).is_none() => {
                Err(format!("share is a part of the requests, 0 to 1, not {}", storm.share))
            }
            Some(storm) if storm.retry_after_s > RETRY_AFTER_MAX_S => {
                Err(format!("retry_after_s is at most {RETRY_AFTER_MAX_S}"))
            }
            _ => Ok(weather),
        }
    }

    /// Its line, without a line end.
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_is_fair() {
        let storm = Storm { status: 429, share: 0.5, retry_after_s: 12 };
        let weather = Weather { storm: Some(storm), delay_ms: 40 };
        assert_eq!(Weather::of(&weather.line()), Ok(weather));
        for fair in ["", " \n", "{}", "{\"delay_ms\":0}"] {
            assert_eq!(Weather::of(fair), Ok(Weather::default()), "{fair}");
        }
        assert_eq!(Weather::of(&Weather::default().line()), Ok(Weather::default()));
    }

    #[test]
    fn what_is_no_weather_is_said() {
        for (text, why) in [
            ("storm", "expected"),
            ("{\"rain\":1}", "unknown field `rain`"),
            ("{\"delay_ms\":60001}", "at most 60000"),
            ("{\"storm\":{\"status\":500,\"share\":1,\"retry_after_s\":1}}", "429 or 503"),
            ("{\"storm\":{\"status\":429,\"share\":1.5,\"retry_after_s\":1}}", "0 to 1"),
            ("{\"storm\":{\"status\":429,\"share\":1,\"retry_after_s\":301}}", "at most 300"),
        ] {
            let said = Weather::of(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
