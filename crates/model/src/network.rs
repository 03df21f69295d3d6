//! Networks on a host that are not this installation's, and which subnets they leave.
//!
//! Invariant: a /24 is free on a host only if neither it nor its twin on the names network overlaps with a foreign
//! network there, because an engine refuses to make two networks that overlap.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

/// A subnet of a network on a host that another installation, a person or another program made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ForeignNetwork {
    /// What the engine finds it by: its name, or its id where the name is not fit for a command line.
    pub name: String,
    /// One of its subnets.
    pub subnet: Ipv4Net,
}

impl ForeignNetwork {
    /// Whether an environment cannot have the /24 at `base`, or the twin of it, beside this network.
    #[must_use]
    pub fn overlaps(&self, base: Ipv4Addr) -> bool {
        let holds = |base: Ipv4Addr| match Ipv4Net::new(base, 24) {
            Ok(net) => net.contains(&self.subnet.network()) || self.subnet.contains(&net.network()),
            // 24 is a valid length; were it not, nothing could be given out.
            Err(_) => true,
        };
        holds(base) || holds(names_address(base))
    }
}

/// Where an address of the traffic network has its twin on the names network: in 10.112.0.0/12, the range behind the
/// default one for traffic (10.96.0.0/12).
#[must_use]
pub fn names_address(traffic: Ipv4Addr) -> Ipv4Addr {
    const NAMES: u32 = u32::from_be_bytes([10, 112, 0, 0]);
    const BITS: u32 = (1 << 20) - 1;
    Ipv4Addr::from(NAMES | (u32::from(traffic) & BITS))
}

/// Indexes of the /24s of `pool`, counted from its begin, that cannot be used on a host beside these networks.
#[must_use]
pub fn unusable(pool: Ipv4Net, foreign: &[ForeignNetwork]) -> Vec<u32> {
    // The longest list is walked once for each /24: only what can matter stays in it.
    let twins = names_range(pool);
    let near: Vec<&ForeignNetwork> = foreign
        .iter()
        .filter(|other| [pool, twins].iter().any(|range| meet(*range, other.subnet)))
        .collect();
    if near.is_empty() {
        return Vec::new();
    }
    let count = 1u32 << 24u32.saturating_sub(u32::from(pool.prefix_len())).min(24);
    let first = u32::from(pool.network());
    (0..count)
        .filter(|index| {
            let base = Ipv4Addr::from(first.wrapping_add(index.wrapping_mul(256)));
            near.iter().any(|other| other.overlaps(base))
        })
        .collect()
}

/// Every address of the names network that a pool's addresses can have as a twin.
fn names_range(pool: Ipv4Net) -> Ipv4Net {
    let prefix = pool.prefix_len().max(12);
    Ipv4Net::new(names_address(pool.network()), prefix).map_or(pool, |range| range.trunc())
}

fn meet(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn foreign(subnet: &str) -> ForeignNetwork {
        ForeignNetwork {
            name: "other".to_owned(),
            subnet: subnet.parse().unwrap(),
        }
    }

    #[test]
    fn names_have_a_range_of_their_own() {
        assert_eq!(
            names_address(Ipv4Addr::new(10, 96, 3, 7)),
            Ipv4Addr::new(10, 112, 3, 7)
        );
        assert_eq!(
            names_address(Ipv4Addr::new(10, 111, 255, 254)),
            Ipv4Addr::new(10, 127, 255, 254)
        );
    }

    #[test]
    fn what_lies_on_a_subnet_or_on_its_twin_takes_it() {
        let pool = "10.96.0.0/12".parse().unwrap();
        assert_eq!(unusable(pool, &[]), Vec::<u32>::new());
        assert_eq!(
            unusable(pool, &[foreign("172.17.0.0/16")]),
            Vec::<u32>::new()
        );
        assert_eq!(unusable(pool, &[foreign("10.96.3.128/25")]), [3]);
        assert_eq!(unusable(pool, &[foreign("10.112.5.0/24")]), [5]);
        assert_eq!(
            unusable(pool, &[foreign("10.96.8.0/22"), foreign("10.113.0.0/24")]),
            [8, 9, 10, 11, 256]
        );
        assert_eq!(unusable(pool, &[foreign("10.0.0.0/8")]).len(), 4096);
    }

    proptest! {
        #[test]
        fn a_subnet_is_free_exactly_if_no_address_of_it_or_its_twin_is_anothers(
            pool_at in any::<u32>(),
            pool_prefix in 12u8..=24,
            others in prop::collection::vec((any::<u32>(), 8u8..=32, any::<bool>()), 0..4),
        ) {
            let pool = Ipv4Net::new(Ipv4Addr::from(pool_at), pool_prefix).unwrap().trunc();
            // Half of them near the pool, half of those on the twins; the rest anywhere.
            let foreign: Vec<ForeignNetwork> = others
                .into_iter()
                .enumerate()
                .map(|(index, (at, prefix, near))| {
                    let offset = at & pool.hostmask().to_bits();
                    let inside = Ipv4Addr::from(u32::from(pool.network()) | offset);
                    let at = match (near, index % 2) {
                        (false, _) => Ipv4Addr::from(at),
                        (true, 0) => inside,
                        (true, _) => names_address(inside),
                    };
                    ForeignNetwork { name: index.to_string(), subnet: Ipv4Net::new(at, prefix).unwrap().trunc() }
                })
                .collect();
            let blocked = unusable(pool, &foreign);
            for index in 0..(1u32 << (24 - pool_prefix)) {
                let base = u32::from(pool.network()) + index * 256;
                let taken = (base..=base + 255).any(|address| {
                    let address = Ipv4Addr::from(address);
                    foreign.iter().any(|other| {
                        other.subnet.contains(&address) || other.subnet.contains(&names_address(address))
                    })
                });
                prop_assert_eq!(blocked.contains(&index), taken, "{} of {}", index, pool);
            }
        }
    }
}
