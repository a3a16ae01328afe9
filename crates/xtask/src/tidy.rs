//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy can check.
//!
//! Every rule is a function from what it looks at to [`Finding`]s, so that each is tested against a fixture that
//! breaks it. An error fails; a question is printed and asks the reader to think. Tidy never changes a file, but for
//! the generated table in `crates/README.md` with `--write`.

mod edges;
mod house;
mod licences;
mod rooms;
mod scan;
mod sizes;
mod source;
mod table;
mod uses;

use std::fmt;
use std::path::Path;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// `file:line`, `file`, or a crate's name.
    place: String,
    what: String,
    why: String,
    weight: Weight,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Printed; a reader decides.
    Question,
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), why: why.into(), weight: Weight::Error }
    }

    fn question(place: impl Into<String>, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { weight: Weight::Question, ..Self::error(place, what, why) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = match self.weight {
            Weight::Question => "question",
            Weight::Error => "error",
        };
        write!(f, "{weight}: {}: {}\n    why: {}", self.place, self.what, self.why)
    }
}

/// Runs every rule over the checkout at `root`; false when one found an error.
pub(crate) fn run(root: &Path, args: &[String]) -> Result<bool, String> {
    let write = match args {
        [] => false,
        [one] if one == "--write" => true,
        other => return Err(format!("tidy takes only --write, not {other:?}")),
    };
    if write {
        table::write(root)?;
    }
    let mut findings = all(root)?;
    findings.sort_by(|a, b| (a.weight, &a.place).cmp(&(b.weight, &b.place)));
    for finding in &findings {
        eprintln!("{finding}");
    }
    let errors = findings.iter().filter(|f| f.weight == Weight::Error).count();
    eprintln!("tidy: {errors} errors, {} questions", findings.len() - errors);
    Ok(errors == 0)
}

fn all(root: &Path) -> Result<Vec<Finding>, String> {
    let metadata = edges::metadata(root)?;
    let sources = source::read_all(root)?;
    let mut findings = edges::check(&metadata);
    findings.extend(licences::check(root, &metadata)?);
    findings.extend(scan::check(&sources));
    findings.extend(sizes::check(&sources));
    findings.extend(house::root_files(root));
    findings.extend(house::empty_crates(&metadata, &sources));
    findings.extend(table::check(root)?);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_says_where_what_and_why() {
        let said = Finding::error("a.rs:3", "uses x", "y must hold").to_string();
        assert_eq!(said, "error: a.rs:3: uses x\n    why: y must hold");
        assert!(Finding::question("a", "b", "c").to_string().starts_with("question: "));
    }

    #[test]
    fn only_write_is_taken() {
        assert!(run(Path::new("/nonexistent"), &["--fix".to_owned()]).is_err());
    }
}
