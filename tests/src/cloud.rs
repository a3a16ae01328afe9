//! Real servers for the cloud backend, on loopback: started by the test, ended with it. And one that misbehaves: [`faults`].
//!
//! `cargo xtask test` puts the programs below `servers` in its target directory; others are taken from `PATH`.

pub mod faults;
pub mod others;
pub mod store;

use crate::needs;
use crate::product::{Lab, exe, poll};
use crate::workdir::Workdir;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a server may take to listen.
const START_MAX: Duration = Duration::from_mins(1);
/// An answer that does not come is a test that fails.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// What the tests use as credentials; moto takes any.
pub const ACCESS_KEY_ID: &str = "test-key-id";
pub const SECRET_ACCESS_KEY: &str = "canary-secret-5d1c0e";
pub const BUCKET: &str = "bucket";

/// A server of S3's protocol: moto, from `PyPI`. Its log is in its directory.
#[derive(Debug)]
pub struct S3 {
    child: Child,
    pub address: SocketAddr,
    work: Workdir,
}

/// Where `cargo xtask test` puts them.
fn servers() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.ancestors().nth(3)?.join("servers"))
}

/// A program of the servers' directory, else of `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let target = servers()?;
    let installed = [target.join("python/bin").join(name), target.join("bin").join(name)];
    let path = std::env::var_os("PATH")?;
    installed.into_iter().chain(std::env::split_paths(&path).map(|d| d.join(name))).find(|p| p.is_file())
}

/// A port that nobody has.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("its number").port()
}

/// Every process of this lab knows the servers' keys, by the names that the profiles of tests use.
pub fn give_keys(lab: &mut Lab) {
    lab.set_env("TEST_KEY_ID", ACCESS_KEY_ID);
    lab.set_env("TEST_SECRET", SECRET_ACCESS_KEY);
}

impl S3 {
    /// A server for `suite`, and a product that can speak to it; `None`: one of them is missing here, which is said.
    pub fn or_skip(suite: &str) -> Option<Self> {
        if !exe().with_file_name("libtwinhaul_cloud.so").exists() {
            needs::skip(suite, "the cloud backend is not built: cargo build -p twinhaul-cloud");
            return None;
        }
        let server = Self::start();
        if server.is_none() {
            needs::skip(suite, "moto_server is not installed: cargo xtask test installs it");
        }
        server
    }

    /// `None`: moto is not installed; said by the caller.
    pub fn start() -> Option<Self> {
        let program = program("moto_server")?;
        let work = Workdir::new();
        let log = std::fs::File::create(work.path().join("log")).expect("log");
        let port = free_port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("moto_server");
        let server = Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), work };
        assert!(server.bucket(BUCKET).is_some(), "moto does not answer");
        Some(server)
    }

    /// Makes a bucket, when the server answers.
    fn bucket(&self, name: &str) -> Option<()> {
        poll(START_MAX, || {
            request(self.address, "PUT", &format!("/{name}")).filter(|(status, _)| *status == 200).map(|_| ())
        })
    }

    /// The JSON of a target or a source, for a profile.
    pub fn end(&self, prefix: &str) -> String {
        end(self.address, prefix)
    }

    /// What it has written about the requests so far: a line for each.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.work.path().join("log")).expect("its log")
    }

    /// Uploads under way, as another client sees them.
    pub fn uploads(&self) -> usize {
        let (status, body) = request(self.address, "GET", &format!("/{BUCKET}?uploads")).expect("uploads");
        assert_eq!(status, 200, "{body}");
        body.matches("<UploadId>").count()
    }

    /// Keys below a prefix, as another client sees them; at most a thousand.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let path = format!("/{BUCKET}?list-type=2&prefix={prefix}");
        let (status, body) = request(self.address, "GET", &path).expect("a listing");
        assert_eq!(status, 200, "{body}");
        body.split("<Key>").skip(1).filter_map(|p| Some(p.split_once("</Key>")?.0.to_owned())).collect()
    }

    /// Everything below a prefix, by Amazon's own client, into a directory. `None`: it is not installed.
    pub fn download(&self, prefix: &str, into: &Path) -> Option<()> {
        self.aws(|aws| aws.args(["sync", &format!("s3://{BUCKET}/{prefix}")]).arg(into))
    }

    /// A file under a key, by the same.
    pub fn upload(&self, file: &Path, key: &str) -> Option<()> {
        self.aws(|aws| aws.arg("cp").arg(file).arg(format!("s3://{BUCKET}/{key}")))
    }

    fn aws(&self, verb: impl FnOnce(&mut Command) -> &mut Command) -> Option<()> {
        let mut aws = Command::new(program("aws")?);
        verb(aws.arg("s3")).args([
            "--no-progress",
            "--only-show-errors",
            "--endpoint-url",
            &format!("http://{}", self.address),
        ]);
        aws.env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .stdin(Stdio::null());
        let out = aws.output().expect("aws");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Some(())
    }
}

/// A target or a source at this address, for a profile.
pub fn end(address: SocketAddr, prefix: &str) -> String {
    format!(
        "{{ backend: cloud, service: s3, bucket: {BUCKET}, region: us-east-1, prefix: {prefix}, endpoint: \"http://{address}\", \
         access_key_id: \"${{env:TEST_KEY_ID}}\", secret_access_key: \"${{env:TEST_SECRET}}\" }}"
    )
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request without a body or a signature: the status and the body.
pub fn request(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_MAX).ok()?;
    stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
