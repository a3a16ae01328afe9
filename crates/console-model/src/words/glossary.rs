//! What the words on the screen mean: in the help overlay, where typing finds them, and in README.md.

/// A word as the screen shows it, and what it means. In the order in which a panel shows them.
pub const GLOSSARY: &[(&str, &str)] = &[
    ("hb", "heartbeat: when the peer was heard last"),
    ("queue", "transfers that a peer has and has not started"),
    ("slots", "transfers under way at a time, used of all"),
    ("settling", "moved whole, not yet durable or verified"),
    ("alone it needs", "the time if nobody assisted it, at its present rate"),
    ("ratio", "share of its queue that a peer gives when asked"),
    ("portion", "ratio x queue: how many transfers that is"),
    ("min", "minimum: a portion must be larger to be given"),
    ("6.1 7.1", "ratio up: the helper was back first, too little given"),
    ("6.2 7.2", "ratio down: the giver ran dry first, too much given"),
    ("ASK", "do you need assistance? by a peer that runs dry"),
    ("NEEDED", "assistance needed: the portion is the asker's now"),
    ("NO NEED", "no assistance needed: the portion is too small"),
    ("[131-166 MiB]", "a range: a part of one large file, done by that peer"),
    ("incarnation", "which life of a peer's process; 2: it was restarted"),
    ("taken over", "not heard: its transfers are the other peer's now"),
    ("STALE", "not heard for 3 s: its figures are of the past"),
    ("throttle", "waits because of a bandwidth limit"),
    ("waited", "time its slots waited, summed over slots, by reason"),
    ("eta", "time to finish, low to high; one figure if they agree"),
    ("without", "the time it would have taken without assistance"),
    ("again", "bytes that must be moved once more after a restart"),
];

/// The words that match every part of a search; none without one.
pub fn find(search: &str) -> Vec<(&'static str, &'static str)> {
    let search = search.to_lowercase();
    if search.trim().is_empty() {
        return Vec::new();
    }
    let fits = |(word, means): &&(&str, &str)| {
        let text = format!("{word} {means}").to_lowercase();
        search.split_whitespace().all(|part| text.contains(part))
    };
    GLOSSARY.iter().filter(fits).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_by_itself_and_by_what_it_means() {
        assert!(find("portion").iter().any(|(word, _)| *word == "portion"));
        assert!(find("heartbeat").iter().any(|(word, _)| *word == "hb"));
        assert!(find("too much").iter().any(|(word, _)| *word == "6.2 7.2"));
        assert!(find("").is_empty() && find("zebra").is_empty());
    }
}
