//! Other people's programs that copy trees, each called as its users call it. None is installed by us: what is not here is said.

use crate::process::on_path;
use std::path::Path;
use std::process::Command;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Cp,
    Rsync,
    Tar,
    Rclone,
    Xcp,
    Fcp,
}

impl Tool {
    pub(super) const ALL: [Self; 6] = [Self::Cp, Self::Rsync, Self::Tar, Self::Rclone, Self::Xcp, Self::Fcp];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cp => "cp",
            Self::Rsync => "rsync",
            Self::Tar => "tar",
            Self::Rclone => "rclone",
            Self::Xcp => "xcp",
            Self::Fcp => "fcp",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == word)
    }

    pub(super) fn is_here(self) -> bool {
        on_path(self.name())
    }

    /// As the table calls it.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Cp => "cp -a",
            Self::Rsync => "rsync -a",
            Self::Tar => "tar | tar",
            Self::Rclone => "rclone copy",
            Self::Xcp => "xcp -r",
            Self::Fcp => "fcp",
        }
    }

    /// Called as below. Of the last one it is not known.
    pub(super) fn keeps_holes(self) -> bool {
        !matches!(self, Self::Rclone | Self::Fcp)
    }

    /// Copies what is in `from` into `to`, which is there and empty. `sparse`: with the tool's own word for keeping holes, where
    /// it has one and does not keep them unasked.
    pub(super) fn copy(self, from: &Path, to: &Path, sparse: bool) -> Command {
        match self {
            Self::Cp => {
                let mut command = program("cp");
                command.arg("-a").arg(from.join(".")).arg(to);
                command
            }
            Self::Rsync => {
                let mut command = program("rsync");
                command.arg(if sparse { "-aS" } else { "-a" }).arg(slash(from)).arg(slash(to));
                command
            }
            Self::Tar => {
                let s = if sparse { "S" } else { "" };
                shell(&format!("tar -C \"$1\" -{s}cf - . | tar -C \"$2\" -{s}xf -"), &[from, to])
            }
            Self::Rclone => rclone("copy", from, to),
            Self::Xcp => {
                let mut command = program("xcp");
                command.arg("-r").arg("-T").arg(from).arg(to);
                command
            }
            // It has no word for "into": it takes the entries one by one.
            Self::Fcp => shell("fcp \"$1\"/* \"$2\"", &[from, to]),
        }
    }
}

/// As many transfers at a time as the two peers have slots.
pub(super) fn rclone(verb: &str, from: &Path, to: &Path) -> Command {
    let mut command = program("rclone");
    // No configuration of whoever sits here: two local directories need none.
    command.env("RCLONE_CONFIG", "/dev/null");
    command.args([verb, "--transfers", "8", "--checkers", "8"]).arg(from).arg(to);
    command
}

/// `sh -c TEXT`, with paths as `$1`, `$2`: they never become part of the text.
pub(super) fn shell(text: &str, paths: &[&Path]) -> Command {
    let mut command = program("sh");
    command.arg("-ec").arg(text).arg("sh").args(paths);
    command
}

pub(super) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("LC_ALL", "C");
    command
}

fn slash(path: &Path) -> std::ffi::OsString {
    let mut text = path.as_os_str().to_owned();
    text.push("/");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_found_by_their_names() {
        assert!(Tool::ALL.into_iter().all(|t| Tool::of(t.name()) == Some(t)));
        assert_eq!(Tool::of("scp"), None);
    }

    #[test]
    fn paths_are_arguments_and_no_text_of_the_shell() {
        let odd = Path::new("/tmp/a b;$(c)");
        let command = Tool::Tar.copy(odd, odd, true);
        let args: Vec<_> = command.get_args().map(|a| a.to_string_lossy().into_owned()).collect();
        assert_eq!(args[0], "-ec");
        assert!(args[1].contains("-Scf") && !args[1].contains("tmp"), "{}", args[1]);
        assert_eq!(args[3..], ["/tmp/a b;$(c)", "/tmp/a b;$(c)"]);
    }
}
