//! `cargo xtask stories`: tells the demonstrations, and keeps of each one's recording what a picture of its best moment needs. The
//! pictures are drawn from that by the real views (`crates/console/tests/readme.rs`).

use crate::{demo, process};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the recordings are kept, below the root.
const SHELF: &str = "crates/console/tests/stories";
/// The last snapshots of a peer, which the picture shows whole; of earlier ones only its figures are wanted.
const WHOLE: usize = 3;
/// Of an earlier snapshot: what no picture shows.
const LEFT_OUT: [&str; 4] = ["calls", "backends", "waits_at", "waits"];
/// The same, where a snapshot must have it.
const EMPTIED: [&str; 2] = ["next_up", "in_flight"];

/// One demonstration, and the moment at which it is taken.
struct Story {
    name: &'static str,
    /// In the caption that has just appeared.
    caption: &'static str,
    /// So long after that.
    after_ms: u64,
}

const STORIES: &[Story] = &[
    Story { name: "demo", caption: "The arrow turns", after_ms: 2_000 },
    Story { name: "giant", caption: "Both peers write one file", after_ms: 1_500 },
    Story { name: "return", caption: "alpha is not heard", after_ms: 2_000 },
    Story { name: "tape", caption: "a mount is no stall", after_ms: 4_000 },
    Story { name: "cloud", caption: "Both wait as long as it asked", after_ms: 3_000 },
];

/// Tells the stories that are named, or all.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    if let Some(word) = args.iter().find(|arg| STORIES.iter().all(|story| story.name != arg.as_str())) {
        let names: Vec<&str> = STORIES.iter().map(|story| story.name).collect();
        return Err(format!(
            "no story is called \"{}\"; there are {}",
            word.escape_debug(),
            names.join(", ")
        ));
    }
    let wanted = |story: &&Story| args.is_empty() || args.iter().any(|arg| arg == story.name);
    let needs = demo::needs(&["tape".to_owned(), "cloud".to_owned()]);
    let exe = demo::build(root, &needs)?;
    for story in STORIES.iter().filter(wanted) {
        eprintln!("xtask: {}: a minute", story.name);
        let text = tell(&exe, root, story)?;
        let kept = keep(&text, story).ok_or_else(|| {
            format!("{}: its caption \"{}\" did not come: see profiles/", story.name, story.caption)
        })?;
        let path = root.join(SHELF).join(format!("{}.jsonl", story.name));
        fs::write(&path, kept).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    println!("renew the pictures: TWINHAUL_WRITE_README=1 cargo test -p twinhaul-console --test readme");
    Ok(true)
}

/// Tells one from start to end; its recording.
fn tell(exe: &Path, root: &Path, story: &Story) -> Result<String, String> {
    let state = std::env::temp_dir().join(format!("twinhaul-stories-{}", std::process::id()));
    let mut command = Command::new(exe);
    command.args(["demo", story.name, "--headless"]).current_dir(root);
    command.env("TWINHAUL_STATE", &state).env_remove("TWINHAUL_BACKENDS");
    let told = process::output(command).and_then(|_| recording(&state));
    let _ = fs::remove_dir_all(&state);
    told
}

fn recording(state: &Path) -> Result<String, String> {
    let runs = fs::read_dir(state.join("runs")).map_err(|e| e.to_string())?;
    let paths: Vec<PathBuf> = runs.flatten().map(|run| run.path().join("recording.jsonl")).collect();
    let [path] = paths.as_slice() else { return Err("expected the recording of one run".into()) };
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The recording up to the moment, without what the picture does not show. `None`: the moment did not come.
fn keep(recording: &str, story: &Story) -> Option<String> {
    let mut frames: Vec<Value> =
        recording.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |frame: &Value| frame.as_object()?.values().next()?["at_ms"].as_u64();
    let appeared =
        |frame: &&Value| frame["run"]["caption"].as_str().is_some_and(|c| c.contains(story.caption));
    let until = frames.iter().find(appeared).and_then(at)? + story.after_ms;
    frames.retain(|frame| at(frame).is_some_and(|at| at <= until));
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for snapshot in frames.iter_mut().rev().filter_map(|frame| frame.get_mut("snapshot")?.as_object_mut()) {
        let seen = seen.entry(snapshot["peer"].to_string()).or_default();
        *seen += 1;
        if *seen > WHOLE {
            snapshot.retain(|field, _| !LEFT_OUT.contains(&field.as_str()));
            for field in EMPTIED {
                snapshot.insert(field.to_owned(), Value::Array(Vec::new()));
            }
        }
    }
    let lines: Vec<String> = frames.iter().map(Value::to_string).collect();
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_ends_at_the_moment_and_only_the_last_snapshots_are_whole() {
        let snapshot = |at_ms: u64| json!({"snapshot": {"peer": "beta", "at_ms": at_ms, "calls": [1], "in_flight": [2]}});
        let caption = |at_ms: u64, text: &str| json!({"run": {"at_ms": at_ms, "caption": text}});
        let mut lines: Vec<String> = (1..=9).map(|s| snapshot(s * 1000).to_string()).collect();
        lines.insert(4, caption(4_500, "The arrow turns: see").to_string());
        lines.insert(0, caption(10, "Two engines.").to_string());
        let story = Story { name: "demo", caption: "The arrow turns", after_ms: 2_000 };
        let kept = keep(&lines.join("\n"), &story).unwrap();
        let kept: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(kept.len(), 8, "two captions, six snapshots: {kept:?}");
        let whole = |frame: &&Value| frame["snapshot"]["calls"] == json!([1]);
        assert_eq!(kept.iter().filter(whole).count(), WHOLE);
        assert!(kept.iter().any(|frame| frame["snapshot"]["in_flight"] == json!([])));
        assert_eq!(keep(&lines[..3].join("\n"), &story), None);
    }
}
