use super::Fields;
use crate::mp4::Error;

/// The media is in the same file (ISO/IEC 14496-12, 8.7.2).
const SELF_CONTAINED: u32 = 1;

/// Refuses a track whose first sample entry refers to another file: `dinf` and its `dref` (8.7.1,
/// 8.7.2) say where data is. Without them, or where they have no such entry, it is here.
pub(super) fn is_here(minf: &Fields<'_>, stsd: &Fields<'_>) -> Result<(), Error> {
    let mut stsd = stsd.clone();
    stsd.version()?;
    stsd.u32("entry_count")?;
    let Some(Ok(mut entry)) = stsd.children().next() else { return Ok(()) };
    entry.take(6, "reserved")?;
    let index = usize::from(entry.u16("data_reference_index")?);

    let Some(dinf) = minf.find(*b"dinf")? else { return Ok(()) };
    let Some(mut dref) = dinf.find(*b"dref")? else { return Ok(()) };
    dref.version()?;
    dref.u32("entry_count")?;
    let Some(mut reference) = dref.children().nth(index.saturating_sub(1)).transpose()? else {
        return Ok(());
    };
    let (kind, offset) = (reference.kind, reference.offset());
    let (_, flags) = reference.version()?;
    // A location of no letters is this file's own.
    let is_empty = kind.0 == *b"url " && matches!(reference.rest(), [] | [0, ..]);
    if flags & SELF_CONTAINED == 0 && !is_empty {
        return Err(Error::Elsewhere { kind, offset });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mp4::BoxType;
    use crate::mp4::writer::{boxed, full_box, u32};

    fn of(references: &[(&[u8; 4], u32, &[u8])], index: u8) -> Result<(), Error> {
        let mut minf = Vec::new();
        boxed(&mut minf, *b"dinf", |out| {
            full_box(out, *b"dref", 0, 0, |out| {
                u32(out, references.len() as u32);
                for (kind, flags, location) in references {
                    full_box(out, **kind, 0, *flags, |out| out.extend(*location));
                }
            });
        });
        let mut stsd = vec![0; 8];
        boxed(&mut stsd, *b"avc1", |out| out.extend([0, 0, 0, 0, 0, 0, 0, index]));
        let fields = |kind, data| Fields::new(BoxType(kind), data, 0);
        is_here(&fields(*b"minf", &minf), &fields(*b"stsd", &stsd))
    }

    #[test]
    fn media_in_another_file_is_not_read_here() {
        assert_eq!(of(&[(b"url ", 1, b"")], 1), Ok(()));
        assert_eq!(of(&[(b"url ", 0, b"\0")], 1), Ok(()));
        assert_eq!(of(&[(b"url ", 0, b"")], 1), Ok(()));
        assert_eq!(of(&[], 1), Ok(()));
        let elsewhere =
            |kind: &[u8; 4], offset| Err(Error::Elsewhere { kind: BoxType(*kind), offset });
        assert_eq!(of(&[(b"url ", 0, b"a.mp4\0")], 1), elsewhere(b"url ", 32));
        assert_eq!(of(&[(b"alis", 0, b"")], 1), elsewhere(b"alis", 32));
        let both: [(&[u8; 4], u32, &[u8]); 2] = [(b"url ", 1, b""), (b"urn ", 0, b"x\0")];
        assert_eq!(of(&both, 1), Ok(()));
        assert_eq!(of(&both, 2), elsewhere(b"urn ", 44));
    }
}
