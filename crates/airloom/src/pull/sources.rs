use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::str::FromStr;

use crate::origin::StreamName;
use crate::rtmp::client::Target;

/// What [`Sources`] answer, now or later.
pub type Sourcing<'a> = Pin<Box<dyn Future<Output = Option<Target>> + Send + 'a>>;

/// Where streams are to be had from.
///
/// ```
/// use std::collections::HashMap;
/// use std::future::ready;
///
/// use airloom::origin::StreamName;
/// use airloom::pull::{Sources, Sourcing};
/// use airloom::rtmp::client::Target;
///
/// /// Each stream from a server of its own.
/// #[derive(Debug)]
/// struct Table(HashMap<StreamName, Target>);
///
/// impl Sources for Table {
///     fn source<'a>(&'a self, stream: &'a StreamName) -> Sourcing<'a> {
///         Box::pin(ready(self.0.get(stream).cloned()))
///     }
/// }
/// ```
pub trait Sources: fmt::Debug + Send + Sync + 'static {
    /// Where to pull `stream` from; `None` where it is nowhere to be had. What takes longer than
    /// [`Config::patience`](super::Config::patience) is given up.
    fn source<'a>(&'a self, stream: &'a StreamName) -> Sourcing<'a>;
}

/// RTMP URLs that differ in the name of the stream alone: `rtmp://HOST/APP/{name}?key=…`, where
/// `{name}` stands for it.
///
/// As [`Sources`] it has every stream. Debug and errors do not show it: it often has a secret in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    before: String,
    after: String,
}

/// A text that is no [`Template`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RTMP URL with one {{name}} in it, such as rtmp://host/app/{{name}}")]
pub struct InvalidTemplate;

/// What stands for the stream's name.
const NAME: &str = "{name}";

impl Template {
    /// The URL for `stream`; `None` where it leads nowhere.
    pub fn target(&self, stream: &StreamName) -> Option<Target> {
        Target::parse(&format!("{}{stream}{}", self.before, self.after)).ok()
    }
}

impl FromStr for Template {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        let (before, after) = text.split_once(NAME).ok_or(InvalidTemplate)?;
        let template = Self { before: before.to_owned(), after: after.to_owned() };
        let example = "a".parse().ok().and_then(|name| template.target(&name));
        if after.contains(NAME) || example.is_none() {
            return Err(InvalidTemplate);
        }
        Ok(template)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

impl Sources for Template {
    fn source<'a>(&'a self, stream: &'a StreamName) -> Sourcing<'a> {
        Box::pin(ready(self.target(stream)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_in_with_the_name() {
        let template: Template = "rtmp://far.example:1936/a/b/{name}?key=x".parse().unwrap();
        let target = template.target(&"cam.1".parse().unwrap()).unwrap();
        assert_eq!((target.host(), target.port()), ("far.example", 1936));
        assert_eq!((target.app(), target.name()), ("a/b", "cam.1?key=x"));
        assert_eq!(format!("{template:?}"), "Template");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in [
            "",
            "{name}",
            "rtmp://h/a/cam",
            "http://h/a/{name}",
            "rtmp://h/{name}/{name}",
            "rtmp:///a/{name}",
        ] {
            assert_eq!(text.parse::<Template>(), Err(InvalidTemplate), "{text}");
        }
    }
}
