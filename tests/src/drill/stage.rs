//! What a situation stands on: a run that is under way, and what must be taken back when the trial is over.

use crate::mounts::{self, Mounted};
use crate::needs;
use crate::product::run::Run;
use crate::product::{Lab, Profile};
use crate::seed::Rng;
use crate::tree;
use std::any::Any;
use std::path::{Path, PathBuf};

/// See the module.
pub(super) struct Stage {
    pub(super) run: String,
    /// Faults that last as long as these live.
    pub(super) faults: Vec<Box<dyn Any + Send>>,
    /// What the run's processes hold open.
    pub(super) mounts: Vec<Mounted>,
}

impl Stage {
    pub(super) fn new(run: &Run<'_>) -> Self {
        Self { run: run.id.clone(), faults: Vec::new(), mounts: Vec::new() }
    }

    pub(super) fn with(mut self, fault: impl Any + Send) -> Self {
        self.faults.push(Box::new(fault));
        self
    }

    pub(super) fn on(mut self, mount: Mounted) -> Self {
        self.mounts.push(mount);
        self
    }

    /// Takes the faults back, ends the processes, and unmounts what they stood on.
    pub(super) fn over(self, end: impl FnOnce()) {
        drop(self.faults);
        end();
        drop(self.mounts);
    }
}

/// Files that take `seconds` or so if nobody does anything, in sizes and numbers of chance.
pub(super) fn profile(lab: &Lab, rng: &mut Rng, seconds: u64) -> Profile {
    let size = (64 * 1024) << rng.below(2);
    let files = 320 + usize::try_from(rng.below(200)).unwrap_or(0);
    tree::small_files(&lab.source(), files, size, rng.next_u64());
    // A megabit a second and less would itself be worth a word.
    let rate = (files as u64 * size as u64 / seconds / 2 / 1024).max(160);
    let mut profile = Profile::new("drill", &lab.source(), &lab.target());
    profile = profile.limits(&format!("{rate} KiB/s"), &format!("{rate} KiB/s"));
    profile.policy = pick(rng, &["balanced", "learning", "none"]).into();
    // With "end" nothing is done before all is.
    profile.durability = pick(rng, &["each", "group"]).into();
    profile.verify = pick(rng, &["hash", "none", "read-back"]).into();
    profile.alpha.slots = 2 + u32::try_from(rng.below(4)).unwrap_or(0);
    profile.beta.slots = 2 + u32::try_from(rng.below(4)).unwrap_or(0);
    profile
}

/// A run of such a profile that is under way.
pub(super) fn under_way<'a>(lab: &'a Lab, rng: &mut Rng) -> Run<'a> {
    let run = lab.start(&profile(lab, rng, 60));
    run.until_under_way();
    run
}

pub(super) fn pick<'a, T: ?Sized>(rng: &mut Rng, of: &[&'a T]) -> &'a T {
    of[usize::try_from(rng.below(of.len() as u64)).unwrap_or(0)]
}

pub(super) fn peer(rng: &mut Rng) -> &'static str {
    pick(rng, &["alpha", "beta"])
}

/// Whether a shell command did what it is for.
pub(super) fn shell(script: &str, args: &[&Path]) -> bool {
    mounts::shell(script, args).is_ok()
}

/// A file system in memory, at `at`. `None`: nothing can be mounted here, which is said.
pub(super) fn tmpfs(at: &Path, options: &str) -> Option<Mounted> {
    std::fs::create_dir_all(at).expect("mount point");
    mounted(at, shell(&format!("mount -t tmpfs -o {options} tmpfs \"$1\""), &[at]))
}

/// A file system in a file, at `at`; it can be frozen.
pub(super) fn image(lab: &Lab, at: &Path, mebibytes: u64) -> Option<Mounted> {
    std::fs::create_dir_all(at).expect("mount point");
    let image = lab.path(&format!("image-{}", at.file_name()?.to_str()?));
    let script =
        format!("truncate -s {mebibytes}M \"$1\"; mkfs.ext4 -q -F \"$1\"; mount -o loop \"$1\" \"$2\"");
    mounted(at, shell(&script, &[&image, at]))
}

fn mounted(at: &Path, done: bool) -> Option<Mounted> {
    if !done {
        needs::skip(
            "drill",
            "nothing can be mounted here (root in a mount name space, mkfs.ext4, a loop device)",
        );
    }
    done.then(|| Mounted::at(at))
}

/// A frozen file system; thawed when dropped.
#[derive(Debug)]
pub(super) struct Frozen(PathBuf);

impl Frozen {
    pub(super) fn new(at: &Path) -> Option<Self> {
        shell("fsfreeze -f \"$1\"", &[at]).then(|| Self(at.to_owned()))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        shell("fsfreeze -u \"$1\"", &[&self.0]);
    }
}

/// A control group (version 1) that holds processes; when dropped it is taken back, everybody leaves it, and it is removed.
#[derive(Debug)]
pub(super) struct Group {
    path: PathBuf,
    undo: String,
}

impl Group {
    /// Puts `pids` into a new group and writes its settings, each a file and a value; `undo` is written at the end. `None`: this
    /// machine has no such groups for us.
    pub(super) fn holding(
        controller: &str,
        pids: &[u32],
        settings: &[(&str, &str)],
        undo: (&str, &str),
    ) -> Option<Self> {
        let group = Self::new(controller, &pids.first()?.to_string(), undo)?;
        let members = pids.iter().all(|pid| group.set("cgroup.procs", &pid.to_string()));
        // What was begun is taken back also when it could not be ended.
        (members && settings.iter().all(|(file, value)| group.set(file, value))).then_some(group)
    }

    /// A group that nobody is in yet.
    pub(super) fn new(controller: &str, name: &str, undo: (&str, &str)) -> Option<Self> {
        let path = Path::new("/sys/fs/cgroup").join(controller).join(format!("twinhaul-drill-{name}"));
        let undo = format!("echo {} > \"$1/{}\"", undo.1, undo.0);
        let group = Self { path, undo };
        shell("mkdir \"$1\"", &[&group.path]).then_some(group)
    }

    pub(super) fn set(&self, file: &str, value: &str) -> bool {
        shell(&format!("echo {value} > \"$1/{file}\""), &[&self.path])
    }

    /// The head of a command line whose rest runs in it.
    pub(super) fn head(&self) -> [&str; 4] {
        [
            "sh",
            "-c",
            "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"",
            self.path.to_str().expect("a path in text"),
        ]
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let undo = &self.undo;
        let script = format!(
            "{undo}; for p in $(cat \"$1/tasks\"); do echo $p > \"$1/../tasks\" || true; done; rmdir \"$1\""
        );
        shell(&script, &[&self.path]);
    }
}
