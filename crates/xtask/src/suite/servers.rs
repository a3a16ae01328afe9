//! Real servers for the cloud tests, below `servers` in the target directory: nothing is installed for the whole machine.
//!
//! moto and Amazon's client from `PyPI`, azurite from npm, OpenSSH's server unpacked from Debian's package, and dufs (`WebDAV`) built from
//! its crate, which takes less than a minute. What is there is kept; what cannot be had is told, and its suite says that it is skipped.

use std::path::Path;
use std::process::{Command, Stdio};

/// Versions are pinned: a test must not change because somebody published something.
const PYTHON: &[&str] = &["moto[server]==5.2.1", "awscli==1.45.11"];
const RUST: &[&str] = &["dufs", "--version", "0.46.0"];
const NODE: &str = "azurite@3";
const DEBIAN: &[&str] = &["openssh-server", "openssh-sftp-server", "libwrap0"];

/// Installs what is missing; what is still missing then, in words.
pub(super) fn install(target: &Path) -> Vec<String> {
    let home = target.join("servers");
    if let Err(e) = std::fs::create_dir_all(&home) {
        return vec![format!("servers: cannot make {}: {e}", home.display())];
    }
    let mut missing = Vec::new();
    for (name, there, install) in [
        ("moto", "python/bin/moto_server", python as fn(&Path) -> bool),
        ("azurite", "node/node_modules/.bin/azurite-blob", node),
        ("sshd", "debian/usr/sbin/sshd", debian),
        ("dufs", "bin/dufs", rust),
    ] {
        if home.join(there).is_file() {
            continue;
        }
        eprintln!("xtask: installing {name} into {}", home.display());
        if !install(&home) || !home.join(there).is_file() {
            missing.push(format!("{name}: it could not be installed into {}", home.display()));
        }
    }
    missing
}

fn python(home: &Path) -> bool {
    let place = home.join("python");
    quiet(Command::new("python3").args(["-m", "venv"]).arg(&place))
        && quiet(Command::new(place.join("bin/pip")).args(["install", "--quiet"]).args(PYTHON))
}

fn node(home: &Path) -> bool {
    let place = home.join("node");
    quiet(
        Command::new("npm")
            .args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"])
            .arg(place)
            .arg(NODE),
    )
}

/// Unpacked, not installed: no service, no user, no key is made.
fn debian(home: &Path) -> bool {
    let (packages, root) = (home.join("packages"), home.join("debian"));
    if std::fs::create_dir_all(&packages).is_err() {
        return false;
    }
    let get = || quiet(Command::new("apt-get").arg("download").args(DEBIAN).current_dir(&packages));
    if !(get() || (quiet(Command::new("apt-get").args(["--quiet", "update"])) && get())) {
        return false;
    }
    let Ok(entries) = std::fs::read_dir(&packages) else { return false };
    entries
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "deb"))
        .all(|e| quiet(Command::new("dpkg-deb").arg("-x").arg(e.path()).arg(&root)))
}

/// Without TLS, and not optimised: it serves tests on loopback.
fn rust(home: &Path) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut install = Command::new(cargo);
    install
        .args(["install", "--quiet", "--debug", "--locked", "--no-default-features", "--root"])
        .arg(home)
        .args(RUST);
    // Not among the product's own builds, and gone afterwards.
    let build = home.join("build");
    let built = quiet(install.arg("--target-dir").arg(&build));
    let _ = std::fs::remove_dir_all(build);
    built
}

fn quiet(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_kept_and_a_bad_place_is_told() {
        let place = std::env::temp_dir().join(format!("twinhaul-servers-{}", std::process::id()));
        for there in [
            "python/bin/moto_server",
            "node/node_modules/.bin/azurite-blob",
            "debian/usr/sbin/sshd",
            "bin/dufs",
        ] {
            let path = place.join("servers").join(there);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
        }
        assert!(install(&place).is_empty());
        std::fs::remove_dir_all(&place).unwrap();
        assert_eq!(install(Path::new("/proc/nowhere")).len(), 1);
    }
}
