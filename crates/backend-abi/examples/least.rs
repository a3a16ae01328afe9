//! The least that is a backend in Rust: a source with one object, `greeting`. Where to begin: `plugins/README.md`.
//!
//! Everything that is left out answers "not supported", and `Limits::caps` says so beforehand.

use twinhaul_backend_abi::{
    Attrs, Backend, Caps, Code, Error, Flow, Health, Host, Key, Limits, ListEnd, ListRequest, ModuleInfo,
    NoWriter, Op, Probe, ReadOptions, Reader, Result, Stat, Target,
};

const NAME: &[u8] = b"greeting";
const CONTENT: &[u8] = b"hello\n";

#[derive(Debug)]
struct Least;

#[derive(Debug)]
struct OneObject;

/// What is left to read.
#[derive(Debug)]
struct Rest(&'static [u8]);

impl Backend for Least {
    const INFO: ModuleInfo = ModuleInfo {
        name: c"least",
        version: ModuleInfo::text(concat!(env!("CARGO_PKG_VERSION"), "\0")),
        description: c"a source with one object",
        license: c"MIT OR Apache-2.0",
        build_id: None,
        config_schema: None,
        verbs: None,
        caps: Caps::READ.with(Caps::RANGE_READ).with(Caps::LIST).with(Caps::LIST_ORDERED),
    };
    type Target = OneObject;

    fn open(config_json: &str, _op: &Op<'_>, _host: Host) -> Result<(OneObject, Limits)> {
        if config_json.trim() != "{}" {
            return Err(Error::new(Code::InvalidConfig, "there is nothing to configure: expected {}"));
        }
        Ok((OneObject, Limits { caps: Self::INFO.caps, ..Limits::default() }))
    }
}

fn found(key: &Key) -> Result<Stat> {
    if key.as_bytes() != NAME {
        return Err(Error::new(Code::NotFound, "there is only \"greeting\""));
    }
    Ok(Stat { size: CONTENT.len() as u64, ..Stat::default() })
}

impl Target for OneObject {
    type Writer = NoWriter;
    type Reader = Rest;

    fn probe(&self, _op: &Op<'_>) -> Result<Probe> {
        Ok(Probe { health: Health::Good, location: b"least:".to_vec(), ..Probe::default() })
    }

    fn stat(&self, _op: &Op<'_>, key: &Key) -> Result<Stat> {
        found(key)
    }

    fn reader_open(&self, _op: &Op<'_>, key: &Key, options: ReadOptions) -> Result<(Rest, Stat)> {
        let stat = found(key)?;
        let start = usize::try_from(options.offset).unwrap_or(usize::MAX).min(CONTENT.len());
        let len = options.len.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
        let rest = &CONTENT[start..];
        Ok((Rest(&rest[..len.min(rest.len())]), stat))
    }

    fn list(
        &self,
        _op: &Op<'_>,
        request: &ListRequest<'_>,
        entry: &mut dyn FnMut(&[u8], &Attrs) -> Flow,
    ) -> Result<ListEnd> {
        if request.prefix.is_none() {
            let _ = entry(NAME, &Attrs { size: Some(CONTENT.len() as u64), ..Attrs::default() });
        }
        Ok(ListEnd { next: None, ordered: true })
    }
}

impl Reader for Rest {
    fn read(&mut self, op: &Op<'_>, dst: &mut [u8]) -> Result<usize> {
        op.check()?;
        let n = dst.len().min(self.0.len());
        let (now, later) = self.0.split_at(n);
        dst[..n].copy_from_slice(now);
        self.0 = later;
        Ok(n)
    }
}

twinhaul_backend_abi::export_backend!(Least);
