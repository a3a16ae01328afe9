//! The server from outside: who may come, what the weather does, when it ends. What it stores is tested by the cloud backend.

#![allow(clippy::unwrap_used, reason = "tests: a step that fails is a test that fails, and says so")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const SECRET: &str = "canary-secret-0b7a";

fn command(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twinhaul-store"));
    command.args(["--port", "0", "--root"]).arg(root.join("root")).arg("--weather").arg(root.join("weather"));
    command.env("TWINHAUL_STORE_KEY_ID", "key-id").env("TWINHAUL_STORE_SECRET", SECRET);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

struct Server {
    child: Child,
    address: SocketAddr,
    work: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let work = tempfile::tempdir().unwrap();
        let mut child = command(work.path()).args(["--bucket", "one", "two"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening ").unwrap().parse().unwrap();
        Self { child, address, work }
    }

    fn weather(&self, text: &str) {
        std::fs::write(self.work.path().join("weather"), text).unwrap();
    }

    /// What comes back to these bytes, until the server ends the connection.
    fn answer(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Without a signature.
    fn unsigned(&self, method: &str, path: &str) -> String {
        self.answer(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody",
            self.address
        ))
    }

    /// Its owner says no more; what it said meanwhile.
    fn end(mut self) -> Output {
        drop(self.child.stdin.take());
        self.child.wait_with_output().unwrap()
    }
}

#[test]
fn who_does_not_sign_gets_nothing() {
    let server = Server::start();
    for (method, path) in [("PUT", "/one/key"), ("GET", "/one/key"), ("GET", "/"), ("DELETE", "/two")] {
        let answer = server.unsigned(method, path);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{method} {path}: {answer}");
    }
    assert_eq!(std::fs::read_dir(server.work.path().join("root")).unwrap().count(), 0);
    let signed = "AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00";
    let answer = server.answer(&format!(
        "GET /one/key HTTP/1.1\r\nHost: {}\r\nx-amz-date: 20260101T000000Z\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\
         Authorization: {signed}\r\nConnection: close\r\n\r\n",
        server.address
    ));
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
}

#[test]
fn a_storm_answers_before_anything_else_and_passes() {
    let server = Server::start();
    server.weather("{\"storm\":{\"status\":429,\"share\":1.0,\"retry_after_s\":12}}\n");
    for method in ["PUT", "GET", "HEAD", "POST"] {
        let answer = server.unsigned(method, "/one/key").to_lowercase();
        assert!(answer.starts_with("http/1.1 429 ") && answer.contains("retry-after: 12\r\n"), "{answer}");
        assert_eq!(answer.contains("<code>slowdown</code>"), method != "HEAD", "{answer}");
    }
    server.weather("{\"storm\":{\"status\":503,\"share\":0.5,\"retry_after_s\":1}}");
    let statuses: Vec<String> =
        (0..4).map(|_| server.unsigned("GET", "/one/key")[9..12].to_owned()).collect();
    assert_eq!(statuses, ["403", "503", "403", "503"]);
    server.weather("");
    assert!(server.unsigned("GET", "/one/key").starts_with("HTTP/1.1 403 "));
}

#[test]
fn it_ends_when_its_owner_does_and_tells_no_secret() {
    let server = Server::start();
    server.weather("nonsense");
    server.unsigned("GET", "/one/key");
    let output = server.end();
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("the weather stays as it is") && !said.contains(SECRET), "{said}");
}

#[test]
fn what_cannot_be_is_said_and_nothing_is_made() {
    let refused = |bucket: &str, secret: &str, root: &Path| {
        let mut command = command(root);
        let output =
            command.args(["--bucket", bucket]).env("TWINHAUL_STORE_SECRET", secret).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let work = tempfile::tempdir().unwrap();
    let said = refused("one", "", work.path());
    assert!(said.contains("TWINHAUL_STORE_SECRET"), "{said}");
    let said = refused("../up", SECRET, work.path());
    assert!(said.contains("\"../up\" is no name for a bucket"), "{said}");
    assert!(!work.path().join("root").exists());
    std::fs::create_dir(work.path().join("root")).unwrap();
    std::fs::write(work.path().join("root/mine"), "mine").unwrap();
    let said = refused("one", SECRET, work.path());
    assert!(said.contains("not empty"), "{said}");
}
