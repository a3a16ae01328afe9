//! `run`, `copy`, and going on with a run that was stopped.

use crate::cli::{CopyArgs, Face, RunArgs, ThemeName, Watch, When};
use crate::exit::{self, Failure};
use crate::launch;
use crate::signals::Signals;
use crate::state::{self, RunDir, shown};
use crate::watch::Show;
use crate::{backends, guards, output, status, watch};
use std::io::{BufRead as _, IsTerminal as _};
use std::sync::Arc;
use twinhaul_console::{Bundler, Keys, Left, Looker, Theme};
use twinhaul_ledger::{Reopen, Store};
use twinhaul_planner::Only;
use twinhaul_profile::Profile;
use twinhaul_supervisor::is_supervised;
use twinhaul_units::text::counted;
use twinhaul_wire::RunState;

pub(crate) fn run(args: &RunArgs) -> Result<u8, Failure> {
    if let Some(run) = &args.resume {
        return resume(run, &args.watch);
    }
    let Some(path) = &args.profile else { return Err(Failure::usage("which profile? twinhaul run PROFILE")) };
    let profile = load(path)?;
    if profile.demo {
        // A story breaks its peers on purpose, and so does the chaos menu: never over data that is somebody's own.
        let text = "demo: true is for `twinhaul demo`, which makes its own data. Take that line out, and data and story with it.";
        return Err(Failure::usage(text));
    }
    let only = args.only.as_deref().map(|path| crate::only::load(path, &profile)).transpose()?;
    if only.as_ref().is_some_and(Only::is_empty) {
        output::say("the list names no keys: there is nothing to do");
        return Ok(exit::COMPLETE);
    }
    start(&profile, &args.watch, only.as_ref())
}

/// Reads a profile for running; warnings go to stderr.
pub(crate) fn load(path: &std::path::Path) -> Result<Profile, Failure> {
    let profile = twinhaul_profile::load(path).map_err(|e| profile_failure(&e))?;
    for lint in twinhaul_profile::lint(&profile) {
        output::say(&format!("warning: {lint}"));
    }
    Ok(profile)
}

pub(crate) fn profile_failure(e: &twinhaul_profile::ProfileError) -> Failure {
    Failure::new(exit::USAGE, e.to_string())
}

pub(crate) fn copy(args: &CopyArgs) -> Result<u8, Failure> {
    let here = std::env::current_dir().map_err(|e| Failure::other("the current directory", e))?;
    let mut profile = Profile::copy(&args.src, &args.dst)
        .and_then(|p| p.absolute(&here))
        .map_err(|e| profile_failure(&e))?;
    if !args.src.is_dir() {
        let text =
            format!("source {} is not a directory. Name the directory to copy from.", shown(&args.src));
        return Err(Failure::new(exit::NOT_FOUND, text));
    }
    // DST may be missing; its parent must be there, so that a slip of the finger makes no tree.
    if let Some(parent) = args.dst.parent().filter(|p| !p.as_os_str().is_empty() && !p.is_dir()) {
        let text = format!(
            "target {}: there is no directory {1}. Make it: mkdir -p {1}",
            shown(&args.dst),
            shown(parent)
        );
        return Err(Failure::new(exit::NOT_FOUND, text));
    }
    for target in &mut profile.targets {
        target.config.insert("create".into(), true.into());
    }
    match &args.save {
        Some(file) => {
            let saved = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
            saved
                .and_then(|mut f| std::io::Write::write_all(&mut f, profile.to_yaml().as_bytes()))
                .map_err(|e| Failure::usage(format!("cannot save the profile as {}: {e}", shown(file))))?;
            output::say(&format!("profile saved: twinhaul run {}", shown(file)));
        }
        None => output::say(&format!(
            "the profile of this copy (--save FILE keeps it):\n{}",
            profile.to_yaml().trim_end()
        )),
    }
    start(&profile, &args.watch, None)
}

