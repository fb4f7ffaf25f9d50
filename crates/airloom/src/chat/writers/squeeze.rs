use airloom_chat::deflate::Deflater;
use bytes::Bytes;

/// Compresses what not everybody is given: answers to those who missed something, heartbeats.
///
/// Readers who missed the same are given the same bytes, so the last answer is remembered.
#[derive(Debug, Default)]
pub(super) struct Squeeze {
    deflater: Deflater,
    last: Option<(Bytes, Bytes)>,
}

impl Squeeze {
    /// The compressed form that is good for anybody.
    pub(super) fn alone(&mut self, plain: &Bytes) -> Bytes {
        if let Some((last, squeezed)) = &self.last
            && (last.as_ptr(), last.len()) == (plain.as_ptr(), plain.len())
        {
            return squeezed.clone();
        }
        let squeezed = self.deflater.alone(plain);
        self.last = Some((plain.clone(), squeezed.clone()));
        squeezed
    }
}
