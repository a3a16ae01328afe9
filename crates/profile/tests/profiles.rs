//! The profiles that come with twinhaul, the defaults, routing, and the profile behind `copy`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests, and the helpers of tests")]

use std::{fs, os::unix::ffi::OsStrExt as _, path::Path};
use twinhaul_profile::{
    Bandwidth, Coordination, DemoData, Durability, OnExists, Order, PeerAct, PeerConfig, Policy, Profile,
    Split, StoryAct, StoryStep, StoryWhen, TargetMustBe, Verify, lint, load, parse,
};
use twinhaul_units::{Bytes, Key, PeerId, Rate, Share, Span};

fn shipped(name: &str) -> Profile {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles").join(name)).unwrap()
}

#[test]
fn every_shipped_profile_is_correct_without_a_warning() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let profile = load(&path).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(lint(&profile), [], "{}", path.display());
            assert_eq!(profile.frozen(), fs::read_to_string(&path).unwrap());
            assert_eq!(parse(&profile.to_yaml(), "w").unwrap(), profile);
            count += 1;
        }
    }
    assert!(count >= 3);
}

#[test]
fn the_demo_tells_the_story_of_the_design() {
    let demo = shipped("demo.yaml").with_demo_root(Path::new("/tmp/x${y}")).unwrap();
    let peer = |name, limit| PeerConfig {
        slots: 4,
        bandwidth: Bandwidth { limit: Some(Rate(limit)), timetable: vec![] },
        ..PeerConfig::named(name)
    };
    let data =
        DemoData { files: 3200, size: Bytes::kib(128), seed: 1, jitter: None, giant: None, store: None };
    assert!(demo.demo);
    assert_eq!(demo.data, Some(data));
    assert_eq!(demo.split, Split::Count(Share::parse("15 %").unwrap()));
    assert_eq!(demo.peers, [peer("alpha", 16 << 20), peer("beta", 5 << 18),]);
    let learning = demo.assistance.learning;
    assert_eq!((demo.assistance.policy, learning.minimum, learning.remember), (Policy::Learning, 4, false));
    assert_eq!(
        demo.story[0],
        StoryStep {
            when: StoryWhen::Assistance(3),
            wait: Span::parse("0.5 s").unwrap(),
            act: Some(StoryAct::ToPeer(PeerId::First, PeerAct::Limit(Rate(128 << 10)))),
            say: "Now we hurt alpha. Watch who asks.".into(),
        }
    );
    assert_eq!(demo.story.len(), 2);
    assert_eq!(demo.sources[0].resolve().unwrap()["root"], "/tmp/x${y}/source");
    assert_eq!(demo.targets[0].resolve().unwrap()["root"], "/tmp/x${y}/target");
}

const SHORT: &str = "version: 1
name: t
sources: { a: { backend: disk, root: data } }
targets: { b: { backend: tape, library: ./vtl/../x, drives: 2, plugin: so/tape.so } }
";

#[test]
fn what_is_left_out_has_its_default() {
    let p = parse(SHORT, "p.yaml").unwrap();
    assert_eq!(
        parse(&format!("\u{feff}{}", SHORT.replace('\n', "\r\n")), "p.yaml").unwrap(),
        p,
        "as Windows writes it"
    );
    assert_eq!(p.peers, PeerConfig::defaults());
    assert_eq!((p.peers[0].name.as_str(), p.peers[1].name.as_str(), p.peers[0].slots), ("alpha", "beta", 8));
    assert_eq!(p.split, Split::Bytes(Share::parse("50 %").unwrap()));
    assert_eq!((p.verify, p.on_exists, p.durability), (Verify::Hash, OnExists::SkipSame, Durability::Group));
    assert_eq!((p.coordination, p.order, p.allow_root_fs), (Coordination::Embedded, Order::Size, false));
    assert_eq!(p.assistance.policy, Policy::Balanced);
    assert!(p.assistance.learning.remember && !p.demo && p.story.is_empty() && p.data.is_none());
    assert_eq!((p.routes.len(), p.routes[0].from.as_str(), p.routes[0].to.as_str()), (1, "a", "b"));
    assert_eq!(p.targets[0].config["drives"], 2);
    assert!(!p.targets[0].config.contains_key("plugin"), "the host's keys are not the backend's");
}

#[test]
fn relative_paths_become_absolute_and_the_frozen_copy_says_so() {
    let p = parse(SHORT, "p.yaml").unwrap().absolute(Path::new("/here")).unwrap();
    assert_eq!(p.sources[0].config["root"], "/here/data");
    assert_eq!(p.targets[0].config["library"], "/here/vtl/../x");
    assert_eq!(p.targets[0].plugin.as_deref(), Some("/here/so/tape.so"));
    let frozen = parse(&p.frozen(), "profile.yaml").unwrap();
    assert_eq!(frozen, p);
    assert_eq!(frozen.absolute(Path::new("/elsewhere")).unwrap(), p, "a resumed run finds the same paths");
}

