//! The verbs of `twinhaul tape …`, which reach this backend through `target_control`.

use std::sync::Arc;

use serde_json::{Map, Value};
use twinhaul_backend_abi::{Code, Error, Flow, Op, Result};

use crate::config::Config;
use crate::library::bare;
use crate::target::Shared;

/// What goes out is printed.
pub(crate) type Out<'a> = &'a mut dyn FnMut(&[u8]) -> Flow;

/// Runs a verb with its arguments, a JSON object.
pub(crate) fn run(
    config: &Config,
    shared: Option<&Arc<Shared>>,
    op: &Op<'_>,
    verb: &str,
    args: &str,
    out: Out<'_>,
) -> Result<()> {
    op.check()?;
    let Ok(Value::Object(args)) = serde_json::from_str::<Value>(args) else {
        return Err(Error::new(Code::InvalidArg, "arguments: expected a JSON object"));
    };
    let _: (&Config, &Map<String, Value>, &Out<'_>) = (config, &args, &out);
    let _ = shared.ok_or_else(bare)?;
    Err(Error::unsupported(&format!("the verb {}", twinhaul_units::text::show(verb))))
}
