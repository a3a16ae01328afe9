//! No secret is in a bundle: neither those that the profile refers to, wherever they got to, nor what looks like one.

use crate::stage::{Unpacked, make, unpack};
use std::io::Write as _;
use std::path::Path;
use twinhaul_tests::cloud::{ACCESS_KEY_ID, S3, SECRET_ACCESS_KEY, end, give_keys};
use twinhaul_tests::product::Lab;
use twinhaul_tests::product::run::Run;
use twinhaul_tests::tree;

/// What must be nowhere. The first two are places, so that they get into the run's own files by themselves.
const CANARIES: [&str; 4] = ["canary-env", "canary-file", "canary-literal", "canary-url"];

/// In the bundle's files, and in the archive itself.
#[track_caller]
fn assert_nowhere(seen: &Unpacked, bundle: &Path, canaries: &[&str]) {
    let archive = std::fs::read(bundle).unwrap();
    let parts = seen.parts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    for (name, bytes) in parts.chain([("the archive", archive.as_slice())]) {
        for canary in canaries {
            let found = bytes.windows(canary.len()).position(|w| w == canary.as_bytes());
            let around = found.map(|at| {
                String::from_utf8_lossy(&bytes[at.saturating_sub(80)..(at + 80).min(bytes.len())])
                    .into_owned()
            });
            assert!(found.is_none(), "{name} holds {canary}: {around:?}");
        }
    }
}

/// A run whose places are known by references alone: by a variable with awkward letters, and by a file.
fn start(lab: &mut Lab) -> Run<'_> {
    let source = lab.path("canary-file 1+1");
    let target = lab.path("canary-env \"q\" \\ %2=é");
    tree::small_files(&source, 256, 64 * 1024, 3);
    std::fs::create_dir(&target).unwrap();
    let secret = lab.write("place", &format!("{}\n", source.to_str().unwrap()));
    lab.set_env("TEST_PLACE", target);
    let text = format!(
        "version: 1\nname: hidden\nsources:\n  here: {{ backend: disk, root: \"${{file:{}}}\" }}\n\
         targets:\n  there: {{ backend: disk, root: \"${{env:TEST_PLACE}}\" }}\n\
         routes:\n  - {{ from: here, to: there }}\n\
         peers:\n  alpha: {{ slots: 4, limit: 256 KiB/s }}\n  beta: {{ slots: 4, limit: 256 KiB/s }}\n",
        secret.to_str().unwrap()
    );
    let profile = lab.write("hidden.yaml", &text);
    Run::start(lab, &profile)
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_the_profile_refers_to_and_what_looks_like_a_secret_is_nowhere() {
    let mut lab = Lab::new();
    let target = lab.path("canary-env \"q\" \\ %2=é");
    let run = start(&mut lab);
    run.until_under_way();
    let directory = run.lab().state().join("runs").join(&run.id);
    let shown = target.to_str().unwrap();
    // As backends and people might write it: plain, as JSON, in a URL, under its name.
    let lines = [
        format!("open of {shown} failed"),
        serde_json::json!({ "fields": { "message": format!("cannot write {shown}/x") } }).to_string(),
        "GET https://host/?secret_access_key=canary-literal-1&x=1".to_owned(),
        "{\"session_token\":\"canary-literal-2\"}".to_owned(),
        "Authorization: Bearer canary-literal-3".to_owned(),
        "proxy http://me:canary-url@proxy:3128/ refused".to_owned(),
    ];
    append(&directory.join("beta.err"), &(lines.join("\n") + "\n"));
    append(&directory.join("profile.yaml"), "# left here by hand: password: canary-literal-4\n");
    let told = serde_json::json!({ "event": { "seq": 0, "at_ms": 1, "peer": null, "incarnation": 0, "kind": "info",
        "text": format!("{shown}/a is slow") } });
    append(&directory.join("recording.jsonl"), &format!("{told}\n"));

    let bundle = make(&run, "hidden.tar");
    let seen = unpack(run.lab(), &bundle);
    assert_nowhere(&seen, &bundle, &CANARIES);
    let text = seen.text("logs/beta.err");
    for words in
        ["open of [redacted] failed", "x=1", "cannot write [redacted]/x", "proxy http://me:[redacted]@proxy"]
    {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    assert!(seen.text("profile.yaml").contains("${env:TEST_PLACE}"), "{}", seen.text("profile.yaml"));
    assert!(seen.text("recording.jsonl").contains("[redacted]/a is slow"));
    assert!(seen.json("run.json")["places"].to_string().contains("[redacted]"), "{}", seen.text("run.json"));
    assert_eq!(seen.manifest["redaction"]["references"], 2);
    assert_eq!(seen.manifest["redaction"]["unknown_here"], 0);
    // What it replays has none either.
    let replayed = run.lab().run(["replay".as_ref(), bundle.as_os_str(), "--plain".as_ref()]);
    replayed.expect_code(0);
    assert!(!replayed.stdout.contains("canary"), "{replayed}");

    // Made from elsewhere, where nobody has the variable: the run's own processes have it.
    let to = run.lab().path("elsewhere.tar");
    let mut command = run.lab().command();
    command.env_remove("TEST_PLACE").args(["bundle", &run.id, "--to"]).arg(&to);
    run.lab().finish(command).expect_code(0);
    let seen = unpack(run.lab(), &to);
    assert_nowhere(&seen, &to, &CANARIES);

    // A profile that is not understood any more still says what to look for.
    append(&directory.join("profile.yaml"), "]: [\n");
    let bundle = make(&run, "damaged.tar");
    let seen = unpack(run.lab(), &bundle);
    assert_nowhere(&seen, &bundle, &CANARIES);
    assert_eq!(seen.manifest["redaction"]["profile_understood"], false);
    run.verb("limit", &["none"]).expect_code(0);
    run.verb("stop", &[]).expect_code(0);
}

#[test]
fn the_keys_of_an_object_store_are_nowhere() {
    let Some(server) = S3::or_skip("secrets of a bundle") else { return };
    let mut lab = Lab::new();
    give_keys(&mut lab);
    tree::small_files(&lab.source(), 20, 3000, 1);
    let text = format!(
        "version: 1\nname: up\nsources:\n  here: {{ backend: disk, root: {:?} }}\ntargets:\n  there: {}\n\
         routes:\n  - {{ from: here, to: there }}\n",
        lab.source().to_str().unwrap(),
        end(server.address, "b")
    );
    lab.run_profile(&lab.write("up.yaml", &text)).expect_code(0);
    let id = lab.newest_status().run;
    let run = Run::named(&lab, &id);
    append(
        &lab.state().join("runs").join(&id).join("alpha.err"),
        &format!("signed with {SECRET_ACCESS_KEY}\n"),
    );
    let bundle = make(&run, "up.tar");
    let seen = unpack(&lab, &bundle);
    assert_nowhere(&seen, &bundle, &[SECRET_ACCESS_KEY, ACCESS_KEY_ID]);
    assert!(seen.text("logs/alpha.err").contains("signed with [redacted]"));
}
