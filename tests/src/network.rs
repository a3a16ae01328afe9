//! A network with a delay and a loss, between two name spaces of this machine: real TCP over packets that come late or not at all.
//!
//! Two interfaces (TUN) stand in name spaces of their own; this process takes each packet from one, keeps it for half of the round-trip
//! time, and gives it to the other, or drops it. What the kernel's `netem` does, where the kernel has none. It needs root. Entry point:
//! [`Network::start`].

use crate::mounts::shell;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tun_rs::{DeviceBuilder, Layer, SyncDevice};

/// Packets on their way in one direction; more are dropped, as by a router. At 30 ms it is no limit below 2 GB/s.
const UNDER_WAY_MAX: usize = 20_000;
const MTU: u16 = 1500;
/// The side of the clients, and of the server.
pub const NEAR: &str = "10.77.0.1";
pub const FAR: &str = "10.77.0.2";

/// What it does to each packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weather {
    /// There and back.
    pub round_trip: Duration,
    /// Of each packet in each direction, 0 to 1.
    pub loss: f64,
    pub seed: u64,
}

/// Name spaces that go when this does; the threads end with their interfaces.
#[derive(Debug)]
pub struct Network {
    /// Names of the spaces, for `ip netns exec`.
    pub near: String,
    pub far: String,
}

type Late = (Instant, Vec<u8>);

impl Network {
    /// # Errors
    /// In words: no root, no TUN, no `ip`.
    pub fn start(weather: Weather) -> Result<Self, String> {
        let pid = std::process::id();
        let network = Self { near: format!("twh-near-{pid}"), far: format!("twh-far-{pid}") };
        let near = end(&network.near, "twhnear", NEAR, FAR)?;
        let far = end(&network.far, "twhfar", FAR, NEAR)?;
        let pairs = [(Arc::clone(&near), Arc::clone(&far), 1), (far, near, 2)];
        for (from, to, number) in pairs {
            let (late, due) = bounded::<Late>(UNDER_WAY_MAX);
            let chance = Chance(weather.seed ^ (number << 32));
            let threads = [
                std::thread::Builder::new().spawn(move || take(&from, &late, weather, chance)),
                std::thread::Builder::new().spawn(move || give(&to, &due)),
            ];
            for thread in threads {
                thread.map_err(|e| format!("a thread of the network: {e}"))?;
            }
        }
        Ok(network)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            let _ = shell("ip netns del \"$1\"", &[Path::new(name)]);
        }
    }
}

/// An interface in a name space of its own.
fn end(space: &str, interface: &str, own: &str, other: &str) -> Result<Arc<SyncDevice>, String> {
    let device = DeviceBuilder::new()
        .name(interface)
        .layer(Layer::L3)
        .build_sync()
        .map_err(|e| format!("an interface (TUN), for which root is needed: {e}"))?;
    let script = format!(
        "ip netns add {space}; ip link set {interface} netns {space}; \
         ip -n {space} link set lo up; ip -n {space} link set {interface} mtu {MTU} up; \
         ip -n {space} addr add {own} peer {other} dev {interface}"
    );
    shell(&script, &[])?;
    Ok(Arc::new(device))
}

/// Until the interface is gone.
fn take(from: &SyncDevice, late: &Sender<Late>, weather: Weather, mut chance: Chance) {
    let mut packet = vec![0; usize::from(MTU) + 100];
    while let Ok(n) = from.recv(&mut packet) {
        if chance.next() < weather.loss {
            continue;
        }
        match late.try_send((Instant::now() + weather.round_trip / 2, packet[..n].to_vec())) {
            Ok(()) | Err(TrySendError::Full(_)) => {}
            Err(TrySendError::Disconnected(_)) => return,
        }
    }
}

fn give(to: &SyncDevice, due: &Receiver<Late>) {
    for (at, packet) in due {
        std::thread::sleep(at.saturating_duration_since(Instant::now()));
        if to.send(&packet).is_err() {
            return;
        }
    }
}

/// From 0 to 1; the same for the same seed. (splitmix64)
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_even_and_the_same_for_the_same_seed() {
        let (mut a, mut b) = (Chance(7), Chance(7));
        let lost = (0..100_000).filter(|_| a.next() < 0.01).count();
        assert!((800..1200).contains(&lost), "{lost}");
        let again = (0..100_000).filter(|_| b.next() < 0.01).count();
        assert_eq!(lost, again);
    }
}
