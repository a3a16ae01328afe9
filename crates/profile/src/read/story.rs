//! What only a demonstration has: files to make, and a story (demo.md).

use crate::{
    error::Fault,
    fields::{self, Fields},
    model::{DemoData, DemoStore, PeerAct, PeerConfig, StoryAct, StoryStep, StoryWhen},
    node::Node,
};
use std::time::Duration;
use twinhaul_units::{Bytes, PeerId, Rate, Share, Span, text::show};

/// Most files that a demonstration makes.
pub(super) const DEMO_FILES_MAX: u64 = 1_000_000;
/// Most steps of a story.
pub(super) const STORY_STEPS_MAX: usize = 64;
/// Longest that a store holds requests up, and longest that it asks to wait: as the store takes them.
const DELAY_MAX: Span = Span(Duration::from_mins(1));
const RETRY_AFTER_MAX: Span = Span(Duration::from_mins(5));
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
        let has_store = data.is_some_and(|d: DemoData| d.store.is_some());
        steps.iter().map(|s| step(s, peers, has_store)).collect()
    })?;
    Ok((data, story.unwrap_or_default()))
}

fn data(node: &Node) -> Result<DemoData, Fault> {
    let f = Fields::of(node, &["files", "size", "seed", "jitter", "giant", "store"])?;
    Ok(DemoData {
        files: f.need("files", "how many files to make")?.whole(1..=DEMO_FILES_MAX)?,
        size: f.need("size", "the size of each file, such as 128 KiB")?.quantity(Bytes::parse)?,
        seed: f.read("seed", |n| n.whole(0..=u64::MAX))?.unwrap_or(1),
        jitter: f.read("jitter", |n| n.quantity(Share::parse))?,
        giant: f.read("giant", |n| n.quantity(Bytes::parse))?,
        store: f.read("store", store)?,
    })
}

fn store(node: &Node) -> Result<DemoStore, Fault> {
    let f = Fields::of(node, &["delay", "share", "retry_after"])?;
    let up_to = |most: Span| {
        move |n: &Node| match n.quantity(Span::parse)? {
            span if span > most => Err(n.fault(format!("expected at most {most}, found {span}"))),
            span => Ok(span),
        }
    };
    Ok(DemoStore {
        delay: f.read("delay", up_to(DELAY_MAX))?.unwrap_or_default(),
        share: f.need("share", "which part of the requests a storm refuses")?.quantity(Share::parse)?,
        retry_after: up_to(RETRY_AFTER_MAX)(
            f.need("retry_after", "after how long a storm lets come again")?,
        )?,
    })
}

fn step(node: &Node, peers: &[PeerConfig; 2], has_store: bool) -> Result<StoryStep, Fault> {
    let known = ["after_assistance", "after_ranges", "after", "at", "wait", "peer", "limit", "do", "say"];
    let f = Fields::of(node, &known)?;
    Ok(StoryStep {
        when: when(node, &f)?,
        wait: f.read("wait", |n| n.quantity(Span::parse))?.unwrap_or_default(),
        act: act(node, &f, peers, has_store)?,
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
            "rate-limit" => Ok(StoryWhen::RateLimited),
            other => {
                Err(n.fault(format!("expected take-over, return or rate-limit, found \"{}\"", show(other))))
            }
        })?,
    ];
    let mut given = all.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(when), None) => Ok(when),
        (None, _) => Err(node.fault("a step waits for something").help(
            "write one of after_assistance: 3, after_ranges: 1, at: 30 %, after: take-over, after: return, \
             after: rate-limit",
        )),
        (Some(_), Some(_)) => Err(node.fault("a step waits for one thing, and this one names two")),
    }
}

/// What `do` names.
enum Does {
    ToPeer(PeerAct),
    Weather(StoryAct),
}

fn act(
    node: &Node,
    f: &Fields<'_>,
    peers: &[PeerConfig; 2],
    has_store: bool,
) -> Result<Option<StoryAct>, Fault> {
    let limit = f.read("limit", |n| match n.text("a rate, or none") {
        Ok("none") => Ok(PeerAct::Unlimited),
        _ => n.quantity(Rate::parse).map(PeerAct::Limit),
    })?;
    let does = f.read("do", |n| does(n, has_store))?;
    let named = f.read("peer", |n| peer(n, peers))?;
    match (named, limit, does) {
        (_, Some(_), Some(_)) => Err(node.fault("a step does one thing: limit or do")),
        (Some(peer), Some(act), None) | (Some(peer), None, Some(Does::ToPeer(act))) => {
            Ok(Some(StoryAct::ToPeer(peer, act)))
        }
        (None, None, Some(Does::Weather(act))) => Ok(Some(act)),
        (None, None, None) => Ok(None),
        (Some(_), None, Some(Does::Weather(_))) => {
            Err(node.fault("the weather is the store's, and this step names a peer"))
        }
        (Some(_), None, None) => Err(node.fault("a step that names a peer says what is done: limit or do")),
        (None, ..) => Err(node.fault("a step that does something to a peer names it")),
    }
}

fn does(node: &Node, has_store: bool) -> Result<Does, Fault> {
    let weather = match node.text("what is done")? {
        "freeze" => return Ok(Does::ToPeer(PeerAct::Freeze)),
        "thaw" => return Ok(Does::ToPeer(PeerAct::Thaw)),
        "kill" => return Ok(Does::ToPeer(PeerAct::Kill)),
        "storm" => StoryAct::Storm,
        "calm" => StoryAct::Calm,
        other => {
            let expected = "expected freeze, thaw, kill, storm or calm";
            return Err(node.fault(format!("{expected}, found \"{}\"", show(other))));
        }
    };
    if has_store {
        return Ok(Does::Weather(weather));
    }
    Err(node
        .fault("there is no store that could have weather")
        .help("write in data: store: { share: 100 %, retry_after: 12 s }"))
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
