//! A backend that goes wrong in a run: the disk backend behind a library in C that crashes, hangs, eats memory or writes something
//! else when it is told to.
//!
//! Entry points: [`Backend::new`] builds it for a lab, [`Backend::under`] puts it under a profile's target, [`Backend::set`] says what
//! goes wrong, from the next write on. What really went wrong is in [`Backend::fired`].

use crate::product::{Lab, Profile, exe};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Never returns, and hears of no cancel.
    Hang,
    Abort,
    /// Writes to where no memory is.
    Segv,
    /// Calls itself until the stack is full.
    Stack,
    /// Ends the process, with code 0.
    Exit,
    /// Takes memory without bound.
    Eat,
    /// Turns a byte round on its way to the medium, and says that all is well.
    Flip,
    /// Leaves the last byte out, and says that all is well.
    Short,
}

impl Fault {
    const fn word(self) -> &'static str {
        match self {
            Self::Hang => "hang",
            Self::Abort => "abort",
            Self::Segv => "segv",
            Self::Stack => "stack",
            Self::Exit => "exit",
            Self::Eat => "eat",
            Self::Flip => "flip",
            Self::Short => "short",
        }
    }
}

/// See the module. Of one lab.
#[derive(Debug)]
pub struct Backend {
    library: PathBuf,
    fault: PathBuf,
    fired: PathBuf,
}

impl Backend {
    /// Builds it in a directory of the lab; nothing is wrong yet.
    ///
    /// # Panics
    /// Without a C compiler.
    pub fn new(lab: &Lab) -> Self {
        let dir = lab.path("faulty");
        std::fs::create_dir(&dir).expect("a directory for the library");
        let [library, fault, fired] = ["libtwinhaul_faulty.so", "fault", "fired"].map(|name| dir.join(name));
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let real = exe().with_file_name("libtwinhaul_disk.so");
        assert!(real.exists(), "{} is not built: cargo build -p twinhaul-disk", real.display());
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wno-infinite-recursion", "-O0"]);
        cc.args(["-shared", "-fPIC", "-fvisibility=hidden"]);
        for (name, path) in [("REAL", &real), ("FAULT", &fault), ("FIRED", &fired)] {
            cc.arg(format!("-D{name}=\"{}\"", path.display()));
        }
        cc.arg("-I").arg(here.join("../crates/backend-abi/include"));
        cc.arg(here.join("src/faulty/backend.c")).arg("-o").arg(&library).arg("-ldl");
        let done = cc.output().expect("a C compiler is needed for the tests");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Self { library, fault, fired }
    }

    /// The profile, with its target behind this library. Its name in the run is `faulty`, so that what is blamed is told apart from
    /// the disk of the source.
    #[must_use]
    pub fn under(&self, profile: Profile) -> Profile {
        self.under_as("faulty", profile)
    }

    /// As [`Self::under`], in the run under another backend's name: what a call may take goes by it.
    #[must_use]
    pub fn under_as(&self, name: &str, mut profile: Profile) -> Profile {
        let library = serde_json::Value::from(self.library.to_str().expect("a path in a profile"));
        profile.target_backend = format!("backend: {name}, plugin: {library}");
        profile
    }

    /// From now on every write of both peers.
    pub fn set(&self, fault: Fault) {
        self.tell(fault, "any", "always");
    }

    /// From now on every write of this peer.
    pub fn set_for(&self, peer: &str, fault: Fault) {
        self.tell(fault, peer, "always");
    }

    /// The next write of either, and no other.
    pub fn set_once(&self, fault: Fault) {
        self.tell(fault, "any", "once");
    }

    /// The next write of this peer, and no other.
    pub fn set_once_for(&self, peer: &str, fault: Fault) {
        self.tell(fault, peer, "once");
    }

    /// As it should be from now on; a call that hangs goes on hanging.
    pub fn clear(&self) {
        // A fault of once is gone already.
        let _ = std::fs::remove_file(&self.fault);
    }

    /// The processes in which something went wrong, once for each write.
    pub fn fired(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(&self.fired).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Whole or not at all: a peer reads it at any time.
    fn tell(&self, fault: Fault, who: &str, how: &str) {
        let new = self.fault.with_extension("new");
        std::fs::write(&new, format!("{} {who} {how}\n", fault.word())).expect("the fault");
        std::fs::rename(&new, &self.fault).expect("the fault");
    }
}
