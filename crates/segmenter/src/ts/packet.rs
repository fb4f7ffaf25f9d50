//! The transport packet and its header (2.4.3.2).

/// Bytes of a transport packet.
pub(super) const PACKET: usize = 188;
/// Bytes of a transport packet's header.
pub(super) const HEADER: usize = 4;
/// Bytes after the header: adaptation field and payload together.
pub(super) const BODY: usize = PACKET - HEADER;

/// `payload_unit_start_indicator` in the second byte of the header.
pub(super) const UNIT_START: u8 = 0x40;
/// `adaptation_field_control` in the fourth byte: payload only.
pub(super) const PAYLOAD: u8 = 0x10;
/// `adaptation_field_control` in the fourth byte: adaptation field only.
pub(super) const ADAPTATION: u8 = 0x20;

/// A packet identifier, 13 bits wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pid(u16);

impl Pid {
    /// The program association table, by 2.4.4.3.
    pub(super) const PAT: Self = Self(0);
    /// The program map table.
    pub(super) const PMT: Self = Self(0x1000);
    /// H.264.
    pub(super) const VIDEO: Self = Self(0x0100);
    /// AAC.
    pub(super) const AUDIO: Self = Self(0x0101);
    /// ID3.
    pub(super) const METADATA: Self = Self(0x0102);

    pub(super) const fn get(self) -> u16 {
        self.0
    }
}

/// The four bytes that start a packet; `control` is `adaptation_field_control` in place.
pub(super) const fn header(pid: Pid, start: u8, control: u8, counter: u8) -> [u8; HEADER] {
    let [high, low] = pid.0.to_be_bytes();
    [0x47, start | high, low, control | counter]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_bit_by_bit() {
        assert_eq!(header(Pid::PAT, UNIT_START, PAYLOAD, 3), [0x47, 0x40, 0x00, 0x13]);
        assert_eq!(header(Pid::PMT, UNIT_START, PAYLOAD, 15), [0x47, 0x50, 0x00, 0x1F]);
        assert_eq!(header(Pid::VIDEO, 0, ADAPTATION, 0), [0x47, 0x01, 0x00, 0x20]);
        assert_eq!(header(Pid::AUDIO, 0, PAYLOAD | ADAPTATION, 1), [0x47, 0x01, 0x01, 0x31]);
    }
}
