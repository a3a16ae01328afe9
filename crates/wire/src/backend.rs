//! What a backend shows of itself: drives and cartridges, requests and retries. It comes from the member `panel` of what
//! `target_status` answers, and is bounded here: a backend can show little or much, a snapshot stays small.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Rows of one backend that are kept; the others are counted.
pub const ROWS_MAX: usize = 48;
/// Problems of one backend that are kept.
pub const PROBLEMS_MAX: usize = 8;
/// Characters of each text.
pub const CHARS_MAX: usize = 160;

/// One source or target as its backend shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendStatus {
    /// In the profile.
    pub name: String,
    /// It is read from, not written to.
    #[serde(default)]
    pub source: bool,
    pub backend: String,
    /// It is of the storage, the same from both peers; else of this peer's use of it.
    #[serde(default)]
    pub shared: bool,
    /// The whole in one line: "2 of 2 drives busy, 3 wait".
    pub headline: String,
    /// Times are a model's and not a device's: which ones. Empty: everything is real.
    #[serde(default)]
    pub simulated: String,
    #[serde(default)]
    pub rows: Vec<BackendRow>,
    /// Of the place where it is kept, as far as the backend knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_bytes: Option<u64>,
    /// Rows that were left out.
    #[serde(default)]
    pub more: u64,
    #[serde(default)]
    pub problems: Vec<BackendProblem>,
    /// Milliseconds since the backend was asked.
    #[serde(default)]
    pub age_ms: u64,
}

/// One thing a backend has: a drive, a cartridge, an upload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendRow {
    /// Rows of one kind stand together: "drives".
    #[serde(default)]
    pub group: String,
    pub name: String,
    pub value: String,
    #[serde(default)]
    pub state: RowState,
    /// The process that has it, if it is one's own: shown as the peer that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

/// How a row stands; the view adds a sign and a style.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// Nothing happens there, and nothing is wrong.
    #[default]
    Idle,
    Busy,
    Waiting,
    /// Done, or good.
    Good,
    Warn,
    Bad,
}

impl RowState {
    fn of(word: &str) -> Self {
        match word {
            "busy" => Self::Busy,
            "waiting" => Self::Waiting,
            "good" => Self::Good,
            "warn" => Self::Warn,
            "bad" => Self::Bad,
            _ => Self::Idle,
        }
    }
}

/// Something an operator has to do for the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendProblem {
    /// A stable word: `cartridge`, `quarantined`, `rate_limit`.
    pub kind: String,
    /// What, where, why. Other words are news, and a line of the history.
    pub words: String,
    /// What changes while it lasts: counts, times left. Shown behind the words, and no news.
    #[serde(default)]
    pub detail: String,
    /// What to type; empty where nothing helps but waiting.
    #[serde(default)]
    pub next_command: String,
}

impl BackendProblem {
    /// As it is shown now.
    pub fn text(&self) -> String {
        let colon = if self.detail.is_empty() { "" } else { ": " };
        format!("{}{colon}{}", self.words, self.detail)
    }
}

impl BackendStatus {
    /// From what a backend answered. Text comes as the backend wrote it, cut; whoever shows it washes it.
    /// `None`: it shows nothing, or nothing that can be read.
    pub fn of_json(name: &str, source: bool, backend: &str, json: &str) -> Option<Self> {
        let whole: Value = serde_json::from_str(json).ok()?;
        let panel = whole.get("panel").filter(|panel| panel.is_object())?;
        let list = |of: &Value, field: &str| of[field].as_array().cloned().unwrap_or_default();
        let mut rows = list(panel, "rows");
        if source {
            // Nothing is written there: that an old disk is full is no news.
            rows.retain(|row| row["group"] != "room");
        }
        let row = |row: &Value| BackendRow {
            group: text(&row["group"]),
            name: text(&row["name"]),
            value: text(&row["value"]),
            state: row["state"].as_str().map(RowState::of).unwrap_or_default(),
            pid: row["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()),
        };
        let problem = |problem: &Value| BackendProblem {
            kind: text(&problem["kind"]),
            words: text(&problem["words"]),
            detail: text(&problem["detail"]),
            next_command: text(&problem["next_command"]),
        };
        Some(Self {
            name: name.to_owned(),
            source,
            backend: backend.to_owned(),
            shared: panel["shared"].as_bool().unwrap_or_default(),
            headline: text(&panel["headline"]),
            free_bytes: whole["free_bytes"].as_u64(),
            total_bytes: whole["total_bytes"].as_u64(),
            simulated: match &panel["simulated"] {
                Value::Bool(true) => "times".to_owned(),
                Value::String(words) => clipped(words),
                _ => String::new(),
            },
            more: rows.len().saturating_sub(ROWS_MAX) as u64 + panel["more"].as_u64().unwrap_or_default(),
            rows: rows.iter().take(ROWS_MAX).map(row).collect(),
            problems: list(panel, "problems").iter().take(PROBLEMS_MAX).map(problem).collect(),
            age_ms: 0,
        })
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => clipped(text),
        other => clipped(&other.to_string()),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backend_shows_is_read_and_bounded() {
        let rows: Vec<Value> = (0..ROWS_MAX + 5)
            .map(|n| serde_json::json!({"group": "drives", "name": n, "value": "x".repeat(500), "state": "busy"}))
            .collect();
        let json = serde_json::json!({
            "anything": 1,
            "panel": {
                "headline": "two drives", "shared": true, "simulated": "LTO-8 times, 200 x", "rows": rows,
                "problems": [{"kind": "cartridge", "words": "insert one", "next_command": "twinhaul tape import"}],
            }
        });
        let status = BackendStatus::of_json("vault", false, "tape", &json.to_string()).unwrap();
        assert_eq!((status.rows.len(), status.more, status.shared), (ROWS_MAX, 5, true));
        assert_eq!(status.simulated, "LTO-8 times, 200 x");
        assert_eq!((status.rows[3].name.as_str(), status.rows[3].state), ("3", RowState::Busy));
        assert_eq!(status.rows[3].value.len(), CHARS_MAX);
        assert_eq!(status.problems[0].next_command, "twinhaul tape import");
    }

    #[test]
    fn what_cannot_be_read_shows_nothing() {
        for json in ["", "[]", "{}", r#"{"panel": 3}"#] {
            assert!(BackendStatus::of_json("vault", false, "tape", json).is_none(), "{json}");
        }
        let odd = r#"{"panel": {"rows": [{"state": "unheard of"}, 7], "problems": 3}}"#;
        let status = BackendStatus::of_json("vault", true, "cloud", odd).unwrap();
        assert_eq!((status.rows.len(), status.rows[0].state), (2, RowState::Idle));
    }
}
