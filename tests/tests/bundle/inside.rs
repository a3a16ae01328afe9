//! What is in a bundle, of runs in every state; and that making it changes none.

use crate::stage::{make, slow, unpack};
use std::collections::BTreeMap;
use std::path::Path;
use twinhaul_tests::product::{Lab, end, processes};

#[test]
fn a_run_that_goes_on_is_told_twice_and_not_touched() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    let seen = unpack(&lab, &make(&run, "live.tar"));
    assert_eq!(
        (&seen.manifest["format"], &seen.manifest["run"]),
        (&"twinhaul bundle".into(), &run.id.as_str().into())
    );
    for name in ["status-1.json", "status-2.json"] {
        assert_eq!(seen.json(name)["run"], run.id.as_str(), "{name}");
    }
    let (first, second) = (seen.json("status-1.json"), seen.json("status-2.json"));
    assert_eq!(first["peers"]["alpha"]["state"], "running", "{first:#}");
    assert!(second["done"]["bytes"].as_u64() > first["done"]["bytes"].as_u64(), "{first:#}\n{second:#}");
    assert_eq!(seen.json("diagnosis.json")["run"], run.id.as_str());
    assert!(seen.text("diagnosis.txt").contains("VERDICT"));
    assert_eq!(seen.json("evidence.json")["peers"][0]["answered"], true);
    let ledger = seen.json("ledger.json");
    let sums = |state: &str| ledger["sums"][state]["transfers"].as_u64().unwrap();
    let all: u64 = ["planned", "authorised", "done", "skipped", "failed"].into_iter().map(sums).sum();
    assert_eq!(ledger["totals"]["transfers"], all, "{ledger:#}");
    assert!(ledger["peers"][0]["queue"]["rows"][0]["key"]["key"].is_string(), "{ledger:#}");
    assert!(seen.text("events.jsonl").lines().count() >= 3);
    assert!(seen.text("profile.yaml").contains("name: evident"));
    assert!(seen.text("logs/alpha.log").contains("\"level\""));
    let system = seen.json("system.json");
    assert_eq!(system["places"].as_array().unwrap().len(), 3, "run, source, target: {system:#}");
    assert_eq!(system["processes"].as_array().unwrap().len(), 3, "supervisor and peers: {system:#}");
    assert!(seen.json("versions.json")["backends"].to_string().contains("\"disk\""));
    assert!(seen.missing("exit.json").is_some() && seen.missing("recording.jsonl").is_none());
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    end::examine(&run);
}

/// Every file of a directory: its size and when it was changed.
fn files(directory: &Path) -> BTreeMap<String, (u64, std::time::SystemTime)> {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    let facts = |e: std::fs::DirEntry| {
        let meta = e.metadata().unwrap();
        (e.file_name().into_string().unwrap(), (meta.len(), meta.modified().unwrap()))
    };
    // What SQLite shares between processes comes and goes with each look; it holds nothing of the run's own.
    entries.map(facts).filter(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal")).collect()
}

#[test]
fn a_finished_and_a_killed_run_are_told_and_left_as_they_are() {
    let lab = Lab::new();
    let run = lab.start(&slow(&lab));
    run.until_under_way();
    for process in processes::of(lab.state()) {
        processes::kill(process.pid);
    }
    end::assert_nobody_is_left(&run);
    let directory = lab.state().join("runs").join(&run.id);
    let before = files(&directory);
    let seen = unpack(&lab, &make(&run, "killed.tar"));
    assert_eq!(files(&directory), before);
    assert_eq!(seen.json("status-1.json")["peers"]["alpha"]["state"], "not running");
    assert!(seen.missing("status-2.json").unwrap().contains("nobody works"), "{:#}", seen.manifest);
    assert_ne!(seen.json("ledger.json")["sums"]["planned"]["transfers"], 0);

    lab.run(["run", "--resume", &run.id, "--detach"]).expect_code(0);
    run.until("it answers", |s| s.peers["alpha"].pid.is_some());
    run.verb("limit", &["none"]).expect_code(0);
    run.wait().expect_code(0);
    let before = files(&directory);
    let seen = unpack(&lab, &make(&run, "finished.tar"));
    assert_eq!(files(&directory), before);
    assert_eq!(seen.json("status-1.json")["state"], "complete");
    assert_eq!(seen.json("exit.json")["code"], 0);
    assert!(seen.missing("first-trouble.tar").is_some());
    end::examine(&run);
}

#[test]
fn what_is_damaged_is_missing_with_its_reason_and_the_rest_is_there() {
    let lab = Lab::new();
    twinhaul_tests::tree::small_files(&lab.source(), 5, 100, 1);
    lab.copy().expect_code(0);
    let id = lab.newest_status().run;
    let run = twinhaul_tests::product::run::Run::named(&lab, &id);
    let directory = lab.state().join("runs").join(&id);
    std::fs::write(directory.join("ledger.sqlite"), "no ledger").unwrap();
    std::fs::remove_file(directory.join("recording.jsonl")).unwrap();
    std::fs::write(directory.join("alpha.log"), [b'x', 0xff, b'\n']).unwrap();
    let seen = unpack(&lab, &make(&run, "damaged.tar"));
    for name in ["ledger.json", "events.jsonl", "status-1.json", "recording.jsonl"] {
        assert!(seen.missing(name).is_some(), "{name}: {:#}", seen.manifest);
    }
    assert_eq!(seen.text("logs/alpha.log"), "x\u{fffd}\n");
    assert!(seen.text("profile.yaml").contains("sources"));
}

#[test]
fn of_a_long_log_the_newest_lines_are_there() {
    let lab = Lab::new();
    twinhaul_tests::tree::small_files(&lab.source(), 5, 100, 1);
    lab.copy().expect_code(0);
    let id = lab.newest_status().run;
    let run = twinhaul_tests::product::run::Run::named(&lab, &id);
    let lines: Vec<String> =
        (0..120_000).map(|n| format!("{{\"line\":{n},\"text\":\"{:060}\"}}\n", 0)).collect();
    let log = lines.concat();
    std::fs::write(lab.state().join("runs").join(&id).join("beta.log"), &log).unwrap();
    let seen = unpack(&lab, &make(&run, "long.tar"));
    let held = seen.text("logs/beta.log");
    assert!(held.len() <= 4 << 20 && held.len() > 3 << 20, "{}", held.len());
    assert!(log.ends_with(held) && held.starts_with("{\"line\":"), "whole lines, the newest");
    let parts = seen.manifest["parts"].as_array().unwrap();
    let part = parts.iter().find(|p| p["name"] == "logs/beta.log").unwrap();
    assert!(part["left_out"].as_str().unwrap().contains("oldest"), "{part:#}");
}
