//! Gives the references of a source or a target their values, when its backend is about to be opened.
//!
//! The result holds secrets: it goes to the backend's open and nowhere else; never into a log, an event or a file.
//! Entry point: [`End::resolve`].

use crate::{
    error::ProfileError,
    model::{End, Side},
    node::join,
    refs,
};
use serde_json::Value;

impl End {
    /// The configuration for the backend's open, with the process's environment.
    ///
    /// # Errors
    /// A variable that is not set, a file that cannot be read, a path that is not absolute; with the line.
    pub fn resolve(&self) -> Result<Value, ProfileError> {
        self.resolve_with(&|name| std::env::var(name).ok())
    }

    /// As [`Self::resolve`], with another environment.
    ///
    /// # Errors
    /// See [`Self::resolve`].
    pub fn resolve_with(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Value, ProfileError> {
        let mut out = serde_json::Map::new();
        for (key, value) in &self.config {
            out.insert(key.clone(), self.expand(value, &join(&self.path(), key), env)?);
        }
        let out = Value::Object(out);
        match self.relative_path(&out) {
            None => Ok(out),
            Some(key) => Err(self.marks.error(
                &join(&self.path(), key),
                format!(
                    "{}: expected an absolute path once its references have values",
                    join(&self.path(), key)
                ),
                None,
            )),
        }
    }

    /// The path of the plugin's shared library, with its references resolved; `None` when the backend's name finds it.
    ///
    /// # Errors
    /// See [`Self::resolve`].
    pub fn resolve_plugin(&self) -> Result<Option<String>, ProfileError> {
        let path = join(&self.path(), "plugin");
        let env = |name: &str| std::env::var(name).ok();
        let Some(text) = &self.plugin else { return Ok(None) };
        refs::expand(text, &env)
            .map(Some)
            .map_err(|why| self.marks.error(&path, format!("{path}: {why}"), None))
    }

    /// "targets.vault", as messages name it.
    fn path(&self) -> String {
        let side = match self.side {
            Side::Source => "sources",
            Side::Target => "targets",
        };
        join(side, &self.name)
    }

    /// Where this source or target stands in its file: `(line, column)`.
    pub fn line_column(&self) -> Option<(u32, u32)> {
        self.marks.place(&self.path()).map(|p| (p.line, p.column))
    }

    fn expand(
        &self,
        value: &Value,
        path: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Value, ProfileError> {
        Ok(match value {
            Value::String(text) => Value::String(refs::expand(text, env).map_err(|why| {
                let path_shown = twinhaul_units::text::show(path);
                self.marks.error(path, format!("{path_shown}: {why}"), None)
            })?),
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .enumerate()
                    .map(|(i, item)| self.expand(item, &format!("{path}[{i}]"), env))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(map) => Value::Object(
                map.iter()
                    .map(|(k, v)| Ok((k.clone(), self.expand(v, &join(path, k), env)?)))
                    .collect::<Result<_, ProfileError>>()?,
            ),
            other => other.clone(),
        })
    }
}
