//! `profile check`: reads a profile, resolves what it refers to, and says what is wrong.

use crate::backends;
use crate::exit::{self, Failure};
use crate::output;
use std::path::Path;
use twinhaul_backend_host::{Loader, Severity};
use twinhaul_profile::End;
use twinhaul_units::text::show;

pub(crate) fn check(path: &Path) -> Result<u8, Failure> {
    let profile = super::run::load(path)?;
    let loader = backends::loader()?;
    let mut mistakes = 0;
    for (what, end) in profile
        .sources
        .iter()
        .map(|end| ("source", end))
        .chain(profile.targets.iter().map(|end| ("target", end)))
    {
        let config = end.resolve().map_err(|e| super::run::profile_failure(&e))?;
        mistakes += of_backend(what, end, &config.to_string(), &loader)?;
    }
    if mistakes > 0 {
        return Err(Failure::usage(format!("{}: {mistakes} mistakes found", profile.name)));
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

/// What the end's own backend says of its configuration, without any I/O; a backend that is not here says nothing.
fn of_backend(what: &str, end: &End, config: &str, loader: &Loader) -> Result<u64, Failure> {
    let plugin = end.resolve_plugin().map_err(|e| super::run::profile_failure(&e))?;
    let library = match loader.load(&end.backend, plugin.as_deref().map(Path::new), end.pin.as_deref()) {
        Ok(library) => library,
        Err(e) => {
            output::say(&format!("{what} {}: not checked by its backend: {e}", show(&end.name)));
            return Ok(0);
        }
    };
    let problems = library
        .config_check(config)
        .map_err(|e| Failure::other(&format!("{what} {}", show(&end.name)), e))?;
    let mut errors = 0;
    for problem in problems {
        let field = problem.path.trim_start_matches('/').to_owned();
        let line = format!("{what} {}: {}: {}", show(&end.name), show(&field), show(&problem.message));
        match problem.severity {
            Severity::Error => {
                errors += 1;
                output::error(&line);
            }
            Severity::Warning => output::say(&line),
        }
    }
    Ok(errors)
}
