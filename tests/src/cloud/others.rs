//! Servers of other protocols: azurite for Azure's, dufs for `WebDAV`, OpenSSH for sftp.

use super::{START_MAX, free_port, program, servers};
use crate::needs;
use crate::product::poll;
use crate::workdir::Workdir;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The account that every azurite has, published by its makers.
pub const AZURE_ACCOUNT: &str = "devstoreaccount1";
pub const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const CONTAINER: &str = "bucket";

/// Makes a container: a signed request, which is shorter in Python than a signer here.
const MAKE_CONTAINER: &str = r#"
import base64, email.utils, hashlib, hmac, sys, urllib.request
port, account, key, name = sys.argv[1:]
date, version = email.utils.formatdate(usegmt=True), "2021-08-06"
text = "PUT" + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{version}\n/{account}/{account}/{name}\nrestype:container"
sign = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
head = {"x-ms-date": date, "x-ms-version": version, "Authorization": f"SharedKey {account}:{sign}", "Content-Length": "0", "Content-Type": ""}
url = f"http://127.0.0.1:{port}/{account}/{name}?restype=container"
urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b"", headers=head))
"#;

/// Ends its server when dropped.
#[derive(Debug)]
struct Server {
    child: Child,
    port: u16,
    work: Workdir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(work: Workdir, port: u16, command: &mut Command) -> Server {
    let log = std::fs::File::create(work.path().join("log")).expect("log");
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("log")).stderr(log);
    let server = Server { child: command.spawn().expect("server"), port, work };
    let listens = poll(START_MAX, || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
    let said = std::fs::read_to_string(server.work.path().join("log")).unwrap_or_default();
    assert!(listens.is_some(), "{command:?} does not listen: {said}");
    server
}

/// `WebDAV`, by dufs from its crate. It keeps no user metadata.
#[derive(Debug)]
pub struct Dav(Server);

impl Dav {
    /// `None`: not installed.
    pub fn start() -> Option<Self> {
        let program = program("dufs")?;
        let (work, port) = (Workdir::new(), free_port());
        let store = work.path().join("store");
        std::fs::create_dir(&store).expect("store");
        let mut command = Command::new(program);
        command.args(["--bind", "127.0.0.1", "--allow-all", "--port", &port.to_string()]).arg(store);
        Some(Self(start(work, port, &mut command)))
    }

    /// What it serves.
    pub fn store(&self) -> PathBuf {
        self.0.work.path().join("store")
    }

    /// Fields of an end, as JSON and YAML have them.
    pub fn fields(&self, prefix: &str) -> String {
        let port = self.0.port;
        format!(
            "\"service\": \"webdav\", \"endpoint\": \"http://127.0.0.1:{port}\", \"prefix\": \"{prefix}\""
        )
    }
}

/// Azure's blobs, by azurite from npm.
#[derive(Debug)]
pub struct Azure(Server);

impl Azure {
    /// `None`: not installed.
    pub fn start() -> Option<Self> {
        let installed = servers()?.join("node/node_modules/.bin/azurite-blob");
        let program = Some(installed).filter(|p| p.is_file()).or_else(|| program("azurite-blob"))?;
        let (work, port) = (Workdir::new(), free_port());
        let mut command = Command::new(program);
        command.args(["--blobPort", &port.to_string(), "--location"]).arg(work.path());
        let server =
            start(work, port, command.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"]));
        let mut make = Command::new("python3");
        make.args(["-c", MAKE_CONTAINER, &port.to_string(), AZURE_ACCOUNT, AZURE_KEY, CONTAINER]);
        assert!(make.status().is_ok_and(|s| s.success()), "no container could be made");
        Some(Self(server))
    }

    /// Fields of an end, as JSON and YAML have them.
    pub fn fields(&self, prefix: &str, key: &str) -> String {
        let port = self.0.port;
        format!(
            "\"service\": \"azblob\", \"container\": \"{CONTAINER}\", \"endpoint\": \"http://127.0.0.1:{port}/{AZURE_ACCOUNT}\", \
             \"account_name\": \"{AZURE_ACCOUNT}\", \"account_key\": \"{key}\", \"prefix\": \"{prefix}\""
        )
    }
}

/// An ssh server of this user, on loopback, with keys of its own.
#[derive(Debug)]
pub struct Ssh(Server);

impl Ssh {
    /// `None`: not installed, or this machine allows no name space for the user that sshd wants.
    pub fn start() -> Option<Self> {
        let root = servers()?.join("debian");
        let installed = root.join("usr/sbin/sshd");
        let program = if installed.is_file() { installed } else { PathBuf::from("/usr/sbin/sshd") };
        let head = needs::mount_namespace()?;
        if !program.is_file() {
            return None;
        }
        let (work, port) = (Workdir::new(), free_port());
        let at = |name: &str| work.path().join(name);
        for key in ["host", "user"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at(key));
            assert!(keygen.status().is_ok_and(|s| s.success()), "ssh-keygen");
        }
        std::fs::copy(at("user.pub"), at("authorized")).expect("authorized keys");
        std::fs::create_dir(at("store")).expect("store");
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let passwd = format!("{passwd}sshd:x:110:65534::/run/sshd:/usr/sbin/nologin\n");
        std::fs::write(at("passwd"), passwd).expect("passwd");
        let sftp = [root.join("usr/lib/openssh/sftp-server"), PathBuf::from("/usr/lib/openssh/sftp-server")];
        let sftp = sftp.into_iter().find(|p| p.is_file())?;
        let script = "mount --bind \"$1/passwd\" /etc/passwd; mkdir -p /run/sshd; shift; exec \"$@\"";
        let mut command = Command::new(head[0]);
        command.args(&head[1..]).args(["sh", "-c", script, "sh"]).arg(work.path()).arg(program);
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string(), "-h"]).arg(at("host"));
        for option in [
            "ListenAddress=127.0.0.1".to_owned(),
            "StrictModes=no".to_owned(),
            "UsePAM=no".to_owned(),
            "PidFile=none".to_owned(),
            format!("AuthorizedKeysFile={}", at("authorized").display()),
            format!("Subsystem=sftp {}", sftp.display()),
        ] {
            command.args(["-o", &option]);
        }
        command.env("LD_LIBRARY_PATH", libraries(&root));
        Some(Self(start(work, port, &mut command)))
    }

    /// Where the objects are, for looking at them without ssh.
    pub fn store(&self) -> PathBuf {
        self.0.work.path().join("store")
    }

    pub fn fields(&self, prefix: &str) -> String {
        let (port, key) = (self.0.port, self.0.work.path().join("user"));
        let place = self.store().join(prefix);
        let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
        format!(
            "\"service\": \"sftp\", \"endpoint\": \"ssh://127.0.0.1:{port}\", \"user\": \"{user}\", \"known_hosts\": \"accept\", \
             \"key_path\": \"{}\", \"prefix\": \"{}\"",
            key.display(),
            place.display()
        )
    }
}

/// Unpacked beside it.
fn libraries(root: &Path) -> String {
    let places = ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/x86_64-linux-gnu"];
    places.iter().map(|p| root.join(p).display().to_string()).collect::<Vec<_>>().join(":")
}
