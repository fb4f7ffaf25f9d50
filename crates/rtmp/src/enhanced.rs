use crate::amf0::{Text, Value};

/// What a peer announces of Enhanced RTMP in `connect` (v2, "Enhancing NetConnection connect
/// Command").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enhanced {
    /// `fourCcList`: codecs, or `*` for any; unknown ones as they came.
    pub four_cc_list: Vec<String>,
    /// `videoFourCcInfoMap`: FourCC, or `*`, and a mask: 1 decode, 2 encode, 4 forward.
    pub video_four_cc_info: Vec<(String, u32)>,
    /// `audioFourCcInfoMap`, likewise.
    pub audio_four_cc_info: Vec<(String, u32)>,
    /// `capsEx`: 1 reconnect, 2 multitrack, 4 ModEx, 8 nanosecond offset.
    pub caps_ex: u32,
}

impl Enhanced {
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
}

/// What a session that hands on whatever it gets says of itself.
pub(crate) fn capabilities() -> impl Iterator<Item = (&'static str, Value)> {
    const CAN_FORWARD: f64 = 4.0;
    /// Reconnect, multitrack, ModEx and nanosecond offsets.
    const CAPS_EX: f64 = 15.0;
    let any = || Value::object([("*", Value::from(CAN_FORWARD))]);
    [
        ("fourCcList", Value::StrictArray(vec!["*".into()])),
        ("videoFourCcInfoMap", any()),
        ("audioFourCcInfoMap", any()),
        ("capsEx", Value::from(CAPS_EX)),
    ]
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

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
