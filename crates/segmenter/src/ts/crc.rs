//! `CRC_32` of a section (annex A): polynomial 0x04C11DB7, not reflected, not inverted at the end.

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x04C1_1DB7 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

/// The checksum that follows `section`.
pub(super) fn crc32(section: &[u8]) -> u32 {
    section.iter().fold(u32::MAX, |crc, &byte| {
        let [high, ..] = crc.to_be_bytes();
        crc << 8 ^ TABLE[usize::from(high ^ byte)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(crc32(b"123456789"), 0x0376_E6E7);
    }

    #[test]
    fn a_section_with_its_checksum_leaves_nothing() {
        let mut section = vec![0x00, 0xB0, 0x0D, 0x00, 0x01, 0xC1, 0x00, 0x00, 0x00, 0x01, 0xF0];
        section.extend(crc32(&section).to_be_bytes());
        assert_eq!(crc32(&section), 0);
    }
}
