use super::{Case, Policy, Verdict};

/// Everything waits for a review: rooms where nothing unseen may appear.
///
/// What it holds is bounded by [`Limits::held`](crate::Limits::held); what nobody reviews within
/// [`Config::review`](crate::Config::review) is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReviewAll;

impl Policy for ReviewAll {
    fn judge(&self, _case: &Case<'_>) -> Verdict {
        Verdict::Hold
    }
}
