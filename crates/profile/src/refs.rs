//! References inside values: `${env:NAME}` and `${file:/path}`; `$${` stands for a literal `${`.
//!
//! Found when the profile is read (a misspelt one is a mistake with a line), given their values only when a backend
//! is opened, so that nothing that is stored, shown or logged holds a secret (faults.md, threat 10).
//! Entry points: [`pieces`], [`expand`].

use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};
use twinhaul_units::text::show;

/// Largest file behind `${file:…}`.
pub const SECRET_FILE_BYTES_MAX: u64 = 64 << 10;

/// A stretch of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Env(&'a str),
    File(&'a str),
}

/// Splits a value. The error completes "…: ".
pub(crate) fn pieces(value: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut out = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            // `$${`: keep one dollar and go on behind the brace.
            out.push(Piece::Text(&rest[..at - 1]));
            out.push(Piece::Text("${"));
            rest = &rest[at + 2..];
            continue;
        }
        if at > 0 {
            out.push(Piece::Text(&rest[..at]));
        }
        let body = &rest[at + 2..];
        let end = body.find('}').ok_or("a reference without its closing brace")?;
        out.push(reference(&body[..end])?);
        rest = &body[end + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    Ok(out)
}

fn reference(body: &str) -> Result<Piece<'_>, String> {
    const EXPECTED: &str = "expected ${env:NAME} or ${file:/path} ($${ for a literal ${)";
    match body.split_once(':') {
        Some(("env", name)) if is_env_name(name) => Ok(Piece::Env(name)),
        Some(("file", path)) if path.starts_with('/') => Ok(Piece::File(path)),
        _ => Err(format!("{EXPECTED}, found \"${{{}}}\"", show(body))),
    }
}

fn is_env_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether the value, correctly written, takes something from outside.
pub(crate) fn has_reference(value: &str) -> bool {
    pieces(value).is_ok_and(|all| all.iter().any(|p| !matches!(p, Piece::Text(_))))
}

/// The value with every reference replaced. The error says what is missing and never holds a value.
pub(crate) fn expand(value: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    for piece in pieces(value)? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Env(name) => out.push_str(
                &env(name)
                    .ok_or_else(|| format!("environment variable {name} is not set (or is not UTF-8)"))?,
            ),
            Piece::File(path) => {
                out.push_str(
                    &read_file(Path::new(path)).map_err(|why| format!("file {}: {why}", show(path)))?,
                );
            }
        }
    }
    Ok(out)
}

/// The text of a file without its last line end. Links are followed: mounted secrets are links.
pub(crate) fn read_file(path: &Path) -> Result<String, String> {
    let plain = |e: std::io::Error| show(&e.to_string()).into_owned();
    let meta = fs::metadata(path).map_err(plain)?;
    if !meta.is_file() {
        return Err("is not a regular file".into());
    }
    if meta.permissions().mode() & 0o022 != 0 {
        return Err("can be written by others; chmod go-w it".into());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(plain)?;
    file.take(SECRET_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(plain)?;
    if bytes.len() as u64 > SECRET_FILE_BYTES_MAX {
        return Err("is larger than 64 KiB".into());
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())?;
    let text = text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t));
    Ok(text.to_owned())
}

/// `literal` written so that [`expand`] gives it back.
pub(crate) fn escape(literal: &str) -> String {
    literal.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_values() {
        assert_eq!(
            pieces("a${env:B}/${file:/c d}$x"),
            Ok(vec![
                Piece::Text("a"),
                Piece::Env("B"),
                Piece::Text("/"),
                Piece::File("/c d"),
                Piece::Text("$x")
            ])
        );
        for bad in
            ["${HOME}", "${env:}", "${env:1A}", "${env:A B}", "${file:relative}", "${cmd:id}", "${env:A"]
        {
            assert!(pieces(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_escaped_literal_comes_back() {
        for literal in ["a${b}", "$$", "${", "$${x}", "${${", "plain"] {
            assert_eq!(expand(&escape(literal), &|_| None).as_deref(), Ok(literal), "{literal}");
        }
    }
}
