//! The supervisor over real processes: every test starts `fake_peer supervise` and watches from outside, as a verb would.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they fail")]

mod stage;
mod trouble;

use rustix::process::Signal;
use serde_json::json;
use stage::{Stage, fake_peer, kill};
use std::{
    io::{Read as _, Write as _},
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::Command as Process,
    time::Duration,
};
use twinhaul_supervisor::{Client, is_supervised, peer_lock_holder, spawn_detached};
use twinhaul_wire::{Chaos, Command, CommandResult, EventKind, Frame, RunState, Weather};

#[test]
fn a_killed_peer_is_restarted_with_back_off_and_the_reason_in_words() {
    let mut stage = Stage::set(&["kill", "kill", "finish"], &["finish"], &json!({})).start();
    assert_eq!(stage.end(), 0);
    let words = "alpha was killed by signal 9 (KILL)".to_owned();
    assert_eq!(stage.exits("alpha"), [(words.clone(), Some(200)), (words, Some(500))]);
    assert_eq!((stage.starts("alpha"), stage.starts("beta")), (3, 1));
    let last = stage.last_run();
    assert_eq!((last.state, last.exit), (RunState::Complete, Some(0)));
    assert_eq!(last.peers["alpha"].restarts, 2);
    assert_eq!(last.peers["alpha"].state, "finished");
    assert!(last.problems.is_empty(), "{:?}", last.problems);
    // The problem of each restart lasts until the peer is there again, and is over then.
    let problems: Vec<bool> = stage
        .events()
        .into_iter()
        .filter_map(|e| match e.kind {
            EventKind::ProblemBegan { problem, .. } if problem == "restarting alpha" => Some(true),
            EventKind::ProblemEnded { problem } if problem == "restarting alpha" => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(problems.last(), Some(&false), "{problems:?}");
    assert!(problems.contains(&true), "{problems:?}");
    // Whatever is in the history is in the recording.
    let recorded = stage.recording().into_iter().filter(|f| matches!(f, Frame::Event(_))).count();
    assert_eq!(recorded, stage.events().len());
}

#[test]
fn the_breaker_gives_up_and_says_so() {
    let mut stage = Stage::set(&["kill"], &["kill"], &json!({})).start();
    assert_eq!(stage.end(), 7);
    assert_eq!((stage.starts("alpha"), stage.starts("beta")), (6, 6));
    let waits: Vec<_> = stage.exits("alpha").into_iter().map(|(_, wait)| wait).collect();
    assert_eq!(waits, [Some(200), Some(500), Some(1000), Some(2000), Some(5000), None]);
    let last = stage.last_run();
    assert_eq!((last.state, last.exit), (RunState::Stopped, Some(7)));
    assert_eq!(last.peers["beta"].state, "gave up after 5 restarts");
    assert_eq!(last.peers["beta"].last_exit.as_deref(), Some("beta was killed by signal 9 (KILL)"));
    let kinds: Vec<_> = last.problems.iter().map(|p| p.kind.as_str()).collect();
    assert_eq!(kinds, ["gave_up", "gave_up"]);
}

#[test]
fn a_peer_that_gets_further_each_time_is_not_given_up() {
    let mut script = vec!["progress-kill"; 7];
    script.push("finish");
    let mut stage = Stage::set(&script, &["finish"], &json!({})).start();
    assert_eq!(stage.end(), 0);
    assert_eq!(stage.starts("alpha"), 8);
    assert!(stage.exits("alpha").iter().all(|(_, wait)| *wait == Some(200)), "{:?}", stage.exits("alpha"));
}

#[test]
fn what_another_start_would_not_change_is_not_restarted() {
    let mut stage = Stage::set(&["code:74"], &["code:74"], &json!({})).start();
    assert_eq!(stage.end(), 74);
    assert_eq!(stage.exits("alpha"), [("alpha ended with code 74: ledger I/O error".into(), None)]);
    assert_eq!((stage.starts("alpha"), stage.starts("beta")), (1, 1));
}

#[test]
fn a_fenced_peer_rejoins() {
    let mut stage = Stage::set(&["code:75", "finish"], &["finish"], &json!({})).start();
    assert_eq!(stage.end(), 0);
    assert_eq!(stage.starts("alpha"), 2);
}

#[test]
fn peers_outlive_their_supervisor_and_the_next_one_adopts_them() {
    let mut stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    let before = stage.running();
    stage.signal_supervisor(Signal::KILL);
    assert_eq!(stage.end(), -1);
    assert_eq!(is_supervised(stage.path()), None);
    assert_eq!(peer_lock_holder(stage.path(), "alpha"), before.peers["alpha"].pid);
    assert!(stage.path().join("supervisor.sock").exists(), "a killed supervisor leaves a stale socket");

    stage.start_again();
    let after = stage.running();
    assert_ne!(after.pid, before.pid);
    assert_eq!(after.peers["alpha"].pid, before.peers["alpha"].pid);
    assert_eq!(after.peers["beta"].pid, before.peers["beta"].pid);
    assert_eq!((stage.starts("alpha"), stage.starts("beta")), (1, 1));

    // An adopted peer that dies is missed and replaced, although it is not this supervisor's child.
    kill(after.peers["alpha"].pid.unwrap(), Signal::KILL);
    let renewed = stage.see("a new alpha", |run| {
        run.peers["alpha"].state == "running" && run.peers["alpha"].pid != after.peers["alpha"].pid
    });
    assert_eq!(renewed.peers["alpha"].restarts, 1);
    stage.client().request(Command::Stop { drain: false }).unwrap();
    assert_eq!(stage.end(), 130);
    assert_eq!(peer_lock_holder(stage.path(), "beta"), None);
    assert!(!stage.path().join("supervisor.sock").exists());
}

#[test]
fn a_second_supervisor_is_refused_and_told_who_is_first() {
    let mut stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    let first = stage.running().pid;
    let second =
        Process::new(fake_peer()).args(["supervise".as_ref(), stage.path().as_os_str()]).output().unwrap();
    assert_eq!(second.status.code(), Some(11));
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(said.contains(&format!("the run is held by another supervisor (pid {first})")), "{said}");
    assert_eq!((stage.starts("alpha"), stage.starts("beta")), (1, 1));
    stage.client().request(Command::Stop { drain: true }).unwrap();
    assert_eq!(stage.end(), 130);
}

#[test]
fn sigterm_drains_the_peers_and_the_run_returns_143() {
    let mut stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    stage.running();
    stage.signal_supervisor(Signal::TERM);
    assert_eq!(stage.end(), 143);
    for name in ["alpha", "beta"] {
        assert!(stage.heard(name).contains(r#""do":"stop","drain":true"#), "{}", stage.heard(name));
        assert!(stage.exits(name).is_empty(), "a drained peer ended as it should: {:?}", stage.exits(name));
    }
    assert_eq!(stage.read("run_state"), "\"stopped\"");
}

#[test]
fn a_peer_that_does_not_obey_is_killed_after_the_grace() {
    let wishes = json!({ "grace_ms": 300, "kill_after_ms": 300 });
    let mut stage = Stage::set(&["stubborn"], &["serve"], &wishes).start();
    stage.running();
    let answer = stage.client().request(Command::Stop { drain: false }).unwrap();
    assert_eq!(answer, CommandResult::Done("stopping: the peers have 0.3 s to end".into()));
    assert_eq!(stage.end(), 130);
    let words = "alpha was killed by signal 9 (KILL): it did not end when asked to";
    assert_eq!(stage.exits("alpha"), [(words.into(), None)]);
    assert_eq!(stage.last_run().peers["alpha"].state, "stopped");
}

#[test]
fn a_drain_waits_until_it_is_asked_twice() {
    let wishes = json!({ "grace_ms": 200, "kill_after_ms": 200 });
    let mut stage = Stage::set(&["stubborn"], &["serve"], &wishes).start();
    stage.running();
    stage.client().request(Command::Stop { drain: true }).unwrap();
    stage.see("beta drained", |run| run.peers["beta"].state == "finished" && run.state == RunState::Stopping);
    // Longer than grace and kill together: a drain has no such limit.
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(stage.see("alpha drains on", |_| true).peers["alpha"].state, "stopping");
    stage.client().request(Command::Stop { drain: true }).unwrap();
    assert_eq!(stage.end(), 130);
    assert!(stage.heard("alpha").contains(r#""do":"stop","drain":false"#));
}

#[test]
fn a_planner_that_fails_ends_the_run_with_its_code_and_its_words() {
    let wishes = json!({ "planner": true });
    let stage = Stage::set(&["serve"], &["serve"], &wishes);
    std::fs::write(stage.path().join("planner.script"), "code:4").unwrap();
    let mut stage = stage.start();
    assert_eq!(stage.end(), 4);
    let words = "planner ended with code 4: source or target not found; its last words: \
                 source projects: no such directory";
    assert_eq!(stage.exits("planner"), [(words.into(), None)]);
    assert_eq!(stage.last_run().problems[0].kind, "planner");
    assert_eq!(stage.last_run().state, RunState::Stopped);
}

#[test]
fn a_planner_that_ends_well_leaves_the_run_alone_and_one_that_goes_on_is_ended_with_it() {
    let wishes = json!({ "planner": true });
    let stage = Stage::set(&["finish"], &["finish"], &wishes);
    std::fs::write(stage.path().join("planner.script"), "ok").unwrap();
    assert_eq!(stage.start().end(), 0);

    let stage = Stage::set(&["leave"], &["leave"], &wishes);
    std::fs::write(stage.path().join("planner.script"), "long").unwrap();
    let mut stage = stage.start();
    assert_eq!(stage.end(), 1, "both peers left, nobody stopped the run, and it is not complete");
    assert_eq!(peer_lock_holder(stage.path(), "planner"), None);
}

/// A library can end its process too, and with any code.
#[test]
fn a_peer_that_ends_with_code_0_in_the_middle_of_the_run_is_started_again() {
    let mut stage = Stage::set(&["code:0", "finish"], &["finish"], &json!({})).start();
    assert_eq!(stage.end(), 0);
    let words = "alpha ended with code 0 in the middle of the run".to_owned();
    assert_eq!(stage.exits("alpha"), [(words, Some(200))]);
}

#[test]
fn a_peer_that_never_answers_is_killed_and_started_again() {
    let wishes = json!({ "ready_ms": 400 });
    let mut stage = Stage::set(&["deaf", "finish"], &["finish"], &wishes).start();
    assert_eq!(stage.end(), 0);
    let words = "alpha was killed by signal 9 (KILL): its socket did not answer within 0.4 s of its start";
    assert_eq!(stage.exits("alpha"), [(words.into(), Some(200))]);
}

#[test]
fn a_frozen_peer_is_a_problem_and_not_killed() {
    let wishes = json!({ "silent_ms": 400 });
    let stage = Stage::set(&["serve"], &["serve"], &wishes).start();
    let pid = stage.running().peers["alpha"].pid.unwrap();
    kill(pid, Signal::STOP);
    let frozen = stage.see("the silence", |run| run.problems.iter().any(|p| p.kind == "silent"));
    assert_eq!(frozen.problems[0].text, "alpha has not answered for 0.4 s");
    assert_eq!(frozen.peers["alpha"].state, "has not answered for 0.4 s");
    kill(pid, Signal::CONT);
    let awake = stage.see("its end", |run| run.problems.is_empty());
    assert_eq!(awake.peers["alpha"].pid, Some(pid));
}

#[test]
fn pause_goes_to_both_and_the_answer_names_who_did_not() {
    let wishes = json!({ "answer_ms": 400 });
    let stage = Stage::set(&["serve"], &["mute"], &wishes).start();
    stage.running();
    let mut client = stage.client();
    let CommandResult::Refused(refusal) = client.request(Command::Pause).unwrap() else { panic!("taken") };
    assert_eq!(refusal.why, "alpha: paused; peer beta did not answer in 0.4 s");
    let CommandResult::Refused(refusal) = client.request(Command::Ratio { value: 0.7 }).unwrap() else {
        panic!("taken")
    };
    assert!(refusal.why.ends_with("ask a peer"), "{refusal:?}");
    assert!(refusal.next.ends_with("--peer alpha 0.70"), "{refusal:?}");
}

#[test]
fn a_paused_peer_comes_back_paused() {
    let mut stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    let pid = stage.running().peers["alpha"].pid.unwrap();
    let done = stage.client().request(Command::Pause).unwrap();
    assert_eq!(done, CommandResult::Done("alpha: paused; beta: paused".into()));
    // Its snapshot has to arrive before it dies.
    stage.until("a paused alpha in the recording", || {
        let paused =
            |f: &Frame| matches!(f, Frame::Snapshot(s) if s.peer == "alpha" && s.paused_by.is_some());
        stage.recording().iter().any(paused).then_some(())
    });
    kill(pid, Signal::KILL);
    stage.until("pause again", || {
        (stage.heard("alpha").matches(r#""do":"pause""#).count() == 2).then_some(())
    });
    stage.client().request(Command::Stop { drain: false }).unwrap();
    assert_eq!(stage.end(), 130);
}

#[test]
fn the_story_is_told_by_event() {
    let wishes =
        json!({ "demo": true, "story": [[3, "alpha", 131_072, "Now we hurt alpha. Watch who asks."]] });
    let stage = Stage::set(&["serve"], &["needed:3"], &wishes).start();
    let told =
        stage.see("the step", |run| run.caption.as_deref() == Some("Now we hurt alpha. Watch who asks."));
    assert!(told.demo);
    let kinds = || stage.events().into_iter().map(|e| e.kind).collect::<Vec<_>>();
    let control = EventKind::Control {
        command: format!("twinhaul limit {} --peer alpha '128 KiB/s'", told.run),
        by: "story".into(),
        result: "limited".into(),
    };
    stage.until("the control", || kinds().contains(&control).then_some(()));
    let says: Vec<String> = kinds()
        .into_iter()
        .filter_map(|k| if let EventKind::Say { text } = k { Some(text) } else { None })
        .collect();
    let last = "Now we hurt alpha. Watch who asks.";
    assert_eq!(says.first().map(String::as_str), Some("Two engines. Each has its own queue."), "{says:?}");
    assert_eq!(says.last().map(String::as_str), Some(last), "{says:?}");
    assert!(
        stage.heard("alpha").contains(r#""by":"story","do":"turn","dial":"limit","to":"131072""#),
        "{}",
        stage.heard("alpha")
    );
}

#[test]
fn the_weather_is_told_to_the_store_where_there_is_one() {
    let storm = |what| Command::Chaos { peer: "alpha".into(), what };
    let refused = |wishes: &serde_json::Value| {
        let mut stage = Stage::set(&["serve"], &["serve"], wishes).start();
        stage.running();
        let CommandResult::Refused(refusal) = stage.client().request(storm(Chaos::Storm)).unwrap() else {
            panic!("taken")
        };
        stage.client().request(Command::Stop { drain: false }).unwrap();
        stage.end();
        refusal.why
    };
    assert!(refused(&json!({ "demo": true })).contains("no store with weather"));
    assert!(refused(&json!({ "sky": true })).contains("only a demonstration"));
    let mut stage = Stage::set(&["serve"], &["serve"], &json!({ "demo": true, "sky": true })).start();
    stage.running();
    let weather = || Weather::of(&stage.read("weather")).unwrap().storm;
    stage.client().request(storm(Chaos::Storm)).unwrap();
    assert_eq!(weather().map(|s| s.retry_after_s), Some(8));
    stage.client().request(storm(Chaos::Calm)).unwrap();
    assert_eq!(weather(), None);
    let told = |e: &twinhaul_wire::Event| matches!(&e.kind, EventKind::Control { command, .. } if command.ends_with("--peer alpha calm"));
    stage.until("the word of it", || stage.events().iter().any(told).then_some(()));
    stage.client().request(Command::Stop { drain: false }).unwrap();
    stage.end();
}

#[test]
fn subscribers_see_the_run_to_its_last_frame() {
    let mut stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    stage.running();
    let mut client = stage.client();
    client.request(Command::Subscribe { every_ms: 250 }).unwrap();
    stage.client().request(Command::Stop { drain: false }).unwrap();
    let mut last = None;
    let mut ended = false;
    while let Ok(Some(frame)) = client.next_frame(Duration::from_secs(30)) {
        match frame {
            Frame::Run(run) => last = Some(run),
            Frame::Event(event) => ended |= matches!(event.kind, EventKind::RunEnded { .. }),
            _ => {}
        }
    }
    let last = last.unwrap();
    assert!(ended, "no RunEnded was seen");
    assert_eq!((last.exit, last.state), (Some(130), RunState::Stopped));
    assert!(last.ended_at_ms.is_some());
    assert_eq!(stage.end(), 130);
}

#[test]
fn the_house_has_sixteen_places_and_endless_lines_lose_theirs() {
    let stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    stage.running();
    let mut clients: Vec<Client> = (0..16).map(|_| stage.client()).collect();
    let error = Client::connect(stage.path(), "supervisor").unwrap_err();
    assert_eq!(error.exit_code(), 12);
    clients[0].run_snapshot().unwrap();
    drop(clients);

    stage.client();
    let mut hostile = UnixStream::connect(stage.path().join("supervisor.sock")).unwrap();
    hostile.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let hello = r#"{"hello":{"proto":1,"version":"1","run":"","role":"verb"}}"#;
    hostile.write_all(format!("{hello}\n").as_bytes()).unwrap();
    // The write or the read fails, or the line ends: the supervisor hangs up at its limit, long before its patience ends.
    let flood = hostile.write_all(&vec![b'x'; 2 << 20]);
    let hung_up = match hostile.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(hung_up, "an endless line was read on; the write: {flood:?}");
    stage.see("it lives", |run| run.state == RunState::Running);
}

#[test]
fn another_user_is_not_heard() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can be somebody else");
        return;
    }
    let stage = Stage::set(&["serve"], &["serve"], &json!({})).start();
    stage.running();
    // A copy that anybody may run, wherever the build directory is.
    let public = tempfile::Builder::new().permissions(mode(0o755)).tempdir().unwrap();
    let exe = public.path().join("fake_peer");
    std::fs::copy(fake_peer(), &exe).unwrap();
    let try_as = |uid: u32| {
        let mut process = Process::new(&exe);
        process.args(["connect".as_ref(), stage.path().as_os_str()]).uid(uid).gid(uid);
        let output = process.output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(try_as(0).0, "root is heard");
    let (success, said) = try_as(65534);
    assert!(!success && said.contains("ermission denied"), "{said}");
    // Even with the directory and the socket open, whoever connects is looked at (and looks).
    std::fs::set_permissions(stage.path(), mode(0o755)).unwrap();
    std::fs::set_permissions(stage.path().join("supervisor.sock"), mode(0o666)).unwrap();
    let (success, said) = try_as(65534);
    assert!(!success && said.contains("hung up"), "{said}");
}

fn mode(bits: u32) -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(bits)
}

#[test]
fn detached_it_leads_its_own_session_and_says_why_it_did_not_start() {
    let stage = Stage::set(&["serve"], &["serve"], &json!({}));
    let args = ["supervise".into(), stage.path().as_os_str().to_owned()];
    let log = stage.path().join("supervisor.log");
    let mut detached = spawn_detached(&fake_peer(), &args, &log).unwrap();
    detached.wait_ready(stage.path()).unwrap();
    let pid = is_supervised(stage.path()).unwrap();
    let raw = |p: u32| rustix::process::Pid::from_raw(i32::try_from(p).unwrap());
    assert_eq!(rustix::process::getsid(raw(pid)).ok(), raw(pid));
    let alpha = stage.running().peers["alpha"].pid.unwrap();
    assert_eq!(rustix::process::getsid(raw(alpha)).ok(), raw(alpha), "a peer leads its own session as well");

    let nowhere = stage.path().join("nowhere");
    let args = ["supervise".into(), nowhere.as_os_str().to_owned()];
    let mut detached = spawn_detached(&fake_peer(), &args, &log).unwrap();
    let error = detached.wait_ready(&nowhere).unwrap_err();
    assert!(error.to_string().contains("the supervisor ended with code 1"), "{error}");
    assert!(error.to_string().contains("No such file"), "{error}");
}
