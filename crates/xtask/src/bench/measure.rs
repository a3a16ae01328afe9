//! Runs what one side of a pair does, and counts wall time, processor time and peak memory of everything that it started.
//!
//! The product's engines are processes in sessions of their own, whose parents end before them; a plain `wait` for the command
//! would count none of their time. So this process is made the one that inherits orphans (a child subreaper) and reaps them
//! all: what the kernel then says of its reaped children is the processor time of every process below it, without a gap,
//! to the clock tick. The same goes for other tools, so that nobody has an advantage by it.

use super::memory::{Peaks, Watch};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, WaitStatus, getpid, set_child_subreaper, wait};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Clock ticks a second (`getconf CLK_TCK`): 100 on every Linux that this builds for.
const TICKS: u32 = 100;
/// How long what a command left behind may go on after it, and how often that is looked at.
const AFTER_THE_END_MAX: Duration = Duration::from_mins(1);
const AFTER_THE_END: Duration = Duration::from_millis(5);

/// One thing to be done and timed.
#[derive(Debug)]
pub(super) enum Step {
    Start(Command),
    /// Drops every file of a tree from the page cache. Done in this process: a command for each file would take longer
    /// than what is measured.
    Uncache(PathBuf),
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spent {
    /// Until the command itself had ended.
    pub(super) wall: Duration,
    /// User and system time of all its processes, also of those that ended after it.
    pub(super) cpu: Duration,
    pub(super) peaks: Peaks,
}

/// Does the steps one after the other; what they print goes to the end of `log`. An error names the step that failed, and ends
/// with the last line it printed.
pub(super) fn measure(steps: Vec<Step>, log: &Path) -> Result<Spent, String> {
    set_child_subreaper(Some(getpid())).map_err(|e| format!("cannot inherit orphans: {e}"))?;
    let watch = Watch::start();
    let mut spent = Spent::default();
    let outcome = steps.into_iter().try_for_each(|step| {
        let (wall, cpu) = match step {
            Step::Start(command) => start(command, log)?,
            Step::Uncache(dir) => uncache(&dir)?,
        };
        spent.wall += wall;
        spent.cpu += cpu;
        Ok(())
    });
    spent.peaks = watch.end()?;
    // Whoever is started beside this process between two measurements must not become its child.
    set_child_subreaper(None).map_err(|e| format!("cannot leave orphans alone: {e}"))?;
    outcome.map(|()| spent)
}

fn start(mut command: Command, log: &Path) -> Result<(Duration, Duration), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let told = |what: &str, e: &dyn std::fmt::Display| format!("{name}: {what}: {e}");
    let out = std::fs::File::options().create(true).append(true).open(log);
    let out = out.map_err(|e| format!("cannot open {}: {e}", log.display()))?;
    let err = out.try_clone().map_err(|e| told("cannot share its log", &e))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let before = reaped()?;
    let began = Instant::now();
    let child = command.spawn().map_err(|e| told("cannot be started", &e))?;
    let main = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let mut ended = None;
    while ended.is_none() {
        ended = match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if Some(pid) == main => Some(status),
            Ok(_) | Err(Errno::INTR) => None,
            Err(e) => return Err(told("cannot be waited for", &e)),
        };
    }
    let wall = began.elapsed();
    reap_the_rest(&name)?;
    let cpu = reaped()?.saturating_sub(before);
    match ended.map(WaitStatus::exit_status) {
        Some(Some(0)) => Ok((wall, cpu)),
        Some(Some(code)) => Err(format!("{name} ended with exit code {code}{}", last_line(log))),
        _ => Err(format!("{name} was ended by a signal{}", last_line(log))),
    }
}

/// Until there is no child left. Who stays longer than it may is named; the next measurement would count it too.
fn reap_the_rest(name: &str) -> Result<(), String> {
    let began = Instant::now();
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(e) => return Err(format!("{name}: what it left behind cannot be waited for: {e}")),
            Ok(None) if began.elapsed() > AFTER_THE_END_MAX => {
                let waited = AFTER_THE_END_MAX.as_secs();
                return Err(format!("{name}: processes that it started are there {waited} s after its end"));
            }
            Ok(None) => thread::sleep(AFTER_THE_END),
        }
    }
}

/// Processor time of all children that were ever reaped, and of those that they had reaped themselves.
fn reaped() -> Result<Duration, String> {
    let path = "/proc/self/stat";
    let stat = std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?;
    let ticks = || -> Option<u32> {
        let mut fields = after_name(&stat)?.skip(13);
        Some(fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?)
    };
    let ticks = ticks().ok_or_else(|| format!("{path} is not as expected"))?;
    Ok(Duration::from_secs(ticks.into()) / TICKS)
}

/// The fields of a `/proc/PID/stat` from the third on: what stands before may hold spaces and brackets.
pub(super) fn after_name(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

fn uncache(dir: &Path) -> Result<(Duration, Duration), String> {
    use rustix::fs::{Advice, fadvise};
    use rustix::time::{ClockId, clock_gettime};
    let cpu = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::try_from(now).unwrap_or_default()
    };
    let (began, before) = (Instant::now(), cpu());
    super::place::each_file(dir, &mut |path, _| {
        let file = std::fs::File::open(path)?;
        Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
    })?;
    Ok((began.elapsed(), cpu().saturating_sub(before)))
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines()
        .rfind(|l| !l.trim().is_empty())
        .map_or_else(String::new, |l| format!(": {}", l.escape_debug()))
}

#[cfg(test)]
mod tests;
