//! `bundle`: what is known of a run, in one archive to give away; and the hidden verb by which a run makes one itself.

use crate::bundle::{self, FIRST_TROUBLE, Made, Wish};
use crate::cli::BundleArgs;
use crate::exit::{self, Failure};
use crate::signals::Signals;
use crate::state::{self, RunDir, shown};
use crate::{evidence, output};
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use twinhaul_diagnose::Verdict;
use twinhaul_engine::wall_ms;
use twinhaul_units::Bytes;

/// Room that a bundle made by itself leaves to the ledger.
const ROOM_MIN: u64 = 256 << 20;

/// Where it is, made while something else has the terminal.
pub(crate) fn aside(run: &RunDir) -> Result<String, Failure> {
    let to = place(run, None, false)?;
    let mut wish = Wish { to: &to, replace: false, why: "asked for", tell: &mut |_| Ok(()) };
    let made = bundle::make(run, &mut wish).map_err(|e| failure(run, &to, &e))?;
    let missing = made.missed().count();
    let lacks = if missing == 0 {
        String::new()
    } else {
        format!("; {missing} parts could not be had: bundle.json in it")
    };
    Ok(format!("{} ({}){lacks}", shown(&to), Bytes(made.bytes)))
}

pub(crate) fn bundle(args: &BundleArgs) -> Result<u8, Failure> {
    let run = state::find(args.run.as_deref())?;
    let to = place(&run, args.to.as_deref(), args.force)?;
    let signals = Signals::install()?;
    let on_terminal = io::stderr().is_terminal();
    output::say(&format!("gathering what is known of {}; it is not touched", run.file.run));
    let mut tell = |part: &str| {
        if signals.interrupts() > 0 || signals.terminated() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if on_terminal {
            output::progress(part, true);
        }
        Ok(())
    };
    let mut wish = Wish { to: &to, replace: args.force, why: "asked for", tell: &mut tell };
    let made = bundle::make(&run, &mut wish);
    output::progress_end(on_terminal);
    let made = match made {
        Ok(made) => made,
        Err(_) if signals.terminated() => return Err(Failure::new(exit::TERMINATED, "nothing was made")),
        Err(_) if signals.interrupts() > 0 => {
            return Err(Failure::new(exit::INTERRUPTED, "nothing was made"));
        }
        Err(e) => return Err(failure(&run, &to, &e)),
    };
    tell_made(&run, &to, &made, args.json.json)?;
    Ok(exit::COMPLETE)
}

/// What the supervisor starts when it meets trouble for the first time. `if_trouble`: it only suspects some.
pub(crate) fn first_trouble(run_dir: &Path, why: &str, if_trouble: bool) -> Result<u8, Failure> {
    twinhaul_supervisor::become_session_leader();
    let run = RunDir::open(run_dir)?;
    if if_trouble {
        let (evidence, now_ms) = evidence::gather(&run)?;
        if twinhaul_diagnose::diagnose(&evidence, now_ms).verdict != Verdict::Trouble {
            return Ok(exit::TEMPORARY);
        }
    }
    let room = rustix::fs::statvfs(&run.path).map_err(|e| Failure::other("the run's file system", e))?;
    if room.f_bavail.saturating_mul(room.f_frsize) < ROOM_MIN {
        let text = format!("less than {} is free where the run is", Bytes(ROOM_MIN));
        return Err(Failure::new(exit::OTHER, text));
    }
    let to = run.path.join(FIRST_TROUBLE);
    bundle::remove_unfinished(&to);
    let mut wish = Wish { to: &to, replace: false, why, tell: &mut |_| Ok(()) };
    bundle::make(&run, &mut wish).map_err(|e| failure(&run, &to, &e))?;
    Ok(exit::COMPLETE)
}

/// Where it goes, if it may: before the run is looked at for seconds.
fn place(run: &RunDir, to: Option<&Path>, force: bool) -> Result<PathBuf, Failure> {
    let own = PathBuf::from(bundle::stem(run, wall_ms()) + ".tar");
    let to = match to {
        None => own,
        Some(to) if to.as_os_str() == "-" => {
            let text = "a bundle is written to a file, and not to a pipe: name one with --to FILE";
            return Err(Failure::usage(text));
        }
        Some(to) if to.is_dir() => to.join(own),
        Some(to) => to.to_owned(),
    };
    let to = std::path::absolute(&to).map_err(|e| Failure::other("the current directory", e))?;
    match std::fs::symlink_metadata(&to) {
        Ok(_) if !force => Err(exists(run, &to)),
        Ok(there) if !there.is_file() => {
            let text =
                format!("{} is no regular file, and is not replaced. Name another: --to FILE", shown(&to));
            Err(Failure::usage(text))
        }
        _ => Ok(to),
    }
}

fn exists(run: &RunDir, to: &Path) -> Failure {
    let text = format!(
        "{} is there already, and is not replaced. Name another: twinhaul bundle {} --to FILE; or replace it: --force",
        shown(to),
        run.file.run
    );
    Failure::usage(text)
}

fn failure(run: &RunDir, to: &Path, e: &io::Error) -> Failure {
    let directory = to.parent().map_or_else(String::new, shown);
    let elsewhere = format!("Write it elsewhere: twinhaul bundle {} --to FILE", run.file.run);
    match e.kind() {
        io::ErrorKind::AlreadyExists => exists(run, to),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            let text = format!("cannot write {}: there is no directory {directory}. {elsewhere}", shown(to));
            Failure::new(exit::NOT_FOUND, text)
        }
        _ => Failure::new(exit::OTHER, format!("cannot write {}: {e}. {elsewhere}", shown(to))),
    }
}

fn tell_made(run: &RunDir, to: &Path, made: &Made, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&serde_json::json!({
            "run": run.file.run,
            "path": twinhaul_wire::KeyText::from_bytes(std::os::unix::ffi::OsStrExt::as_bytes(to.as_os_str())).key,
            "bytes": made.bytes,
            "parts": made.parts,
        }));
    }
    let parts = made.parts.iter().filter(|p| p.missing.is_none()).count();
    output::line(&format!("{}  {}  {parts} parts", shown(to), Bytes(made.bytes)));
    for part in made.missed() {
        let why = part.missing.as_deref().unwrap_or_default();
        output::say(&format!("  not in it: {}: {}", part.name, twinhaul_units::text::show(why)));
    }
    let redacted: u64 = made.parts.iter().map(|p| p.redacted).sum();
    if redacted > 0 {
        output::say(&format!(
            "  secrets were taken out in {redacted} places: read it before you give it away"
        ));
    }
    output::say(&bundle::next(to));
    Ok(())
}
