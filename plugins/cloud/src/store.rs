//! One opened service: OpenDAL's operator with our transport, and the way from blocking calls into its futures and back.
//!
//! Paths are given to the service as they are: OpenDAL's own front cuts spaces from their ends. Entry points: [`Store::open`], [`Store::call`].

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use opendal::raw::oio::Delete as _;
use opendal::raw::{OpList, OpRead, OpStat, OpWrite, Service as _, Servicer, oio};
use opendal::{Capability, HttpTransporter, Metadata, OperationContext, Operator, services as s};
use tokio::runtime::Runtime;
use twinhaul_backend_abi::{Code, Error, Op, Result, WaitReason};

use crate::config::Config;
use crate::fail::Teller;
use crate::meter::Meter;
use crate::transport::{Patience, Transport};

/// How often a waiting call looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(50);
/// Threads that drive all connections of this process; bytes are encrypted and checksummed there.
const WORKERS: usize = 2;

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    service: Servicer,
    context: OperationContext,
    pub(crate) capability: Capability,
    pub(crate) meter: Arc<Meter>,
    pub(crate) teller: Teller,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Shared by all targets of this process, made with the first; idle for ever when the last is closed (header R7).
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("cloud")
            .enable_all()
            .build()
    });
    made.as_ref().map_err(|e| Error::io("start the threads of the cloud backend", e))
}

impl Store {
    /// # Errors
    /// What the service's builder refuses; nothing is sent.
    pub(crate) fn open(config: &Config) -> Result<Self> {
        let teller = Teller::new(config.secrets.clone());
        let meter = Arc::new(Meter::default());
        let operator = operator(config).map_err(|e| teller.failed("open", &e))?;
        let patience = Patience { timeout: config.timeout, retries: config.retries };
        let transport = Transport::new(meter.clone(), patience)
            .map_err(|e| Error::new(Code::Internal, format!("start HTTP: {e}")))?;
        let context = operator.context().with_http_transport(HttpTransporter::new(transport));
        let (context, service) = operator.with_context(context).into_parts();
        let capability = service.capability();
        Ok(Self { service, context, capability, meter, teller })
    }

    /// Waits for a future on the calling thread; says what it waits for, and ends early when cancelled.
    ///
    /// # Errors
    /// [`Code::Cancelled`]: what the future was doing may have had its effect.
    pub(crate) fn call<T>(&self, op: &Op<'_>, future: impl Future<Output = T>) -> Result<T> {
        op.check()?;
        runtime()?.block_on(async {
            tokio::pin!(future);
            let mut told = false;
            loop {
                tokio::select! {
                    biased;
                    out = &mut future => {
                        if told { op.wait(None, ""); }
                        return Ok(out);
                    }
                    () = tokio::time::sleep(POLL) => {
                        op.check()?;
                        told = self.tell_wait(op, told);
                    }
                }
            }
        })
    }

    /// The same, for what must be done although the caller is cancelled.
    pub(crate) fn finish<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T> {
        let late = || Error::new(Code::Timeout, "cleaning up took too long");
        runtime()?.block_on(async { tokio::time::timeout(limit, future).await }).map_err(|_| late())
    }

    fn tell_wait(&self, op: &Op<'_>, told: bool) -> bool {
        if let Some((left, _)) = self.meter.limited() {
            op.wait(Some(WaitReason::RateLimit), &format!("{} s to go", left.as_secs() + 1));
            return true;
        }
        if told {
            op.wait(None, "");
        }
        false
    }

