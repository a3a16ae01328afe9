//! From the tree to the checked configuration: every key, its type, its default; then the checks across keys.
//!
//! Stops at the first mistake. Secrets are looked for before anything else, so that no later message can show one.
//! Entry point: [`profile`].

mod bandwidth;
mod ends;
mod peers;
mod routes;
mod story;

use crate::{
    check,
    error::Fault,
    fields::{self, Fields},
    marks::Marks,
    model::{
        Assistance, Coordination, Durability, INCREMENT_MAX, Learning, OnExists, Order, Policy, Profile,
        Side, Split, TargetMustBe, VERSION, Verify,
    },
    node::{self, Node, Value},
    pattern::Pattern,
    secret,
};
use twinhaul_units::{Ratio, Share};

const KEYS: [&str; 20] = [
    "version",
    "name",
    "demo",
    "data",
    "story",
    "sources",
    "targets",
    "routes",
    "split",
    "assistance",
    "peers",
    "verify",
    "on_exists",
    "durability",
    "coordination",
    "target_must_be",
    "allow_root_fs",
    "order",
    "limit",
    "timetable",
];

pub(crate) const TARGET_MUST_BE: [(&str, TargetMustBe); 3] =
    [("empty", TargetMustBe::Empty), ("mine", TargetMustBe::Mine), ("any", TargetMustBe::Any)];
pub(crate) const VERIFY: [(&str, Verify); 4] = [
    ("none", Verify::None),
    ("hash", Verify::Hash),
    ("read-back", Verify::ReadBack),
    ("read-back-cached", Verify::ReadBackCached),
];
pub(crate) const ON_EXISTS: [(&str, OnExists); 3] =
    [("skip-same", OnExists::SkipSame), ("overwrite", OnExists::Overwrite), ("fail", OnExists::Fail)];
pub(crate) const DURABILITY: [(&str, Durability); 3] =
    [("each", Durability::Each), ("group", Durability::Group), ("end", Durability::End)];
pub(crate) const ORDERS: [(&str, Order); 4] =
    [("size", Order::Size), ("name", Order::Name), ("age", Order::Age), ("mixed", Order::Mixed)];
pub(crate) const POLICY: [(&str, Policy); 3] =
    [("balanced", Policy::Balanced), ("learning", Policy::Learning), ("none", Policy::None)];

/// Reads `text`; `file` is its name, kept for later mistakes.
pub(crate) fn profile(text: &str, file: &str) -> Result<Profile, Fault> {
    let root = node::read(text)?;
    secret::check(&root)?;
    fields::check_duplicates(&root)?;
    if matches!(root.value, Value::Nothing) {
        return Err(Fault::new("the profile is empty").help("start from one of profiles/"));
    }
    // The version first: another version may well have other keys.
    version(&Fields::any(&root)?)?;
    let top = Fields::of(&root, &KEYS)?;

    let marks = Marks::new(file, text, &root);
    let demo = top.read("demo", Node::boolean)?.unwrap_or(false);
    let sources = ends::read(top.need("sources", "the sources by name")?, Side::Source, demo, &marks)?;
    let targets = ends::read(top.need("targets", "the targets by name")?, Side::Target, demo, &marks)?;
    let routes = routes::read(&top, &sources, &targets)?;
    let peers = peers::read(top.get("peers"), &targets)?;
    let (data, story) = story::read(&top, demo, &peers)?;
    let profile = Profile {
        version: VERSION,
        name: name(top.need("name", "a short name such as projects-to-vault")?)?,
        demo,
        data,
        story,
        sources,
        targets,
        routes,
        split: top.read("split", split)?.map_or_else(|| half().map(Split::Bytes), Ok)?,
        assistance: top.read("assistance", assistance)?.unwrap_or_default(),
        peers,
        verify: top.read("verify", |n| n.choice(&VERIFY))?.unwrap_or(Verify::Hash),
        on_exists: top.read("on_exists", |n| n.choice(&ON_EXISTS))?.unwrap_or(OnExists::SkipSame),
        durability: top.read("durability", |n| n.choice(&DURABILITY))?.unwrap_or(Durability::Group),
        coordination: top.read("coordination", coordination)?.unwrap_or(Coordination::Embedded),
        target_must_be: top.read("target_must_be", |n| n.choice(&TARGET_MUST_BE))?,
        allow_root_fs: top.read("allow_root_fs", Node::boolean)?.unwrap_or(false),
        order: top.read("order", |n| n.choice(&ORDERS))?.unwrap_or(Order::Size),
        bandwidth: bandwidth::read(&top)?,
        marks,
    };
    check::across(&profile)?;
    Ok(profile)
}

