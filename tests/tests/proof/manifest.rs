//! The manifest and the failed list: whatever is done to a line is found and named.

use std::path::PathBuf;
use twinhaul_tests::product::{Done, Lab};
use twinhaul_tests::tree;

const FILES: usize = 12;

/// A complete run with its report.
struct Reported {
    lab: Lab,
    manifest: PathBuf,
    lines: Vec<String>,
    head: String,
}

impl Reported {
    fn new() -> Self {
        let lab = Lab::new();
        tree::small_files(&lab.source(), FILES, 100, 1);
        lab.copy().expect_code(0);
        let report: serde_json::Value = serde_json::from_str(&lab.run(["report", "--json"]).stdout).unwrap();
        let manifest = PathBuf::from(report["manifest"].as_str().unwrap());
        let text = std::fs::read_to_string(&manifest).unwrap();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), FILES + 2);
        Self { lab, manifest, lines, head: report["manifest_head"].as_str().unwrap().to_owned() }
    }

    fn write(&self, lines: &[String]) {
        std::fs::write(&self.manifest, lines.iter().flat_map(|l| [l, "\n"]).collect::<String>()).unwrap();
    }

    fn check(&self, more: &[&str]) -> Done {
        self.lab.run([&["report", "--check"][..], more].concat())
    }

    /// After `change`, the file is refused with these words.
    #[track_caller]
    fn refused(&self, change: impl FnOnce(&mut Vec<String>), words: &[&str]) {
        let mut lines = self.lines.clone();
        change(&mut lines);
        self.write(&lines);
        self.check(&[]).expect_code(6).expect_words(words);
        // Without the ledger the chain alone finds it.
        let elsewhere = self.lab.path("elsewhere.jsonl");
        std::fs::copy(&self.manifest, &elsewhere).unwrap();
        let mut command = self.lab.command();
        command.env("TWINHAUL_STATE", self.lab.path("no state")).args(["report", "--check"]).arg(&elsewhere);
        self.lab.finish(command).expect_code(6);
    }

    fn key(&self, line: usize) -> String {
        let line: serde_json::Value = serde_json::from_str(&self.lines[line - 1]).unwrap();
        line["key"].as_str().unwrap().to_owned()
    }
}

#[test]
fn an_untouched_manifest_is_what_it_was() {
    let it = Reported::new();
    it.check(&[]).expect_code(0).expect_words(&["12 transfers, nothing was changed", &it.head]);
    it.check(&["--head", &it.head]).expect_code(0);
    it.check(&["--head", &it.head.to_uppercase()]).expect_code(0);
    it.lab.run(["report"]).expect_code(0).expect_words(&[&it.head, "keep it elsewhere"]);
    assert_eq!(std::fs::read_to_string(&it.manifest).unwrap().lines().collect::<Vec<_>>(), it.lines);
    let other = "ab".repeat(32);
    it.check(&["--head", &other]).expect_code(6).expect_words(&["not the one that was kept"]);
    it.check(&["--head", "abc"]).expect_code(2);
    it.lab.run(["report", "--head", &other]).expect_code(2);
}

#[test]
fn each_change_of_a_line_is_found_and_named() {
    let it = Reported::new();
    let (five, six) = (it.key(5), it.key(6));
    let named = |line: usize, key: &str| format!("line {line}, {key}: ");
    it.refused(
        |l| l[4] = l[4].replace("\"size\":100", "\"size\":101"),
        &[&named(5, &five), "its chain value does not fit", "size is 101 here, and 100 in the ledger"],
    );
    it.refused(
        |l| drop(l.remove(4)),
        &[&named(5, &six), "in the ledger, and not in the file before it", &five],
    );
    it.refused(|l| l.swap(4, 5), &[&named(5, &six), &named(6, &five), "comes after"]);
    it.refused(|l| l.insert(5, l[4].clone()), &[&named(6, &five), "does not fit"]);
    it.refused(|l| l[4].push(' '), &["line 5", "no chain value"]);
    it.refused(|l| l[0] = l[0].replace("\"version\":1", "\"version\":0"), &["line 1", "does not fit"]);
    it.refused(|l| drop(l.remove(0)), &["line 1", "no header"]);
    it.refused(|l| drop(l.pop()), &["line 14", "without its summary"]);
    it.refused(|l| l.truncate(8), &["line 9", "without its summary", "in the ledger, and not in the file"]);
    it.refused(|l| l.push(l[4].clone()), &["line 15", "after the summary"]);
    it.refused(
        |l| l[13] = l[13].replace("\"lines\":12", "\"lines\":11"),
        &["line 14", "counts 11 transfers"],
    );
    it.refused(|l| l[7].truncate(30), &["line 8"]);
    it.refused(Vec::clear, &["empty"]);
}

/// Whoever changes a line and writes the whole chain anew is found by the ledger, or by a head that was kept.
#[test]
fn a_chain_written_anew_is_found_by_the_ledger_and_by_the_head() {
    let it = Reported::new();
    let mut before = String::new();
    let forged: Vec<String> = it
        .lines
        .iter()
        .map(|line| {
            let (body, _) = line.split_once(",\"chain\":").unwrap();
            let body = format!("{}}}", body.replace("\"peer\":\"alpha\"", "\"peer\":\"omega\""));
            before = blake3::hash(format!("{before}{body}").as_bytes()).to_hex().to_string();
            format!("{},\"chain\":\"{before}\"}}", body.strip_suffix('}').unwrap())
        })
        .collect();
    assert_ne!(forged, it.lines);
    it.write(&forged);
    it.check(&[]).expect_code(6).expect_words(&["peer is \"omega\" here, and \"alpha\" in the ledger"]);
    let elsewhere = it.lab.write("forged.jsonl", &std::fs::read_to_string(&it.manifest).unwrap());
    let alone = |more: &[&str]| {
        let mut command = it.lab.command();
        command.env("TWINHAUL_STATE", it.lab.path("no state"));
        command.args(["report", "--check"]).arg(&elsewhere).args(more);
        it.lab.finish(command)
    };
    let done = alone(&[]);
    done.expect_code(0).expect_words(&["not compared with a ledger", "only a head that was kept can tell"]);
    assert!(!done.stdout.contains("nothing was changed"), "{done}");
    alone(&["--head", &it.head]).expect_code(6).expect_words(&["not the one that was kept"]);
}

#[test]
fn what_is_not_there_cannot_be_checked() {
    let lab = Lab::new();
    tree::small_files(&lab.source(), 3, 100, 1);
    lab.copy().expect_code(0);
    lab.run(["report", "--check"]).expect_code(4).expect_words(&["manifest.jsonl", "twinhaul report"]);
    lab.run(["report", "--check", "./nowhere.jsonl"]).expect_code(4).expect_words(&["nowhere.jsonl"]);
    lab.write("mine.jsonl", "{\"my\":\"file\"}\n");
    lab.run(["report", "--check", "mine.jsonl"]).expect_code(6).expect_words(&["mine.jsonl", "no header"]);
    lab.run(["report"]).expect_code(0);
    lab.run(["report", "--check"]).expect_code(0);
    let failed = lab.state().join("runs").join(lab.newest_status().run).join("report/failed.jsonl");
    let text = std::fs::read_to_string(&failed).unwrap();
    std::fs::remove_file(&failed).unwrap();
    lab.run(["report", "--check"]).expect_code(4).expect_words(&["failed.jsonl"]);
    std::fs::write(&failed, text.replace("\"lines\":0", "\"lines\":1")).unwrap();
    lab.run(["report", "--check"]).expect_code(6).expect_words(&["failed.jsonl line 2"]);
}
