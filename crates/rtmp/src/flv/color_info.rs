use crate::amf0::{self, Value};
use crate::{Error, Limits, amf3};
use bytes::Bytes;

/// The color of a video track beyond what its bitstream says, as HDR needs it (Enhanced RTMP v2,
/// "Metadata Frame"). It holds from the next frame on, until another takes its place.
///
/// ```
/// use airloom_rtmp::Limits;
/// use airloom_rtmp::amf0::{self, Value};
/// use airloom_rtmp::flv::{ColorInfo, Decimal};
///
/// let cll = Value::object([("maxFall", Value::from(400.5)), ("maxCLL", Value::from(1000.0))]);
/// let mut metadata = Vec::new();
/// amf0::encode(&"colorInfo".into(), &mut metadata)?;
/// amf0::encode(&Value::object([("hdrCll", cll)]), &mut metadata)?;
///
/// let color = ColorInfo::decode(&metadata.into(), &Limits::default())?;
/// let level = color.and_then(|color| color.hdr_cll?.max_fall);
/// assert_eq!(level, Some(Decimal(4_005_000)));
/// # Ok::<(), airloom_rtmp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ColorInfo {
    /// `colorConfig`: how samples are to be understood.
    pub color_config: Option<ColorConfig>,
    /// `hdrCll`: how bright the content gets.
    pub hdr_cll: Option<HdrCll>,
    /// `hdrMdcv`: what it was mastered on.
    pub hdr_mdcv: Option<HdrMdcv>,
    /// The whole object, with the members that have no field here.
    pub values: Value,
}

/// `colorConfig`. What is missing, or is no whole number of the range, is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ColorConfig {
    /// `bitDepth`: bits a channel; 8, 10 or 12.
    pub bit_depth: Option<u8>,
    /// `colorPrimaries` (H.273, 8.1).
    pub color_primaries: Option<u8>,
    /// `transferCharacteristics` (H.273, 8.2): 16 is PQ, 18 is HLG.
    pub transfer_characteristics: Option<u8>,
    /// `matrixCoefficients` (H.273, 8.3).
    pub matrix_coefficients: Option<u8>,
}

/// `hdrCll`, in cd/m2. What is missing, or no positive number, is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HdrCll {
    /// `maxFall`: the brightest frame on average.
    pub max_fall: Option<Decimal>,
    /// `maxCLL`: the brightest pixel.
    pub max_cll: Option<Decimal>,
}

/// `hdrMdcv` (SMPTE ST 2086): chromaticities of CIE 1931, and luminances in cd/m2. What is missing,
/// or no positive number, is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HdrMdcv {
    /// `redX`, `redY`.
    pub red: (Option<Decimal>, Option<Decimal>),
    /// `greenX`, `greenY`.
    pub green: (Option<Decimal>, Option<Decimal>),
    /// `blueX`, `blueY`.
    pub blue: (Option<Decimal>, Option<Decimal>),
    /// `whitePointX`, `whitePointY`.
    pub white_point: (Option<Decimal>, Option<Decimal>),
    /// `maxLuminance`.
    pub max_luminance: Option<Decimal>,
    /// `minLuminance`.
    pub min_luminance: Option<Decimal>,
}

/// A number of ten-thousandths: all decimal places that these values may have. ISO files count
/// luminance in the same unit, and chromaticity in fifths of it (ISO/IEC 23001-17, 6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(pub u32);

impl ColorInfo {
    /// Reads the payload of a [`Metadata`](super::PacketKind::Metadata) packet: names and values in
    /// AMF. `None` where none is `colorInfo`.
    ///
    /// # Errors
    ///
    /// As [`amf0::decode`].
    pub fn decode(payload: &Bytes, limits: &Limits) -> Result<Option<Self>, Error> {
        let values = amf0::decode(payload, limits)?;
        let mut values = values.into_iter();
        let mut found = None;
        while let (Some(name), Some(value)) = (values.next(), values.next()) {
            if name.text() == Some("colorInfo") {
                found = Some(Self::new(value));
            }
        }
        Ok(found)
    }

    /// Whether it takes back what was said before: no object, or an empty one.
    pub fn is_reset(&self) -> bool {
        Node::Amf0(&self.values).is_empty()
    }

    fn new(values: Value) -> Self {
        let object = Node::Amf0(&values);
        let color_config = object.member("colorConfig").map(|config| ColorConfig {
            bit_depth: config.byte("bitDepth"),
            color_primaries: config.byte("colorPrimaries"),
            transfer_characteristics: config.byte("transferCharacteristics"),
            matrix_coefficients: config.byte("matrixCoefficients"),
        });
        let hdr_cll = object
            .member("hdrCll")
            .map(|cll| HdrCll { max_fall: cll.decimal("maxFall"), max_cll: cll.decimal("maxCLL") });
        let hdr_mdcv = object.member("hdrMdcv").map(|mdcv| HdrMdcv {
            red: (mdcv.decimal("redX"), mdcv.decimal("redY")),
            green: (mdcv.decimal("greenX"), mdcv.decimal("greenY")),
            blue: (mdcv.decimal("blueX"), mdcv.decimal("blueY")),
            white_point: (mdcv.decimal("whitePointX"), mdcv.decimal("whitePointY")),
            max_luminance: mdcv.decimal("maxLuminance"),
            min_luminance: mdcv.decimal("minLuminance"),
        });
        Self { color_config, hdr_cll, hdr_mdcv, values }
    }
}

