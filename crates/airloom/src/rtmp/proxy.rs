//! What a load balancer says in front of a connection that it passes on: PROXY protocol, version 2
//! (HAProxy's `proxy-protocol.txt`, 2.2). Bytes in, addresses out; reading them is the caller's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes that say how many more there are.
pub const FIXED: usize = 16;

/// The longest header that is read: addresses take 216 bytes at most, and what else balancers add
/// (TLS names, VPC endpoints) some hundred.
pub const LONGEST: usize = 4096;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Commands.
const LOCAL: u8 = 0;
const PROXY: u8 = 1;

/// Why a header cannot be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It does not begin as version 2 does: the peer is no balancer, or speaks version 1.
    #[error("no PROXY protocol, version 2")]
    Signature,
    /// A version that is not 2.
    #[error("version {0} of the PROXY protocol")]
    Version(u8),
    /// A command that is neither LOCAL nor PROXY; the specification wants it refused.
    #[error("unknown command {0} of the PROXY protocol")]
    Command(u8),
    /// Longer than [`LONGEST`].
    #[error("a PROXY header of {length} bytes is over the limit of {max}")]
    Length {
        /// What it would take.
        length: usize,
        /// What is allowed.
        max: usize,
    },
    /// Shorter than the addresses it announces.
    #[error("a PROXY header of {length} bytes, where its addresses take {needed}")]
    Truncated {
        /// What there is.
        length: usize,
        /// What its addresses take.
        needed: usize,
    },
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proxied {
    /// From the balancer itself, to see whether the server lives (`LOCAL`).
    Local,
    /// From `source`, who meant to reach `destination`.
    Inet {
        /// The peer.
        source: SocketAddr,
        /// The balancer, as the peer sees it.
        destination: SocketAddr,
    },
    /// From a socket on the balancer's own machine (`AF_UNIX`).
    Unix,
    /// From something that has no address here.
    Unspecified,
}

impl Proxied {
    /// The length of the whole header, by its first [`FIXED`] bytes.
    ///
    /// # Errors
    ///
    /// All of [`ProxyError`] but [`Truncated`](ProxyError::Truncated).
    pub fn length(fixed: &[u8; FIXED]) -> Result<usize, ProxyError> {
        let [signature @ .., version_command, _, high, low] = fixed;
        if *signature != SIGNATURE {
            return Err(ProxyError::Signature);
        }
        match version_command >> 4 {
            2 => {}
            other => return Err(ProxyError::Version(other)),
        }
        match version_command & 0x0F {
            LOCAL | PROXY => {}
            other => return Err(ProxyError::Command(other)),
        }
        let length = FIXED + usize::from(u16::from_be_bytes([*high, *low]));
        if length > LONGEST {
            return Err(ProxyError::Length { length, max: LONGEST });
        }
        Ok(length)
    }

    /// Reads a header of [`length`](Self::length) bytes. What stands behind the addresses (TLVs) is
    /// passed over, and of a family or a transport nobody knows everything.
    ///
    /// # Errors
    ///
    /// As [`length`](Self::length), and [`ProxyError::Truncated`].
    ///
    /// ```
    /// use airloom::rtmp::proxy::Proxied;
    ///
    /// let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\xd4\x31\x07\x8f";
    /// let Ok(Proxied::Inet { source, .. }) = Proxied::decode(header) else { panic!() };
    /// assert_eq!(source.to_string(), "192.0.2.1:54321");
    /// ```
    pub fn decode(header: &[u8]) -> Result<Self, ProxyError> {
        let truncated = |needed| ProxyError::Truncated { length: header.len(), needed };
        let Some((fixed, rest)) = header.split_first_chunk::<FIXED>() else {
            return Err(truncated(FIXED));
        };
        let length = Self::length(fixed)?;
        let Some(rest) = rest.get(..length - FIXED) else { return Err(truncated(length)) };
        let [.., version_command, family, _, _] = fixed;
        match family >> 4 {
            // Whatever else it says does not count (2.2, "LOCAL").
            _ if version_command & 0x0F == LOCAL => Ok(Self::Local),
            1 => {
                let ip = |octets| IpAddr::V4(Ipv4Addr::from_octets(octets));
                Self::inet(rest, ip).ok_or(truncated(FIXED + 12))
            }
            2 => {
                let ip = |octets| IpAddr::V6(Ipv6Addr::from_octets(octets));
                Self::inet(rest, ip).ok_or(truncated(FIXED + 36))
            }
            3 if rest.len() < 216 => Err(truncated(FIXED + 216)),
            3 => Ok(Self::Unix),
            _ => Ok(Self::Unspecified),
        }
    }

