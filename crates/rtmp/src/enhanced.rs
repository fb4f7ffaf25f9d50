use crate::amf0::{Text, Value};

/// What one side announces of Enhanced RTMP in `connect` and its answer (v2, "Enhancing
/// NetConnection connect Command"). Unknown codecs and bits are values like any other.
///
/// The default announces nothing, [`forwarding`](Self::forwarding) everything:
///
/// ```
/// use airloom_rtmp::{Config, Enhanced};
///
/// // A packager: two codecs it can decode, several tracks, and nothing else.
/// let mut enhanced = Enhanced::default();
/// enhanced.video_four_cc_info = vec![("hvc1".into(), Enhanced::CAN_DECODE)];
/// enhanced.audio_four_cc_info = vec![("Opus".into(), Enhanced::CAN_DECODE)];
/// enhanced.caps_ex = Enhanced::MULTITRACK;
/// let mut config = Config::default();
/// config.enhanced = enhanced;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enhanced {
    /// `fourCcList`: codecs, or `*` for any. What clients of the first version look for.
    pub four_cc_list: Vec<String>,
    /// `videoFourCcInfoMap`: FourCC, or `*`, and a mask of [`CAN_DECODE`](Self::CAN_DECODE),
    /// [`CAN_ENCODE`](Self::CAN_ENCODE) and [`CAN_FORWARD`](Self::CAN_FORWARD).
    pub video_four_cc_info: Vec<(String, u32)>,
    /// `audioFourCcInfoMap`, likewise.
    pub audio_four_cc_info: Vec<(String, u32)>,
    /// `capsEx`: a mask of [`RECONNECT`](Self::RECONNECT), [`MULTITRACK`](Self::MULTITRACK),
    /// [`MOD_EX`](Self::MOD_EX) and [`NANO_OFFSET`](Self::NANO_OFFSET).
    pub caps_ex: u32,
}

impl Enhanced {
    /// `FourCcInfoMask.CanDecode`.
    pub const CAN_DECODE: u32 = 1;
    /// `FourCcInfoMask.CanEncode`.
    pub const CAN_ENCODE: u32 = 2;
    /// `FourCcInfoMask.CanForward`.
    pub const CAN_FORWARD: u32 = 4;
    /// `CapsExMask.Reconnect`: a reconnect request is understood.
    pub const RECONNECT: u32 = 1;
    /// `CapsExMask.Multitrack`: several tracks of a kind are understood.
    pub const MULTITRACK: u32 = 2;
    /// `CapsExMask.ModEx`: ModEx prefixes can be parsed.
    pub const MOD_EX: u32 = 4;
    /// `CapsExMask.TimestampNanoOffset`: nanoseconds are heeded.
    pub const NANO_OFFSET: u32 = 8;

    /// Every capability, and any codec forwarded: what a session that hands on whatever it gets can
    /// say of itself.
    pub fn forwarding() -> Self {
        let any = || vec![("*".to_owned(), Self::CAN_FORWARD)];
        Self {
            four_cc_list: vec!["*".to_owned()],
            video_four_cc_info: any(),
            audio_four_cc_info: any(),
            caps_ex: Self::RECONNECT | Self::MULTITRACK | Self::MOD_EX | Self::NANO_OFFSET,
        }
    }

    /// Reads what is announced in the object of a `connect` command.
    pub(crate) fn new(object: &Value) -> Self {
        let lossy = |text: &Text| text.to_string_lossy().into_owned();
        let four_cc_list = match object.member("fourCcList") {
            Some(Value::StrictArray(values)) => values.iter().collect(),
            Some(value @ Value::String(_)) => vec![value],
            // Some write the list as an object or array with numbered members.
            Some(value) => value.members().iter().map(|(_, value)| value).collect(),
            None => Vec::new(),
        };
        let four_cc_list = four_cc_list.into_iter().filter_map(|value| match value {
            Value::String(text) => Some(lossy(text)),
            _ => None,
        });
        let number = |value: &Value| value.number().unwrap_or_default() as u32;
        let info = |name| {
            let members = object.member(name).map_or(&[][..], Value::members);
            members.iter().map(|(key, value)| (lossy(key), number(value))).collect()
        };
        Self {
            four_cc_list: four_cc_list.collect(),
            video_four_cc_info: info("videoFourCcInfoMap"),
            audio_four_cc_info: info("audioFourCcInfoMap"),
            caps_ex: object.member("capsEx").map_or(0, number),
        }
    }

    /// Whether anything was said at all.
    pub fn is_announced(&self) -> bool {
        *self != Self::default()
    }

    /// The properties that say it; none that would be empty.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&'static str, Value)> {
        let list = self.four_cc_list.iter().map(|code| code.as_str().into()).collect();
        let map = |info: &[(String, u32)]| {
            Value::object(info.iter().map(|(code, mask)| (code.as_str(), f64::from(*mask).into())))
        };
        [
            (!self.four_cc_list.is_empty(), ("fourCcList", Value::StrictArray(list))),
            (
                !self.video_four_cc_info.is_empty(),
                ("videoFourCcInfoMap", map(&self.video_four_cc_info)),
            ),
            (
                !self.audio_four_cc_info.is_empty(),
                ("audioFourCcInfoMap", map(&self.audio_four_cc_info)),
            ),
            (self.is_announced(), ("capsEx", f64::from(self.caps_ex).into())),
        ]
        .into_iter()
        .filter_map(|(said, property)| said.then_some(property))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_read_back() {
        let back = |enhanced: &Enhanced| Enhanced::new(&Value::object(enhanced.properties()));
        let mut own = Enhanced::default();
        assert_eq!((own.properties().count(), back(&own)), (0, own.clone()));
        own.video_four_cc_info =
            vec![("hvc1".into(), Enhanced::CAN_DECODE | Enhanced::CAN_FORWARD), ("zz99".into(), 9)];
        own.caps_ex = 64 | Enhanced::MULTITRACK;
        assert_eq!(back(&own), own);
        assert_eq!(back(&Enhanced::forwarding()), Enhanced::forwarding());
    }

    // MTX#3685, #2232, HaishinKit#1486: both announced forms, and `*`.
    #[test]
    fn lists_and_info_maps_are_understood() {
        let list = Value::StrictArray(vec!["av01".into(), "zz99".into(), Value::Null]);
        let maps = Value::object([("*", Value::from(4.0)), ("vp09", Value::from(3.0))]);
        let object = Value::object([
            ("app", Value::from("live")),
            ("fourCcList", list),
            ("videoFourCcInfoMap", maps),
            ("capsEx", Value::from(2.0)),
        ]);
        let enhanced = Enhanced::new(&object);
        assert_eq!(enhanced.four_cc_list, ["av01", "zz99"]);
        assert_eq!(enhanced.video_four_cc_info, [("*".into(), 4), ("vp09".into(), 3)]);
        assert_eq!((enhanced.audio_four_cc_info.len(), enhanced.caps_ex), (0, 2));
        assert!(enhanced.is_announced());
        assert!(!Enhanced::new(&Value::Null).is_announced());
    }
}
