//! What is written reads back as the same.

use super::*;
use crate::timetable::{Bandwidth, Hours};
use crate::{
    marks::Marks,
    model::{Assistance, DemoData, DemoStore, Durability, Learning, OnExists, Order, Verify},
    pattern::Pattern,
    refs,
};
use proptest::prelude::*;
use std::time::Duration;
use twinhaul_units::{PeerId, Ratio, Share};

#[test]
fn quantities_read_back_exactly() {
    for n in [0, 1, 1023, 131_072, 1_310_720, 1_234_567_891, (1 << 53) - 1] {
        assert_eq!(Bytes::parse(&bytes(Bytes(n))), Ok(Bytes(n)), "{n}");
    }
    for n in [1, 131_072, 1_310_720, 1_234_567_891] {
        assert_eq!(Rate::parse(&rate(Rate(n))), Ok(Rate(n)), "{n}");
    }
    for micros in [0, 1, 1500, 500_000, 2_000_000, 112_000_000, 3_600_000_001] {
        let s = Span(Duration::from_micros(micros));
        assert_eq!(Span::parse(&span(s)), Ok(s), "{micros}");
    }
    for text in ["15 %", "0.125", "0.333333", "1", "0"] {
        let s = Share::parse(text).unwrap();
        assert_eq!(Share::parse(&share(s)), Ok(s), "{text}");
    }
    assert_eq!(rate(Rate(1_310_720)), "1.25 MiB/s");
}

#[test]
fn text_that_looks_like_something_else_is_quoted() {
    for s in ["true", "No", "8", "-", "", "~", "@demo/x", "${env:A}", "a: b", "\u{202e}", "null"] {
        assert!(scalar(s).starts_with('"'), "{s}");
    }
    assert_eq!(scalar("/data/projects"), "/data/projects");
    assert_eq!(quoted("a\u{1b}\u{202e}\u{e0041}"), "\"a\\x1B\\u202E\\U000E0041\"");
}

