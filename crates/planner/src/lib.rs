//! The planner: walks the sources, decides routes, divides the waves between the peers, fills the ledger.
//!
//! It streams: a wave closes at a number or an age and the peers start on it while the walk goes on. Memory does not
//! grow with the number of objects, but for names of hard-link groups whose other names have not been met yet.
//! It writes nothing to any target. Entry point: [`plan`].

mod ahead;
mod division;
mod error;
mod links;
mod losses;
mod only;
mod sink;
mod space;
mod summary;
mod walk;
mod wave;

pub use error::PlanError;
pub use losses::{Loss, LossCount, Losses};
pub use only::{ONLY_KEYS_MAX, Only, OnlyError};
pub use sink::{LedgerSink, Sink};
pub use space::Free;
pub use summary::{MEDIA_MAX, Medium, RouteSummary, Summary};
pub use wave::Wave;

use twinhaul_backend_host::Target;
use twinhaul_profile::Profile;

/// Transfers of one wave (store.md 2) …
pub const WAVE_TRANSFERS_MAX: usize = 65_536;
/// … or so long, whichever comes first.
pub const WAVE_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(2);

/// An opened source, in the profile's order.
#[derive(Debug)]
pub struct Source {
    pub name: String,
    pub target: Target,
}

/// Walks everything, or as far as it leads to what is in `only`, and gives the waves to `sink`; returns what was found.
///
/// # Errors
/// A source whose root cannot be listed, too little space, or what the sink says. Directories below that cannot be
/// listed become transfers that fail with the reason, and so does what is in `only` and not in a source: nothing is left
/// out in silence.
pub fn plan(
    profile: &Profile,
    sources: &[Source],
    free: &mut [Free],
    sink: &mut dyn Sink,
    mut only: Option<Only>,
) -> Result<Summary, PlanError> {
    let mut builder = wave::Builder::new(profile, free, sink);
    for (index, source) in sources.iter().enumerate() {
        walk::source(index, source, &mut builder, only.as_mut())?;
    }
    for (source, key) in only.iter().flat_map(Only::missing) {
        builder.missing(source, &key)?;
    }
    builder.finish()
}
