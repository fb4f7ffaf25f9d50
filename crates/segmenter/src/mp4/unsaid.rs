use std::fmt;
use std::time::Duration;

use super::{IndexedTrack, Matrix};

/// Something that a file says of a track and segments made of it do not. Its `Display` completes a
/// sentence that begins with the track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsaid {
    /// Its pictures are to be turned by so many degrees clockwise.
    Turned(u16),
    /// Its pictures are to be laid on the display in another way.
    Laid(Matrix),
    /// Samples that an edit list cuts off are left out.
    LeftOut {
        /// Before the presentation's start.
        before: usize,
        /// After its end.
        after: usize,
    },
    /// Pictures before the presentation's start are shown all the same, for as long as this, since
    /// decoding begins there.
    Preroll(Duration),
    /// So many edits more are not followed.
    Unfollowed(u32),
    /// It is to be shown at this rate, as 16.16 fixed point, and is at normal speed.
    Rate(u32),
}

/// Sound needs less than that to begin with, and nobody hears it.
const NOTICED: Duration = Duration::from_millis(200);

impl IndexedTrack {
    /// What segments do not say of it.
    pub fn unsaid(&self) -> impl Iterator<Item = Unsaid> {
        let (edited, matrix) = (self.edited(), self.matrix());
        let (before, after) = (edited.before, edited.after);
        let preroll = edited.preroll.to_std(self.track().timescale);
        let laid = match matrix.rotation() {
            Some(0) => None,
            Some(degrees) => Some(Unsaid::Turned(degrees)),
            None => Some(Unsaid::Laid(matrix)),
        };
        let all = [
            laid,
            (before + after > 0).then_some(Unsaid::LeftOut { before, after }),
            (preroll >= NOTICED).then_some(Unsaid::Preroll(preroll)),
            (edited.unfollowed > 0).then_some(Unsaid::Unfollowed(edited.unfollowed)),
            edited.rate.map(Unsaid::Rate),
        ];
        all.into_iter().flatten()
    }
}

impl fmt::Display for Unsaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turned(degrees) => write!(f, "is to be turned by {degrees}° clockwise"),
            Self::Laid(matrix) => {
                write!(f, "is to be laid on the display by {:?}", matrix.values())
            }
            Self::LeftOut { before, after } => {
                write!(
                    f,
                    "has {before} samples before its start and {after} after its end, left out"
                )
            }
            Self::Preroll(preroll) => write!(f, "is shown {preroll:?} before its start"),
            Self::Unfollowed(edits) => write!(f, "has {edits} more edits, which are not followed"),
            Self::Rate(rate) => {
                let rate = f64::from(rate.cast_signed()) / 65_536.0;
                write!(f, "is shown at normal speed, not {rate} times that")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_completes_a_sentence() {
        for (unsaid, expected) in [
            (Unsaid::Turned(90), "is to be turned by 90° clockwise"),
            (
                Unsaid::LeftOut { before: 3, after: 0 },
                "has 3 samples before its start and 0 after its end, left out",
            ),
            (Unsaid::Preroll(Duration::from_millis(1500)), "is shown 1.5s before its start"),
            (Unsaid::Rate(0x8000), "is shown at normal speed, not 0.5 times that"),
        ] {
            assert_eq!(unsaid.to_string(), expected);
        }
    }
}
