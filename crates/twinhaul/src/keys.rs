//! Where the console's keys come from: the file of `--keys` or `TWINHAUL_KEYS`, else `$XDG_CONFIG_HOME/twinhaul/keys.yaml`,
//! else `~/.config/twinhaul/keys.yaml`, else the registry. `--keys none` takes the registry's whatever there is.
//!
//! A file with a mistake is refused as a whole: half of somebody's keys would be a trap.

use crate::cli::KeysFlag;
use crate::exit::{self, Failure};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use twinhaul_console_model::Keys;
use twinhaul_console_model::action::REGISTRY;
use twinhaul_console_model::keymap::{Mistake, Wish};
use twinhaul_profile::{KeysFile, Place, ProfileError};

/// For `--keys`: no file at all.
const NO_FILE: &str = "none";

/// The keys in force, and the file that they were read from.
#[derive(Debug)]
pub(crate) struct InForce {
    pub(crate) keys: Keys,
    pub(crate) file: Option<PathBuf>,
}

/// What the flag, the environment or the place for configuration say.
pub(crate) fn in_force(flag: &KeysFlag) -> Result<InForce, Failure> {
    let built_in = || InForce { keys: Keys::default(), file: None };
    // A variable that is set to nothing says nothing.
    match flag.keys.as_deref().filter(|path| !path.as_os_str().is_empty()) {
        Some(path) if path == Path::new(NO_FILE) => Ok(built_in()),
        Some(path) => load(path),
        None => match place().filter(|path| path.symlink_metadata().is_ok()) {
            Some(path) => load(&path),
            None => Ok(built_in()),
        },
    }
}

/// As [`in_force`], for opening a console: it can be opened in spite of its keys file.
pub(crate) fn for_console(flag: &KeysFlag) -> Result<Keys, Failure> {
    match in_force(flag) {
        Ok(found) => Ok(found.keys),
        Err(failure) => {
            let text = format!("{}\n  = or with the built-in keys: --keys {NO_FILE}", failure.text);
            Err(Failure::new(failure.code, text))
        }
    }
}

/// Where the file is when nobody names one; `None`: there is no home.
pub(crate) fn place() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(config.join("twinhaul").join("keys.yaml"))
}

/// Reads a keys file and checks it against the registry.
pub(crate) fn load(path: &Path) -> Result<InForce, Failure> {
    let file = KeysFile::load(path).map_err(|e| unreadable(&e))?;
    let wish = |line: &twinhaul_profile::KeysLine| Wish {
        id: line.id.clone(),
        keys: line.keys.iter().map(|(key, _)| key.clone()).collect(),
    };
    let wishes: Vec<Wish> = file.lines.iter().map(wish).collect();
    match Keys::with(&wishes) {
        Ok(keys) => Ok(InForce { keys, file: Some(path.to_owned()) }),
        Err(mistakes) => Err(refused(&file, &wishes, &mistakes)),
    }
}

fn unreadable(e: &ProfileError) -> Failure {
    let gone = matches!(e, ProfileError::Unreadable { cause, .. } if cause.kind() == ErrorKind::NotFound);
    Failure::new(if gone { exit::NOT_FOUND } else { exit::USAGE }, e.to_string())
}

/// Every mistake with its line; what to type next once, at the end.
fn refused(file: &KeysFile, wishes: &[Wish], mistakes: &[Mistake]) -> Failure {
    let told = mistakes.iter().enumerate().map(|(i, mistake)| {
        let last = i + 1 == mistakes.len();
        file.wrong(at(file, mistake), &mistake.what, &help(wishes, mistake), last).to_string()
    });
    Failure::usage(told.collect::<Vec<_>>().join("\n"))
}

fn at(file: &KeysFile, mistake: &Mistake) -> Place {
    let line = file.lines.get(mistake.wish);
    let key = line.and_then(|line| line.keys.get(mistake.key?)).map(|(_, place)| *place);
    key.or(line.map(|line| line.at)).unwrap_or(Place { line: 1, column: 1, len: 1 })
}

/// An action that there is not may be one that is written otherwise.
fn help(wishes: &[Wish], mistake: &Mistake) -> String {
    let id = wishes.get(mistake.wish).map_or("", |wish| wish.id.as_str());
    let ids = || REGISTRY.iter().map(|row| row.id);
    if ids().any(|known| known == id) {
        return mistake.help.clone();
    }
    match twinhaul_profile::nearest(id, ids()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => mistake.help.clone(),
    }
}
