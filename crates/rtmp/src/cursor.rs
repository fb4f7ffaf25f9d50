use bytes::Bytes;

use crate::Error;

/// Reads big-endian fields by name, so that an error says which one broke and where.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    data: &'a Bytes,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(data: &'a Bytes) -> Self {
        Self { data, at: 0 }
    }

    pub(crate) const fn offset(&self) -> u64 {
        self.at as u64
    }

    pub(crate) fn left(&self) -> usize {
        self.data.len() - self.at
    }

    fn truncated(&self, field: &'static str) -> Error {
        Error::Truncated { field, offset: self.offset() }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let array = *rest.first_chunk::<N>().ok_or_else(|| self.truncated(field))?;
        self.at += N;
        Ok(array)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, Error> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(crate) fn u24(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(|[a, b, c]| u32::from_be_bytes([0, a, b, c]))
    }

    pub(crate) fn i24(&mut self, field: &'static str) -> Result<i32, Error> {
        // Placed at the top and shifted down, so that the sign comes along.
        self.array(field).map(|[a, b, c]| i32::from_be_bytes([a, b, c, 0]) >> 8)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(crate) fn f64(&mut self, field: &'static str) -> Result<f64, Error> {
        self.array(field).map(f64::from_be_bytes)
    }

    /// `len` bytes, as a slice of the data.
    pub(crate) fn bytes(&mut self, len: usize, field: &'static str) -> Result<Bytes, Error> {
        if len > self.left() {
            return Err(self.truncated(field));
        }
        let bytes = self.data.slice(self.at..self.at + len);
        self.at += len;
        Ok(bytes)
    }

    /// Everything that is left, as a slice of the data.
    pub(crate) fn rest(&mut self) -> Bytes {
        let rest = self.data.slice(self.at..);
        self.at = self.data.len();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_signed_and_located() {
        let data = Bytes::from_static(&[0xFF, 0xFF, 0xFE, 0x01, 0x02]);
        let mut cursor = Cursor::new(&data);
        assert_eq!(cursor.i24("a"), Ok(-2));
        assert_eq!(cursor.u24("b"), Err(Error::Truncated { field: "b", offset: 3 }));
        assert_eq!(cursor.bytes(3, "c"), Err(Error::Truncated { field: "c", offset: 3 }));
        assert_eq!(cursor.u16("d"), Ok(0x0102));
        assert_eq!((cursor.left(), cursor.peek()), (0, None));
    }
}
