//! What the peers are called: full names where there is room, one letter in tables.

use twinhaul_units::PeerId;

/// Both peers' names and their one-letter tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    names: [String; 2],
    tags: [String; 2],
}

impl Names {
    /// From washed names, first peer first. Tags are the initials, or 1 and 2 where those are the same.
    pub fn new(names: [String; 2]) -> Self {
        let initial = |name: &String| name.chars().next().map(|c| c.to_uppercase().to_string());
        let tags = match (initial(&names[0]), initial(&names[1])) {
            (Some(a), Some(b)) if a != b && crate::fit::width(&a) == 1 && crate::fit::width(&b) == 1 => {
                [a, b]
            }
            _ => ["1".into(), "2".into()],
        };
        Self { names, tags }
    }

    pub fn name(&self, peer: PeerId) -> &str {
        &self.names[peer.index()]
    }

    pub fn tag(&self, peer: PeerId) -> &str {
        &self.tags[peer.index()]
    }

    /// Which peer a frame means by `name`.
    pub fn id(&self, name: &str) -> Option<PeerId> {
        PeerId::BOTH.into_iter().find(|peer| self.name(*peer) == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_differ() {
        let tags = |a: &str, b: &str| {
            let names = Names::new([a.into(), b.into()]);
            PeerId::BOTH.map(|p| names.tag(p).to_owned()).concat()
        };
        assert_eq!(tags("alpha", "beta"), "AB");
        assert_eq!(tags("node1", "node2"), "12");
        assert_eq!(tags("", "beta"), "12");
    }
}
