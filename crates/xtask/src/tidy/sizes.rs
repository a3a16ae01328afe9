//! How long files and functions are. Long is a question, very long an error: two ideas live there.

use super::Finding;
use super::source::{Source, item_end, line_of};

const FILE_LINES_ASK: usize = 300;
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_ASK: usize = 70;
const FUNCTION_LINES_MAX: usize = 120;

/// Every file and every function.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(|s| file(s).into_iter().chain(functions(s))).collect()
}

fn file(source: &Source) -> Option<Finding> {
    let lines = source.code.lines().count();
    judge(&source.path, "the file", lines, FILE_LINES_ASK, FILE_LINES_MAX)
}

fn functions(source: &Source) -> Vec<Finding> {
    let code = &source.code;
    let mut findings = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let own_word = code[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !own_word || name.is_empty() {
            continue;
        }
        let first = line_of(code, at);
        let lines = line_of(code, item_end(code, at)) - first + 1;
        let what = format!("the function {name}");
        findings.extend(judge(&source.at(first), &what, lines, FUNCTION_LINES_ASK, FUNCTION_LINES_MAX));
    }
    findings
}

fn judge(place: &str, what: &str, lines: usize, ask: usize, max: usize) -> Option<Finding> {
    let said = format!("{what} has {lines} lines");
    match lines {
        n if n > max => {
            Some(Finding::error(place, said, format!("more than {max} cannot be read in one go")))
        }
        n if n > ask => {
            Some(Finding::question(place, said, format!("past {ask} lines: do two ideas live in it?")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::Weight;

    fn found(text: &str) -> Vec<Finding> {
        check(&[Source::new("crates/x/src/a.rs", text)])
    }

    fn function(lines: usize) -> String {
        format!("struct S;\nfn long(x: u8) {{\n{}}}\n", "    f();\n".repeat(lines - 2))
    }

    #[test]
    fn functions_are_measured() {
        assert!(found(&function(FUNCTION_LINES_ASK)).is_empty());
        let asked = found(&function(FUNCTION_LINES_ASK + 1));
        assert_eq!((asked[0].weight, asked[0].place.as_str()), (Weight::Question, "crates/x/src/a.rs:2"));
        assert_eq!(found(&function(FUNCTION_LINES_MAX))[0].weight, Weight::Question);
        assert_eq!(found(&function(FUNCTION_LINES_MAX + 1))[0].weight, Weight::Error);
    }

    #[test]
    fn files_are_measured() {
        let lines = |n: usize| "const A: u8 = 1;\n".repeat(n);
        assert!(found(&lines(FILE_LINES_ASK)).is_empty());
        assert_eq!(found(&lines(FILE_LINES_ASK + 1))[0].weight, Weight::Question);
        assert_eq!(found(&lines(FILE_LINES_MAX + 1))[0].weight, Weight::Error);
    }

    #[test]
    fn types_of_functions_are_no_functions() {
        let text = format!("type F = fn (u8);\n{}", "const A: u8 = 1;\n".repeat(200));
        assert!(found(&text).is_empty());
    }
}
