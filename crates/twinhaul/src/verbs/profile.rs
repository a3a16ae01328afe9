//! `profile check`: reads a profile, resolves what it refers to, and says what is wrong.

use crate::exit::{self, Failure};
use crate::output;
use std::path::Path;

pub(crate) fn check(path: &Path) -> Result<u8, Failure> {
    let profile = super::run::load(path)?;
    for end in profile.sources.iter().chain(&profile.targets) {
        end.resolve().map_err(|e| super::run::profile_failure(&e))?;
    }
    output::line(&format!(
        "{}: {} sources, {} targets, {} routes, policy {}: no mistakes found",
        profile.name,
        profile.sources.len(),
        profile.targets.len(),
        profile.routes.len(),
        twinhaul_engine::policy_word(profile.assistance.policy),
    ));
    Ok(exit::COMPLETE)
}
