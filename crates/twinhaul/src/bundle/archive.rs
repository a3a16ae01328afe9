//! The archive while it is written: one tar file, a part after the other, and nothing gets in but through the redactor.
//!
//! It is written under a name of its own beside its place and moved there when it is whole; what was there before stays
//! unless it may be replaced. The manifest is the last part: an archive without one was cut.

use super::place::{self, Unfinished};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use twinhaul_engine::wall_ms;
use twinhaul_profile::Redactor;

/// A longer line of a log or of a recording is left out.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Read at once of a file that is taken as it is.
const CHUNK: usize = 1 << 16;
/// The bundle names files and says what went wrong: it is its maker's alone.
const MODE: u32 = 0o600;

/// A part, as the manifest has it.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Part {
    /// Below the archive's one directory.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) what: &'static str,
    /// When it was taken.
    pub(crate) at_ms: u64,
    /// `None`: it is not there, for the reason in `missing`.
    pub(crate) bytes: Option<u64>,
    pub(crate) blake3: Option<String>,
    /// Lines or values out of which a secret was taken.
    pub(crate) redacted: u64,
    /// What of it was left out, and why.
    pub(crate) left_out: Option<String>,
    pub(crate) missing: Option<String>,
    /// There is none, as there should be none: nobody needs to be told.
    #[serde(skip)]
    pub(crate) is_none: bool,
}

/// An archive that is being written.
#[derive(Debug)]
pub(crate) struct Archive {
    tar: Tar,
    unfinished: Unfinished,
    to: PathBuf,
    replace: bool,
    root: String,
    redactor: Redactor,
    parts: Vec<Part>,
}

struct Tar(tar::Builder<BufWriter<File>>);

impl std::fmt::Debug for Tar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("tar")
    }
}

impl Archive {
    /// Begins one that will stand at `to`; all its parts are below the directory `root`.
    ///
    /// # Errors
    /// When nothing can be written beside `to`.
    pub(crate) fn begin(to: &Path, replace: bool, root: &str, redactor: Redactor) -> io::Result<Self> {
        let path = place::unfinished(to);
        let file = File::options().write(true).create_new(true).mode(MODE).open(&path)?;
        Ok(Self {
            tar: Tar(tar::Builder::new(BufWriter::new(file))),
            unfinished: Unfinished::new(path),
            to: to.to_owned(),
            replace,
            root: root.to_owned(),
            redactor,
            parts: Vec::new(),
        })
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(crate) const fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A part that cannot be had.
    pub(crate) fn missing(&mut self, name: &str, what: &'static str, why: &str) {
        let missing = Some(self.redactor.text(why).into_owned());
        self.parts.push(Part { name: name.to_owned(), what, at_ms: wall_ms(), missing, ..Part::default() });
    }

    /// A part that there is not: why nobody should miss it.
    pub(crate) fn none(&mut self, name: &str, what: &'static str, why: &str) {
        self.missing(name, what, why);
        if let Some(part) = self.parts.last_mut() {
            part.is_none = true;
        }
    }

    /// A value as JSON, or why there is none.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub(crate) fn json<T: Serialize>(
        &mut self,
        name: &str,
        what: &'static str,
        value: Result<T, String>,
    ) -> io::Result<()> {
        match value.and_then(|value| serde_json::to_value(value).map_err(|e| e.to_string())) {
            Ok(mut value) => self.part(name, what, None, |sink, redactor, part| {
                part.redacted = redactor.value(&mut value) as u64;
                sink.write(format!("{value:#}\n").as_bytes())
            }),
            Err(why) => {
                self.missing(name, what, &why);
                Ok(())
            }
        }
    }

