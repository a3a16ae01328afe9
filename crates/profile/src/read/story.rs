//! What only a demonstration has: files to make, and a story (demo.md).

use crate::{
    error::Fault,
    fields::{self, Fields},
    model::{DemoData, PeerConfig, StoryAct, StoryStep, StoryWhen},
    node::Node,
};
use twinhaul_units::{Bytes, PeerId, Rate, Share, Span, text::show};

/// Most files that a demonstration makes.
pub(super) const DEMO_FILES_MAX: u64 = 1_000_000;
/// Most steps of a story.
pub(super) const STORY_STEPS_MAX: usize = 64;
/// Longest caption, in characters.
pub(super) const SAY_CHARS_MAX: usize = 200;

pub(super) fn read(
    top: &Fields<'_>,
    demo: bool,
    peers: &[PeerConfig; 2],
) -> Result<(Option<DemoData>, Vec<StoryStep>), Fault> {
    if !demo && let Some(node) = top.get("data").or_else(|| top.get("story")) {
        return Err(node
            .fault("exists only in a demonstration")
            .help("write demo: true, or take it out: real migrations move real data"));
    }
    let data = top.read("data", data)?;
    let story = top.read("story", |n| {
        let steps = n.list("steps")?;
        if steps.len() > STORY_STEPS_MAX {
            return Err(n.fault(format!("expected at most {STORY_STEPS_MAX} steps, found {}", steps.len())));
        }
        steps.iter().map(|s| step(s, peers)).collect()
    })?;
    Ok((data, story.unwrap_or_default()))
}

fn data(node: &Node) -> Result<DemoData, Fault> {
    let f = Fields::of(node, &["files", "size", "seed", "jitter", "giant"])?;
    Ok(DemoData {
        files: f.need("files", "how many files to make")?.whole(1..=DEMO_FILES_MAX)?,
        size: f.need("size", "the size of each file, such as 128 KiB")?.quantity(Bytes::parse)?,
        seed: f.read("seed", |n| n.whole(0..=u64::MAX))?.unwrap_or(1),
        jitter: f.read("jitter", |n| n.quantity(Share::parse))?,
        giant: f.read("giant", |n| n.quantity(Bytes::parse))?,
    })
}

fn step(node: &Node, peers: &[PeerConfig; 2]) -> Result<StoryStep, Fault> {
    let known = ["after_assistance", "after_ranges", "after", "at", "wait", "peer", "limit", "do", "say"];
    let f = Fields::of(node, &known)?;
    Ok(StoryStep {
        when: when(node, &f)?,
        wait: f.read("wait", |n| n.quantity(Span::parse))?.unwrap_or_default(),
        act: act(node, &f, peers)?,
        say: say(f.need("say", "the caption of the step")?)?,
    })
}

/// By event, never by clock: exactly one of four.
fn when(node: &Node, f: &Fields<'_>) -> Result<StoryWhen, Fault> {
    let one = |n: &Node| n.whole(1..=u64::MAX);
    let all = [
        f.read("after_assistance", |n| one(n).map(StoryWhen::Assistance))?,
        f.read("after_ranges", |n| one(n).map(StoryWhen::Ranges))?,
        f.read("at", |n| n.quantity(Share::parse).map(StoryWhen::Done))?,
        f.read("after", |n| match n.text("an event")? {
            "take-over" => Ok(StoryWhen::TakenOver),
            "return" => Ok(StoryWhen::Returned),
            other => Err(n.fault(format!("expected take-over or return, found \"{}\"", show(other)))),
        })?,
    ];
    let mut given = all.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(when), None) => Ok(when),
        (None, _) => Err(node.fault("a step waits for something").help(
            "write one of after_assistance: 3, after_ranges: 1, at: 30 %, after: take-over, after: return",
        )),
        (Some(_), Some(_)) => Err(node.fault("a step waits for one thing, and this one names two")),
    }
}

fn act(node: &Node, f: &Fields<'_>, peers: &[PeerConfig; 2]) -> Result<Option<(PeerId, StoryAct)>, Fault> {
    let limit = f.read("limit", |n| match n.text("a rate, or none") {
        Ok("none") => Ok(StoryAct::Unlimited),
        _ => n.quantity(Rate::parse).map(StoryAct::Limit),
    })?;
    let does = f.read("do", |n| match n.text("what is done to the peer")? {
        "freeze" => Ok(StoryAct::Freeze),
        "thaw" => Ok(StoryAct::Thaw),
        "kill" => Ok(StoryAct::Kill),
        other => Err(n.fault(format!("expected freeze, thaw or kill, found \"{}\"", show(other)))),
    })?;
    let named = f.read("peer", |n| peer(n, peers))?;
    match (named, limit.or(does)) {
        (_, Some(_)) if limit.is_some() && does.is_some() => {
            Err(node.fault("a step does one thing: limit or do"))
        }
        (Some(peer), Some(act)) => Ok(Some((peer, act))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(node.fault("a step that names a peer says what is done: limit or do")),
        (None, Some(_)) => Err(node.fault("a step that does something names the peer")),
    }
}

fn peer(node: &Node, peers: &[PeerConfig; 2]) -> Result<PeerId, Fault> {
    let name = node.text("the name of a peer")?;
    let all = || peers.iter().map(|p| p.name.as_str());
    all().position(|n| n == name).and_then(PeerId::from_index).ok_or_else(|| {
        let fault = node.fault(format!("there is no peer \"{}\"", show(name)));
        match fields::nearest(name, all()) {
            Some(near) => fault.help(format!("did you mean \"{near}\"?")),
            None => fault.help(format!("the peers are: {}", all().collect::<Vec<_>>().join(", "))),
        }
    })
}

fn say(node: &Node) -> Result<String, Fault> {
    let text = node.text("a caption")?;
    if text.chars().count() > SAY_CHARS_MAX {
        return Err(node.fault(format!("a caption has at most {SAY_CHARS_MAX} characters")));
    }
    Ok(text.to_owned())
}
