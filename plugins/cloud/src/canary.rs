//! What a service really does, found out by doing it: some ignore conditions and overwrite, some forget metadata, and say neither.
//!
//! One small private object is written twice "only if absent", looked at, and removed: five requests for each opening of a target.

use opendal::ErrorKind;
use opendal::options::WriteOptions;

use crate::meta;
use crate::names::TRIAL;
use crate::services::{Service, Upload};
use crate::store::Store;

/// With a `_`, which not everything on the way lets through.
const NAME: &str = "twh_canary";

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// "Only if absent" is obeyed.
    pub(crate) conditional: bool,
    /// User metadata comes back.
    pub(crate) metadata: bool,
}

/// # Errors
/// The service's: wrong credentials, no such bucket, no permission to write.
pub(crate) async fn learn(service: &Service, store: &Store) -> opendal::Result<Truth> {
    let path = format!("{TRIAL}{:016x}", fastrand::u64(..));
    let found = attempt(service, store, &path).await;
    // Also after an error.
    let removed = store.delete(&path).await;
    let truth = found?;
    removed?;
    Ok(truth)
}

async fn attempt(service: &Service, store: &Store, path: &str) -> opendal::Result<Truth> {
    let capability = store.capability;
    let options = |with_metadata: bool| WriteOptions {
        if_not_exists: capability.write_with_if_not_exists,
        user_metadata: with_metadata
            .then(|| meta::on_the_wire(service.name, [(NAME.to_owned(), "1".to_owned())].into())),
        concurrent: 1,
        ..WriteOptions::default()
    };
    let mut metadata = capability.write_with_user_metadata;
    match store.put(path, "canary", options(metadata)).await {
        Ok(_) => {}
        // Some refuse metadata in words of their own, and have the object all the same (dufs).
        Err(e) if metadata && !e.is_temporary() && e.kind() == ErrorKind::Unexpected => {
            store.delete(path).await?;
            metadata = false;
            store.put(path, "canary", options(false)).await?;
        }
        Err(e) => return Err(e),
    }
    let mut truth = look(store, path, options(metadata)).await?;
    // A rename takes the place of what is there.
    truth.conditional &= service.upload != Upload::Renamed;
    Ok(truth)
}

async fn look(store: &Store, path: &str, options: WriteOptions) -> opendal::Result<Truth> {
    let with_metadata = options.user_metadata.is_some();
    let conditional = store.capability.write_with_if_not_exists
        && match store.put(path, "second", options).await {
            Err(e) if matches!(e.kind(), ErrorKind::ConditionNotMatch | ErrorKind::AlreadyExists) => true,
            Err(e) if e.is_temporary() => return Err(e),
            // It overwrote, or says that it knows no conditions.
            _ => false,
        };
    let metadata = with_metadata && meta::get(&store.stat(path).await?, NAME) == Some("1");
    Ok(Truth { conditional, metadata })
}