fn version(top: &Fields<'_>) -> Result<(), Fault> {
    let node = top.need("version", "\"version: 1\" as the first line")?;
    match node.value {
        Value::Whole(VERSION) => Ok(()),
        Value::Whole(n) if n > VERSION => Err(node
            .expected("version 1, the one that this twinhaul reads")
            .help("the profile was written for a newer twinhaul")),
        _ => Err(node.expected("the number 1, without quotes")),
    }
}

/// Longest name of a profile, source, target or peer, in bytes; names become parts of file names.
pub const NAME_BYTES_MAX: usize = 63;

/// A name that is safe as a part of a file name and easy to say.
pub(crate) fn is_name(s: &str) -> bool {
    s.len() <= NAME_BYTES_MAX
        && s.starts_with(|c: char| c.is_ascii_alphanumeric())
        && s.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

const NAME: &str =
    "a name of at most 63 letters, digits, \".\", \"_\" or \"-\", beginning with a letter or a digit";

fn name(node: &Node) -> Result<String, Fault> {
    let text = node.text(NAME)?;
    if is_name(text) { Ok(text.to_owned()) } else { Err(node.expected(NAME)) }
}

fn pattern(node: &Node) -> Result<Pattern, Fault> {
    const EXPECTED: &str = "a glob such as \"**/*.raw\"";
    let text = node.text(EXPECTED)?;
    Pattern::new(text).map_err(|why| node.expected(EXPECTED).help(why))
}

/// The share of a profile that names none.
fn half() -> Result<Share, Fault> {
    Share::parse("50 %").map_err(|e| Fault::new(e.to_string()))
}

fn split(node: &Node) -> Result<Split, Fault> {
    #[derive(Clone, Copy)]
    enum By {
        Count,
        Bytes,
        Pattern,
    }
    let f = Fields::of(node, &["by", "share", "first"])?;
    let by =
        f.read("by", |n| n.choice(&[("count", By::Count), ("bytes", By::Bytes), ("pattern", By::Pattern)]))?;
    let share = f.read("share", |n| n.quantity(Share::parse))?;
    match (by.unwrap_or(By::Bytes), f.get("share"), f.get("first")) {
        (By::Pattern, Some(share), _) => {
            Err(share.fault("a split by pattern has no share; the glob decides"))
        }
        (By::Pattern, None, _) => {
            let first = f.need("first", "a glob; keys that match go to the first peer")?;
            Ok(Split::Pattern { first: pattern(first)? })
        }
        (_, _, Some(first)) => Err(first.fault("belongs to a split by pattern").help("write by: pattern")),
        (By::Count, ..) => Ok(Split::Count(share.map_or_else(half, Ok)?)),
        (By::Bytes, ..) => Ok(Split::Bytes(share.map_or_else(half, Ok)?)),
    }
}

fn assistance(node: &Node) -> Result<Assistance, Fault> {
    let f = Fields::of(node, &["policy", "learning"])?;
    Ok(Assistance {
        policy: f.read("policy", policy)?.unwrap_or(Assistance::default().policy),
        learning: f.read("learning", learning)?.unwrap_or_default(),
    })
}

fn policy(node: &Node) -> Result<Policy, Fault> {
    node.choice(&POLICY)
}

fn learning(node: &Node) -> Result<Learning, Fault> {
    let f = Fields::of(node, &["ratio", "increment", "minimum", "remember"])?;
    let default = Learning::default();
    Ok(Learning {
        ratio: f.read("ratio", |n| n.quantity(Ratio::parse))?.unwrap_or(default.ratio),
        increment: f.read("increment", increment)?.unwrap_or(default.increment),
        minimum: f.read("minimum", |n| n.whole(0..=u64::MAX))?.unwrap_or(default.minimum),
        remember: f.read("remember", Node::boolean)?.unwrap_or(default.remember),
    })
}

fn increment(node: &Node) -> Result<f64, Fault> {
    const EXPECTED: &str = "a step of the ratio from 0 to 0.5, such as 0.05";
    let step = node.quantity(Share::parse).map_err(|_| node.expected(EXPECTED))?.get();
    if step <= INCREMENT_MAX { Ok(step) } else { Err(node.expected(EXPECTED)) }
}

fn coordination(node: &Node) -> Result<Coordination, Fault> {
    match &node.value {
        Value::Text(s) if s.starts_with("postgres://") || s.starts_with("postgresql://") => Err(node
            .fault("coordination through PostgreSQL is not built yet")
            .help("use embedded, with both peers on this machine")),
        _ => node.choice(&[("embedded", Coordination::Embedded)]),
    }
}
