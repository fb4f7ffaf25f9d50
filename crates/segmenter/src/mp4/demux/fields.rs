use crate::mp4::{BoxType, Error};

/// Reads a box's fields in order. Every read names its field, so that an error says which one
/// broke and where.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    pub(super) kind: BoxType,
    data: &'a [u8],
    at: usize,
    /// Where `data` starts in the file.
    base: u64,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(kind: BoxType, data: &'a [u8], base: u64) -> Self {
        Self { kind, data, at: 0, base }
    }

    /// Where the next field starts in the file.
    pub(super) const fn offset(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    pub(super) fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(len);
        let taken = end.and_then(|end| self.data.get(self.at..end));
        let taken = taken.ok_or_else(|| self.truncated(field))?;
        self.at += len;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], Error> {
        let (array, _) = self
            .data
            .get(self.at..)
            .and_then(<[u8]>::split_first_chunk)
            .ok_or_else(|| self.truncated(field))?;
        self.at += N;
        Ok(*array)
    }

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, Error> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, Error> {
        self.array(field).map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self, field: &'static str) -> Result<u32, Error> {
        self.array(field).map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, Error> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// 64 bits in version 1 of a box, 32 in version 0.
    pub(super) fn wide(&mut self, version: u8, field: &'static str) -> Result<u64, Error> {
        if version == 0 { self.u32(field).map(u64::from) } else { self.u64(field) }
    }

    /// `version` and `flags` of a full box.
    pub(super) fn version(&mut self) -> Result<(u8, u32), Error> {
        let word = self.u32("version")?;
        Ok(((word >> 24) as u8, word & 0x00FF_FFFF))
    }

    /// All that is left.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    /// The boxes in what is left.
    pub(super) fn children(&self) -> Children<'a> {
        Children { data: self.rest(), at: self.offset(), parent: self.kind }
    }

    /// The first box of `kind` in what is left.
    pub(super) fn find(&self, kind: [u8; 4]) -> Result<Option<Fields<'a>>, Error> {
        for child in self.children() {
            let child = child?;
            if child.kind.0 == kind {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    /// The box of `kind` that must be there.
    pub(super) fn child(&self, kind: [u8; 4]) -> Result<Fields<'a>, Error> {
        self.find(kind)?.ok_or(Error::Missing {
            parent: self.kind,
            kind: BoxType(kind),
            offset: self.offset(),
        })
    }

    pub(super) fn malformed(&self, field: &'static str, offset: u64, value: u64) -> Error {
        Error::Malformed { kind: self.kind, field, offset, value }
    }

    fn truncated(&self, field: &'static str) -> Error {
        Error::Truncated { kind: self.kind, field, offset: self.offset() }
    }
}

/// The boxes of a parent, one after another. Ends after an error.
#[derive(Debug, Clone)]
pub(super) struct Children<'a> {
    data: &'a [u8],
    /// Where `data` starts in the file.
    at: u64,
    parent: BoxType,
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Fields<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // Up to seven bytes of padding, or the 32-bit zero that ends a list in QuickTime.
        if self.data.len() < 8 {
            return None;
        }
        // Or more, of nothing but zeros.
        if self.data.starts_with(&[0; 8]) && self.data.iter().all(|byte| *byte == 0) {
            self.data = &[];
            return None;
        }
        let header = match Header::read(self.data) {
            Ok(header) => header,
            Err((field, value)) => {
                self.data = &[];
                let (kind, offset) = (self.parent, self.at);
                return Some(Err(Error::Malformed { kind, field, offset, value }));
            }
        };
        let size = header.size.unwrap_or(self.data.len() as u64);
        let whole = usize::try_from(size).ok().and_then(|size| self.data.split_at_checked(size));
        let body = whole.and_then(|(whole, rest)| Some((whole.get(header.len..)?, rest)));
        let Some((body, rest)) = body else {
            self.data = &[];
            let (kind, offset) = (header.kind, self.at);
            return Some(Err(Error::Truncated { kind, field: "size", offset }));
        };
        let fields = Fields::new(header.kind, body, self.at + header.len as u64);
        self.data = rest;
        self.at += size;
        Some(Ok(fields))
    }
}

