//! An origin that pulls what its viewers ask for, from a source that exists in the test only, on
//! tokio's virtual time.

mod source;

mod failures;
mod viewers;
