//! Clients of object stores, each called as its users call it, with its own defaults but for as many objects at a time as the two peers
//! have slots.

use super::server::{BUCKET, KEY_ID, SECRET, Server};
use crate::bench::product::Product;
use crate::bench::sets::Set;
use crate::bench::tools::program;
use crate::process::on_path;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::process::Command;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Twinhaul,
    Rclone,
    Aws,
}

pub(super) const OURS: Client = Client::Twinhaul;

impl Client {
    pub(super) const OTHERS: [Self; 2] = [Self::Rclone, Self::Aws];

    fn name(self) -> &'static str {
        match self {
            Self::Twinhaul => "twinhaul",
            Self::Rclone => "rclone",
            Self::Aws => "aws",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        Self::OTHERS.into_iter().find(|c| c.name() == word)
    }

    /// As the table calls it.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Twinhaul => "twinhaul",
            Self::Rclone => "rclone copy",
            Self::Aws => "aws s3 cp --recursive",
        }
    }

    /// # Errors
    /// It is not on this machine.
    pub(super) fn here(self) -> Result<(), String> {
        if on_path(self.name()) { Ok(()) } else { Err(format!("{}: not here", self.name())) }
    }

    /// Sends `from` below `p/`; what it needs is made in `dir`.
    pub(super) fn command(
        self,
        product: &Product,
        set: Set,
        from: &Path,
        dir: &Path,
        server: &Server,
    ) -> Result<Command, String> {
        let mut command = match self {
            Self::Twinhaul => {
                lay_out(set, from, dir, &server.endpoint)?;
                product.run(dir)
            }
            Self::Rclone => {
                let mut rclone = program("rclone");
                // No configuration of whoever sits here.
                rclone.env("RCLONE_CONFIG", "/dev/null").args([
                    "copy",
                    "--transfers",
                    "8",
                    "--checkers",
                    "8",
                ]);
                rclone.args(["--s3-provider", "Other", "--s3-region", "us-east-1"]);
                rclone.env("RCLONE_S3_ACCESS_KEY_ID", KEY_ID).env("RCLONE_S3_SECRET_ACCESS_KEY", SECRET);
                // The bucket is there, and a client that may not make one must not be asked to.
                rclone
                    .args([
                        "--s3-no-check-bucket",
                        "--s3-list-version",
                        "2",
                        "--s3-endpoint",
                        &server.endpoint,
                    ])
                    .arg(from);
                rclone.arg(format!(":s3:{BUCKET}/p"));
                rclone
            }
            Self::Aws => {
                let mut aws = program("aws");
                aws.args([
                    "s3",
                    "cp",
                    "--recursive",
                    "--only-show-errors",
                    "--endpoint-url",
                    &server.endpoint,
                ]);
                aws.arg(from).arg(format!("s3://{BUCKET}/p"));
                aws.env("AWS_DEFAULT_REGION", "us-east-1").env("AWS_CONFIG_FILE", "/dev/null");
                aws.env("AWS_EC2_METADATA_DISABLED", "true");
                aws
            }
        };
        command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
        Ok(command)
    }
}

/// The profile, and the run's state directory.
fn lay_out(set: Set, from: &Path, dir: &Path, endpoint: &str) -> Result<(), String> {
    let told = |path: &Path, e: std::io::Error| format!("cannot make {}: {e}", path.display());
    let state = dir.join("state");
    std::fs::DirBuilder::new().mode(0o700).create(&state).map_err(|e| told(&state, e))?;
    let path = dir.join("profile.yaml");
    std::fs::write(&path, profile(set, from, endpoint)?).map_err(|e| told(&path, e))
}

fn profile(set: Set, from: &Path, endpoint: &str) -> Result<String, String> {
    let from = from.to_str().ok_or_else(|| format!("{} is not UTF-8", from.display()))?;
    let from = serde_json::Value::from(from);
    let (by, order) = if set.many() { ("count", "name") } else { ("bytes", "size") };
    Ok(format!(
        "version: 1\n\
         name: bench\n\
         sources:\n  s: {{ backend: disk, root: {from} }}\n\
         targets:\n  t:\n    backend: cloud\n    service: s3\n    bucket: {BUCKET}\n    prefix: p\n    region: us-east-1\n    \
         endpoint: \"{endpoint}\"\n    access_key_id: \"${{env:AWS_ACCESS_KEY_ID}}\"\n    \
         secret_access_key: \"${{env:AWS_SECRET_ACCESS_KEY}}\"\n\
         split: {{ by: {by}, share: 50 % }}\n\
         order: {order}\n\
         peers:\n  alpha: {{ slots: 4 }}\n  beta: {{ slots: 4 }}\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_found_by_their_names_and_the_profile_holds_no_secret() {
        assert_eq!((Client::of("aws"), Client::of("twinhaul")), (Some(Client::Aws), None));
        let text = profile(Set::C3, Path::new("/a \"b"), "http://h").unwrap();
        assert!(text.contains("root: \"/a \\\"b\"") && text.contains("order: size"), "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
}
