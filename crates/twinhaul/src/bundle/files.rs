//! What lies in the run's directory: profile, logs, recording. Only read; the ends of files that grow.

use super::archive::Archive;
use crate::state::RunDir;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// Of each log the newest part.
const LOG_BYTES_MAX: u64 = 4 << 20;
/// Of a recording the oldest part: it cannot be replayed without its beginning. A run's own is never longer.
const RECORDING_BYTES_MAX: u64 = 64 << 20;
/// Of small files, whole.
const SMALL_BYTES_MAX: u64 = 1 << 20;
/// A bundle that the run made by itself goes into a later one up to this size.
const EARLIER_BYTES_MAX: u64 = 16 << 20;

/// What is called like this in the run's directory, and in the archive.
pub(crate) const RECORDING: &str = "recording.jsonl";
/// The bundle that a run makes by itself, in its own directory.
pub(crate) const FIRST_TROUBLE: &str = "first-trouble.tar";

/// The profile as the run keeps it, with its references.
pub(super) fn profile(archive: &mut Archive, run: &RunDir) -> io::Result<()> {
    const WHAT: &str = "the run's own copy of its profile; references are not resolved";
    match small(&run.profile()) {
        Ok(text) => archive.yaml("profile.yaml", WHAT, &text),
        Err(why) => {
            archive.missing("profile.yaml", WHAT, &why);
            Ok(())
        }
    }
}

/// What the run's directory says of it, and how the run ended.
pub(super) fn about(archive: &mut Archive, run: &RunDir) -> io::Result<()> {
    const END: &str = "how the run ended, if it has";
    let parse = |name: &str| {
        let text = small(&run.path.join(name))?;
        serde_json::from_str::<serde_json::Value>(&text).map_err(|e| e.to_string())
    };
    archive.json("run.json", "what the run is called, its peers, where it writes", parse("run.json"))?;
    if run.path.join("exit.json").exists() {
        return archive.json("exit.json", END, parse("exit.json"));
    }
    archive.none("exit.json", END, "no supervisor has written how the run ended: it goes on, or was killed");
    Ok(())
}

/// The logs of all processes, and their last words.
pub(super) fn logs(archive: &mut Archive, run: &RunDir) -> io::Result<()> {
    let peers = run.file.order.iter().flat_map(|peer| {
        [
            (format!("{peer}.log"), "what a peer did"),
            (format!("{peer}.err"), "last words of a peer or its backends"),
        ]
    });
    let others = [
        ("supervisor-events.log", "the supervisor's warnings"),
        ("supervisor.log", "last words of the supervisor"),
        ("planner.err", "last words of the planner"),
    ];
    let others = others.map(|(name, what)| (name.to_owned(), what));
    for (name, what) in peers.chain(others) {
        let part = format!("logs/{name}");
        match tail(&run.path.join(&name)) {
            Ok((mut reader, left_out)) => archive.lines(&part, what, left_out, &mut reader)?,
            Err(e) => archive.missing(&part, what, &e.to_string()),
        }
    }
    Ok(())
}

/// The newest part of a log, from the beginning of a line to the end that it has now; and what that leaves out.
fn tail(path: &Path) -> io::Result<(BufReader<io::Take<File>>, Option<String>)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let from = size.saturating_sub(LOG_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(file.take(size - from));
    if from > 0 {
        reader.skip_until(b'\n')?;
    }
    let words = format!("the oldest {from} of {size} bytes");
    Ok((reader, (from > 0).then_some(words)))
}

/// What a console saw: `twinhaul replay` shows it again.
pub(super) fn recording(archive: &mut Archive, run: &RunDir) -> io::Result<()> {
    const WHAT: &str = "what a console saw; twinhaul replay shows it, also from within the bundle";
    let opened = File::open(run.path.join(RECORDING)).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened {
        Ok((size, file)) => {
            let more = size.saturating_sub(RECORDING_BYTES_MAX);
            let left_out = (more > 0).then(|| format!("the newest {more} of {size} bytes"));
            let mut reader = BufReader::new(file.take(size.min(RECORDING_BYTES_MAX)));
            archive.lines(RECORDING, WHAT, left_out, &mut reader)
        }
        Err(e) => {
            archive.missing(RECORDING, WHAT, &e.to_string());
            Ok(())
        }
    }
}

/// The bundle that the run made when something went wrong for the first time.
pub(super) fn first_trouble(archive: &mut Archive, run: &RunDir) -> io::Result<()> {
    const WHAT: &str = "the bundle that the run made by itself at its first trouble";
    let opened = File::open(run.path.join(FIRST_TROUBLE)).and_then(|file| Ok((file.metadata()?.len(), file)));
    match opened {
        Ok((size, mut file)) if size <= EARLIER_BYTES_MAX => archive.file(FIRST_TROUBLE, WHAT, &mut file),
        Ok((size, _)) => {
            let why = format!("it has {size} bytes: take it along from {}", crate::state::shown(&run.path));
            archive.missing(FIRST_TROUBLE, WHAT, &why);
            Ok(())
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            archive.none(
                FIRST_TROUBLE,
                WHAT,
                "the run made none: it met no trouble, or it is a demonstration",
            );
            Ok(())
        }
        Err(e) => {
            archive.missing(FIRST_TROUBLE, WHAT, &e.to_string());
            Ok(())
        }
    }
}

fn small(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(SMALL_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > SMALL_BYTES_MAX {
        return Err(format!("it is larger than {} MiB", SMALL_BYTES_MAX >> 20));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
