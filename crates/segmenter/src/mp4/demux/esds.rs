use super::Fields;
use crate::mp4::Error;

/// What an `ES_Descriptor` says of an elementary stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ElementaryStream<'a> {
    /// `objectTypeIndication` (ISO/IEC 14496-1, table 5).
    pub(super) object_type: u8,
    /// `DecoderSpecificInfo`; empty where there is none.
    pub(super) specific: &'a [u8],
}

/// `esds` (ISO/IEC 14496-14, 6.7.2).
pub(super) fn esds(mut fields: Fields<'_>) -> Result<ElementaryStream<'_>, Error> {
    fields.version()?;
    let mut stream = descriptor(&mut fields, 3)?;
    stream.u16("ES_ID")?;
    let flags = stream.u8("streamDependenceFlag")?;
    if flags & 0x80 != 0 {
        stream.u16("dependsOn_ES_ID")?;
    }
    if flags & 0x40 != 0 {
        let len = stream.u8("URLlength")?;
        stream.take(len.into(), "URLstring")?;
    }
    if flags & 0x20 != 0 {
        stream.u16("OCR_ES_Id")?;
    }
    let mut decoder = descriptor(&mut stream, 4)?;
    let object_type = decoder.u8("objectTypeIndication")?;
    decoder.take(12, "avgBitrate")?;
    let specific = match decoder.rest() {
        [] => &[][..],
        _ => descriptor(&mut decoder, 5)?.rest(),
    };
    Ok(ElementaryStream { object_type, specific })
}

/// The body of the next descriptor (ISO/IEC 14496-1, 8.3.3), which has to be of `tag`.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<Fields<'a>, Error> {
    let offset = fields.offset();
    let found = fields.u8("tag")?;
    if found != tag {
        return Err(fields.malformed("tag", offset, found.into()));
    }
    let mut size = 0;
    for _ in 0..4 {
        let byte = fields.u8("sizeOfInstance")?;
        size = size << 7 | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    let base = fields.offset();
    Ok(Fields::new(fields.kind, fields.take(size, "descriptor")?, base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::BoxType;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        crate::mp4::esds::esds(&mut out, 0x40, &[0x11, 0x90], None);
        let fields = Fields::new(BoxType(*b"esds"), &out[8..], 0);
        let expected = ElementaryStream { object_type: 0x40, specific: &[0x11, 0x90] };
        assert_eq!(esds(fields), Ok(expected));
    }

    #[test]
    fn lengths_of_four_bytes_and_optional_fields() {
        let data = b"\0\0\0\0\x03\x80\x80\x80\x1D\0\x01\xE0\0\0\x01u\0\0\
            \x04\x80\x80\x80\x0D\x6B\x15\0\0\0\0\0\0\0\0\0\0\0\x06\x01\x02";
        let fields = Fields::new(BoxType(*b"esds"), data, 0);
        let expected = ElementaryStream { object_type: 0x6B, specific: &[] };
        assert_eq!(esds(fields), Ok(expected));
    }
}
