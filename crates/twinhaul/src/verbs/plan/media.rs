//! What a plan says of sources on sequential media: which media are mounted, by which peer, in what order.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use twinhaul_backend_host::OpContext;
use twinhaul_planner::{Medium, Source, Summary};
use twinhaul_profile::Profile;
use twinhaul_units::PeerId;
use twinhaul_units::text::show;

/// Media named in one line for people; the document names all.
const NAMED_MAX: usize = 24;

/// The names of the media that a plan needs, as their backends tell them: by source and number.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<(u16, u32), String>);

impl Names {
    pub(super) fn of(sources: &[Source], summary: &Summary) -> Self {
        let mut names = BTreeMap::new();
        for (index, source) in (0..).zip(sources) {
            if !summary.media.iter().any(|m| m.source == index) {
                continue;
            }
            let told = source.target.status(&OpContext::new()).ok();
            let told: Option<Value> = told.and_then(|json| serde_json::from_str(&json).ok());
            let media = told.as_ref().and_then(|all| all["media"].as_object());
            for (number, name) in media.into_iter().flatten() {
                if let (Ok(number), Some(name)) = (number.parse(), name.as_str()) {
                    names.insert((index, number), show(name).into_owned());
                }
            }
        }
        Self(names)
    }

    fn name(&self, medium: &Medium) -> String {
        self.0.get(&(medium.source, medium.number)).cloned().unwrap_or_else(|| format!("#{}", medium.number))
    }

    /// One line a peer; none without such a source.
    pub(super) fn lines(&self, profile: &Profile, s: &Summary) -> Vec<String> {
        if s.media.is_empty() {
            return Vec::new();
        }
        let mut different: Vec<(u16, u32)> = s.media.iter().map(|m| (m.source, m.number)).collect();
        different.sort_unstable();
        different.dedup();
        let mounts = s.media.len() as u64 + s.media_more;
        let mounted = if mounts == 1 { "1 mount".to_owned() } else { format!("{mounts} mounts") };
        let media =
            if different.len() == 1 { "1 medium".to_owned() } else { format!("{} media", different.len()) };
        let mut lines = vec![format!("{mounted} of {media}, each read forwards")];
        for peer in PeerId::BOTH {
            let own: Vec<&Medium> = s.media.iter().filter(|m| m.peer == peer).collect();
            if own.is_empty() {
                continue;
            }
            let step = |m: &&Medium| format!("{} ({}, {})", self.name(m), m.amount.transfers, m.amount.bytes);
            let steps: Vec<String> = own.iter().take(NAMED_MAX).map(step).collect();
            let more = own.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!(", {more} more") } else { String::new() };
            lines.push(format!("{} mounts {}{more}", profile.peer(peer).name, steps.join(", ")));
        }
        lines
    }

    pub(super) fn json(&self, profile: &Profile, s: &Summary) -> Value {
        let step = |m: &Medium| {
            json!({
                "source": profile.sources.get(usize::from(m.source)).map(|s| s.name.as_str()),
                "medium": self.name(m), "peer": profile.peer(m.peer).name,
                "transfers": m.amount.transfers, "bytes": m.amount.bytes.0,
            })
        };
        json!({"mounts": s.media.len() as u64 + s.media_more, "order": s.media.iter().map(step).collect::<Vec<_>>()})
    }
}
