//! What a plan says of requests: asked of each backend that has the verb `cost`, which counts by its own rules. What the walk itself sent to
//! the sources is measured, not computed: a run walks again.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use twinhaul_backend_host::{OpContext, Target};
use twinhaul_console_model::words;
use twinhaul_ledger::{NodeKind, Planned};
use twinhaul_planner::{Free, Source};
use twinhaul_profile::{Profile, Verify};
use twinhaul_units::PeerId;
use twinhaul_units::text::show;
use twinhaul_wire::Requests;

/// Different sizes that are gathered before a backend is asked.
const SIZES_MAX: usize = 65_536;

/// A source or a target that counts requests.
#[derive(Debug)]
struct Place {
    name: String,
    source: bool,
    target: Target,
    /// Sizes, and how many objects of each.
    sizes: BTreeMap<u64, u64>,
    sum: Requests,
    /// Nothing is there: it is written without a look.
    vacant: bool,
}

/// See the module. Takes the transfers of a plan as they come.
#[derive(Debug)]
pub(super) struct Costs {
    sources: Vec<Option<Place>>,
    targets: Vec<Option<Place>>,
    read_back: bool,
}

impl Costs {
    pub(super) fn of(profile: &Profile, sources: &[Source], free: &[Free], vacant: &[String]) -> Self {
        let place = |name: &str, source: bool, target: &Target| {
            let counts = target.library().info().verbs().iter().any(|verb| verb.verb == "cost");
            counts.then(|| Place {
                name: name.to_owned(),
                source,
                target: target.clone(),
                sizes: BTreeMap::new(),
                sum: Requests::default(),
                vacant: !source && vacant.iter().any(|v| v == name),
            })
        };
        let mut costs = Self {
            sources: sources.iter().map(|s| place(&s.name, true, &s.target)).collect(),
            targets: free.iter().map(|f| place(&f.name, false, &f.target)).collect(),
            read_back: profile.verify == Verify::ReadBack || profile.verify == Verify::ReadBackCached,
        };
        // A peer opens what it reaches, and the planner everything: of a source, that is measured.
        for place in costs.places_mut() {
            let reach = |peer: &PeerId| place.source || profile.reaches(*peer, &place.name);
            let peers = PeerId::BOTH.iter().filter(|peer| reach(peer)).count();
            let opens = peers + usize::from(!place.source);
            place.ask(&json!({ "opens": opens }));
        }
        costs
    }

    fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.sources.iter_mut().chain(&mut self.targets).flatten()
    }

    pub(super) fn take(&mut self, transfers: &[Planned]) {
        let read_back = self.read_back;
        for transfer in transfers.iter().filter(|t| t.kind != NodeKind::Symlink) {
            let ends = [
                self.sources.get_mut(usize::from(transfer.source)),
                self.targets.get_mut(usize::from(transfer.target)),
            ];
            for place in ends.into_iter().flatten().flatten() {
                *place.sizes.entry(transfer.size).or_default() += 1;
                if place.sizes.len() >= SIZES_MAX {
                    place.flush(read_back);
                }
            }
        }
    }

    /// All that is expected, once the walk is over.
    pub(super) fn finish(mut self) -> Vec<Expected> {
        let read_back = self.read_back;
        let mut all = Vec::new();
        for place in self.places_mut() {
            place.flush(read_back);
            if place.source
                && let Some(walked) =
                    place.target.status(&OpContext::new()).ok().and_then(|s| Requests::of_json(&s))
            {
                place.sum += &walked;
            }
            if place.sum.sent() > 0 {
                all.push(Expected {
                    name: place.name.clone(),
                    source: place.source,
                    requests: place.sum.clone(),
                });
            }
        }
        all
    }
}

impl Place {
    fn flush(&mut self, read_back: bool) {
        let sizes: Vec<(u64, u64)> = std::mem::take(&mut self.sizes).into_iter().collect();
        if sizes.is_empty() {
            return;
        }
        self.ask(&if self.source {
            json!({ "read": sizes })
        } else {
            json!({ "write": sizes, "read_back": read_back, "vacant": self.vacant })
        });
    }

    /// A backend that does not answer is not counted; a plan is none the worse.
    fn ask(&mut self, question: &Value) {
        let answer = self.target.ask(&OpContext::new(), "cost", &question.to_string());
        if let Some(more) = answer.ok().flatten().as_deref().and_then(Requests::of_json) {
            self.sum += &more;
        }
    }
}

/// Of one source or target.
#[derive(Debug)]
pub(super) struct Expected {
    name: String,
    source: bool,
    requests: Requests,
}

impl Expected {
    pub(super) fn line(&self) -> String {
        let way = if self.source { "from" } else { "to" };
        let words = words::event::requests(&self.requests);
        format!("expects requests {way} {}: {}", show(&self.name), show(&words))
    }

    pub(super) fn json(&self) -> Value {
        let classes: BTreeMap<&str, u64> =
            self.requests.by_class.iter().map(|(class, n)| (class.as_str(), n.sent)).collect();
        json!({
            "place": self.name, "source": self.source, "by_class": classes, "sent": self.requests.sent(),
            "bytes_sent": self.requests.bytes_sent, "bytes_received": self.requests.bytes_received,
        })
    }
}
