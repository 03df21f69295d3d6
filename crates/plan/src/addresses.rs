//! Which address of an environment's /24 a new container gets.
//!
//! Invariant (engine.md rule 9): handed out round robin behind a cursor; `.0`, `.1` (gateway) and `.255` never;
//! a freed address rests for the policy's time and until every edge that is not removed has acknowledged a
//! generation without it, because a stale edge would reach the next owner.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use segue_model::Timestamp;
use segue_model::route::RouteGen;
use segue_model::world::{Subnet, World};

use crate::time::later;

/// First and last octet that containers get.
const FIRST: u8 = 2;
const LAST: u8 = 254;

/// The addresses of one subnet while a plan is made.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    base: Ipv4Addr,
    cursor: u8,
    taken: BTreeSet<u8>,
    /// When the next one has rested, as far as time alone decides.
    rested_at: Option<Timestamp>,
}

impl Book {
    /// Opens the book of a subnet: what is held or rests is taken.
    pub(crate) fn new(world: &World, subnet: &Subnet) -> Self {
        let acknowledged = acknowledged_by_all(world);
        let mut taken = subnet.held.clone();
        let mut rested_at: Option<Timestamp> = None;
        for (octet, resting) in &subnet.resting {
            let until = later(resting.since, world.policy.address_rest);
            let absence_known = resting
                .unrouted_gen
                .is_none_or(|unrouted| acknowledged.is_none_or(|seen| seen >= unrouted));
            if until > world.now || !absence_known {
                taken.insert(*octet);
            }
            if until > world.now && absence_known {
                rested_at = Some(rested_at.map_or(until, |first| first.min(until)));
            }
        }
        Self {
            base: subnet.base,
            cursor: subnet.cursor,
            taken,
            rested_at,
        }
    }

    /// When time gives the next address back, if none is free.
    pub(crate) const fn rested_at(&self) -> Option<Timestamp> {
        self.rested_at
    }

    /// Whether an address is free.
    pub(crate) fn has_free(&self) -> bool {
        self.next().is_some()
    }

    /// Takes the next free address behind the cursor.
    pub(crate) fn take(&mut self) -> Option<Ipv4Addr> {
        let octet = self.next()?;
        self.cursor = octet;
        self.taken.insert(octet);
        let [a, b, c, _] = self.base.octets();
        Some(Ipv4Addr::new(a, b, c, octet))
    }

    fn next(&self) -> Option<u8> {
        let start = self.cursor.saturating_add(1).clamp(FIRST, LAST);
        let start = if self.cursor >= LAST { FIRST } else { start };
        (start..=LAST)
            .chain(FIRST..start)
            .find(|octet| !self.taken.contains(octet))
    }
}

/// The oldest generation that some edge still stands on; `None` without edges.
fn acknowledged_by_all(world: &World) -> Option<RouteGen> {
    world.edges.values().map(|edge| edge.acknowledged).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(cursor: u8, taken: impl IntoIterator<Item = u8>) -> Book {
        Book {
            base: Ipv4Addr::new(10, 96, 3, 0),
            cursor,
            taken: taken.into_iter().collect(),
            rested_at: None,
        }
    }

    #[test]
    fn addresses_go_round_and_skip_what_is_reserved_or_taken() {
        let mut fresh = book(0, []);
        assert_eq!(fresh.take(), Some(Ipv4Addr::new(10, 96, 3, 2)));
        assert_eq!(fresh.take(), Some(Ipv4Addr::new(10, 96, 3, 3)));
        let mut end = book(253, [2]);
        assert_eq!(end.take(), Some(Ipv4Addr::new(10, 96, 3, 254)));
        assert_eq!(end.take(), Some(Ipv4Addr::new(10, 96, 3, 3)));
        let mut full = book(17, 2..=254);
        assert!(!full.has_free());
        assert_eq!(full.take(), None);
        assert_eq!(
            book(255, []).take(),
            Some(Ipv4Addr::new(10, 96, 3, 2)),
            "a cursor out of range starts again"
        );
    }
}