/// A value of either AMF.
#[derive(Clone, Copy)]
enum Node<'a> {
    Amf0(&'a Value),
    Amf3(&'a amf3::Value),
}

impl Node<'_> {
    /// Whether nothing is in it.
    fn is_empty(self) -> bool {
        match self {
            Self::Amf0(Value::Amf3(value)) => Self::Amf3(value).is_empty(),
            Self::Amf0(value) => value.members().is_empty(),
            Self::Amf3(amf3::Value::Object { sealed, dynamic, .. }) => {
                sealed.is_empty() && dynamic.is_empty()
            }
            Self::Amf3(amf3::Value::Array { members, .. }) => members.is_empty(),
            Self::Amf3(_) => true,
        }
    }

    fn member(self, name: &str) -> Option<Self> {
        match self {
            Self::Amf0(Value::Amf3(value)) => Self::Amf3(value).member(name),
            Self::Amf0(value) => value.member(name).map(Self::Amf0),
            Self::Amf3(value) => value.member(name).map(Self::Amf3),
        }
    }

    fn number(self, name: &str) -> Option<f64> {
        match self.member(name)? {
            Self::Amf0(value) => value.number(),
            Self::Amf3(amf3::Value::Double(number)) => Some(*number),
            Self::Amf3(amf3::Value::Integer(number)) => Some(f64::from(*number)),
            Self::Amf3(_) => None,
        }
    }

    fn byte(self, name: &str) -> Option<u8> {
        let number = self.number(name)?;
        (number.fract() == 0.0 && (0.0..256.0).contains(&number)).then_some(number as u8)
    }

    fn decimal(self, name: &str) -> Option<Decimal> {
        let scaled = (self.number(name)? * 10_000.0).round();
        (scaled >= 1.0 && scaled <= f64::from(u32::MAX)).then_some(Decimal(scaled as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(name: &str, value: &Value) -> Bytes {
        let mut payload = Vec::new();
        amf0::encode(&name.into(), &mut payload).unwrap();
        amf0::encode(value, &mut payload).unwrap();
        payload.into()
    }

    fn decode(value: &Value) -> ColorInfo {
        let metadata = metadata("colorInfo", value);
        ColorInfo::decode(&metadata, &Limits::default()).unwrap().unwrap()
    }

    fn config(numbers: [f64; 4]) -> Value {
        let names = ["bitDepth", "colorPrimaries", "transferCharacteristics", "matrixCoefficients"];
        Value::object(names.into_iter().zip(numbers.map(Value::from)))
    }

    #[test]
    fn hdr10_and_what_nobody_named() {
        let mdcv = Value::object([
            ("redX", Value::from(0.708)),
            ("redY", 0.292.into()),
            ("whitePointX", 0.3127.into()),
            ("whitePointY", 0.329.into()),
            ("maxLuminance", 1000.0.into()),
            ("minLuminance", 0.0001.into()),
        ]);
        let values = Value::object([
            ("colorConfig", config([10.0, 9.0, 16.0, 9.0])),
            ("hdrMdcv", mdcv),
            ("hdrFuture", Value::from(7.0)),
        ]);
        let color = decode(&values);
        let expected = ColorConfig {
            bit_depth: Some(10),
            color_primaries: Some(9),
            transfer_characteristics: Some(16),
            matrix_coefficients: Some(9),
        };
        assert_eq!((color.color_config, color.hdr_cll), (Some(expected), None));
        let mdcv = color.hdr_mdcv.unwrap();
        assert_eq!(mdcv.red, (Some(Decimal(7080)), Some(Decimal(2920))));
        assert_eq!(mdcv.white_point, (Some(Decimal(3127)), Some(Decimal(3290))));
        assert_eq!(mdcv.green, (None, None));
        assert_eq!(mdcv.max_luminance, Some(Decimal(10_000_000)));
        assert_eq!(mdcv.min_luminance, Some(Decimal(1)));
        assert_eq!(color.values.member("hdrFuture"), Some(&Value::from(7.0)));
        assert_eq!(color.values, values);
    }

    #[test]
    fn undefined_and_an_empty_object_reset() {
        assert!(decode(&Value::Undefined).is_reset());
        assert!(decode(&Value::Object(vec![])).is_reset());
        assert!(decode(&Value::Amf3(amf3::Value::Undefined)).is_reset());
        assert!(!decode(&Value::object([("future", Value::Null)])).is_reset());
    }

    #[test]
    fn other_names_are_passed_over_and_nonsense_is_nothing() {
        let limits = Limits::default();
        let other = metadata("future", &config([8.0; 4]));
        assert_eq!(ColorInfo::decode(&other, &limits), Ok(None));
        let both = [&other[..], &metadata("colorInfo", &Value::Undefined)[..]].concat();
        assert!(ColorInfo::decode(&both.into(), &limits).unwrap().unwrap().is_reset());
        assert_eq!(ColorInfo::decode(&Bytes::new(), &limits), Ok(None));
        for nonsense in [256.0, -1.0, 9.5, f64::NAN, f64::INFINITY] {
            let values = Value::object([("colorConfig", config([nonsense; 4]))]);
            let color = decode(&values);
            assert_eq!(color.color_config, Some(ColorConfig::default()), "{nonsense}");
        }
        let cll = [("maxFall", Value::from(f64::NAN)), ("maxCLL", 1e9.into())];
        let color = decode(&Value::object([("hdrCll", Value::object(cll))]));
        assert_eq!(color.hdr_cll, Some(HdrCll::default()));
    }

    #[test]
    fn amf3_is_read_as_well() {
        let config = amf3::Value::object([
            ("bitDepth", amf3::Value::Integer(12)),
            ("matrixCoefficients", amf3::Value::Double(9.0)),
        ]);
        let values = Value::Amf3(amf3::Value::object([("colorConfig", config)]));
        let color = decode(&values).color_config.unwrap();
        assert_eq!((color.bit_depth, color.matrix_coefficients), (Some(12), Some(9)));
    }
}
