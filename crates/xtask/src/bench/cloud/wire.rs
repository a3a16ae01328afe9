//! A network with a delay and a loss between clients and store: the example `network` of the whole-program tests, which makes it of two
//! name spaces and keeps it as long as its standard input is open.

use super::beside::Beside;
use crate::process::{cargo, pass};
use std::path::Path;
use std::process::Command;

/// The store's side.
pub(super) const FAR: &str = "10.77.0.2";

#[derive(Debug)]
pub(super) struct Wire {
    near: String,
    far: String,
    _running: Beside,
}

impl Wire {
    /// `target`: where cargo builds; `dir`: for what it says.
    pub(super) fn start(
        root: &Path,
        target: &Path,
        dir: &Path,
        (ms, per_cent): (f64, f64),
    ) -> Result<Self, String> {
        let words = ["build", "--quiet", "-p", "twinhaul-tests", "--example", "network"];
        if !pass(cargo(root, &words))? {
            return Err("the network does not build".to_owned());
        }
        let mut command = Command::new(target.join("debug/examples/network"));
        command.args([ms.to_string(), per_cent.to_string()]);
        let spaces = |text: &str| match text.split_whitespace().collect::<Vec<_>>()[..] {
            ["near", near, _, "far", far, _] => Some((near.to_owned(), far.to_owned())),
            _ => None,
        };
        let (running, (near, far)) = Beside::start(&command, &dir.join("network"), spaces)?;
        Ok(Self { near, far, _running: running })
    }

    /// The command on the store's side.
    pub(super) fn far(&self, command: &Command) -> Command {
        inside(&self.far, command)
    }

    /// The command on the clients' side.
    pub(super) fn near(&self, command: &Command) -> Command {
        inside(&self.near, command)
    }
}

fn inside(space: &str, command: &Command) -> Command {
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", space]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        inside.current_dir(dir);
    }
    inside
}
