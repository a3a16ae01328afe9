//! Where packages come from and under which licence: the public registry or this checkout, and only licences that
//! `.deny.toml` allows. The list is read from there, so that cargo-deny and tidy cannot disagree.

use super::Finding;
use super::edges::Metadata;
use std::path::Path;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Sources in `Cargo.lock` and in the resolved packages, and every package's licence.
pub(super) fn check(root: &Path, metadata: &Metadata) -> Result<Vec<Finding>, String> {
    let read =
        |name: &str| std::fs::read_to_string(root.join(name)).map_err(|e| format!("cannot read {name}: {e}"));
    let deny = read(".deny.toml")?;
    let allowed = allowed(&deny);
    if allowed.is_empty() {
        return Err(
            ".deny.toml allows no licence: its list `allow` under [licenses] was not found".to_owned()
        );
    }
    let mut findings = lock_sources(&read("Cargo.lock")?);
    findings.extend(packages(metadata, &allowed, &exceptions(&deny)));
    Ok(findings)
}

/// The quoted texts of `allow = [ … ]` under `[licenses]`.
fn allowed(deny: &str) -> Vec<String> {
    let lines = deny.lines().map(|l| l.split('#').next().unwrap_or_default().trim());
    let mut list = lines.skip_while(|l| *l != "[licenses]").skip(1).take_while(|l| !l.starts_with('['));
    let mut found = Vec::new();
    if let Some(first) = list.by_ref().find(|l| l.starts_with("allow")) {
        for line in std::iter::once(first).chain(list) {
            found.extend(line.split('"').skip(1).step_by(2).map(str::to_owned));
            if line.ends_with(']') {
                break;
            }
        }
    }
    found
}

/// Lines such as `{ crate = "x", allow = ["L"] }` under `[licenses]`: a package and what is allowed for it alone.
fn exceptions(deny: &str) -> Vec<(String, Vec<String>)> {
    let lines = deny.lines().map(|l| l.split('#').next().unwrap_or_default().trim());
    let section = lines.skip_while(|l| *l != "[licenses]").skip(1).take_while(|l| !l.starts_with('['));
    section
        .filter(|l| l.starts_with("{ crate = "))
        .filter_map(|l| {
            let mut quoted = l.split('"').skip(1).step_by(2).map(str::to_owned);
            Some((quoted.next()?, quoted.collect()))
        })
        .collect()
}

fn lock_sources(lock: &str) -> Vec<Finding> {
    let sources = lock.lines().enumerate().filter_map(|(i, l)| Some((i + 1, l.strip_prefix("source = ")?)));
    sources
        .filter(|(_, source)| source.trim_matches('"') != REGISTRY)
        .map(|(line, source)| {
            Finding::error(
                format!("Cargo.lock:{line}"),
                format!("a package comes from {source}"),
                "packages come from the public registry or from this checkout",
            )
        })
        .collect()
}

fn packages(metadata: &Metadata, allowed: &[String], exceptions: &[(String, Vec<String>)]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let place = format!("{} {}", package.name, package.version);
        if package.source.is_none() && package.directory.is_none() {
            findings.push(Finding::error(
                &place,
                "is a path outside the workspace",
                "packages come from the public registry or from this checkout",
            ));
        }
        let expression = package.licence.as_deref().unwrap_or_default();
        let own = exceptions.iter().find(|(name, _)| *name == package.name).map(|(_, own)| own.as_slice());
        if !satisfied(expression, allowed) && !own.is_some_and(|own| satisfied(expression, own)) {
            findings.push(Finding::error(
                &place,
                format!("its licence is \"{expression}\""),
                ".deny.toml does not allow it; ask before adding one there",
            ));
        }
    }
    findings
}

/// Whether a licence expression can be met by the allowed licences. What it cannot read, it does not accept.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&tokens, &mut at, allowed);
    met == Some(true) && at == tokens.len()
}

