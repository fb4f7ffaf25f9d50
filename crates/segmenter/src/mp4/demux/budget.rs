use crate::mp4::{Error, Limits};

/// How many samples may still be read of a file.
///
/// What was begun counts, also of tracks that turn out broken and are left out: the work that a
/// file makes is bounded by its bytes and by [`Limits::samples`], whatever it states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    max: usize,
    left: usize,
}

impl Budget {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { max: limits.samples, left: limits.samples }
    }

    pub(super) fn take(&mut self, samples: u32) -> Result<(), Error> {
        let samples = usize::try_from(samples).unwrap_or(usize::MAX);
        let Some(left) = self.left.checked_sub(samples) else {
            let value = (self.max - self.left) as u64 + samples as u64;
            return Err(Error::Limit { limit: "samples", value, max: self.max as u64 });
        };
        self.left = left;
        Ok(())
    }
}
