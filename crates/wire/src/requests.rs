//! Requests that a backend sent to its service, by class: what a provider charges for. From the member `requests` of what `target_status`
//! answers, and bounded here; the same form is what a plan expects.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::AddAssign;

/// Classes of one backend that are kept.
pub const CLASSES_MAX: usize = 24;
/// Characters of a class's name.
const CLASS_CHARS_MAX: usize = 40;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// "put", "part", "list": the backend's own words.
    pub by_class: BTreeMap<String, RequestCount>,
    /// What went otherwise than it should, in the backend's own words, and how often: "sent again", "reads resumed".
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub noted: BTreeMap<String, u64>,
    #[serde(default)]
    pub bytes_sent: u64,
    #[serde(default)]
    pub bytes_received: u64,
}

/// Of one class; what was sent again counts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCount {
    pub sent: u64,
    /// Not answered, or answered with "not now".
    #[serde(default)]
    pub failed: u64,
}

impl Requests {
    /// `None`: the backend counts none, or sent none.
    pub fn of_json(json: &str) -> Option<Self> {
        let whole: Value = serde_json::from_str(json).ok()?;
        let number = |of: &Value, field: &str| of[field].as_u64().unwrap_or_default();
        let plain = |c: char| if c.is_ascii_alphanumeric() || "_- ".contains(c) { c } else { '?' };
        let named = |name: &String| name.chars().take(CLASS_CHARS_MAX).map(plain).collect::<String>();
        let noted = whole["noted"].as_object().into_iter().flatten().take(CLASSES_MAX);
        let noted =
            noted.filter_map(|(what, n)| Some((named(what), n.as_u64().filter(|n| *n > 0)?))).collect();
        let by_class: BTreeMap<String, RequestCount> = whole["requests"]
            .as_object()?
            .iter()
            .take(CLASSES_MAX)
            .map(|(class, of)| {
                let count = RequestCount { sent: number(of, "sent"), failed: number(of, "failed") };
                (named(class), count)
            })
            .collect();
        let some = by_class.values().any(|count| count.sent > 0);
        some.then(|| Self {
            by_class,
            noted,
            bytes_sent: number(&whole, "bytes_sent"),
            bytes_received: number(&whole, "bytes_received"),
        })
    }

    /// Sent, over all classes.
    pub fn sent(&self) -> u64 {
        self.by_class.values().fold(0, |sum, count| sum.saturating_add(count.sent))
    }
}

impl AddAssign<&Self> for Requests {
    fn add_assign(&mut self, more: &Self) {
        for (class, of) in &more.by_class {
            let count = self.by_class.entry(class.clone()).or_default();
            count.sent = count.sent.saturating_add(of.sent);
            count.failed = count.failed.saturating_add(of.failed);
        }
        for (what, times) in &more.noted {
            let count = self.noted.entry(what.clone()).or_default();
            *count = count.saturating_add(*times);
        }
        self.bytes_sent = self.bytes_sent.saturating_add(more.bytes_sent);
        self.bytes_received = self.bytes_received.saturating_add(more.bytes_received);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_backend_counted_is_read_summed_and_bounded() {
        let json = r#"{"requests": {"put": {"sent": 3, "failed": 1}, "list": {"sent": 2}}, "bytes_sent": 10, "x": 1,
            "noted": {"sent again": 1, "nothing": 0}}"#;
        let mut all = Requests::of_json(json).unwrap();
        all += &Requests::of_json(json).unwrap();
        assert_eq!(all.by_class["put"], RequestCount { sent: 6, failed: 2 });
        assert_eq!(all.noted.iter().collect::<Vec<_>>(), [(&"sent again".to_owned(), &2)]);
        assert_eq!((all.sent(), all.bytes_sent, all.bytes_received), (10, 20, 0));

        let many: serde_json::Map<_, _> =
            (0..100).map(|n| (format!("{n}{}", "x".repeat(99)), serde_json::json!({"sent": 1}))).collect();
        let many = Requests::of_json(&serde_json::json!({"requests": many}).to_string()).unwrap();
        assert_eq!(many.by_class.len(), CLASSES_MAX);
        assert!(many.by_class.keys().all(|class| class.len() <= CLASS_CHARS_MAX));
    }

    #[test]
    fn names_from_outside_are_plain_and_numbers_do_not_overflow() {
        let json = format!(
            r#"{{"requests": {{"\u001b]52;x": {{"sent": {max}}}, "b": {{"sent": {max}}}}}}}"#,
            max = u64::MAX
        );
        let mut all = Requests::of_json(&json).unwrap();
        assert_eq!(all.by_class.keys().collect::<Vec<_>>(), ["?]52?x".replace(']', "?").as_str(), "b"]);
        let more = all.clone();
        all += &more;
        assert_eq!(all.sent(), u64::MAX);
    }

    #[test]
    fn who_counts_nothing_says_nothing() {
        for json in ["", "[]", "{}", r#"{"requests": 3}"#, r#"{"requests": {"put": {"sent": 0}}}"#] {
            assert!(Requests::of_json(json).is_none(), "{json}");
        }
    }
}
