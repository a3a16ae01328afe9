//! Hard-link groups: one transfer with several names (store.md 3). A name waits here until the others have been met or
//! the walk has ended.

use std::collections::BTreeMap;
use twinhaul_ledger::{NodeKind, Planned};

/// Names that may wait; more of them are copied as files of their own, and the plan says so.
pub(crate) const NAMES_WAITING_MAX: usize = 1 << 20;

/// A file with more than one name at the source.
#[derive(Debug)]
struct Group {
    transfer: Planned,
    /// Names still to be met.
    missing: u64,
}

/// By source, target, device and inode.
#[derive(Debug, Default)]
pub(crate) struct Links {
    waiting: BTreeMap<(u16, u16, u64, u64), Group>,
    names: usize,
}

impl Links {
    /// Takes one name; returns the transfer when all its names are together, or the name itself when there is no room.
    pub(crate) fn take(&mut self, transfer: Planned, dev: u64, ino: u64, nlink: u32) -> Option<Planned> {
        let key = (transfer.source, transfer.target, dev, ino);
        if let Some(group) = self.waiting.get_mut(&key) {
            group.transfer.kind = NodeKind::HardLinkGroup;
            group.transfer.names.push(transfer.key);
            group.missing -= 1;
            self.names += 1;
            if group.missing > 0 {
                return None;
            }
            let group = self.waiting.remove(&key)?;
            self.names -= group.transfer.names.len() + 1;
            return Some(group.transfer);
        }
        if self.names >= NAMES_WAITING_MAX {
            return Some(transfer);
        }
        self.names += 1;
        self.waiting.insert(key, Group { transfer, missing: u64::from(nlink).saturating_sub(1).max(1) });
        None
    }

    /// What is left when the walk has ended: groups with names outside the sources.
    pub(crate) fn rest(&mut self) -> impl Iterator<Item = Planned> + use<> {
        self.names = 0;
        std::mem::take(&mut self.waiting).into_values().map(|group| group.transfer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: &str) -> Planned {
        Planned { key: key.into(), source_key: key.into(), size: 5, ..Planned::default() }
    }

    #[test]
    fn a_group_comes_out_once_with_all_its_names() {
        let mut links = Links::default();
        assert!(links.take(name("a"), 1, 7, 3).is_none());
        assert!(links.take(name("b"), 1, 7, 3).is_none());
        let group = links.take(name("c"), 1, 7, 3).unwrap();
        assert_eq!((group.key, group.names), (b"a".to_vec(), vec![b"b".to_vec(), b"c".to_vec()]));
        assert_eq!(group.kind, NodeKind::HardLinkGroup);
        assert_eq!(links.names, 0);
    }

    #[test]
    fn names_outside_the_source_do_not_hold_a_file_back() {
        let mut links = Links::default();
        assert!(links.take(name("a"), 1, 7, 2).is_none());
        let rest: Vec<_> = links.rest().collect();
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].kind, NodeKind::File);
    }
}
