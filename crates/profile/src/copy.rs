//! The profile behind `twinhaul copy SRC DST`.
//!
//! Does no I/O: whether the two paths are there, and are directories, is asked when the run begins.
//! Entry point: [`Profile::copy`].

use crate::{COPY_NAME, error::ProfileError, model::Profile, paths, read, refs, write::quoted};
use std::path::Path;

impl Profile {
    /// One disk source, one disk target, everything from one to the other, and every default. Relative paths stay
    /// so; see [`Profile::absolute`].
    ///
    /// # Errors
    /// When a path is not UTF-8 or is empty.
    pub fn copy(src: &Path, dst: &Path) -> Result<Self, ProfileError> {
        let (from, to) = (literal(src)?, literal(dst)?);
        let name = format!("{}-to-{}", word(src, "source"), word(dst, "target"));
        let text = format!(
            "version: 1\nname: {}\nsources:\n  source: {{ backend: disk, root: {from} }}\n\
             targets:\n  target: {{ backend: disk, root: {to} }}\n",
            quoted(&name),
        );
        crate::parse(&text, COPY_NAME)
    }
}

/// The path as a YAML value that stands for exactly these characters.
fn literal(path: &Path) -> Result<String, ProfileError> {
    let text = paths::text(path)?;
    // On a command line the shell has expanded `~`; one that is left is a name. So is a leading `@demo`.
    let relative = path.is_relative() && text.starts_with(['~', '@']);
    Ok(quoted(&refs::escape(&if relative { format!("./{text}") } else { text.to_owned() })))
}

/// Longest part of a name that comes from a path.
const WORD_BYTES_MAX: usize = 24;

/// The last component of a path as a part of a name.
fn word(path: &Path, otherwise: &str) -> String {
    let last = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let plain: String = last.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect();
    let plain = plain.trim_matches(['.', '_', '-']);
    let plain = &plain[..plain.len().min(WORD_BYTES_MAX)];
    if read::is_name(plain) { plain.to_owned() } else { otherwise.to_owned() }
}
