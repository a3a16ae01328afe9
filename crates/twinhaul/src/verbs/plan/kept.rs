//! What a plan says of things that a target will not take, or will not keep: before bytes move, with numbers and an example.

use serde_json::{Value, json};
use twinhaul_planner::Summary;
use twinhaul_profile::Profile;
use twinhaul_units::text::{show, show_bytes};
use twinhaul_wire::KeyText;

/// One line for each; none where everything is kept.
pub(super) fn lines(profile: &Profile, s: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    for (target, losses) in profile.targets.iter().zip(&s.losses) {
        for (loss, count) in losses.iter() {
            let what = if loss.fails() { "will fail" } else { "not kept" };
            lines.push(format!(
                "target {}: {} {what}: {}; such as {}",
                show(&target.name),
                count.objects,
                loss.words(),
                show_bytes(&count.example)
            ));
        }
    }
    lines
}

pub(super) fn json(profile: &Profile, s: &Summary) -> Value {
    let mut all = Vec::new();
    for (target, losses) in profile.targets.iter().zip(&s.losses) {
        all.extend(losses.iter().map(|(loss, count)| {
            json!({
                "target": target.name, "what": loss.word(), "fails": loss.fails(), "objects": count.objects,
                "example": KeyText::from_bytes(&count.example),
            })
        }));
    }
    Value::Array(all)
}
