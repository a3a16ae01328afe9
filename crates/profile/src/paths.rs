//! Local paths in a profile: which keys hold one, and how relative ones become absolute.
//!
//! Does no I/O: whether a path exists, and on which file system, is asked when the backend is opened.
//! Entry points: [`crate::Profile::absolute`], [`crate::Profile::with_demo_root`].

use crate::{
    error::ProfileError,
    model::{End, Profile},
    refs,
};
use serde_json::Value;
use std::path::{Component, Path, PathBuf};
use twinhaul_units::text::show_bytes;

/// What a demo profile writes for the directory that `twinhaul demo` makes.
pub const DEMO_ROOT: &str = "@demo";

/// The keys of a backend's configuration that hold local paths; each must be there.
pub(crate) fn keys(backend: &str) -> &'static [&'static str] {
    match backend {
        "disk" => &["root"],
        "tape" => &["library"],
        _ => &[],
    }
}

/// What is wrong with a path as written, and what to do.
pub(crate) fn check(text: &str, demo: bool) -> Result<(), (&'static str, &'static str)> {
    if text.is_empty() {
        return Err(("expected a path, found nothing", ""));
    }
    if text.contains('\0') {
        return Err(("expected a path, found a NUL byte in it", ""));
    }
    if text == "~" || text.starts_with("~/") {
        return Err(("\"~\" is not expanded", "write ${env:HOME}/…"));
    }
    if below_demo_root(text).is_some() && !demo {
        return Err(("\"@demo\" is the directory of a demonstration", "write demo: true, or ./@demo"));
    }
    Ok(())
}

/// The part behind `@demo`, with its slash.
fn below_demo_root(text: &str) -> Option<&str> {
    text.strip_prefix(DEMO_ROOT).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Profile {
    /// The profile with its relative paths below `base`, an absolute path. Paths that begin with a reference or with
    /// `@demo` stay.
    ///
    /// # Errors
    /// When `base` is not UTF-8.
    pub fn absolute(mut self, base: &Path) -> Result<Self, ProfileError> {
        let base = text(base)?;
        self.each_path(|path| {
            let fixed =
                Path::new(path).is_absolute() || path.starts_with("${") || below_demo_root(path).is_some();
            (!fixed).then(|| join(&refs::escape(base), path))
        });
        Ok(self)
    }

    /// The profile with `root` in place of `@demo`.
    ///
    /// # Errors
    /// When `root` is not UTF-8.
    pub fn with_demo_root(mut self, root: &Path) -> Result<Self, ProfileError> {
        let root = refs::escape(text(root)?);
        self.each_path(|path| {
            below_demo_root(path).map(|rest| format!("{}{rest}", root.trim_end_matches('/')))
        });
        Ok(self)
    }

    /// The profile with this address in place of each `endpoint: "@demo"`.
    #[must_use]
    pub fn with_demo_store(mut self, address: std::net::SocketAddr) -> Self {
        for end in self.sources.iter_mut().chain(&mut self.targets) {
            if let Some(Value::String(endpoint)) = end.config.get_mut("endpoint")
                && self.demo
                && endpoint == DEMO_ROOT
            {
                *endpoint = format!("http://{address}");
            }
        }
        self
    }

    /// Replaces every local path for which `change` has something else.
    fn each_path(&mut self, change: impl Fn(&str) -> Option<String>) {
        for end in self.sources.iter_mut().chain(&mut self.targets) {
            if let Some(new) = end.plugin.as_deref().and_then(&change) {
                end.plugin = Some(new);
            }
            for key in keys(&end.backend) {
                if let Some(Value::String(path)) = end.config.get_mut(*key)
                    && let Some(new) = change(path)
                {
                    *path = new;
                }
            }
        }
    }
}

impl End {
    /// Paths must be absolute once their references have values, or they would depend on who opens them.
    pub(crate) fn relative_path(&self, resolved: &Value) -> Option<&'static str> {
        keys(&self.backend)
            .iter()
            .find(|k| resolved.get(**k).and_then(Value::as_str).is_some_and(|p| !Path::new(p).is_absolute()))
            .copied()
    }
}

/// `path` below `base`, without the dots that can be taken out without asking the file system.
fn join(base: &str, path: &str) -> String {
    let mut out = PathBuf::from(base);
    for part in Path::new(path).components() {
        // `..` stays: what it means behind a link only the file system knows.
        if part != Component::CurDir {
            out.push(part);
        }
    }
    out.to_str().map_or_else(|| format!("{base}/{path}"), str::to_owned)
}

/// A path as text.
pub(crate) fn text(path: &Path) -> Result<&str, ProfileError> {
    use std::os::unix::ffi::OsStrExt as _;
    path.to_str().ok_or_else(|| ProfileError::PathNotText { shown: show_bytes(path.as_os_str().as_bytes()) })
}
