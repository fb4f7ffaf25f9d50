use bytes::BytesMut;

/// A message whose chunks are moved together over the headers between them, where they lie: what
/// was just read is near, and needs no other place. Positions count from the first byte of its
/// payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct InPlace {
    /// Bytes of payload that lie together at the front.
    pub(super) payload: usize,
    /// Where reading goes on.
    pub(super) read: usize,
    /// What is missing of the chunk under way.
    pub(super) left: usize,
}

/// How far moving together came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The end of the message.
    Whole,
    /// The end of the bytes.
    End,
    /// A header that does not go on with the message in the plainest way.
    Header,
}

impl InPlace {
    /// A message that begins with a chunk of `left` bytes.
    pub(super) const fn new(left: usize) -> Self {
        Self { payload: 0, read: 0, left }
    }

    /// Moves together what `bytes` hold of a message of `length`. Its chunks go on behind the byte
    /// `mark`.
    pub(super) fn gather(
        &mut self,
        bytes: &mut [u8],
        length: usize,
        chunk_size: usize,
        mark: Option<u8>,
    ) -> Reached {
        loop {
            let end = self.read + self.left.min(bytes.len() - self.read);
            if self.read > self.payload {
                bytes.copy_within(self.read..end, self.payload);
            }
            self.payload += end - self.read;
            self.left -= end - self.read;
            self.read = end;
            if self.payload == length {
                return Reached::Whole;
            }
            if self.left > 0 {
                return Reached::End;
            }
            // The usual size is its own loop, since moves of a known length need no call.
            if chunk_size == 128 {
                while length - self.payload > 128
                    && let Some([first, chunk @ ..]) =
                        bytes.get(self.read..).and_then(<[u8]>::first_chunk::<129>)
                    && Some(*first) == mark
                {
                    let chunk: [u8; 128] = *chunk;
                    let Some(to) = bytes.get_mut(self.payload..).and_then(<[u8]>::first_chunk_mut)
                    else {
                        break;
                    };
                    *to = chunk;
                    self.payload += 128;
                    self.read += 129;
                }
            }
            match bytes.get(self.read) {
                None => return Reached::End,
                Some(first) if Some(*first) == mark => {
                    self.read += 1;
                    self.left = chunk_size.min(length - self.payload);
                }
                Some(_) => return Reached::Header,
            }
        }
    }
}

/// A message that the end of an input cut in two, left where it lies.
#[derive(Debug)]
pub(super) struct Cut {
    /// From the first byte of its payload to the end of the input.
    bytes: BytesMut,
    pub(super) at: InPlace,
    /// Length of the inputs that it lies in.
    pub(super) whole: usize,
}

impl Cut {
    /// Takes all of `input`, and leaves what room there is behind it.
    pub(super) fn new(input: &mut BytesMut, at: InPlace, whole: usize) -> Self {
        let spare = input.capacity() > input.len();
        let bytes = if spare { input.split() } else { std::mem::take(input) };
        Self { bytes, at, whole }
    }

    /// Puts itself before `input` without a copy, where that lies behind it in memory; gives itself
    /// back otherwise.
    pub(super) fn join(mut self, input: &mut BytesMut) -> Result<InPlace, Self> {
        if self.bytes.as_ptr_range().end != input.as_ptr() {
            return Err(self);
        }
        self.bytes.unsplit(std::mem::take(input));
        *input = self.bytes;
        Ok(self.at)
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(..self.at.payload).unwrap_or_default()
    }

    /// Bytes it keeps alive.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}