fn either(tokens: &[&str], at: &mut usize, allowed: &[String]) -> Option<bool> {
    let mut met = both(tokens, at, allowed)?;
    while tokens.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(tokens, at, allowed)?;
    }
    Some(met)
}

fn both(tokens: &[&str], at: &mut usize, allowed: &[String]) -> Option<bool> {
    let mut met = one(tokens, at, allowed)?;
    while tokens.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(tokens, at, allowed)?;
    }
    Some(met)
}

fn one(tokens: &[&str], at: &mut usize, allowed: &[String]) -> Option<bool> {
    let first = *tokens.get(*at)?;
    *at += 1;
    if first == "(" {
        let met = either(tokens, at, allowed)?;
        (tokens.get(*at) == Some(&")")).then_some(())?;
        *at += 1;
        return Some(met);
    }
    let mut name = first.to_owned();
    if tokens.get(*at) == Some(&"WITH") {
        name = format!("{first} WITH {}", tokens.get(*at + 1)?);
        *at += 2;
    }
    Some(allowed.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::edges::Package;

    fn list() -> Vec<String> {
        ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(str::to_owned).to_vec()
    }

    #[test]
    fn expressions_are_judged() {
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
            "GPL-2.0 AND BSL-1.0 OR MIT",
        ] {
            assert!(satisfied(good, &list()), "{good}");
        }
        for bad in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT OR", "(MIT", "MIT)", "MIT WITH Classpath", "LicenseRef-x"]
        {
            assert!(!satisfied(bad, &list()), "{bad}");
        }
    }

    #[test]
    fn the_list_is_read_from_the_deny_file() {
        let deny = "[bans]\nallow = [\"x\"]\n[licenses]\nconfidence-threshold = 0.9\nallow = [ # ours\n  \"MIT\",\n  \"ISC\", # theirs\n]\nexceptions = [\"GPL\"]\n[sources]\n";
        assert_eq!(allowed(deny), ["MIT", "ISC"]);
        assert_eq!(allowed("[licenses]\nallow = [\"MIT\", \"ISC\"]\nunused = \"x\"\n"), ["MIT", "ISC"]);
        assert!(allowed("[licenses]\n[sources]\nallow = [\"x\"]\n").is_empty());
    }

    #[test]
    fn exceptions_are_for_one_package() {
        let deny = "[licenses]\nallow = [\"MIT\"]\nexceptions = [\n  # why\n  { crate = \"a\", allow = [\"CC0-1.0\"] },\n]\n[bans]\n  { crate = \"b\", allow = [\"X\"] }\n";
        assert_eq!(exceptions(deny), [("a".to_owned(), vec!["CC0-1.0".to_owned()])]);
    }

    #[test]
    fn foreign_sources_are_named_with_their_line() {
        let lock =
            format!("name = \"a\"\nsource = \"{REGISTRY}\"\nname = \"b\"\nsource = \"git+https://x/y\"\n");
        let found = lock_sources(&lock);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].place, "Cargo.lock:4");
    }

    #[test]
    fn licences_and_paths_of_packages_are_checked() {
        let package = |licence: Option<&str>, source: Option<&str>, directory: Option<&str>| Package {
            name: "p".to_owned(),
            licence: licence.map(str::to_owned),
            source: source.map(str::to_owned),
            directory: directory.map(str::to_owned),
            ..Package::default()
        };
        let metadata = Metadata {
            packages: vec![
                package(Some("MIT"), Some(REGISTRY), None),
                package(Some("MIT"), None, Some("crates/units")),
                package(Some("AGPL-3.0"), Some(REGISTRY), None),
                package(None, Some(REGISTRY), None),
                package(Some("MIT"), None, None),
            ],
            ..Metadata::default()
        };
        let found = packages(&metadata, &list(), &[]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].what.contains("AGPL-3.0"));
        assert!(found[2].what.contains("path outside"));
        let excepted = [("p".to_owned(), vec!["AGPL-3.0".to_owned()])];
        assert_eq!(packages(&metadata, &list(), &excepted).len(), 2);
    }
}
