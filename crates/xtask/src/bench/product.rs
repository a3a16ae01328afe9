//! Calls the product as its users do, without a console: a profile, a state directory of its own, exit code 0 or it failed.

use super::sets::Set;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Slots of each of the two peers.
const SLOTS: u32 = 4;

#[derive(Clone, Debug)]
pub(super) struct Product {
    exe: PathBuf,
}

/// What a profile says of safety.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Safety {
    pub(super) durability: &'static str,
    pub(super) verify: &'static str,
}

impl Product {
    /// Looks once whether it answers, so that a wrong path is told before minutes of data are made.
    pub(super) fn at(exe: &Path) -> Result<Self, String> {
        let exe = exe.canonicalize().map_err(|e| format!("no twinhaul at {}: {e}", exe.display()))?;
        let product = Self { exe };
        product.version().map(|_| product)
    }

    pub(super) fn version(&self) -> Result<String, String> {
        let mut command = Command::new(&self.exe);
        crate::process::output({
            command.arg("--version").stdin(Stdio::null());
            command
        })
        .map(|text| text.trim().to_owned())
    }

    pub(super) fn run(&self, dir: &Path) -> Command {
        let mut command = self.verb("run", dir);
        command.arg(dir.join("profile.yaml")).args(["--headless", "--yes"]);
        command
    }

    pub(super) fn plan(&self, dir: &Path) -> Command {
        let mut command = self.verb("plan", dir);
        command.arg(dir.join("profile.yaml"));
        command
    }

    /// Of the newest run, which is the only one of this state directory.
    pub(super) fn verify(&self, dir: &Path) -> Command {
        self.verb("verify", dir)
    }

    fn verb(&self, verb: &str, dir: &Path) -> Command {
        let mut command = Command::new(&self.exe);
        command.arg(verb).env("TWINHAUL_STATE", dir.join("state"));
        // The backends that stand beside the executable, whatever this shell has set.
        command.env_remove("TWINHAUL_BACKENDS").current_dir(dir);
        command
    }
}

/// Writes the profile into `dir` and makes the target and the state directory beside it.
pub(super) fn lay_out(set: Set, from: &Path, dir: &Path, safety: Safety) -> Result<(), String> {
    let told = |path: &Path, e: std::io::Error| format!("cannot make {}: {e}", path.display());
    for (name, mode) in [("copy", 0o755), ("state", 0o700)] {
        let path = dir.join(name);
        fs::DirBuilder::new().mode(mode).create(&path).map_err(|e| told(&path, e))?;
    }
    let path = dir.join("profile.yaml");
    fs::write(&path, profile(set, from, &dir.join("copy"), safety)?).map_err(|e| told(&path, e))
}

/// Many small files in the order of their names, as they lie on the disk; large ones with the largest first.
fn profile(set: Set, from: &Path, to: &Path, safety: Safety) -> Result<String, String> {
    let quoted = |path: &Path| {
        let text = path.to_str().ok_or_else(|| format!("{} is not UTF-8", path.display()))?;
        Ok::<_, String>(serde_json::Value::from(text).to_string())
    };
    let (from, to) = (quoted(from)?, quoted(to)?);
    let (by, order) = if set.many() { ("count", "name") } else { ("bytes", "size") };
    let Safety { durability, verify } = safety;
    Ok(format!(
        "version: 1\n\
         name: bench\n\
         sources:\n  s: {{ backend: disk, root: {from} }}\n\
         targets:\n  t: {{ backend: disk, root: {to} }}\n\
         split: {{ by: {by}, share: 50 % }}\n\
         order: {order}\n\
         peers:\n  alpha: {{ slots: {SLOTS} }}\n  beta: {{ slots: {SLOTS} }}\n\
         verify: {verify}\n\
         on_exists: skip-same\n\
         durability: {durability}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_says_what_is_measured() {
        let safety = Safety { durability: "end", verify: "read-back" };
        let text = profile(Set::D1, Path::new("/a \"b"), Path::new("/c"), safety).unwrap();
        for line in [
            "  s: { backend: disk, root: \"/a \\\"b\" }",
            "split: { by: count, share: 50 % }",
            "order: name",
            "verify: read-back",
            "durability: end",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
        assert!(profile(Set::D2, Path::new("/a"), Path::new("/c"), safety).unwrap().contains("order: size"));
    }
}
