use crate::Error;

/// A bit reader whose every read names the field, so that an error says which one broke.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    bit: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, bit: 0 }
    }

    /// The byte the next bit lies in.
    pub(crate) fn offset(&self) -> usize {
        self.bit / 8
    }

    /// `u(count)` of up to 32 bits.
    pub(crate) fn bits(&mut self, count: u32, field: &'static str) -> Result<u32, Error> {
        debug_assert!(count <= 32);
        if self.bit + count as usize > self.data.len() * 8 {
            return Err(Error::Truncated { field, offset: self.offset() });
        }
        let mut value = 0u64;
        let mut left = count;
        while left > 0 {
            let in_byte = 8 - (self.bit % 8) as u32;
            let take = in_byte.min(left);
            let byte = u64::from(self.data[self.bit / 8]);
            let chunk = (byte >> (in_byte - take)) & ((1 << take) - 1);
            value = (value << take) | chunk;
            self.bit += take as usize;
            left -= take;
        }
        Ok(value as u32)
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, Error> {
        Ok(self.bits(1, field)? == 1)
    }

    /// Passes over `count` bits of any number.
    pub(crate) fn skip(&mut self, count: usize, field: &'static str) -> Result<(), Error> {
        if self.bit + count > self.data.len() * 8 {
            return Err(Error::Truncated { field, offset: self.offset() });
        }
        self.bit += count;
        Ok(())
    }

    /// `ue(v)` of ISO/IEC 14496-10, 9.1.
    pub(crate) fn ue(&mut self, field: &'static str) -> Result<u32, Error> {
        let offset = self.offset();
        let mut zeros = 0;
        while !self.flag(field)? {
            zeros += 1;
            if zeros > 31 {
                return Err(Error::Malformed { field, offset, value: zeros });
            }
        }
        let suffix = self.bits(zeros as u32, field)?;
        Ok((1u32 << zeros) - 1 + suffix)
    }

    /// `se(v)` of ISO/IEC 14496-10, 9.1.1.
    pub(crate) fn se(&mut self, field: &'static str) -> Result<i32, Error> {
        let code = i64::from(self.ue(field)?);
        let magnitude = (code + 1) / 2;
        Ok((if code % 2 == 1 { magnitude } else { -magnitude }) as i32)
    }
}

/// The payload of a NAL unit (ISO/IEC 14496-10, 7.3.1; ISO/IEC 23008-2, 7.3.1.1): the byte 3 after two zeros is not part of the payload.
pub(crate) fn without_emulation_prevention(nal: &[u8]) -> Vec<u8> {
    let mut rbsp = Vec::with_capacity(nal.len());
    let mut zeros = 0;
    for &byte in nal {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        rbsp.push(byte);
    }
    rbsp
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_across_bytes_and_names_what_is_missing() {
        let mut bits = BitReader::new(&[0b1010_0110, 0b0100_0000]);
        assert_eq!(bits.ue("a"), Ok(0));
        assert_eq!(bits.ue("b"), Ok(1));
        assert_eq!(bits.se("c"), Ok(-1));
        assert_eq!(bits.bits(5, "d"), Ok(0b00100));
        assert_eq!(bits.bits(9, "e"), Err(Error::Truncated { field: "e", offset: 1 }));
    }

    #[test]
    fn an_endless_exponential_is_refused() {
        let mut bits = BitReader::new(&[0; 16]);
        assert!(matches!(bits.ue("x"), Err(Error::Malformed { field: "x", .. })));
    }
}
