//! `backends list | check | conformance`.

mod ends;

use crate::cli::{BackendsVerb, JsonFlag};
use crate::exit::{self, Failure};
use crate::{backends, output};
use std::path::{Path, PathBuf};
use twinhaul_backend_host::conformance::{self, Outcome};
use twinhaul_backend_host::{Loader, ModuleInfo, OpContext};

pub(crate) fn backends(verb: &BackendsVerb) -> Result<u8, Failure> {
    match verb {
        BackendsVerb::List(json) => list(json),
        BackendsVerb::Check { library, profile: Some(profile), json, .. } => {
            ends::check(profile, library.as_deref().map(Path::to_string_lossy).as_deref(), json)
        }
        BackendsVerb::Check { library: Some(library), in_child: true, .. } => {
            let (answer, good) = twinhaul_backend_host::answer_in_child(library);
            output::line(answer.trim_end());
            Ok(if good { exit::COMPLETE } else { exit::OTHER })
        }
        BackendsVerb::Check { library: Some(library), json, .. } => check(library, json),
        BackendsVerb::Check { .. } => Err(Failure::usage("give a library, or --profile")),
        BackendsVerb::Conformance { library, config, json } => conform(library, config, json),
    }
}

/// A path stays one; a bare name is looked up.
fn find(loader: &Loader, library: &Path) -> Result<PathBuf, Failure> {
    match library.to_str() {
        Some(name) if !name.contains('/') && !library.exists() => {
            loader.search().find(name).map_err(|e| Failure::new(exit::NOT_FOUND, e.to_string()))
        }
        _ => Ok(library.to_owned()),
    }
}

fn describe(info: &ModuleInfo) -> String {
    format!("{} {}  {}", info.name, info.version, twinhaul_units::text::show(&info.description))
}

fn list(json: &JsonFlag) -> Result<u8, Failure> {
    let found = backends::loader()?.list();
    if json.json {
        let list: Vec<_> = found
            .iter()
            .map(|f| {
                serde_json::json!({
                    "name": f.name,
                    "path": f.path,
                    "module": f.module.as_ref().ok().map(ModuleInfo::to_json),
                    "error": f.module.as_ref().err().map(ToString::to_string),
                })
            })
            .collect();
        output::json(&list)?;
        return Ok(exit::COMPLETE);
    }
    if found.is_empty() {
        return Err(Failure::new(
            exit::NOT_FOUND,
            "no backends found. Build one: cargo build -p twinhaul-disk",
        ));
    }
    for backend in found {
        let words = match &backend.module {
            Ok(info) => describe(info),
            Err(e) => format!("not used: {e}"),
        };
        output::line(&format!("{:<8} {}  {words}", backend.name, crate::state::shown(&backend.path)));
    }
    Ok(exit::COMPLETE)
}

fn check(library: &Path, json: &JsonFlag) -> Result<u8, Failure> {
    let loader = backends::loader()?;
    let path = find(&loader, library)?;
    let info = loader.probe(&path, None).map_err(|e| Failure::usage(e.to_string()))?;
    if json.json {
        output::json(&info.to_json())?;
    } else {
        output::line(&describe(&info));
        output::line(&format!("  can: {}", info.caps));
    }
    Ok(exit::COMPLETE)
}

fn conform(library: &Path, config: &str, json: &JsonFlag) -> Result<u8, Failure> {
    let loader = backends::loader()?;
    let path = find(&loader, library)?;
    let library = loader.load_file(&path, None).map_err(|e| Failure::usage(e.to_string()))?;
    let open = || library.open(config, &OpContext::new());
    let show_case = |case: &conformance::Case| {
        let (word, why) = words(&case.outcome);
        if !json.json {
            output::line(&format!("{word:<14} {}  {}", case.name, twinhaul_units::text::show(why)));
        }
    };
    let report = conformance::run(&open, &conformance::Options::default(), &mut { show_case })
        .map_err(|e| Failure::other("the target", e))?;
    let failed = report.failures().count();
    if json.json {
        let cases: Vec<_> = report
            .cases
            .iter()
            .map(|c| {
                let (word, why) = words(&c.outcome);
                serde_json::json!({ "case": c.name, "outcome": word, "why": why })
            })
            .collect();
        output::json(&cases)?;
    } else {
        let passed = report.cases.iter().filter(|c| c.outcome == Outcome::Pass).count();
        output::line(&format!("{passed} passed, {failed} failed"));
    }
    Ok(if report.passed() { exit::COMPLETE } else { exit::MISMATCH })
}

fn words(outcome: &Outcome) -> (&'static str, &str) {
    match outcome {
        Outcome::Pass => ("pass", ""),
        Outcome::Fail(why) => ("FAIL", why),
        Outcome::NotApplicable(why) => ("not applicable", why),
    }
}
