//! Which addresses may be reached.
//!
//! Owns the list of what is not public. Pure: it never looks anything up. An address that is not known to be public is
//! refused, so that a range which is given a meaning later is refused until somebody adds it here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 that is not public: the special-purpose registry of the IANA, multicast and what is reserved.
const NOT_PUBLIC_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Global unicast. What lies outside is not public: loopback, unique local, link-local, multicast, and the forms that
/// carry an IPv4 address (mapped, compatible, NAT64, translated).
const PUBLIC_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Inside of global unicast, but not public: protocol assignments (Teredo among them), documentation, 6to4, segment
/// routing.
const NOT_PUBLIC_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Ports of mail: who may name an address and a body must not be able to make this machine send mail.
const MAIL_PORTS: &[u16] = &[25, 465, 587, 2525];

/// Which addresses may be reached: public ones, and the networks that the operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guard {
    allow: Vec<IpNet>,
}

/// An address that was checked. Only [`Guard::check`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checked(SocketAddr);

impl Checked {
    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }
}

impl Guard {
    /// A guard that lets these networks pass besides public addresses.
    #[must_use]
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether connections to this address and port may be made.
    #[must_use]
    pub fn permits(&self, address: SocketAddr) -> bool {
        self.check(address).is_some()
    }

    /// Checks an address. A mapped IPv4 address is not looked through: nobody needs that form, and a network that
    /// the operator allows is allowed as it is written.
    pub(crate) fn check(&self, address: SocketAddr) -> Option<Checked> {
        let allowed = self.allow.iter().any(|net| net.contains(&address.ip()));
        let public = is_public(address.ip()) && !MAIL_PORTS.contains(&address.port());
        (address.port() != 0 && (allowed || public)).then_some(Checked(address))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !NOT_PUBLIC_V4
            .iter()
            .any(|(net, prefix)| inside_v4(*net, *prefix, address)),
        IpAddr::V6(address) => {
            inside_v6(PUBLIC_V6.0, PUBLIC_V6.1, address)
                && !NOT_PUBLIC_V6
                    .iter()
                    .any(|(net, prefix)| inside_v6(*net, *prefix, address))
        }
    }
}

fn inside_v4(net: Ipv4Addr, prefix: u8, address: Ipv4Addr) -> bool {
    Ipv4Net::new(net, prefix).is_ok_and(|net| net.contains(&address))
}

fn inside_v6(net: Ipv6Addr, prefix: u8, address: Ipv6Addr) -> bool {
    Ipv6Net::new(net, prefix).is_ok_and(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ip: &str) -> SocketAddr {
        SocketAddr::new(ip.parse().unwrap(), 443)
    }

    #[test]
    fn every_range_of_the_table_is_a_network() {
        for (net, prefix) in NOT_PUBLIC_V4 {
            assert_eq!(Ipv4Net::new(*net, *prefix).unwrap().network(), *net);
        }
        for (net, prefix) in NOT_PUBLIC_V6.iter().chain([&PUBLIC_V6]) {
            assert_eq!(Ipv6Net::new(*net, *prefix).unwrap().network(), *net);
        }
    }

    #[test]
    fn public_addresses_pass_and_their_neighbours_do_not() {
        let guard = Guard::default();
        for good in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "172.32.0.1",
            "223.255.255.255",
            "2606:4700::1",
        ] {
            assert!(guard.permits(at(good)), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.255.255",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!guard.permits(at(bad)), "{bad}");
        }
    }

    #[test]
    fn the_operator_allows_networks_as_they_are_written() {
        let guard = Guard::new(vec![
            "10.1.0.0/16".parse().unwrap(),
            "fd00::/8".parse().unwrap(),
        ]);
        assert!(guard.permits(at("10.1.2.3")) && guard.permits(at("fd00::1")));
        for bad in ["10.2.0.1", "::ffff:10.1.2.3", "64:ff9b::a01:203"] {
            assert!(!guard.permits(at(bad)), "{bad}");
        }
    }

    #[test]
    fn ports_of_mail_are_for_the_operator_only() {
        let mail = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 25);
        assert!(!Guard::default().permits(mail("1.1.1.1")));
        let guard = Guard::new(vec!["1.1.1.1/32".parse().unwrap()]);
        assert!(guard.permits(mail("1.1.1.1")) && !guard.permits("1.1.1.1:0".parse().unwrap()));
    }
}