#[test]
fn the_first_match_wins_and_keys_are_bytes() {
    let text = "version: 1
name: t
sources: { a: { backend: disk, root: /a }, z: { backend: disk, root: /z } }
targets: { b: { backend: disk, root: /b }, c: { backend: disk, root: /c } }
routes:
  - { from: a, match: \"**/*.raw\", to: b, prefix: raw/ }
  - { from: a, match: \"**\", to: c }
  - { from: z, match: \"only/*\", to: c }
";
    let p = parse(text, "p.yaml").unwrap();
    let to = |source: &str, key: &[u8]| p.route(source, key).map(|r| r.to.as_str());
    assert_eq!(to("a", b"x/y.raw"), Some("b"));
    assert_eq!(to("a", b"\xff\xfe/\xc3.raw"), Some("b"));
    assert_eq!(to("a", b"\xff\xfe/\xc3"), Some("c"));
    assert_eq!(to("z", b"only/x"), Some("c"));
    assert_eq!(to("z", b"only/x/y"), None);
    assert_eq!(to("nobody", b"x"), None);
    let key = Key::new(*b"\xff.raw").unwrap();
    assert_eq!(p.route("a", key.as_bytes()).unwrap().target_key(&key).unwrap().as_bytes(), b"raw/\xff.raw");
    let codes: Vec<_> = lint(&p).into_iter().map(|l| (l.code, l.line)).collect();
    assert_eq!(codes, [("route-partial", Some(3)), ("keys-collide", Some(8))]);
}

#[test]
fn a_target_may_differ_from_the_profile() {
    let text = "version: 1
name: t
sources: { a: { backend: disk, root: /a } }
targets:
  b: { backend: disk, root: /b, target_must_be: mine, allow_root_fs: true }
  c: { backend: disk, root: /c }
routes: [{ from: a, match: x, to: b }, { from: a, to: c }]
on_exists: overwrite
peers: { one: { targets: [c] }, two: { targets: [b] } }
";
    let p = parse(text, "p.yaml").unwrap();
    let [b, c] = &p.targets[..] else { panic!() };
    assert_eq!((p.target_must_be(b), p.target_must_be(c)), (TargetMustBe::Mine, TargetMustBe::Empty));
    assert_eq!((p.allows_root_fs(b), p.allows_root_fs(c)), (true, false));
    assert_eq!(c.line_column(), Some((6, 6)));
    assert!(p.reaches(PeerId::First, "c") && !p.reaches(PeerId::First, "b"));
    assert_eq!(p.peer_named("two"), Some(PeerId::Second));
    let codes: Vec<_> = lint(&p).into_iter().map(|l| l.code).collect();
    assert_eq!(codes, ["overwrite", "no-common-target"]);
}

#[test]
fn doubtful_profiles_are_warned_about() {
    let text = "version: 1
name: t
sources: { a: { backend: disk, root: /a }, idle: { backend: dsk, root: /i } }
targets: { b: { backend: disk, root: /b, plugin: /x.so }, spare: { backend: disk, root: /s } }
routes: [{ from: a, to: b }]
verify: none
assistance: { policy: none, learning: { minimum: 3 } }
peers: { one: { limit: 1 KiB/s }, two: { limit: 1 GiB/s } }
";
    let found: Vec<_> = lint(&parse(text, "p.yaml").unwrap()).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "line 6: nothing will be verified; hash costs little [verify-none]",
            "line 8: 1 KiB/s for one is very slow; is the unit right? [limit-low]",
            "line 8: limits of 1 KiB/s and 1 GiB/s differ by more than 100 times; the slower peer will do next to nothing \
         [limits-far-apart]",
            "line 3: backend dsk does not come with twinhaul and must be found as a plugin; did you mean disk? \
         [backend-unknown]",
            "line 4: a plugin without a pin is loaded whatever it holds; pin: takes its BLAKE3 [plugin-unpinned]",
            "line 3: no route begins at source idle [source-unused]",
            "line 4: no route leads to target spare [target-unused]",
            "line 7: no peer will assist the other [no-assistance]",
            "line 7: policy none does not look at these numbers [learning-unused]",
        ]
    );
}

#[test]
fn copy_makes_a_whole_profile_of_two_paths() {
    for (src, dst, name, from, to) in [
        ("/data/My Photos", "vault/", "MyPhotos-to-vault", "/data/My Photos", "/here/vault"),
        (".", "/mnt/x", "source-to-x", "/here/", "/mnt/x"),
        ("~odd", "@demo/a", "odd-to-a", "/here/~odd", "/here/@demo/a"),
        ("/a${env:HOME}", "/\"q\"\n", "aenvHOME-to-q", "/a${env:HOME}", "/\"q\"\n"),
    ] {
        let p = Profile::copy(Path::new(src), Path::new(dst)).unwrap().absolute(Path::new("/here")).unwrap();
        assert_eq!(p.name, name);
        let root = |end: &twinhaul_profile::End| end.resolve().unwrap()["root"].as_str().unwrap().to_owned();
        assert_eq!(Path::new(&root(&p.sources[0])), Path::new(from));
        assert_eq!(Path::new(&root(&p.targets[0])), Path::new(to));
        assert_eq!(parse(&p.to_yaml(), "saved.yaml").unwrap(), p);
        assert_eq!(lint(&p), []);
    }
    let odd = Path::new(std::ffi::OsStr::from_bytes(b"/\xff"));
    let error = Profile::copy(odd, Path::new("/b")).unwrap_err().to_string();
    assert!(error.starts_with("path /\\xff is not UTF-8"), "{error}");
    let error = Profile::copy(Path::new(""), Path::new("/b")).unwrap_err().to_string();
    assert!(error.contains("expected a path, found nothing") && !error.contains("profile check"), "{error}");
}
