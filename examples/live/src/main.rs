//! A whole live service in one process.
fn main() {}
