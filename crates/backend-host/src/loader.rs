//! From a name to a loaded library: find, check, probe in a child, load by the descriptor that was checked.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::error::HostError;
use crate::library::{self, Library};
use crate::module::ModuleInfo;
use crate::probe::{self, PROBE_TIME_MAX};
use crate::search::Search;
use crate::trust::{self, Checked};
use serde_json::{Map, Value};

/// The command that probes a file: the program's own `backends check --in-child FILE`.
pub type ProbeCommand = Box<dyn Fn(&Path) -> Command + Send + Sync>;

/// One for a process.
pub struct Loader {
    search: Search,
    command: ProbeCommand,
    limit: Duration,
    /// By the file's identity: device, number, size, times.
    probed: Mutex<HashMap<String, ModuleInfo>>,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("search", &self.search).finish_non_exhaustive()
    }
}

/// One backend of `backends list`.
#[derive(Debug)]
pub struct Found {
    /// By its file.
    pub name: String,
    pub path: PathBuf,
    /// Who it says it is, or why it is not used.
    pub module: Result<ModuleInfo, HostError>,
}

impl Loader {
    /// `command` must run [`crate::answer_in_child`] in another process and print its line on standard output.
    pub fn new(search: Search, command: impl Fn(&Path) -> Command + Send + Sync + 'static) -> Self {
        Self { search, command: Box::new(command), limit: PROBE_TIME_MAX, probed: Mutex::default() }
    }

    /// Probes may take this long instead of [`PROBE_TIME_MAX`].
    #[must_use]
    pub fn probe_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// What has been probed so far, for another process of this program.
    pub fn notes(&self) -> Value {
        let probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        Value::Object(probed.iter().map(|(file, info)| (file.clone(), info.to_json())).collect::<Map<_, _>>())
    }

    /// Believes another process's [`Loader::notes`]: files that are still the same are not probed again.
    #[must_use]
    pub fn with_notes(self, notes: &Value) -> Self {
        let known = notes.as_object().into_iter().flatten();
        let known = known.filter_map(|(file, info)| Some((file.clone(), ModuleInfo::from_json(info)?)));
        self.probed.lock().unwrap_or_else(PoisonError::into_inner).extend(known);
        self
    }

    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Loads a backend by name (or by a path with a slash). `library` is what the configuration names, `pin` its
    /// `blake3:` digest.
    ///
    /// # Errors
    /// [`HostError`] says what, where, why, and what to do. Nothing of the library ran in this process then.
    pub fn load(&self, name: &str, library: Option<&Path>, pin: Option<&str>) -> Result<Library, HostError> {
        let path = match library {
            Some(path) => path.to_owned(),
            None => self.search.find(name)?,
        };
        self.load_file(&path, pin)
    }

    /// As [`Loader::load`], a certain file.
    ///
    /// # Errors
    /// As there.
    pub fn load_file(&self, path: &Path, pin: Option<&str>) -> Result<Library, HostError> {
        let checked = trust::check(path, pin)?;
        self.probe_checked(&checked, path)?;
        library::load(checked)
    }

    /// Checks and probes without loading.
    ///
    /// # Errors
    /// As [`Loader::load`].
    pub fn probe(&self, path: &Path, pin: Option<&str>) -> Result<ModuleInfo, HostError> {
        self.probe_checked(&trust::check(path, pin)?, path)
    }

    fn probe_checked(&self, checked: &Checked, asked: &Path) -> Result<ModuleInfo, HostError> {
        let known = || self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        let file = checked.id.token();
        if let Some(info) = known().get(&file) {
            return Ok(info.clone());
        }
        let info = probe::probe(checked, asked, (self.command)(&checked.path), self.limit)?;
        known().insert(file, info.clone());
        Ok(info)
    }

    /// Every backend of the search path, each probed.
    pub fn list(&self) -> Vec<Found> {
        let found = self.search.all().into_iter();
        found
            .map(|(name, path)| {
                let module = self.probe(&path, None);
                Found { name, path, module }
            })
            .collect()
    }
}
