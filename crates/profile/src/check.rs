//! Checks across keys that reading one key cannot make.
//!
//! Entry point: [`across`].

use crate::{
    error::Fault,
    model::{Profile, Route},
};
use twinhaul_units::{PeerId, text::show};

/// Refuses a profile in which something would never move.
pub(crate) fn across(profile: &Profile) -> Result<(), Fault> {
    profile.routes.iter().enumerate().try_for_each(|(i, route)| some_peer_reaches(profile, i, route))
}

fn some_peer_reaches(profile: &Profile, index: usize, route: &Route) -> Result<(), Fault> {
    if PeerId::BOTH.into_iter().any(|p| profile.reaches(p, &route.to)) {
        return Ok(());
    }
    let [first, second] = &profile.peers;
    let path = format!("routes[{index}]");
    let place = profile.marks.place(&format!("{path}.to")).or_else(|| profile.marks.place("peers"));
    let what = format!(
        "{path} leads to target \"{}\", which neither {} nor {} reaches",
        show(&route.to),
        first.name,
        second.name,
    );
    let help = format!("add {} to peers.{}.targets or peers.{}.targets", route.to, first.name, second.name);
    Err(Fault { place, ..Fault::new(what) }.help(help))
}
