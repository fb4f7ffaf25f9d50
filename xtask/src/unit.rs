//! Unit, property and documentation tests. They need a Rust toolchain, a C compiler and
//! nothing else.

use crate::shell::{Failure, Report, Shell, cargo};

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    // What no program of the workspace switches on.
    let features = ["--features", "airloom/chat,airloom-chat/deflate,airloom-chat/jwt"];
    shell.tests(cargo().args(["test", "--workspace", "--no-fail-fast"]).args(features))
}
