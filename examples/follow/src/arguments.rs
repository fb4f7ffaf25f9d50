use std::error::Error;

use lexopt::{Arg, ValueExt};

const HELP: &str = "follow [--parts N] URL

Follows the Low-Latency HLS playlist at URL, multivariant or media, until it ends or N parts came.
Exit status 1 where the server broke a rule, 2 where it could not be followed.";

/// The URL to follow, and after how many parts to stop.
pub(crate) fn parse() -> Result<(String, usize), Box<dyn Error>> {
    let (mut url, mut parts) = (None, usize::MAX);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("parts") => parts = parser.value()?.string()?.parse()?,
            Arg::Value(value) if url.is_none() => url = Some(value.string()?),
            Arg::Short('h') | Arg::Long("help") => return Err(HELP.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok((url.ok_or(HELP)?, parts))
}
