//! A small S3 server on loopback, over a directory, with weather: for demonstrations and tests, where there is no cloud.
//!
//! Signatures, requests and answers are `s3s`'s; ours is what is stored ([`api`], [`shelf`], [`kept`]), the weather ([`sky`]), and that
//! it never outlives its owner: it ends when its standard input does. It is no store for data that matters: it begins and ends
//! with nothing. It must never show a secret.

mod api;
mod kept;
mod serve;
mod shelf;
mod sky;

use api::Api;
use clap::Parser;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use sky::Sky;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Its clients' credentials.
const KEY_ID: &str = "TWINHAUL_STORE_KEY_ID";
const SECRET: &str = "TWINHAUL_STORE_SECRET";
/// Threads for files.
const FILE_THREADS_MAX: usize = 16;
/// A call that hangs in a file system does not keep the process.
const END_MAX: Duration = Duration::from_secs(1);

/// An S3 server over a directory. It prints `listening 127.0.0.1:PORT` and ends when its standard input does.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// A directory for the bytes of the objects, empty or to be made
    #[arg(long)]
    root: PathBuf,
    /// Where it listens. Whoever reaches another address than this machine's own can try the credentials: for measurements in a name
    /// space of its own
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    address: Ipv4Addr,
    /// 0: any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The buckets
    #[arg(long, num_args = 1.., required = true)]
    bucket: Vec<String>,
    /// A file that says what the weather is; read with each request, fair while it is not there
    #[arg(long)]
    weather: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Its owner reads it; a closed pipe is the owner's end.
            let _ = writeln!(std::io::stderr(), "twinhaul-store: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let service = service(args)?;
    let sky = Sky::new(args.weather.clone());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(FILE_THREADS_MAX)
        .build()
        .map_err(|e| format!("start: {e}"))?;
    let listener = TcpListener::bind((args.address, args.port)).map_err(|e| format!("listen: {e}"))?;
    let address = listener.local_addr().map_err(|e| format!("listen: {e}"))?;
    let (ends, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        wait_for_the_end();
        let _ = ends.send(());
    });
    let served = runtime.block_on(async {
        tokio::select! {
            served = serve::serve(listener, service, sky, || say_where(address)) => served,
            _ = ended => Ok(()),
        }
    });
    runtime.shutdown_timeout(END_MAX);
    served.map_err(|e| format!("listen: {e}"))
}

/// The store, for those who know the secret.
fn service(args: &Args) -> Result<S3Service, String> {
    let given = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let (Some(key_id), Some(secret)) = (given(KEY_ID), given(SECRET)) else {
        return Err(format!("who may come? set {KEY_ID} and {SECRET}"));
    };
    if let Some(bad) = args.bucket.iter().find(|b| !s3s::path::check_bucket_name(b)) {
        return Err(format!("\"{}\" is no name for a bucket", twinhaul_units::text::show(bad)));
    }
    let of_root = |e: std::io::Error| format!("open the root: {e}");
    std::fs::create_dir_all(&args.root).map_err(of_root)?;
    if std::fs::read_dir(&args.root).map_err(of_root)?.next().is_some() {
        return Err("the root is not empty, and its files may be somebody's".into());
    }
    let mut builder = S3ServiceBuilder::new(Api::new(args.root.clone(), &args.bucket));
    builder.set_auth(SimpleAuth::from_single(key_id, secret));
    Ok(builder.build())
}

/// The owner holds the other end of the standard input, and has nothing to say.
fn wait_for_the_end() {
    let mut bytes = [0; 1024];
    let mut input = std::io::stdin().lock();
    while let Ok(1..) = input.read(&mut bytes) {}
}

fn say_where(address: SocketAddr) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening {address}")?;
    out.flush()
}
