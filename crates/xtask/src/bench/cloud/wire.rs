//! A network with a delay and a loss between clients and store: the example `network` of the whole-program tests, which makes it of two
//! name spaces and keeps it as long as its standard input is open.

use crate::process::{cargo, pass};
use std::fs::File;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Starts what follows beside this process, not below it, with this process's hand on its input: what a shell starts in the background has
/// no input of its own, unless it is told.
pub(super) const BESIDE: &str = "exec 3<&0; \"$@\" <&3 3<&- &";
/// The store's side.
pub(super) const FAR: &str = "10.77.0.2";
const THERE_MAX: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Wire {
    near: String,
    far: String,
    _input: Option<ChildStdin>,
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
        let said = dir.join("network");
        let told = |e: std::io::Error| format!("the network: {e}");
        let out = File::create(&said).map_err(told)?;
        let err = out.try_clone().map_err(told)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", BESIDE, "sh"]).arg(target.join("debug/examples/network"));
        shell.args([ms.to_string(), per_cent.to_string()]).stdin(Stdio::piped()).stdout(out).stderr(err);
        let mut shell = shell.spawn().map_err(told)?;
        let input = shell.stdin.take();
        shell.wait().map_err(told)?;
        let began = Instant::now();
        loop {
            let text = std::fs::read_to_string(&said).unwrap_or_default();
            if let [_, near, _, _, far, _] = text.split_whitespace().collect::<Vec<_>>()[..]
                && text.starts_with("near ")
            {
                return Ok(Self { near: near.to_owned(), far: far.to_owned(), _input: input });
            }
            if began.elapsed() > THERE_MAX || text.contains("network: ") {
                return Err(format!("no network: {}", text.trim().escape_debug()));
            }
            sleep(LOOK);
        }
    }

    /// Words before a command that runs on the store's side.
    pub(super) fn far(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.far]
    }

    /// The command on the clients' side.
    pub(super) fn near(&self, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &self.near]).arg(command.get_program()).args(command.get_args());
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
}