/// Guards, the question, the run's directory, the supervisor, and then whatever watches it.
pub(crate) fn start(profile: &Profile, watch: &Watch, only: Option<&Only>) -> Result<u8, Failure> {
    let wants_console = wants_console(watch)?;
    crate::memory::check()?;
    let loader = backends::loader()?;
    let ends = guards::check(profile, &loader, None)?;
    if wants_console && !std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "stdout is not a terminal, so there is no console. Use --headless, --json or --detach.",
        ));
    }
    if wants_console && !watch.yes && std::io::stdin().is_terminal() && !confirmed(profile, &ends, only)? {
        return Err(Failure::new(exit::INTERRUPTED, "nothing was started"));
    }
    let run = launch::create(profile, &ends)?;
    backends::leave_notes(&run, &loader);
    if let Some(only) = only
        && let Err(e) = crate::only::keep(&run, profile, only)
    {
        // Without its list it would copy everything.
        let _ = std::fs::remove_dir_all(&run.path);
        return Err(e);
    }
    drop(ends);
    start_and_see(&run, watch)
}

/// Whether the flags ask for a console. Keys that it could not be opened with are told before anything moves.
fn wants_console(watch: &Watch) -> Result<bool, Failure> {
    let wanted = !(watch.headless || watch.json || watch.detach);
    if wanted {
        crate::keys::for_console(&watch.face.keys)?;
    }
    Ok(wanted)
}

fn confirmed(profile: &Profile, ends: &guards::Ends, only: Option<&Only>) -> Result<bool, Failure> {
    output::say(&format!("{}:", profile.name));
    for line in guards::describe(profile, ends) {
        output::say(&line);
    }
    if let Some(only) = only {
        output::say(&format!("  only what is listed: {} keys", only.len()));
    }
    output::say("Start? [y/N]");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).map_err(|e| Failure::other("reading the answer", e))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Goes on with a run: nothing is listed again, nothing that is done is done again.
fn resume(name: &str, watch: &Watch) -> Result<u8, Failure> {
    wants_console(watch)?;
    crate::memory::check()?;
    let run = state::find(Some(name))?;
    if let Some(pid) = is_supervised(&run.path) {
        let text = format!(
            "run {name} is held by another supervisor (pid {pid}). Look at it: twinhaul attach {name}"
        );
        return Err(Failure::new(exit::HELD, text));
    }
    let store = Store::open(&run.ledger()).map_err(|e| launch::ledger_failure(&e))?;
    store.check().map_err(|e| launch::ledger_failure(&e))?;
    let row = store.run().map_err(|e| launch::ledger_failure(&e))?;
    if row.state == RunState::Complete {
        output::say(&format!("run {name} is complete; there is nothing to go on with"));
        return Ok(exit::COMPLETE);
    }
    if store.totals().map_err(|e| launch::ledger_failure(&e))?.growing {
        let why = super::look::next_of_unplanned(&run);
        return Err(Failure::usage(format!("run {name} cannot go on: {why}")));
    }
    let reopened = store.reopen_failed(&Reopen::All).map_err(|e| launch::ledger_failure(&e))?;
    if reopened > 0 {
        output::say(&format!("trying {} again", counted(reopened, "failed transfer")));
    }
    let profile = load_frozen(&run)?;
    drop(guards::check(&profile, &backends::loader()?, Some(name))?);
    store.go_on(twinhaul_engine::wall_ms()).map_err(|e| launch::ledger_failure(&e))?;
    drop(store);
    start_and_see(&run, watch)
}

/// A run's own copy of its profile; nothing in it is relative.
pub(crate) fn load_frozen(run: &RunDir) -> Result<Profile, Failure> {
    twinhaul_profile::load_below(&run.profile(), &run.path).map_err(|e| profile_failure(&e))
}

