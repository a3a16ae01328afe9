//! Any backend to any other: disk, tape and stores in one profile, with routes; and from one to another without a disk between.

use crate::stage::{assert_same_files, disk, lab, made, profile, server};
use twinhaul_tests::cloud::others::{AZURE_KEY, Azure};
use twinhaul_tests::needs;
use twinhaul_tests::product::Lab;

/// A tape library of this name.
fn vault(lab: &Lab, name: &str) -> String {
    let path = lab.path(name);
    let path = path.to_str().unwrap();
    let args =
        ["tape", "init", "--slots", "20", "--capacity", "16 MiB", "--drives", "2", "--cartridges", "8"];
    lab.run(args.iter().copied().chain(["--library", path])).expect_code(0);
    format!("{{ backend: tape, library: {path:?}, close_bytes: 2 MiB }}")
}

fn tape_is_built() -> bool {
    let there = twinhaul_tests::product::exe().with_file_name("libtwinhaul_tape.so").exists();
    if !there {
        needs::skip("cloud, tape", "the tape backend is not built: cargo build -p twinhaul-tape");
    }
    there
}

#[test]
fn tape_goes_to_a_store_and_a_store_to_tape() {
    let Some(server) = server().filter(|_| tape_is_built()) else { return };
    let lab = lab();
    made(&lab, 40, &[9 << 20, 20 << 20]);
    let (first, second) = (vault(&lab, "first"), vault(&lab, "second"));
    let legs = [
        ("to-tape", disk(&lab.source(), false), first.clone()),
        ("tape-to-store", first, server.end("t")),
        ("store-to-tape", server.end("t"), second.clone()),
        ("back", second, disk(&lab.target(), true)),
    ];
    for (name, from, to) in legs {
        lab.run_profile(&profile(&lab, name, &from, &to, "")).expect_code(0);
    }
    assert_same_files(&lab.source(), &lab.target());
}

#[test]
fn one_profile_has_routes_to_tape_to_two_stores_and_to_disk() {
    let (Some(server), Some(azure)) = (server().filter(|_| tape_is_built()), Azure::start()) else {
        return needs::skip(
            "cloud, routes",
            "moto_server or azurite is not installed: cargo xtask test installs them",
        );
    };
    let mut lab = lab();
    lab.set_env("TEST_AZURE", AZURE_KEY);
    made(&lab, 40, &[9 << 20, 20 << 20]);
    let ends = [
        ("vault", vault(&lab, "library")),
        ("s3", server.end("r")),
        ("azure", format!("{{ backend: cloud, {} }}", azure.fields("r", "${env:TEST_AZURE}"))),
        ("near", disk(&lab.path("near"), true)),
    ];
    let all =
        |of: &dyn Fn(&str, &str) -> String| ends.iter().map(|(name, end)| of(name, end)).collect::<String>();
    let up = format!(
        "version: 1\nname: out\nsources:\n  here: {}\ntargets:\n{}routes:\n{}",
        disk(&lab.source(), false),
        all(&|name, end| format!("  {name}: {end}\n")),
        "  - { from: here, match: \"deep/large-0\", to: vault }\n  - { from: here, match: \"deep/**\", to: s3 }\n  \
         - { from: here, match: \"small/**\", to: azure }\n  - { from: here, to: near }\n",
    );
    let done = lab.run_profile(&lab.write("out.yaml", &up));
    done.expect_code(0).expect_words(&["requests to azure: ", "requests to s3: "]);
    assert!(server.keys("r/").iter().all(|key| key.starts_with("r/deep/")), "{:?}", server.keys("r/"));
    let back = format!(
        "version: 1\nname: back\nsources:\n{}targets:\n  there: {}\nroutes:\n{}",
        all(&|name, end| format!("  {name}: {}\n", end.replace(", create: true", ""))),
        disk(&lab.target(), true),
        all(&|name, _| format!("  - {{ from: {name}, to: there }}\n")),
    );
    lab.run_profile(&lab.write("back.yaml", &back)).expect_code(0);
    assert_same_files(&lab.source(), &lab.target());
}
