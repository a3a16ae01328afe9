//! What only a demonstration has: files to make, and a story (demo.md).

use crate::{
    error::Fault,
    fields::{self, Fields},
    model::{DemoData, PeerConfig, StoryStep},
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
    let f = Fields::of(node, &["files", "size", "seed", "jitter"])?;
    Ok(DemoData {
        files: f.need("files", "how many files to make")?.whole(1..=DEMO_FILES_MAX)?,
        size: f.need("size", "the size of each file, such as 128 KiB")?.quantity(Bytes::parse)?,
        seed: f.read("seed", |n| n.whole(0..=u64::MAX))?.unwrap_or(1),
        jitter: f.read("jitter", |n| n.quantity(Share::parse))?,
    })
}

fn step(node: &Node, peers: &[PeerConfig; 2]) -> Result<StoryStep, Fault> {
    let f = Fields::of(node, &["after_assistance", "wait", "peer", "limit", "say"])?;
    Ok(StoryStep {
        after_assistance: f
            .need("after_assistance", "a number of assignments to wait for")?
            .whole(1..=u64::MAX)?,
        wait: f.read("wait", |n| n.quantity(Span::parse))?.unwrap_or_default(),
        peer: peer(f.need("peer", "the name of a peer")?, peers)?,
        limit: f.need("limit", "the peer's new limit")?.quantity(Rate::parse)?,
        say: say(f.need("say", "the caption of the step")?)?,
    })
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
