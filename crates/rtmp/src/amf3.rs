//! AMF3: values as Flash's later players write them (Action Message Format, AMF 3, January 2013).
//!
//! ```
//! use airloom_rtmp::Limits;
//! use airloom_rtmp::amf3::{self, Value};
//!
//! let mut bytes = Vec::new();
//! amf3::encode(&Value::Integer(-3), &mut bytes)?;
//! amf3::encode(&Value::String("cam".into()), &mut bytes)?;
//! let values = amf3::decode(&bytes.into(), &Limits::default())?;
//! assert_eq!(values, [Value::Integer(-3), Value::String("cam".into())]);
//! # Ok::<(), airloom_rtmp::Error>(())
//! ```

mod decode;
mod encode;
mod value;

pub(crate) use decode::Reader;
pub use decode::decode;
pub use encode::encode;
pub use value::{Traits, Value};

/// Type markers (3.1).
mod marker {
    pub(super) const UNDEFINED: u8 = 0x00;
    pub(super) const NULL: u8 = 0x01;
    pub(super) const FALSE: u8 = 0x02;
    pub(super) const TRUE: u8 = 0x03;
    pub(super) const INTEGER: u8 = 0x04;
    pub(super) const DOUBLE: u8 = 0x05;
    pub(super) const STRING: u8 = 0x06;
    pub(super) const XML_DOCUMENT: u8 = 0x07;
    pub(super) const DATE: u8 = 0x08;
    pub(super) const ARRAY: u8 = 0x09;
    pub(super) const OBJECT: u8 = 0x0A;
    pub(super) const XML: u8 = 0x0B;
    pub(super) const BYTE_ARRAY: u8 = 0x0C;
    pub(super) const VECTOR_INT: u8 = 0x0D;
    pub(super) const VECTOR_UINT: u8 = 0x0E;
    pub(super) const VECTOR_DOUBLE: u8 = 0x0F;
    pub(super) const VECTOR_OBJECT: u8 = 0x10;
    pub(super) const DICTIONARY: u8 = 0x11;
}
