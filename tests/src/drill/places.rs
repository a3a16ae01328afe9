//! Sources and targets on disks: full, slow, changing, without permission.

use super::stage::{Frozen, Stage, image, pick, profile, tmpfs};
use super::{Situation, fault};
use crate::fuse::{Call, Fault, Fuse};
use crate::product::run::Run;
use crate::product::{Lab, Profile};
use crate::seed::Rng;
use crate::{needs, tree};
use rustix::io::Errno;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use twinhaul_diagnose::Cause;

pub(super) const ALL: &[Situation] = &[
    fault("somebody fills the target", 20, &[Cause::TargetFull], full),
    fault("too little room for the plan", 15, &[Cause::TargetFull], too_small),
    fault("the target has no inodes left", 20, &[Cause::TargetFull], no_inodes),
    fault("the target's file system is frozen", 12, &[Cause::TargetSlow], frozen),
    fault("a source file that grows all the time", 15, &[Cause::SourceChanging], growing),
    fault("a source file that is written again all the time", 15, &[Cause::SourceChanging], rewritten),
    fault("a quota that is used up", 20, &[Cause::TargetFull], quota),
    fault("a target whose writes fail", 20, &[Cause::TransfersFail], bad_target),
    fault("a source with a bad block", 20, &[Cause::TransfersFail], bad_block),
    fault("a source file that may not be read", 15, &[Cause::Permission], unreadable),
    fault("a directory of the target that may not be written", 15, &[Cause::Permission], unwritable),
];

/// Waits until some files have arrived.
fn until_some_arrived(run: &Run<'_>) {
    run.until("some have arrived", |s| s.done.transfers >= 4 || s.state.ended());
}

fn full(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 30);
    // Room for the plan when it begins; then somebody else takes it.
    let mebibytes = 80 + rng.below(20);
    let mount = tmpfs(&lab.target(), &format!("size={mebibytes}m"))?;
    let run = lab.start(&profile);
    until_some_arrived(&run);
    std::fs::write(lab.target().join("ballast"), vec![1; usize::try_from(mebibytes).ok()? << 20]).ok();
    run.verb("limit", &["none"]);
    Some(Stage::new(&run).on(mount))
}

fn too_small(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 30);
    let mount = tmpfs(&lab.target(), &format!("size={}m", 4 + rng.below(10)))?;
    Some(Stage::new(&lab.start(&profile)).on(mount))
}

fn no_inodes(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 30);
    let mount = tmpfs(&lab.target(), "size=200m,nr_inodes=2000")?;
    let run = lab.start(&profile);
    until_some_arrived(&run);
    let taken = lab.target().join("ballast");
    std::fs::create_dir(&taken).ok()?;
    for n in 0..2000 {
        if std::fs::write(taken.join(n.to_string()), "").is_err() {
            break;
        }
    }
    run.verb("limit", &["none"]);
    Some(Stage::new(&run).on(mount))
}

fn frozen(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 40);
    let mount = image(lab, &lab.target(), 200)?;
    let run = lab.start(&profile);
    until_some_arrived(&run);
    let frozen = Frozen::new(&lab.target())?;
    Some(Stage::new(&run).on(mount).with(frozen))
}

/// Somebody who does the same again and again until the trial is over.
struct Busy(Arc<AtomicBool>);

impl Busy {
    fn doing(mut act: impl FnMut() + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&over);
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                act();
                std::thread::sleep(Duration::from_millis(15));
            }
        });
        Self(over)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One file among others that somebody works on.
fn changing(lab: &Lab, rng: &mut Rng, act: fn(&Path)) -> Stage {
    tree::small_files(&lab.source(), 20, 1000, rng.next_u64());
    let path = lab.source().join(pick(rng, &["changing", "z/last", "a log.txt"]));
    tree::file(&path, (2 + rng.below(6)) << 20, 2);
    let busy = Busy::doing(move || act(&path));
    let mut profile = Profile::new("drill", &lab.source(), &lab.target()).limits("4 MiB/s", "4 MiB/s");
    profile.policy = pick(rng, &["balanced", "none"]).into();
    Stage::new(&lab.start(&profile)).with(busy)
}

fn growing(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    Some(changing(lab, rng, |path| {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(b"one more line\n"));
    }))
}

fn rewritten(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    Some(changing(lab, rng, |path| {
        use std::os::unix::fs::FileExt as _;
        let file = std::fs::OpenOptions::new().write(true).open(path);
        let _ = file.and_then(|file| file.write_all_at(b"another first line\n", 0));
    }))
}

/// Root passes over permissions; the run is started without that power.
fn start_without_override<'a>(lab: &'a Lab, profile: &Profile) -> Run<'a> {
    let path = lab.write_profile(profile);
    let mut command = lab.command();
    command.arg("run").arg(path).arg("--detach");
    let done = lab.finish_without_override(command);
    done.expect_code(0);
    Run::named(lab, done.stdout.trim())
}

fn unreadable(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 20);
    let locked = lab.source().join(format!("d000/f00000{}", rng.below(9)));
    std::fs::set_permissions(&locked, Permissions::from_mode(0o000)).expect("mode");
    Some(Stage::new(&start_without_override(lab, &profile)))
}

fn unwritable(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let profile = profile(lab, rng, 20);
    let locked = lab.target().join("d000");
    std::fs::create_dir_all(&locked).expect("directory");
    std::fs::set_permissions(&locked, Permissions::from_mode(0o755)).expect("mode");
    // Of one's own the way in can be opened; of somebody else's it cannot.
    if std::os::unix::fs::chown(&locked, Some(54_321), Some(54_321)).is_err() {
        needs::skip("drill", "only root can give a directory to somebody else");
        return None;
    }
    Some(Stage::new(&start_without_override(lab, &profile)))
}

/// The run onto, or from, a file system that answers as it is told to.
fn through_fuse(lab: &Lab, rng: &mut Rng, at: &Path, below: &str, faults: &[Fault]) -> Option<Stage> {
    let fuse = Fuse::over("drill", at, &lab.path(below))?;
    let run = lab.start(&profile(lab, rng, 40));
    until_some_arrived(&run);
    for fault in faults {
        fuse.fail(fault.clone());
    }
    Some(Stage::new(&run).with(fuse))
}

fn quota(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    through_fuse(lab, rng, &lab.target(), "below", &[Fault::of(Call::Write, Errno::DQUOT)])
}

fn bad_target(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let call = if rng.below(2) == 0 { Call::Write } else { Call::Sync };
    through_fuse(lab, rng, &lab.target(), "below", &[Fault::of(call, Errno::IO)])
}

/// From a place in each file on.
fn bad_block(lab: &Lab, rng: &mut Rng) -> Option<Stage> {
    let fault = Fault { from: 4096 * rng.below(8), ..Fault::of(Call::Read, Errno::IO) };
    through_fuse(lab, rng, &lab.source(), "below", &[fault])
}
