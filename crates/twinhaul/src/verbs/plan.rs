//! `plan`: what would move, where, split how, and for how long; writes nothing.

mod cost;
mod kept;
mod media;

use crate::cli::PlanArgs;
use crate::exit::{self, Failure};
use crate::{backends, guards, output};
use twinhaul_ledger::PlannedDirectory;
use twinhaul_planner::{PlanError, Sink, Summary, Wave};
use twinhaul_profile::Profile;
use twinhaul_units::{Bytes, PeerId, Span};

/// Nothing is kept but warnings, and what it will cost.
#[derive(Debug)]
struct Nowhere {
    warnings: Vec<String>,
    costs: cost::Costs,
}

/// Warnings shown.
const WARNINGS_MAX: usize = 100;

impl Sink for Nowhere {
    fn wave(&mut self, wave: &Wave, _: bool) -> Result<(), PlanError> {
        self.costs.take(&wave.transfers);
        Ok(())
    }
    fn directories(&mut self, _: &[PlannedDirectory]) -> Result<(), PlanError> {
        Ok(())
    }
    fn warn(&mut self, text: String) -> Result<(), PlanError> {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(text);
        }
        Ok(())
    }
    fn finish(&mut self) -> Result<(), PlanError> {
        Ok(())
    }
}

pub(crate) fn plan(args: &PlanArgs) -> Result<u8, Failure> {
    let profile = super::run::load(&args.profile)?;
    let only = args.only.as_deref().map(|path| crate::only::load(path, &profile)).transpose()?;
    let loader = backends::loader()?;
    let ends = guards::check(&profile, &loader, None)?;
    let (sources, mut free) = ends.to_walk();
    let mut sink =
        Nowhere { warnings: Vec::new(), costs: cost::Costs::of(&profile, &sources, &free, &ends.vacant()) };
    let summary = twinhaul_planner::plan(&profile, &sources, &mut free, &mut sink, only)
        .map_err(|e| Failure::new(u8::try_from(e.exit_code()).unwrap_or(1), e.to_string()))?;
    for warning in &sink.warnings {
        output::say(&format!("warning: {warning}"));
    }
    let media = media::Names::of(&sources, &summary);
    let expected = sink.costs.finish();
    if args.json.json {
        let mut document = json(&profile, &summary);
        document["media"] = media.json(&profile, &summary);
        document["losses"] = kept::json(&profile, &summary);
        document["requests"] = expected.iter().map(cost::Expected::json).collect();
        output::json(&document)?;
    } else {
        for line in guards::describe(&profile, &ends) {
            output::line(line.trim_start());
        }
        for line in lines(&profile, &summary) {
            output::line(&line);
        }
        let more = media.lines(&profile, &summary).into_iter().chain(kept::lines(&profile, &summary));
        for line in more.chain(expected.iter().map(cost::Expected::line)) {
            output::line(&line);
        }
    }
    Ok(exit::COMPLETE)
}

/// Seconds by the limits alone, as far as both peers have one: with assistance both end together.
fn predicted_s(profile: &Profile, summary: &Summary) -> Option<f64> {
    let sum = profile.peers.iter().map(|p| p.bandwidth.limit.map(|l| l.0 as f64)).sum::<Option<f64>>()?;
    Some(summary.total.bytes.0 as f64 / sum)
}

fn lines(profile: &Profile, s: &Summary) -> Vec<String> {
    let mut lines = vec![format!(
        "{} transfers, {} ({} symbolic links, {} hard-link groups), {} directories, {} waves",
        s.total.transfers, s.total.bytes, s.symlinks, s.hard_link_groups, s.directories, s.waves
    )];
    for route in &s.routes {
        lines.push(format!(
            "route {} -> {}: {} transfers, {}",
            route.from, route.to, route.amount.transfers, route.amount.bytes
        ));
    }
    for peer in PeerId::BOTH {
        let amount = s.peers[peer.index()];
        lines.push(format!(
            "{} begins with {} transfers, {}",
            profile.peer(peer).name,
            amount.transfers,
            amount.bytes
        ));
    }
    let time = predicted_s(profile, s).and_then(|t| std::time::Duration::try_from_secs_f64(t).ok());
    lines.push(match time {
        Some(d) => format!("predicted by the peers' limits: {}", Span(d)),
        None => {
            "predicted time: not known (a peer has no limit; rates are measured while running)".to_owned()
        }
    });
    lines
}

fn json(profile: &Profile, s: &Summary) -> serde_json::Value {
    let amount =
        |a: twinhaul_units::Amount| serde_json::json!({ "transfers": a.transfers, "bytes": a.bytes.0 });
    let routes: Vec<_> = s
        .routes
        .iter()
        .map(|r| serde_json::json!({ "from": r.from, "to": r.to, "transfers": r.amount.transfers, "bytes": Bytes(r.amount.bytes.0).0 }))
        .collect();
    serde_json::json!({
        "profile": profile.name,
        "totals": amount(s.total),
        "directories": s.directories,
        "symlinks": s.symlinks,
        "hard_link_groups": s.hard_link_groups,
        "special": s.special,
        "unrouted": s.unrouted,
        "unreadable_directories": s.unreadable_directories,
        "missing": s.missing,
        "waves": s.waves,
        "routes": routes,
        "peers": {
            profile.peers[0].name.clone(): amount(s.peers[0]),
            profile.peers[1].name.clone(): amount(s.peers[1]),
        },
        "predicted_s": predicted_s(profile, s),
    })
}
