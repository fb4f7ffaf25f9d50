use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
live: RTMP in, HLS, Low-Latency HLS and DASH out, and a page to watch it

usage: live [OPTIONS]

  --rtmp ADDR          RTMP listener (127.0.0.1:1935; port 0 picks a free one)
  --http ADDR          HTTP listener, HTTP/1.1 and h2c (127.0.0.1:8080; port 0 likewise)
  --data DIR           where recordings and the usage ledger are kept (./airloom-data)
  --segment SECONDS    segment target (2)
  --part MILLISECONDS  Low-Latency part target; 0 turns Low Latency off (200)
  --window SECONDS     how far back a viewer can seek in the live window (60)
  --resume SECONDS     how long an ended publish may come back as the same stream (10)
  --record             keep every finished stream as a recording under the data directory
  --demo               publish a built-in clip to live/demo over real RTMP, for ever
  --hooks FILE         who may publish and play, whom to tell, limits; SIGHUP reads it again
  --moderator TOKEN    what moderators of the chats show (made anew and told at each start)
  -h, --help           this text
  -V, --version        the version
";

/// The command line, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) rtmp: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) data: PathBuf,
    pub(crate) segment: Duration,
    pub(crate) part: Option<Duration>,
    pub(crate) window: Duration,
    pub(crate) resume: Duration,
    pub(crate) hooks: Option<PathBuf>,
    pub(crate) record: bool,
    pub(crate) demo: bool,
    pub(crate) moderator: Option<String>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            rtmp: SocketAddr::from(([127, 0, 0, 1], 1935)),
            http: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("./airloom-data"),
            segment: Duration::from_secs(2),
            part: Some(Duration::from_millis(200)),
            window: Duration::from_mins(1),
            resume: Duration::from_secs(10),
            hooks: None,
            record: false,
            demo: false,
            moderator: None,
        }
    }
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Serve(Box<Arguments>),
    Help,
    Version,
}

/// Why the command line cannot be obeyed, in one line.
#[derive(Debug)]
pub(crate) enum Error {
    Syntax(lexopt::Error),
    Value { flag: &'static str, value: String, wanted: &'static str },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "{error} (try --help)"),
            Self::Value { flag, value, wanted } => {
                write!(f, "{flag} takes {wanted}, not '{value}' (try --help)")
            }
        }
    }
}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        Self::Syntax(error)
    }
}

/// Reads the command line.
pub(crate) fn parse(mut words: lexopt::Parser) -> Result<Command, Error> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next()? {
        match word {
            Long("rtmp") => arguments.rtmp = address(&mut words, "--rtmp")?,
            Long("http") => arguments.http = address(&mut words, "--http")?,
            Long("data") => arguments.data = PathBuf::from(words.value()?),
            Long("segment") => {
                arguments.segment =
                    seconds(&mut words, "--segment", 500..=30_000, "seconds from 0.5 to 30")?;
            }
            Long("part") => {
                let value = value(&mut words)?;
                let part = value.parse().ok().filter(|part| matches!(part, 0 | 50..=2000));
                let wanted = "milliseconds from 50 to 2000, or 0";
                let part = part.ok_or(Error::Value { flag: "--part", value, wanted })?;
                arguments.part = (part > 0).then(|| Duration::from_millis(part));
            }
            Long("window") => {
                arguments.window =
                    seconds(&mut words, "--window", 1000..=86_400_000, "seconds from 1 to 86400")?;
            }
            Long("resume") => {
                arguments.resume =
                    seconds(&mut words, "--resume", 0..=3_600_000, "seconds from 0 to 3600")?;
            }
            Long("hooks") => arguments.hooks = Some(PathBuf::from(words.value()?)),
            Long("record") => arguments.record = true,
            Long("demo") => arguments.demo = true,
            Long("moderator") => {
                let value = value(&mut words)?;
                let wanted = "8 to 200 visible characters";
                let secret = (8..=200).contains(&value.len())
                    && value.bytes().all(|byte| byte.is_ascii_graphic());
                if !secret {
                    return Err(Error::Value { flag: "--moderator", value, wanted });
                }
                arguments.moderator = Some(value);
            }
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Serve(Box::new(arguments)))
}

fn value(words: &mut lexopt::Parser) -> Result<String, Error> {
    Ok(words.value()?.to_string_lossy().into_owned())
}

fn address(words: &mut lexopt::Parser, flag: &'static str) -> Result<SocketAddr, Error> {
    let value = value(words)?;
    // `localhost:8080` is what people type; every other name is left to a proxy in front.
    let spelled = value.replacen("localhost:", "127.0.0.1:", 1);
    let wanted = "an address and port such as 127.0.0.1:1935";
    spelled.parse().map_err(|_| Error::Value { flag, value, wanted })
}

/// Seconds with up to three decimals, within `range` milliseconds.
fn seconds(
    words: &mut lexopt::Parser,
    flag: &'static str,
    range: RangeInclusive<u64>,
    wanted: &'static str,
) -> Result<Duration, Error> {
    let value = value(words)?;
    match millis(&value) {
        Some(millis) if range.contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => Err(Error::Value { flag, value, wanted }),
    }
}

fn millis(decimal: &str) -> Option<u64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, String> {
        let words = line.split_whitespace();
        parse(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_means_the_defaults() {
        assert_eq!(parse_line(""), Ok(Command::Serve(Box::default())));
    }

    #[test]
    fn every_flag_is_taken() {
        let line = "--rtmp [::1]:0 --http localhost:0 --data /tmp/x --segment 1.5 --part 0 \
                    --window 30 --resume 0 --record --demo --moderator 12345678 --hooks h";
        let Ok(Command::Serve(arguments)) = parse_line(line) else { panic!("refused") };
        assert_eq!(arguments.rtmp, "[::1]:0".parse().unwrap());
        assert_eq!(arguments.http, "127.0.0.1:0".parse().unwrap());
        assert_eq!((arguments.segment.as_millis(), arguments.part), (1500, None));
        assert_eq!((arguments.window.as_secs(), arguments.resume.as_secs()), (30, 0));
        assert!(arguments.record && arguments.demo);
        assert_eq!(arguments.hooks.as_deref(), Some(std::path::Path::new("h")));
        assert_eq!(arguments.moderator.as_deref(), Some("12345678"));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        for (line, said) in [
            ("--what", "invalid option '--what' (try --help)"),
            (
                "--rtmp nowhere",
                "--rtmp takes an address and port such as 127.0.0.1:1935, not 'nowhere' (try --help)",
            ),
            ("--segment 0", "--segment takes seconds from 0.5 to 30, not '0' (try --help)"),
            ("--resume 1.2345", "--resume takes seconds from 0 to 3600, not '1.2345' (try --help)"),
            ("--part 20", "--part takes milliseconds from 50 to 2000, or 0, not '20' (try --help)"),
            ("--window", "missing argument for option '--window' (try --help)"),
            (
                "--moderator short",
                "--moderator takes 8 to 200 visible characters, not 'short' (try --help)",
            ),
            ("extra", "unexpected argument \"extra\" (try --help)"),
        ] {
            assert_eq!(parse_line(line).unwrap_err(), said);
        }
    }
}
