//! Control sockets in a run's directory: their names, who may reach them, and paths longer than `sun_path`.
//!
//! One place for peers, supervisor, verbs and console, so that all of them check the same: the directory must be this user's
//! and closed to others (threats 1, 2), and each end asks the kernel who the other is. Blocking, no runtime; nothing is
//! read or written here. Entry points: [`check_dir`], [`bind`], [`connect`], [`reach`].

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType},
};
use std::{
    io,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Why a socket is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A directory or a name that must not be trusted.
    #[error("use {}: {why}", twinhaul_units::text::show(&path.to_string_lossy()))]
    Untrusted { path: PathBuf, why: String },
    /// A file or socket operation.
    #[error("{what} {}: {source}", twinhaul_units::text::show(&path.to_string_lossy()))]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    /// Nothing listens there, or the other end is somebody else's.
    #[error("reach {who}: {why}")]
    Unreachable { who: String, why: String },
    /// It listens, and takes nobody in.
    #[error("get an answer: {who} did not answer in {} ms", within.as_millis())]
    NoAnswer { who: String, within: Duration },
}

impl SocketError {
    fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}

/// Longest path that fits into `sockaddr_un` with its NUL.
const SUN_PATH_MAX: usize = 107;
/// How long a full backlog is waited for.
const CONNECT_POLL: Duration = Duration::from_millis(20);

/// Names become file names: letters, digits, `-`, `_`.
///
/// # Errors
/// [`SocketError::Untrusted`].
pub fn check_name(run_dir: &Path, name: &str) -> Result<(), SocketError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fine) {
        return Ok(());
    }
    let why = format!("\"{}\" is not a peer's name", twinhaul_units::text::show(name));
    Err(SocketError::Untrusted { path: run_dir.into(), why })
}

/// Whether `run_dir` is a directory of this user (not a link to one) that nobody else can enter.
///
/// # Errors
/// [`SocketError::Untrusted`] with the reason in words.
pub fn check_dir(run_dir: &Path) -> Result<(), SocketError> {
    let dir = open_dir(run_dir)?;
    let stat = rustix::fs::fstat(&dir).map_err(|e| SocketError::io("look at", run_dir)(e.into()))?;
    let refuse = |why: String| Err(SocketError::Untrusted { path: run_dir.into(), why });
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me {
        return refuse(format!("it belongs to user {}, this is user {me}", stat.st_uid));
    }
    if stat.st_mode & 0o077 != 0 {
        return refuse(format!("others can enter it (mode {:o}); chmod 700 it", stat.st_mode & 0o777));
    }
    Ok(())
}

fn open_dir(run_dir: &Path) -> Result<OwnedFd, SocketError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(run_dir, flags, Mode::empty()).map_err(|e| SocketError::io("open", run_dir)(e.into()))
}

/// A path that reaches `<run_dir>/<name>.sock` and fits, and the descriptor that it may go through.
#[derive(Debug)]
pub struct Reach {
    path: PathBuf,
    _dir: Option<OwnedFd>,
}