/// Keys that no test of secrets or of the host takes for its own.
fn config_key() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
        .prop_map(|s| format!("x{}", s.replace(['k', 'K', 's', 'S', 't', 'T', 'p', 'P', 'c', 'C'], "")))
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1.0e12..1.0e12).prop_map(Value::from),
        any::<String>().prop_map(|s| refs::escape(&s.replace("://", "")).into()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(config_key(), inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn end(side: Side, name: &'static str) -> impl Strategy<Value = End> {
    let config = prop::collection::btree_map(config_key(), json(), 0..5);
    let must_be = prop::option::of(prop::sample::select(TARGET_MUST_BE.map(|(_, v)| v).to_vec()));
    (config, "[ -~]{1,20}", any::<Option<bool>>(), must_be, any::<bool>()).prop_map(
        move |(config, root, allow, must_be, pinned)| End {
            side,
            name: name.to_owned(),
            backend: "disk".to_owned(),
            plugin: pinned.then(|| "/opt/it's here.so".to_owned()),
            pin: pinned.then(|| format!("blake3:{}", "0123456789abcdef".repeat(4))),
            allow_root_fs: allow.filter(|_| side == Side::Target),
            target_must_be: must_be.filter(|_| side == Side::Target),
            bandwidth: Bandwidth::default(),
            slots_per_peer: None,
            config: config
                .into_iter()
                .chain([("root".to_owned(), format!("/{}", refs::escape(&root)).into())])
                .collect(),
            marks: Marks::default(),
        },
    )
}

fn when() -> impl Strategy<Value = StoryWhen> {
    prop_oneof![
        (1..9u64).prop_map(StoryWhen::Assistance),
        (1..9u64).prop_map(StoryWhen::Ranges),
        (0..=100u32).prop_map(|s| StoryWhen::Done(Share::new(f64::from(s) / 100.0).unwrap())),
        Just(StoryWhen::TakenOver),
        Just(StoryWhen::Returned),
        Just(StoryWhen::RateLimited),
    ]
}

fn act() -> impl Strategy<Value = StoryAct> {
    let whom = prop_oneof![Just(PeerId::First), Just(PeerId::Second)];
    let to_peer = prop_oneof![
        (1..1u64 << 40).prop_map(|limit| PeerAct::Limit(Rate(limit))),
        Just(PeerAct::Unlimited),
        Just(PeerAct::Freeze),
        Just(PeerAct::Thaw),
        Just(PeerAct::Kill),
    ];
    prop_oneof![
        4 => (whom, to_peer).prop_map(|(peer, act)| StoryAct::ToPeer(peer, act)),
        1 => Just(StoryAct::Storm),
        1 => Just(StoryAct::Calm),
    ]
}

fn store() -> DemoStore {
    let share = Share::new(0.25).unwrap();
    DemoStore { delay: Span(Duration::from_millis(30)), share, retry_after: Span(Duration::from_secs(12)) }
}

fn has_weather(story: &[StoryStep]) -> bool {
    story.iter().any(|s| matches!(s.act, Some(StoryAct::Storm | StoryAct::Calm)))
}

fn story() -> impl Strategy<Value = Vec<StoryStep>> {
    let step = (when(), 0..5_000_000u64, prop::option::of(act()), any::<String>()).prop_map(
        |(when, micros, act, say)| StoryStep {
            when,
            wait: Span(Duration::from_micros(micros)),
            act,
            say: say.replace("://", ""),
        },
    );
    prop::collection::vec(step, 0..3)
}

fn split() -> impl Strategy<Value = Split> {
    prop_oneof![
        (0.0..=1.0).prop_map(|s| Split::Bytes(Share::new(s).unwrap())),
        (0..=100u32).prop_map(|s| Split::Count(Share::new(f64::from(s) / 100.0).unwrap())),
        Just(Split::Pattern { first: Pattern::new("**/*.{raw,\"x\"}").unwrap() }),
    ]
}

prop_compose! {
    fn learning()(
        ratio in 0.05..0.95, increment in 0.0..0.5, minimum in any::<u64>(), remember in any::<bool>(),
    ) -> Learning {
        Learning { ratio: Ratio::clamped(ratio), increment, minimum, remember }
    }
}

fn route(matching: Option<&str>, to: &str, prefix: &str) -> Route {
    Route {
        from: "a".into(),
        matching: matching.map(|m| Pattern::new(m).unwrap()),
        to: to.into(),
        prefix: prefix.into(),
    }
}

prop_compose! {
    fn profile()(
        source in end(Side::Source, "a"), vault in end(Side::Target, "vault"), off in end(Side::Target, "no"),
        story in story(), split in split(), learning in learning(), limit in 1..1u64 << 40,
        words in (0..4usize, 0..3usize, 0..3usize, 0..2usize), flag in any::<bool>(),
        must_be in prop::option::of(prop::sample::select(TARGET_MUST_BE.map(|(_, v)| v).to_vec())),
    ) -> Profile {
        let verify: [Verify; 4] = VERIFY.map(|(_, v)| v);
        let exists: [OnExists; 3] = ON_EXISTS.map(|(_, v)| v);
        let durability: [Durability; 3] = DURABILITY.map(|(_, v)| v);
        let order: [Order; 4] = ORDERS.map(|(_, v)| v);
        let hours = ["Mon,Fri-Sun 22:00-06:30 none", "daily 00:00-24:00 7 MiB/s"].map(|h| Hours::parse(h).unwrap());
        let timetable = if flag { hours.to_vec() } else { Vec::new() };
        let bandwidth = Bandwidth { limit: flag.then_some(Rate(limit)), timetable };
        let first = PeerConfig { bandwidth: bandwidth.clone(), ..PeerConfig::named("on") };
        let vault = End { bandwidth: bandwidth.clone(), slots_per_peer: flag.then_some(2), ..vault };
        let second = PeerConfig { slots: 3, targets: Some(vec!["no".into()]), ..PeerConfig::named("8") };
        Profile {
            version: 1, name: "0x1".into(), demo: true,
            data: Some(DemoData { files: 7, size: Bytes(limit), seed: limit, jitter: Share::new(0.2), giant: flag.then_some(Bytes(limit)), store: Some(store()) })
                .filter(|_| flag || has_weather(&story)),
            story, sources: vec![source], targets: vec![vault, off],
            routes: vec![route(Some("a: [b]*"), "vault", ""), route(None, "no", "\u{9b}p q/: x/")],
            split, assistance: Assistance { policy: POLICY[words.3].1, learning },
            peers: [first, second], verify: verify[words.0], on_exists: exists[words.1],
            durability: durability[words.2], coordination: Coordination::Embedded,
            target_must_be: must_be, allow_root_fs: flag, order: order[words.3], bandwidth, marks: Marks::default(),
        }
    }
}

proptest! {
    #[test]
    fn every_profile_reads_back_equal(profile in profile()) {
        let text = profile.to_yaml();
        let back = crate::parse(&text, "written.yaml").map_err(|e| TestCaseError::fail(format!("{e}\n{text}")))?;
        prop_assert_eq!(&back, &profile, "{}", text);
        prop_assert!(text.lines().flat_map(str::chars).all(text::is_safe));
        prop_assert_eq!(back.frozen(), text);
    }
}
