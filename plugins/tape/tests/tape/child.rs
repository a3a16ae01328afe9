//! Another process over the same library: this test program, asked for one ignored test, to be killed at will.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use twinhaul_backend_abi::{Buf, Target, Writer};

use crate::common::{OP, open, publish, sized, store, sync, write};
use crate::made::pattern;

const ROOT: &str = "TWINHAUL_TAPE_ROOT";
const FIELDS: &str = "TWINHAUL_TAPE_FIELDS";
const DOES: &str = "TWINHAUL_TAPE_DOES";

/// A peer that is killed when it goes.
pub(crate) struct Peer {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Peer {
    pub(crate) fn start(root: &Path, fields: &str, does: &str) -> Self {
        Self::start_with(root, fields, does, &[])
    }

    /// With further variables of its environment.
    pub(crate) fn start_with(root: &Path, fields: &str, does: &str, variables: &[(&str, &Path)]) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .envs(variables.iter().copied())
            .args(["--exact", "child::peer", "--ignored", "--nocapture", "--test-threads=1"])
            .env(ROOT, root)
            .env(FIELDS, fields)
            .env(DOES, does)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// Reads until it says this.
    pub(crate) fn says(&mut self, word: &str) {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "the peer ended without saying {word}");
            if line.contains(word) {
                return;
            }
        }
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended well.
    pub(crate) fn end(mut self) {
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout();
    out.write_all(format!("\n{text}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "the other process, run by the others"]
fn peer() {
    let (Ok(root), Ok(fields), Ok(does)) = (std::env::var(ROOT), std::env::var(FIELDS), std::env::var(DOES))
    else {
        return;
    };
    let t = open(Path::new(&root), &fields).unwrap();
    match does.as_str() {
        // Holds a drive in the middle of an object.
        "hold" => {
            write(&t, &sized("theirs/sealed", "peer/1/1/b1", 10), &pattern(10, 1)).unwrap();
            let (mut writer, _) = t.writer_open(&OP, &sized("theirs/open", "peer/2/1/b1", 8 << 20)).unwrap();
            writer.write(&OP, &Buf::of(&pattern(3 << 20, 1))).unwrap();
            say("holding");
            std::thread::park();
        }
        // One group after the other until it is killed; what it has said it has published.
        "write" => {
            for n in 0.. {
                let puts: Vec<_> = (0..3)
                    .map(|i| sized(format!("w/{n}-{i}"), &format!("peer/{n}{i}/1/b1"), 400_000))
                    .collect();
                for p in &puts {
                    write(&t, p, &pattern(400_000, n)).unwrap();
                }
                let ids: Vec<&str> = puts.iter().map(|p| p.attempt_id.as_str()).collect();
                assert!(sync(&t, &ids).iter().all(Result::is_ok));
                for p in &puts {
                    publish(&t, p).unwrap();
                    say(&format!("published {n}"));
                }
            }
        }
        // The sync behind the trailer fails: see `medium`.
        "sync-error" => crate::medium::a_sync_that_fails(&t),
        // So many objects, then it ends.
        count => {
            let count: u64 = count.parse().unwrap();
            for n in 0..count {
                store(
                    &t,
                    &sized(format!("theirs/{n}"), &format!("peer/{n}/1/b1"), 300_000),
                    &pattern(300_000, n),
                )
                .unwrap();
                say("stored");
            }
        }
    }
}
