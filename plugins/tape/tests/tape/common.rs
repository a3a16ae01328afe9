//! A library in a temporary directory, targets over it, and the steps of a transfer in one call.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use twinhaul_backend_abi::{
    Attrs, Backend, Buf, Code, Error, Flow, Host, Key, ListRequest, Op, Put, ReadOptions, Reader, Stat,
    Target, Wanted, Writer,
};
use twinhaul_tape::{Tape, TapeTarget};

pub(crate) const OP: Op<'static> = Op::detached();

/// The longest that anything here may take before the test gives up: no time is asserted, only that it ends.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    fields: String,
}

impl Place {
    /// `fields` are further ones of the configuration: `"drives":2,"capacity":"1 MiB"`.
    pub(crate) fn new(fields: &str) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), fields: fields.to_owned() }
    }

    /// In memory where there is such a place: for what is repeated hundreds of times, and is not about syncs.
    pub(crate) fn fast(fields: &str) -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { dir, fields: fields.to_owned() }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("lib")
    }

    pub(crate) fn open(&self) -> TapeTarget {
        open(&self.root(), &self.fields).unwrap()
    }

    pub(crate) fn cartridge(&self, barcode: &str) -> PathBuf {
        self.root().join(format!("cartridges/{barcode}.aws"))
    }
}

pub(crate) fn open(root: &Path, fields: &str) -> Result<TapeTarget, Error> {
    let comma = if fields.is_empty() { "" } else { "," };
    let config = format!("{{\"library\":{:?},\"create\":true{comma}{fields}}}", root.to_str().unwrap());
    Tape::open(&config, &OP, Host::get()).map(|(target, _)| target)
}

pub(crate) fn key(bytes: impl AsRef<[u8]>) -> Key {
    Key::new(bytes.as_ref()).unwrap()
}

pub(crate) fn put(name: impl AsRef<[u8]>, attempt: &str) -> Put {
    Put::new(key(name), attempt)
}

/// With its size announced, as the engine does.
pub(crate) fn sized(name: impl AsRef<[u8]>, attempt: &str, size: usize) -> Put {
    Put {
        size_hint: Some(size as u64),
        attrs: Some(Attrs {
            mode: Some(0o640),
            mtime_ns: Some(1_600_000_000_123_456_789),
            ..Attrs::default()
        }),
        ..put(name, attempt)
    }
}

pub(crate) fn write(target: &TapeTarget, put: &Put, bytes: &[u8]) -> Result<(), Error> {
    let (mut writer, _) = target.writer_open(&OP, put)?;
    for chunk in bytes.chunks(1 << 20) {
        writer.write(&OP, &Buf::of(chunk))?;
    }
    writer.seal(&OP).map(|_| ())
}

pub(crate) fn sync(target: &TapeTarget, attempts: &[&str]) -> Vec<Result<(), Error>> {
    let refs: Vec<&[u8]> = attempts.iter().map(|a| a.as_bytes()).collect();
    target.seal_sync(&OP, &refs).unwrap()
}

pub(crate) fn publish(target: &TapeTarget, put: &Put) -> Result<Stat, Error> {
    let refs = [put.attempt_id.as_bytes()];
    target.publish_batch(&OP, std::slice::from_ref(put), &refs)?.remove(0)
}

/// All steps of one transfer.
pub(crate) fn store(target: &TapeTarget, put: &Put, bytes: &[u8]) -> Result<Stat, Error> {
    write(target, put, bytes)?;
    sync(target, &[&put.attempt_id]).remove(0)?;
    publish(target, put)
}

/// Many objects in one group; the keys are the names.
pub(crate) fn store_group(target: &TapeTarget, run: &str, objects: &[(String, Vec<u8>)]) {
    let puts: Vec<_> = objects
        .iter()
        .enumerate()
        .map(|(i, (name, bytes))| sized(name, &format!("{run}/{i}/1/a1"), bytes.len()))
        .collect();
    for (put, (_, bytes)) in puts.iter().zip(objects) {
        write(target, put, bytes).unwrap();
    }
    let attempts: Vec<&str> = puts.iter().map(|p| p.attempt_id.as_str()).collect();
    for answer in sync(target, &attempts) {
        answer.unwrap();
    }
    for put in &puts {
        publish(target, put).unwrap();
    }
}

pub(crate) fn read(target: &TapeTarget, name: impl AsRef<[u8]>) -> Result<Vec<u8>, Error> {
    read_part(target, name, ReadOptions::default())
}

pub(crate) fn read_part(
    target: &TapeTarget,
    name: impl AsRef<[u8]>,
    options: ReadOptions,
) -> Result<Vec<u8>, Error> {
    let (mut reader, _) = target.reader_open(&OP, &key(name), options)?;
    let (mut all, mut part) = (Vec::new(), vec![0; 100_003]);
    loop {
        match reader.read(&OP, &mut part)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&part[..n]),
        }
    }
}

pub(crate) fn names(target: &TapeTarget, below: Option<&str>) -> Vec<String> {
    let below = below.map(key);
    let request =
        ListRequest { prefix: below.as_ref(), continuation: &[], want: Wanted::All, max_entries: 100_000 };
    let mut found = Vec::new();
    let listed = target.list(&OP, &request, &mut |name, _| {
        found.push(String::from_utf8_lossy(name).into_owned());
        Flow::Continue(())
    });
    match listed {
        Ok(_) => found,
        Err(e) if e.code == Code::NotFound => found,
        Err(e) => panic!("{e}"),
    }
}

pub(crate) fn status(target: &TapeTarget) -> serde_json::Value {
    serde_json::from_str(&target.status(&OP).unwrap()).unwrap()
}

/// Of a cartridge, as `ls` has it.
pub(crate) fn cartridge(target: &TapeTarget, barcode: &str) -> serde_json::Value {
    let ls: serde_json::Value =
        serde_json::from_str(&verb(target, "ls", r#"{"json":true}"#).unwrap()).unwrap();
    let all = ls["cartridges"].as_array().unwrap().clone();
    all.into_iter().find(|c| c["barcode"] == barcode).unwrap_or_else(|| panic!("no cartridge {barcode}"))
}

/// Runs a verb; what it prints.
pub(crate) fn verb(target: &TapeTarget, verb: &str, args: &str) -> Result<String, Error> {
    let mut out = Vec::new();
    target.control(&OP, verb, args, &mut |bytes| {
        out.extend_from_slice(bytes);
        Flow::Continue(())
    })?;
    Ok(String::from_utf8(out).unwrap())
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < PATIENCE, "waited too long until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
