//! Places where a test can have a process killed or frozen at exactly that moment: every durable step has one.
//!
//! Only debug builds hold the code; in a release build [`hit`] is empty and the names are not in the file. Not a cargo
//! feature, because the tests would then need a second build of everything, and would test another program than the
//! one that is built beside them. Entry points: [`hit`] at a durable step, [`arm`] when a process knows who it is.
//!
//! `TWINHAUL_FAILPOINTS=alpha/authorised:freeze:2` freezes alpha the second time it comes by "authorised"; several with
//! commas. Each fires once per run: the file it leaves in `TWINHAUL_FAILPOINTS_DIR` says so to later lives, and to the test.

mod point;

#[cfg(debug_assertions)]
mod armed;

pub use point::Point;
use std::time::Duration;

/// What is to be done, and where; see the module.
pub const SPECS: &str = "TWINHAUL_FAILPOINTS";
/// Where what has fired is noted.
pub const DIRECTORY: &str = "TWINHAUL_FAILPOINTS_DIR";
/// Milliseconds between heartbeats, so that a test need not wait for a real lease.
pub const HEARTBEAT_MS: &str = "TWINHAUL_TEST_HEARTBEAT_MS";
/// Milliseconds for which it is waited for descriptors, so that a test need not wait for them a minute.
pub const SHORTAGE_MS: &str = "TWINHAUL_TEST_SHORTAGE_MS";

/// Says which process this is ("alpha", "planner"); before that nothing fires.
#[inline]
pub fn arm(who: &str) {
    #[cfg(debug_assertions)]
    armed::arm(who);
    #[cfg(not(debug_assertions))]
    let _ = who;
}

/// Passes a durable step; may not return.
#[inline]
pub fn hit(point: Point) {
    #[cfg(debug_assertions)]
    armed::hit(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

/// How many of `n` things to do before [`hit`] of a point that lies between them: all, unless a test waits there.
#[inline]
pub fn before(point: Point, n: usize) -> usize {
    #[cfg(debug_assertions)]
    if armed::waits(point) {
        return n / 2;
    }
    #[cfg(not(debug_assertions))]
    let _ = point;
    n
}

/// The heartbeat that a test asks for; `None` in a release build.
#[inline]
pub fn heartbeat() -> Option<Duration> {
    #[cfg(debug_assertions)]
    return of_environment(HEARTBEAT_MS);
    #[cfg(not(debug_assertions))]
    None
}

/// How long a test would have it waited for descriptors; `None` in a release build.
#[inline]
pub fn shortage() -> Option<Duration> {
    #[cfg(debug_assertions)]
    return of_environment(SHORTAGE_MS);
    #[cfg(not(debug_assertions))]
    None
}

#[cfg(debug_assertions)]
fn of_environment(name: &str) -> Option<Duration> {
    std::env::var(name).ok()?.parse().ok().map(Duration::from_millis)
}
