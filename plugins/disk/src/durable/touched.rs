//! The directories whose names changed since the last `publish_sync`.
//!
//! A directory is added AFTER its name changed: whoever syncs in between takes what was there, and the rest stays for the next.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use twinhaul_backend_abi::Error;

use crate::node::Id;

/// Directories that are synced one by one; with more, one syncfs is cheaper.
const DIRS_MAX: usize = 256;

/// Paths.
pub(crate) type Dirs = HashMap<Id, Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    dirs: Dirs,
    /// More than fit, or something that is no directory.
    everything: bool,
    broken: Option<Error>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Touched(Mutex<State>);

impl Touched {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn dir(&self, id: Id, path: &[u8]) {
        let mut state = self.state();
        if state.everything || state.dirs.contains_key(&id) {
            return;
        }
        if state.dirs.len() < DIRS_MAX {
            state.dirs.insert(id, path.to_vec());
        } else {
            state.everything = true;
            state.dirs.clear();
        }
    }

    pub(crate) fn everything(&self) {
        let mut state = self.state();
        state.everything = true;
        state.dirs.clear();
    }

    /// `None` = all of the file system is to be synced. Afterwards nothing is touched.
    pub(crate) fn take(&self) -> Option<Dirs> {
        let mut state = self.state();
        let dirs = std::mem::take(&mut state.dirs);
        let everything = std::mem::take(&mut state.everything);
        (!everything).then_some(dirs)
    }

    /// A sync of names failed: which names it lost nobody knows, so that no later sync may claim them.
    pub(crate) fn break_down(&self, e: &Error) {
        let mut state = self.state();
        state.broken.get_or_insert_with(|| Error {
            message: format!("{}; names of this target are in doubt until it is opened again", e.message),
            ..e.clone()
        });
    }

    pub(crate) fn broken(&self) -> Option<Error> {
        self.state().broken.clone()
    }

    /// Directories to be synced; `None` = everything.
    pub(crate) fn len(&self) -> Option<usize> {
        let state = self.state();
        (!state.everything).then_some(state.dirs.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinhaul_backend_abi::Code;

    #[test]
    fn each_directory_counts_once_and_too_many_become_everything() {
        let touched = Touched::default();
        touched.dir((1, 1), b"a");
        touched.dir((1, 1), b"a");
        assert_eq!(touched.take().unwrap().len(), 1);
        assert_eq!(touched.take().unwrap().len(), 0);
        for i in 0..=DIRS_MAX as u64 {
            touched.dir((1, i), b"a");
        }
        assert!(touched.take().is_none());
        assert_eq!(touched.take().unwrap().len(), 0);
    }

    #[test]
    fn a_failed_sync_of_names_is_remembered() {
        let touched = Touched::default();
        touched.break_down(&Error::new(Code::Io, "sync the directory a: EIO"));
        touched.break_down(&Error::new(Code::Denied, "later"));
        assert_eq!(touched.broken().unwrap().code, Code::Io);
    }
}