/// Starts a run, and opens what the flags ask for on it.
fn start_and_see(run: &RunDir, watch: &Watch) -> Result<u8, Failure> {
    // Before there is a run that a signal could leave behind.
    let signals = (watch.headless || watch.json).then(Signals::install).transpose()?;
    launch::start(run)?;
    if watch.detach {
        output::line(&run.file.run);
        output::say(&format!("running without a console: twinhaul attach {}", run.file.run));
        return Ok(exit::COMPLETE);
    }
    if let Some(signals) = signals {
        let show = if watch.json { Show::Events } else { Show::Progress };
        output::say(&format!("run {}", run.file.run));
        let code = watch::follow(run, show, &signals)?;
        return finish(run, watch.json, code);
    }
    console(run, watch.read_only, &watch.face)
}

/// The summary on stdout.
fn finish(run: &RunDir, json: bool, code: u8) -> Result<u8, Failure> {
    let status = status::of(run)?;
    if json {
        let again = super::report::done_after_retries(run)?;
        output::json_line(
            &serde_json::json!({ "summary": status, "done_after_retries": again, "exit": code }),
        )?;
    } else {
        for line in super::report::summary_lines(run, &status)? {
            output::line(&line);
        }
    }
    Ok(code)
}

/// The flags as the console knows them.
pub(crate) fn worn(face: &Face, keys: Keys) -> twinhaul_console::Face {
    twinhaul_console::Face {
        ascii: face.ascii.then_some(true),
        color: match face.color {
            When::Auto => twinhaul_console::Color::Auto,
            When::Always => twinhaul_console::Color::Always,
            When::Never => twinhaul_console::Color::Never,
        },
        theme: match face.theme {
            ThemeName::Dark => Theme::Dark,
            ThemeName::Light => Theme::Light,
            ThemeName::Contrast => Theme::Contrast,
            ThemeName::Mono => Theme::Mono,
        },
        mouse: !face.no_mouse,
        record: face.record.clone(),
        keys,
    }
}

/// The whole look of `twinhaul diagnose`, for the console.
fn looker(run: &RunDir) -> Looker {
    let run = run.clone();
    Looker(Arc::new(move || {
        let (evidence, now_ms) = crate::evidence::gather(&run).map_err(|e| e.to_string())?;
        Ok(twinhaul_diagnose::diagnose(&evidence, now_ms))
    }))
}

/// `twinhaul bundle`, for the console: into the directory that it was started in.
fn bundler(run: &RunDir) -> Bundler {
    let run = run.clone();
    Bundler(Arc::new(move || super::bundle::aside(&run).map_err(|e| e.to_string())))
}

/// What the console is opened on.
pub(crate) fn options(
    run: &RunDir,
    read_only: bool,
    face: twinhaul_console::Face,
) -> twinhaul_console::Options {
    twinhaul_console::Options {
        run_dir: run.path.clone(),
        run: run.file.run.clone(),
        names: run.file.order.clone(),
        targets: load_frozen(run)
            .map(|p| p.targets.into_iter().map(|t| t.name).collect())
            .unwrap_or_default(),
        looker: Some(looker(run)),
        bundler: Some(bundler(run)),
        read_only,
        face,
        exit_when_done: false,
    }
}

/// The console on a run; leaving it is not ending the run, unless its user said so.
pub(crate) fn console(run: &RunDir, read_only: bool, face: &Face) -> Result<u8, Failure> {
    let keys = crate::keys::for_console(&face.keys)?;
    let options = options(run, read_only, worn(face, keys));
    let failed = |e: &twinhaul_console::ConsoleError| Failure::new(e.exit_code(), e.to_string());
    match twinhaul_console::run(options).map_err(|e| failed(&e))? {
        Left::Detached => {
            output::say(&format!("run {0} goes on: twinhaul attach {0}", run.file.run));
            Ok(exit::COMPLETE)
        }
        Left::Ended { exit } => {
            let code = crate::exit_file::read(&run.path)
                .map_or(u8::try_from(exit).unwrap_or(exit::OTHER), |e| e.code);
            finish(run, false, code)
        }
        Left::Stopped { .. } => {
            output::say("waiting for the peers to end");
            let code = watch::follow(run, Show::Progress, &Signals::install()?)?;
            finish(run, false, code)
        }
    }
}
