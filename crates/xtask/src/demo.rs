//! `cargo xtask demo`: builds what the story needs and nothing else, then becomes `twinhaul demo`.

use crate::process;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the binary and the backends of the story, then replaces this process: the demo owns the terminal.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    let needs = needs(args);
    eprintln!("xtask: building {} (the first time takes a few minutes)", needs.join(", "));
    let exe = build(root, &needs)?;
    let line = args.iter().fold(format!("{} demo", exe.display()), |line, arg| format!("{line} {arg}"));
    eprintln!("xtask: running {line}");
    // Backends are found beside the executable; a variable of the caller's must not point at older ones.
    let error = Command::new(&exe).arg("demo").args(args).env_remove("TWINHAUL_BACKENDS").exec();
    Err(format!("cannot run {}: {error}", exe.display()))
}

/// The packages of the story that is named.
pub(crate) fn needs(args: &[String]) -> Vec<&'static str> {
    let mut packages = vec!["twinhaul", "twinhaul-disk"];
    let is_told = |story: &str| args.iter().any(|arg| arg == story);
    if is_told("tape") {
        packages.push("twinhaul-tape");
    }
    if is_told("cloud") {
        packages.extend(["twinhaul-cloud", "twinhaul-store"]);
    }
    packages
}

/// Builds, and reads from cargo's messages where the binary is.
pub(crate) fn build(root: &Path, packages: &[&str]) -> Result<PathBuf, String> {
    let mut build = vec!["build", "--message-format=json-render-diagnostics"];
    build.extend(packages.iter().flat_map(|package| ["-p", package]));
    let messages = process::output(process::cargo(root, &build))?;
    executable(&messages).ok_or_else(|| "cargo built no executable named twinhaul".to_owned())
}

fn executable(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|m| m["reason"] == "compiler-artifact" && m["target"]["name"] == "twinhaul")
        .find_map(|m| m["executable"].as_str().map(PathBuf::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_names_what_it_needs() {
        let of = |args: &[&str]| needs(&args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>()).join(" ");
        assert_eq!(of(&[]), "twinhaul twinhaul-disk");
        assert_eq!(of(&["tape", "--keep"]), "twinhaul twinhaul-disk twinhaul-tape");
        assert_eq!(of(&["--headless", "cloud"]), "twinhaul twinhaul-disk twinhaul-cloud twinhaul-store");
    }

    #[test]
    fn the_executable_is_read_from_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"twinhaul_disk"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"twinhaul"},"executable":"/t/debug/twinhaul"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(executable(messages), Some(PathBuf::from("/t/debug/twinhaul")));
        assert_eq!(executable(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
