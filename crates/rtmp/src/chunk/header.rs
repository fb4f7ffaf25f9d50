/// The longest header: three bytes of basic header, eleven of message header, four of extended
/// timestamp.
pub(super) const LONGEST: usize = 3 + 11 + 4;

/// The basic header (5.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Basic {
    /// 0 to 3: how much of the message header follows.
    pub(super) format: u8,
    pub(super) chunk_stream: u32,
    /// Its own length: 1 to 3.
    pub(super) len: usize,
}

impl Basic {
    /// Reads the header at the front of `bytes`, or `None` where it is cut short.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let format = first >> 6;
        Some(match first & 0x3F {
            0 => Self { format, chunk_stream: 64 + u32::from(*bytes.get(1)?), len: 2 },
            1 => {
                // Least significant byte first, the only number here that is.
                let id = 64 + u32::from(*bytes.get(1)?) + 256 * u32::from(*bytes.get(2)?);
                Self { format, chunk_stream: id, len: 3 }
            }
            id => Self { format, chunk_stream: id.into(), len: 1 },
        })
    }

    /// Writes the shortest form for `chunk_stream` and answers its bytes and their number.
    pub(super) const fn encode(format: u8, chunk_stream: u32) -> ([u8; 3], usize) {
        let format = format << 6;
        if chunk_stream < 64 {
            ([format | chunk_stream as u8, 0, 0], 1)
        } else if chunk_stream < 64 + 256 {
            ([format, (chunk_stream - 64) as u8, 0], 2)
        } else {
            let id = chunk_stream - 64;
            ([format | 1, id as u8, (id >> 8) as u8], 3)
        }
    }
}

/// Bytes of message header that follow a basic header of each format (5.3.1.2).
pub(super) const MESSAGE_HEADER: [usize; 4] = [11, 7, 3, 0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_take_the_shortest_form_and_come_back() {
        for (id, len) in [(2, 1), (63, 1), (64, 2), (319, 2), (320, 3), (65_599, 3)] {
            let (bytes, written) = Basic::encode(2, id);
            assert_eq!(written, len, "id {id}");
            let basic = Basic { format: 2, chunk_stream: id, len };
            assert_eq!(Basic::decode(&bytes[..len]), Some(basic));
            assert_eq!(Basic::decode(&bytes[..len - 1]), None);
        }
    }

    #[test]
    fn the_long_form_of_a_small_id_is_understood() {
        let basic = Basic { format: 0, chunk_stream: 64, len: 3 };
        assert_eq!(Basic::decode(&[1, 0, 0]), Some(basic));
    }
}
