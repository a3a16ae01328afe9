//! The order in which a recall takes the cartridges: what goes on on another cartridge is followed by that one, so that each
//! is mounted once although its last object ends elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use twinhaul_backend_abi::{POSITION_MEDIUM_SHIFT, Result};

use super::Catalogue;

/// Cartridges in the order of a recall.
#[derive(Debug, Default)]
pub(crate) struct Order {
    rank: BTreeMap<u64, u64>,
}

impl Order {
    /// A position as the catalogue has it (cartridge, place), with the cartridge's rank in the place of its number.
    pub(crate) fn place(&self, position: u64) -> u64 {
        let (number, place) =
            (position >> POSITION_MEDIUM_SHIFT, position & ((1 << POSITION_MEDIUM_SHIFT) - 1));
        (self.rank(number) << POSITION_MEDIUM_SHIFT) | place
    }

    /// Of the cartridge with this number in the catalogue. One that came since is behind all others.
    pub(crate) fn rank(&self, number: u64) -> u64 {
        self.rank.get(&number).copied().unwrap_or(self.rank.len() as u64 + number)
    }

    fn of(cartridges: &[u64], follows: &BTreeMap<u64, u64>) -> Self {
        let continued: BTreeSet<u64> = follows.values().copied().collect();
        let mut order = Self::default();
        // First those with which a chain begins; then whatever is in none, should the catalogue say so.
        let (inner, heads): (Vec<u64>, Vec<u64>) = cartridges.iter().partition(|c| continued.contains(c));
        for head in heads.into_iter().chain(inner) {
            let mut next = Some(head);
            while let Some(one) = next.filter(|c| !order.rank.contains_key(c)) {
                let rank = order.rank.len() as u64;
                order.rank.insert(one, rank);
                next = follows.get(&one).copied();
            }
        }
        order
    }
}

impl Catalogue {
    pub(crate) fn order(&self) -> Result<Order> {
        self.read("put cartridges in order", |c| {
            let cartridges: Vec<u64> = c
                .prepare_cached("SELECT id FROM cartridge ORDER BY id")?
                .query_map([], |r| r.get(0))?
                .collect::<super::Sql<_>>()?;
            let text = "SELECT a.cartridge, b.cartridge FROM section a \
                JOIN section b ON b.serial = a.serial AND b.number = a.number + 1 ORDER BY a.serial, a.number";
            let follows: BTreeMap<u64, u64> = c
                .prepare_cached(text)?
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
                .collect::<super::Sql<_>>()?;
            Ok(Order::of(&cartridges, &follows))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_elsewhere_is_followed_by_that() {
        // Two peers took turns: 1 goes on on 3, 3 on 6, 2 on 4.
        let follows = [(1, 3), (2, 4), (3, 6)].into_iter().collect();
        let order = Order::of(&[1, 2, 3, 4, 5, 6], &follows);
        let mut by_rank: Vec<u64> = (1..=6).collect();
        by_rank.sort_by_key(|c| order.rank(*c));
        assert_eq!(by_rank, [1, 3, 6, 2, 4, 5]);
        assert_eq!(order.place((3 << POSITION_MEDIUM_SHIFT) | 77), (1 << POSITION_MEDIUM_SHIFT) | 77);
        assert!(order.rank(9) > order.rank(5), "one that came since");
        // A catalogue that says nonsense ends all the same.
        assert_eq!(Order::of(&[1, 2], &[(1, 2), (2, 1)].into_iter().collect()).rank.len(), 2);
    }
}