/// What stands before a box's body (ISO/IEC 14496-12, 4.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) kind: BoxType,
    /// Of the header itself: 8 or 16 bytes.
    pub(super) len: usize,
    /// Of the whole box, at least `len`; `None` where it goes on to the end.
    pub(super) size: Option<u64>,
}

impl Header {
    /// The most bytes a header takes.
    pub(super) const LONGEST: u64 = 16;

    /// Reads a header from at least eight bytes; the error is a field and its value.
    pub(super) fn read(data: &[u8]) -> Result<Self, (&'static str, u64)> {
        let Some((size, (kind, rest))) = data
            .split_first_chunk::<4>()
            .and_then(|(size, rest)| Some((size, rest.split_first_chunk::<4>()?)))
        else {
            return Err(("size", 0));
        };
        let kind = BoxType(*kind);
        match u32::from_be_bytes(*size) {
            0 if kind.0 == [0; 4] => Err(("type", 0)),
            0 => Ok(Self { kind, len: 8, size: None }),
            1 => {
                let large = rest.first_chunk().map_or(0, |large| u64::from_be_bytes(*large));
                if large < Self::LONGEST {
                    return Err(("largesize", large));
                }
                Ok(Self { kind, len: 16, size: Some(large) })
            }
            size @ 2..8 => Err(("size", size.into())),
            size => Ok(Self { kind, len: 8, size: Some(size.into()) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(data: &[u8]) -> Fields<'_> {
        Fields::new(BoxType(*b"test"), data, 100)
    }

    #[test]
    fn boxes_of_both_sizes_and_to_the_end() {
        let data = b"\0\0\0\x09one x\0\0\0\x01two \0\0\0\0\0\0\0\x12yz\0\0\0\0restabc";
        let found: Vec<_> = fields(data)
            .children()
            .map(|child| child.map(|child| (child.kind.0, child.offset(), child.rest())).unwrap())
            .collect();
        assert_eq!(
            found,
            [(*b"one ", 108, &b"x"[..]), (*b"two ", 125, &b"yz"[..]), (*b"rest", 135, &b"abc"[..])]
        );
    }

    /// The `mp4` crate loops for ever on a child of size zero.
    #[test]
    fn sizes_that_cannot_be_end_the_list() {
        for (data, field) in [
            (&b"\0\0\0\x07abcdefgh"[..], "size"),
            (b"\0\0\0\0\0\0\0\0\0\x01", "type"),
            (b"\0\0\0\x01abcd\0\0\0\0\0\0\0\x0F", "largesize"),
            (b"\0\0\0\x20abcd", "size"),
        ] {
            let mut children = fields(data).children();
            let error = children.next().unwrap().unwrap_err();
            assert!(
                matches!(error, Error::Malformed { field: found, .. } | Error::Truncated { field: found, .. } if found == field),
                "{error}"
            );
            assert!(children.next().is_none());
        }
    }

    #[test]
    fn padding_of_zeros_ends_the_list() {
        for zeros in [1, 7, 8, 500] {
            let mut data = b"\0\0\0\x09one x".to_vec();
            data.resize(9 + zeros, 0);
            assert_eq!(fields(&data).children().filter_map(Result::ok).count(), 1);
            assert!(fields(&data).children().all(|child| child.is_ok()), "{zeros}");
        }
    }

    #[test]
    fn a_missing_field_is_located() {
        let mut fields = fields(b"\0\0\0");
        assert_eq!(fields.u16("a"), Ok(0));
        let kind = BoxType(*b"test");
        assert_eq!(fields.u16("b"), Err(Error::Truncated { kind, field: "b", offset: 102 }));
    }
}