    pub(crate) fn spawn<T: Send + 'static>(
        future: impl Future<Output = T> + Send + 'static,
    ) -> Result<tokio::task::JoinHandle<T>> {
        Ok(runtime()?.spawn(future))
    }

    pub(crate) async fn stat(&self, path: &str) -> opendal::Result<Metadata> {
        Ok(self.service.stat(&self.context, path, OpStat::default()).await?.into_metadata())
    }

    pub(crate) fn reader(&self, path: &str, args: OpRead) -> opendal::Result<oio::Reader> {
        self.service.read(&self.context, path, args)
    }

    pub(crate) fn writer(
        &self,
        path: &str,
        options: opendal::options::WriteOptions,
    ) -> opendal::Result<oio::Writer> {
        let (args, _) = OpWrite::from_options(&self.capability, options)?;
        self.service.write(&self.context, path, args)
    }

    pub(crate) fn lister(&self, path: &str, args: OpList) -> opendal::Result<oio::Lister> {
        self.service.list(&self.context, path, args)
    }

    /// Objects below a prefix, however deep; at most so many.
    pub(crate) async fn below(&self, prefix: &str, max: usize) -> opendal::Result<Vec<(String, Metadata)>> {
        use opendal::raw::oio::List as _;
        let options = opendal::options::ListOptions { recursive: true, ..Default::default() };
        let mut lister = self.lister(prefix, OpList::from(options))?;
        let mut found = Vec::new();
        while found.len() < max
            && let Some(entry) = lister.next().await?
        {
            found.push(entry.into_parts());
        }
        Ok(found)
    }

    /// A small object in one request.
    pub(crate) async fn put(
        &self,
        path: &str,
        body: impl Into<opendal::Buffer>,
        options: opendal::options::WriteOptions,
    ) -> opendal::Result<Metadata> {
        use opendal::raw::oio::Write as _;
        let mut writer = self.writer(path, options)?;
        writer.write(body.into()).await?;
        writer.close().await
    }

    /// All of a small object.
    pub(crate) async fn get(&self, path: &str) -> opendal::Result<Vec<u8>> {
        use opendal::raw::oio::{Read as _, ReadStream as _};
        let reader = self.reader(path, OpRead::default())?;
        let (_, mut stream) = reader.open(opendal::BytesRange::default()).await?;
        Ok(stream.read_all().await?.to_vec())
    }

    /// A missing one is removed already.
    pub(crate) async fn delete(&self, path: &str) -> opendal::Result<()> {
        let mut deleter = self.service.delete(&self.context)?;
        deleter.delete(path, opendal::raw::OpDelete::default()).await?;
        deleter.close().await
    }

    pub(crate) async fn rename(&self, from: &str, to: &str) -> opendal::Result<()> {
        self.service.rename(&self.context, from, to, opendal::raw::OpRename::default()).await.map(|_| ())
    }

    pub(crate) async fn create_dir(&self, path: &str) -> opendal::Result<()> {
        self.service.create_dir(&self.context, path, opendal::raw::OpCreateDir::default()).await.map(|_| ())
    }

    pub(crate) fn transport(&self) -> HttpTransporter {
        self.context.http_transport().clone()
    }
}

fn operator(config: &Config) -> opendal::Result<Operator> {
    let options = config.options.iter().cloned();
    match config.service.name {
        "s3" => Operator::from_iter::<s::S3>(options),
        "azblob" => Operator::from_iter::<s::Azblob>(options),
        "webdav" => Operator::from_iter::<s::Webdav>(options),
        "sftp" => Operator::from_iter::<s::Sftp>(options),
        "gcs" => Operator::from_iter::<s::Gcs>(options),
        "azdls" => Operator::from_iter::<s::Azdls>(options),
        "oss" => Operator::from_iter::<s::Oss>(options),
        "cos" => Operator::from_iter::<s::Cos>(options),
        "obs" => Operator::from_iter::<s::Obs>(options),
        "b2" => Operator::from_iter::<s::B2>(options),
        "swift" => Operator::from_iter::<s::Swift>(options),
        _ => memory(config),
    }
}

/// Objects in this process: two that are opened with one name and prefix are one.
fn memory(config: &Config) -> opendal::Result<Operator> {
    static OPENED: Mutex<BTreeMap<String, Operator>> = Mutex::new(BTreeMap::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(there) = opened.get(&config.location) {
        return Ok(there.clone());
    }
    let made = Operator::from_iter::<s::Memory>(config.options.iter().cloned())?;
    opened.insert(config.location.clone(), made.clone());
    Ok(made)
}