    /// A text of some lines.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub(crate) fn text(&mut self, name: &str, what: &'static str, text: &str) -> io::Result<()> {
        self.lines(name, what, None, &mut text.as_bytes())
    }

    /// A profile: YAML.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub(crate) fn yaml(&mut self, name: &str, what: &'static str, text: &str) -> io::Result<()> {
        self.part(name, what, None, |sink, redactor, part| {
            let clean = redactor.yaml(text);
            part.redacted = text.lines().zip(clean.lines()).filter(|(a, b)| a != b).count() as u64;
            sink.write(clean.as_bytes())
        })
    }

    /// Whatever `from` gives, line by line. `left_out`: what of it was not given.
    ///
    /// # Errors
    /// When the archive cannot be written. A source that fails on the way ends the part and is told in the manifest.
    pub(crate) fn lines(
        &mut self,
        name: &str,
        what: &'static str,
        left_out: Option<String>,
        from: &mut dyn BufRead,
    ) -> io::Result<()> {
        self.part(name, what, left_out, |sink, redactor, part| {
            let (mut line, mut too_long) = (Vec::new(), 0u64);
            let mut left_out: Vec<String> = part.left_out.take().into_iter().collect();
            loop {
                line.clear();
                match io::Read::take(&mut *from, LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                    Ok(0) => break,
                    Ok(n) if n as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") => {
                        too_long += 1;
                        from.skip_until(b'\n')?;
                    }
                    Ok(_) => {
                        let text = String::from_utf8_lossy(&line);
                        let clean = redactor.line(&text);
                        part.redacted += u64::from(*clean != *text);
                        sink.write(clean.as_bytes())?;
                    }
                    Err(e) => {
                        left_out.push(format!("it could not be read to its end: {e}"));
                        break;
                    }
                }
            }
            if too_long > 0 {
                left_out.push(format!("lines of more than {} MiB: {too_long}", LINE_BYTES_MAX >> 20));
            }
            part.left_out = (!left_out.is_empty()).then(|| left_out.join("; "));
            Ok(())
        })
    }

    /// A file as it is: one that was redacted when it was made.
    ///
    /// # Errors
    /// When the archive cannot be written, or the file cannot be read on the way.
    pub(crate) fn file(&mut self, name: &str, what: &'static str, from: &mut File) -> io::Result<()> {
        self.part(name, what, None, |sink, _, _| {
            let mut bytes = vec![0; CHUNK];
            loop {
                match io::Read::read(from, &mut bytes)? {
                    0 => return Ok(()),
                    n => sink.write(&bytes[..n])?,
                }
            }
        })
    }

    /// Writes one part; its size is known when `fill` is done.
    fn part(
        &mut self,
        name: &str,
        what: &'static str,
        left_out: Option<String>,
        fill: impl FnOnce(&mut Sink<'_>, &Redactor, &mut Part) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut part = Part { name: name.to_owned(), what, at_ms: wall_ms(), left_out, ..Part::default() };
        let mut header = tar::Header::new_gnu();
        header.set_mode(MODE);
        header.set_mtime(part.at_ms / 1000);
        let path = format!("{}/{name}", self.root);
        let entry = self.tar.0.append_writer(&mut header, path)?;
        let mut sink = Sink { entry, bytes: 0, hash: blake3::Hasher::new() };
        fill(&mut sink, &self.redactor, &mut part)?;
        sink.entry.finish()?;
        part.bytes = Some(sink.bytes);
        part.blake3 = Some(sink.hash.finalize().to_hex().to_string());
        self.parts.push(part);
        Ok(())
    }

    /// The last part, and the archive in its place. Returns its size.
    ///
    /// # Errors
    /// `AlreadyExists` when something came to stand in its place meanwhile; otherwise the disk's.
    pub(crate) fn end(mut self, manifest: &impl Serialize) -> io::Result<u64> {
        let mut manifest = serde_json::to_value(manifest)?;
        self.redactor.value(&mut manifest);
        self.part(MANIFEST, "", None, |sink, _, _| sink.write(format!("{manifest:#}\n").as_bytes()))?;
        let file = self.tar.0.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        self.unfinished.place(&self.to, self.replace)?;
        Ok(bytes)
    }
}

/// The manifest's name.
pub(crate) const MANIFEST: &str = "bundle.json";

/// Where the bytes of a part go.
struct Sink<'a> {
    entry: tar::EntryWriter<'a>,
    bytes: u64,
    hash: blake3::Hasher,
}

impl Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        self.entry.write_all(bytes)
    }
}

#[cfg(test)]
mod tests;
