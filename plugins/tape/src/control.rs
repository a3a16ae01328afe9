//! The verbs of `twinhaul tape …`, which reach this backend through `target_control`; the binary imports no plugin.
//!
//! Each verb answers for people, one line per thing, or with `"json": true` as one JSON document. Positions are told as data
//! set / block / per cent of the cartridge, like `mt tell`.

mod args;
mod cat;
mod export;
mod import;
mod init;
mod label;
mod ls;
mod map;
mod rebuild;
mod reclaim;
mod scan;
mod verify;

use std::ffi::CStr;
use std::sync::Arc;

use serde_json::Value;
use twinhaul_backend_abi::{Error, Flow, Op, Result};

use crate::config::Config;
use crate::library::bare;
use crate::shared::Shared;
use args::Args;

/// The verbs, for help texts.
pub(crate) const VERBS: &CStr = cr#"[
{"verb":"init","help":"make a library, or add cartridges to one","args":[{"name":"prefix","help":"first characters of the barcodes"},{"name":"add","help":"how many cartridges to add to a library that is there"}]},
{"verb":"ls","help":"drives, cartridges, who waits for what","args":[]},
{"verb":"map","help":"the data sets of a cartridge","args":[{"name":"barcode","help":""}]},
{"verb":"cat","help":"the archive of a data set, or an object, to standard output","args":[{"name":"barcode","help":""},{"name":"file","help":"number of the data set on the cartridge"},{"name":"key","help":"an object instead"}]},
{"verb":"scan","help":"read the labels of a cartridge without the catalogue","args":[{"name":"barcode","help":""}]},
{"verb":"verify","help":"read everything and compare checksums","args":[{"name":"barcodes","help":"none = all"}]},
{"verb":"rebuild","help":"make the catalogue again from the cartridges","args":[]},
{"verb":"reclaim","help":"copy what is live away from cartridges that are mostly dead, and empty them","args":[{"name":"below","help":"per cent of live bytes"},{"name":"barcode","help":"only this one"}]},
{"verb":"export","help":"a cartridge in another format","args":[{"name":"barcode","help":""},{"name":"format","help":"het or tap"},{"name":"to","help":"a new file"}]},
{"verb":"label","help":"empty a cartridge and label it anew","args":[{"name":"barcode","help":""},{"name":"force","help":"also if it holds something"}]},
{"verb":"import","help":"take a cartridge in","args":[{"name":"barcode","help":""},{"name":"from","help":"a file to copy into a slot"}]},
{"verb":"eject","help":"take a cartridge out","args":[{"name":"barcode","help":""}]},
{"verb":"protect","help":"no more writing to a cartridge","args":[{"name":"barcode","help":""},{"name":"off","help":""}]}
]"#;

/// Bytes to print.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Flow;

/// Where a verb answers.
pub(crate) struct Out<'a> {
    sink: Sink<'a>,
    pub(crate) json: bool,
}

impl Out<'_> {
    /// One line for people; nothing when JSON is wanted.
    pub(crate) fn line(&mut self, text: &str) {
        if !self.json {
            let _ = (self.sink)(format!("{text}\n").as_bytes());
        }
    }

    /// The JSON document; nothing when lines are wanted.
    pub(crate) fn document(&mut self, value: &Value) {
        if self.json {
            let _ = (self.sink)(format!("{value}\n").as_bytes());
        }
    }

    /// As it is.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Flow {
        (self.sink)(bytes)
    }
}

/// What a verb works with.
pub(crate) struct Call<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) op: &'a Op<'a>,
    pub(crate) args: &'a Args,
}

type Verb = fn(&Call<'_>, &mut Out<'_>) -> Result<()>;

/// Runs a verb with its arguments, a JSON object.
pub(crate) fn run(
    config: &Config,
    shared: Option<&Arc<Shared>>,
    op: &Op<'_>,
    verb: &str,
    args: &str,
    sink: Sink<'_>,
) -> Result<()> {
    op.check()?;
    let args = Args::of(args)?;
    let mut out = Out { sink, json: args.flag("json")? };
    if verb == "init" && shared.is_none() {
        return init::make(config, &args, &mut out);
    }
    let verbs: [(&str, Verb); 13] = [
        ("init", init::add),
        ("ls", ls::ls),
        ("map", map::map),
        ("cat", cat::cat),
        ("scan", scan::scan),
        ("verify", verify::verify),
        ("rebuild", rebuild::rebuild),
        ("reclaim", reclaim::reclaim),
        ("export", export::export),
        ("label", label::label),
        ("import", import::import),
        ("eject", import::eject),
        ("protect", label::protect),
    ];
    let Some((_, work)) = verbs.iter().find(|(name, _)| *name == verb) else {
        return Err(Error::unsupported(&format!("the verb {}", twinhaul_units::text::show(verb))));
    };
    work(&Call { shared: shared.ok_or_else(bare)?, op, args: &args }, &mut out)
}