impl Reach {
    /// Good for as long as this lives.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// How to reach the socket of `name`, whatever the length of its path.
///
/// # Errors
/// When the name is not one, or the directory cannot be opened.
pub fn reach(run_dir: &Path, name: &str) -> Result<Reach, SocketError> {
    use std::os::fd::AsRawFd as _;
    check_name(run_dir, name)?;
    let file = format!("{name}.sock");
    let path = run_dir.join(&file);
    if path.as_os_str().len() <= SUN_PATH_MAX {
        return Ok(Reach { path, _dir: None });
    }
    let dir = open_dir(run_dir)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{file}", dir.as_raw_fd()));
    Ok(Reach { path, _dir: Some(dir) })
}

/// Listens on `<run_dir>/<name>.sock`, mode 0600, in place of a stale socket. The caller holds the lock of that name: only
/// then is a socket that is already there known to be nobody's.
///
/// # Errors
/// When the directory is not to be trusted, or something that is not a socket has that name.
pub fn bind(run_dir: &Path, name: &str) -> Result<UnixListener, SocketError> {
    use std::os::unix::fs::FileTypeExt as _;
    check_dir(run_dir)?;
    let reach = reach(run_dir, name)?;
    match std::fs::symlink_metadata(&reach.path) {
        Ok(meta) if meta.file_type().is_socket() => {
            std::fs::remove_file(&reach.path).map_err(SocketError::io("remove the stale", &reach.path))?;
        }
        Ok(_) => {
            let path = run_dir.join(format!("{name}.sock"));
            return Err(SocketError::Untrusted { path, why: "it is not a socket; who put it there?".into() });
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(&reach.path).map_err(SocketError::io("listen on", &reach.path))?;
    // The directory is closed to others, so nobody could connect between these two calls.
    std::fs::set_permissions(&reach.path, std::fs::Permissions::from_mode(0o600))
        .map_err(SocketError::io("close to others", &reach.path))?;
    Ok(listener)
}

/// Removes the socket at the end; the caller still holds the lock of that name.
pub fn unbind(run_dir: &Path, name: &str) {
    // If it stays, the next one replaces it.
    let _ = std::fs::remove_file(run_dir.join(format!("{name}.sock")));
}

/// Connects to `<run_dir>/<name>.sock`, waiting at most `within` for a place in its backlog, and checks whose it is.
///
/// # Errors
/// `Unreachable`, `NoAnswer`, and what [`reach`] says.
pub fn connect(run_dir: &Path, name: &str, within: Duration) -> Result<UnixStream, SocketError> {
    let who = who(name);
    let reach = reach(run_dir, name)?;
    let unreachable = |why: String| SocketError::Unreachable { who: who.clone(), why };
    let address = SocketAddrUnix::new(&reach.path).map_err(|e| unreachable(e.to_string()))?;
    let deadline = Instant::now() + within;
    loop {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(|e| unreachable(e.to_string()))?;
        match rustix::net::connect(&fd, &address) {
            Ok(()) => {
                let stream = UnixStream::from(fd);
                stream.set_nonblocking(false).map_err(|e| unreachable(e.to_string()))?;
                check_server(&stream).map_err(unreachable)?;
                return Ok(stream);
            }
            Err(rustix::io::Errno::AGAIN) if Instant::now() < deadline => std::thread::sleep(CONNECT_POLL),
            Err(rustix::io::Errno::AGAIN) => {
                return Err(SocketError::NoAnswer { who, within });
            }
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::CONNREFUSED) => {
                return Err(unreachable("it does not run".into()));
            }
            Err(e) => return Err(unreachable(e.to_string())),
        }
    }
}

/// For the listening end: whether the process that connected is this user's or root's (threat 1).
///
/// # Errors
/// The refusal in words.
pub fn check_uid(stream: impl rustix::fd::AsFd) -> Result<(), String> {
    allowed(peer_uid(stream)?, rustix::process::geteuid().as_raw())
}

/// For the connecting end: root may look at anybody's run, others at their own.
///
/// # Errors
/// The refusal in words.
pub fn check_server(stream: &UnixStream) -> Result<(), String> {
    let me = rustix::process::geteuid().as_raw();
    if me == 0 { Ok(()) } else { allowed(peer_uid(stream)?, me) }
}

fn peer_uid(stream: impl rustix::fd::AsFd) -> Result<u32, String> {
    rustix::net::sockopt::socket_peercred(stream).map(|c| c.uid.as_raw()).map_err(|e| e.to_string())
}

fn allowed(theirs: u32, mine: u32) -> Result<(), String> {
    if theirs == mine || theirs == 0 {
        return Ok(());
    }
    Err(format!("the other end is user {theirs}, this is user {mine}"))
}

/// "peer beta", "the supervisor".
pub fn who(name: &str) -> String {
    if name == "supervisor" { "the supervisor".into() } else { format!("peer {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private() -> tempfile::TempDir {
        tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
    }

    #[test]
    fn a_stale_socket_is_replaced_and_anything_else_refused() {
        let dir = private();
        drop(bind(dir.path(), "supervisor").unwrap());
        assert!(dir.path().join("supervisor.sock").exists());
        let _listener = bind(dir.path(), "supervisor").unwrap();
        connect(dir.path(), "supervisor", Duration::from_secs(1)).unwrap();
        let mode = std::fs::metadata(dir.path().join("supervisor.sock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::fs::symlink("/nowhere", dir.path().join("alpha.sock")).unwrap();
        let error = bind(dir.path(), "alpha").unwrap_err();
        assert!(error.to_string().contains("not a socket"), "{error}");
    }

    #[test]
    fn a_directory_that_others_can_enter_or_a_link_is_refused() {
        let dir = private();
        check_dir(dir.path()).unwrap();
        let link = dir.path().join("link");
        std::fs::create_dir(dir.path().join("d")).unwrap();
        std::os::unix::fs::symlink("d", &link).unwrap();
        assert!(check_dir(&link).is_err());
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o750)).unwrap();
        let error = bind(dir.path(), "alpha").unwrap_err();
        assert!(error.to_string().contains("mode 750"), "{error}");
    }

    #[test]
    fn a_path_longer_than_sun_path_still_connects() {
        let dir = private();
        let long = dir.path().join("x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        std::fs::set_permissions(&long, std::fs::Permissions::from_mode(0o700)).unwrap();
        let _listener = bind(&long, "alpha").unwrap();
        assert!(long.join("alpha.sock").exists());
        connect(&long, "alpha", Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn only_this_user_and_root_are_heard() {
        assert!(allowed(1000, 1000).is_ok());
        assert!(allowed(0, 1000).is_ok());
        assert!(allowed(1000, 0).is_err());
        assert!(allowed(65534, 1000).unwrap_err().contains("user 65534"));
    }
}