    /// Both addresses, then both ports.
    fn inet<const N: usize>(bytes: &[u8], ip: impl Fn([u8; N]) -> IpAddr) -> Option<Self> {
        let (source, rest) = bytes.split_first_chunk()?;
        let (destination, rest) = rest.split_first_chunk()?;
        let (source_port, rest) = rest.split_first_chunk()?;
        let destination_port = rest.first_chunk()?;
        let address = |octets, port| SocketAddr::new(ip(octets), u16::from_be_bytes(port));
        Some(Self::Inet {
            source: address(*source, *source_port),
            destination: address(*destination, *destination_port),
        })
    }

    /// The peer's address, where the balancer `socket` speaks for itself or knows none its own.
    pub const fn peer(&self, socket: SocketAddr) -> SocketAddr {
        match self {
            Self::Inet { source, .. } => *source,
            Self::Local | Self::Unix | Self::Unspecified => socket,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[version_command, family], &length, rest].concat()
    }

    const V4: &[u8] = &[192, 0, 2, 1, 10, 0, 0, 1, 0xD4, 0x31, 0x07, 0x8F];

    fn v6() -> Vec<u8> {
        let mut addresses = vec![0; 36];
        addresses[0] = 0x20;
        addresses[15] = 1;
        addresses[31] = 2;
        addresses[32..].copy_from_slice(&V4[8..]);
        addresses
    }

    #[test]
    fn addresses_of_both_families_with_tlvs_behind_them() {
        let tlv = [0x05, 0, 2, 0xAA, 0xBB];
        for (family, addresses, expected) in [
            (0x11, V4.to_vec(), ["192.0.2.1:54321", "10.0.0.1:1935"]),
            // A datagram is the same.
            (0x12, V4.to_vec(), ["192.0.2.1:54321", "10.0.0.1:1935"]),
            (0x21, v6(), ["[2000::1]:54321", "[::2]:1935"]),
        ] {
            for tail in [&[][..], &tlv] {
                let header = header(0x21, family, &[&addresses, tail].concat());
                let [source, destination] = expected.map(|address| address.parse().unwrap());
                let proxied = Proxied::decode(&header).unwrap();
                assert_eq!(proxied, Proxied::Inet { source, destination });
                let socket = "127.0.0.1:1".parse().unwrap();
                assert_eq!(proxied.peer(socket), source);
                assert_eq!(Proxied::length(header.first_chunk().unwrap()), Ok(header.len()));
            }
        }
    }

    #[test]
    fn what_has_no_address_keeps_the_sockets() {
        let socket = "127.0.0.1:1".parse().unwrap();
        for (header, expected) in [
            (header(0x20, 0x00, &[]), Proxied::Local),
            // Addresses of a LOCAL connection do not count, and may be anything.
            (header(0x20, 0x11, &V4[..3]), Proxied::Local),
            (header(0x21, 0x31, &[0; 216]), Proxied::Unix),
            (header(0x21, 0x00, &[1, 2, 3]), Proxied::Unspecified),
            (header(0x21, 0x41, &[]), Proxied::Unspecified),
        ] {
            let proxied = Proxied::decode(&header).unwrap();
            assert_eq!((proxied, proxied.peer(socket)), (expected, socket));
        }
    }

    #[test]
    fn what_is_no_such_header_is_refused_by_name() {
        let refused = |header: &[u8]| Proxied::decode(header).unwrap_err();
        assert_eq!(refused(b"PROXY TCP4 192.0.2.1 10.0.0.1"), ProxyError::Signature);
        // An RTMP handshake.
        assert_eq!(refused(&[3; 1537]), ProxyError::Signature);
        assert_eq!(refused(&header(0x11, 0x11, V4)), ProxyError::Version(1));
        assert_eq!(refused(&header(0x22, 0x11, V4)), ProxyError::Command(2));
        let max = LONGEST;
        assert_eq!(
            refused(&header(0x21, 0x11, &[0; 4081])),
            ProxyError::Length { length: 4097, max }
        );
        assert_eq!(
            refused(&header(0x21, 0x11, &V4[..11])),
            ProxyError::Truncated { length: 27, needed: 28 }
        );
        assert_eq!(
            refused(&header(0x21, 0x21, &v6()[..35])),
            ProxyError::Truncated { length: 51, needed: 52 }
        );
        assert_eq!(
            refused(&header(0x21, 0x31, &[0; 215])),
            ProxyError::Truncated { length: 231, needed: 232 }
        );
        let whole = header(0x21, 0x11, V4);
        for cut in 0..whole.len() {
            assert!(Proxied::decode(&whole[..cut]).is_err(), "{cut}");
        }
    }
}
