//! A backend in Rust that panics: a plain directory, whose writes panic for every object with "panic" in its name.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use twinhaul_backend_abi::{
    Backend, Buf, Caps, Checksum, Code, Error, Flow, Health, Host, Key, Limits, ModuleInfo, NoReader, Op,
    Private, Probe, Put, Result, Stat, Target, Writer, WriterInfo,
};

#[derive(Debug)]
struct Panics;

#[derive(Debug)]
struct Directory(PathBuf);

#[derive(Debug)]
struct Object {
    file: File,
    path: PathBuf,
    panics: bool,
}

impl Backend for Panics {
    const INFO: ModuleInfo = ModuleInfo {
        name: c"panics",
        version: c"0.0.1",
        description: c"a directory, whose writes panic for every object with \"panic\" in its name",
        license: c"MIT OR Apache-2.0",
        build_id: None,
        config_schema: None,
        verbs: None,
        caps: Caps::OVERWRITE.with(Caps::DURABLE_COMMIT).with(Caps::EMPTY_OBJECTS),
    };
    type Target = Directory;

    fn open(config_json: &str, _: &Op<'_>, _: Host) -> Result<(Directory, Limits)> {
        let config: serde_json::Value = serde_json::from_str(config_json).unwrap_or_default();
        let root = config["root"].as_str().ok_or_else(|| Error::new(Code::InvalidConfig, "no root"))?;
        Ok((Directory(root.into()), Limits { caps: Self::INFO.caps, ..Limits::default() }))
    }
}

impl Directory {
    fn path(&self, key: &Key) -> PathBuf {
        self.0.join(String::from_utf8_lossy(key.as_bytes()).as_ref())
    }
}

fn failed(e: &std::io::Error) -> Error {
    Error::io("reach", e)
}

impl Target for Directory {
    type Writer = Object;
    type Reader = NoReader;

    fn probe(&self, _: &Op<'_>) -> Result<Probe> {
        Ok(Probe { health: Health::Good, ..Probe::default() })
    }

    fn writer_open(&self, _: &Op<'_>, put: &Put) -> Result<(Object, WriterInfo)> {
        let path = self.path(&put.key);
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(|e| failed(&e))?;
        let part = path.with_extension("part");
        let file = File::create(&part).map_err(|e| failed(&e))?;
        let panics = put.key.as_bytes().windows(5).any(|some| some == b"panic");
        Ok((Object { file, path, panics }, WriterInfo::default()))
    }

    fn publish_sync(&self, _: &Op<'_>) -> Result<()> {
        Ok(())
    }

    fn discard(&self, _: &Op<'_>, _: Private<'_>) -> Result<bool> {
        Ok(false)
    }

    fn sweep(&self, _: &Op<'_>, _: &str, _: bool, _: &mut dyn FnMut(&[u8]) -> Flow) -> Result<()> {
        Ok(())
    }

    fn stat(&self, _: &Op<'_>, key: &Key) -> Result<Stat> {
        let meta = std::fs::metadata(self.path(key));
        let meta = meta.map_err(|_| Error::new(Code::NotFound, "it is not there"))?;
        Ok(Stat { size: meta.len(), ..Stat::default() })
    }
}

impl Writer for Object {
    fn write(&mut self, _: &Op<'_>, buf: &Buf<'_>) -> Result<()> {
        assert!(!self.panics, "this write panics, as it was asked to");
        self.file.write_all(buf).map_err(|e| failed(&e))
    }

    fn commit(&mut self, _: &Op<'_>, _: Option<&Checksum>) -> Result<Stat> {
        let done =
            self.file.sync_all().and_then(|()| std::fs::rename(self.path.with_extension("part"), &self.path));
        done.map_err(|e| failed(&e))?;
        let size = self.file.metadata().map_err(|e| failed(&e))?.len();
        Ok(Stat { size, ..Stat::default() })
    }

    fn abort(&mut self, _: &Op<'_>) -> Result<()> {
        std::fs::remove_file(self.path.with_extension("part")).map_err(|e| failed(&e))
    }
}

twinhaul_backend_abi::export_backend!(Panics);
