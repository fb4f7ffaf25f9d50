use airloom_media::Unwrapper;
use bytes::Buf;

use crate::amf0;
use crate::flv::{Event, Kind, Tag, TagReader};
use crate::{Config, Deliver, Error, Limits, Message, MessageType, Metadata};

impl Media {
    /// How many decoded values it holds at most.
    pub(crate) fn values(&self) -> usize {
        match self {
            // Each takes a byte of the message at least.
            Self::Metadata(metadata) => metadata.tag.data.len(),
            Self::Event(Event::Color { .. }) => usize::MAX,
            _ => 0,
        }
    }
}

/// Turns the media messages of one message stream into what is delivered of them.
#[derive(Debug)]
pub(crate) struct Inlet {
    /// Sound and pictures share a clock, so that both go through a wrap together.
    clock: Unwrapper,
    tags: TagReader,
    deliver: Deliver,
}

/// What came in.
pub(crate) enum Media {
    Metadata(Metadata),
    Tag(Tag),
    Event(Event),
}

impl Inlet {
    pub(crate) fn new(config: &Config) -> Self {
        let deliver = config.deliver;
        Self { clock: Unwrapper::new(32), tags: TagReader::with(config), deliver }
    }

    /// Takes in an audio, video or data message; others give nothing.
    ///
    /// Data that is not understood is handed on as it is; only what breaks a limit is an error.
    pub(crate) fn handle(
        &mut self,
        message: Message,
        limits: &Limits,
        mut each: impl FnMut(Media),
    ) -> Result<(), Error> {
        let kind = match message.message_type {
            MessageType::AUDIO => Kind::Audio,
            MessageType::VIDEO => Kind::Video,
            MessageType::DATA_AMF0 | MessageType::DATA_AMF3 => {
                return self.data(message, limits, each);
            }
            _ => return Ok(()),
        };
        let tag = Tag::unwrapped(kind, message.timestamp, message.payload, &mut self.clock);
        if !self.deliver.tags() {
            self.tags.read(tag, |event| each(Media::Event(event)));
        } else if !self.deliver.samples() {
            each(Media::Tag(tag));
        } else {
            each(Media::Tag(tag.clone()));
            self.tags.read(tag, |event| each(Media::Event(event)));
        }
        Ok(())
    }

    fn data(
        &mut self,
        message: Message,
        limits: &Limits,
        mut each: impl FnMut(Media),
    ) -> Result<(), Error> {
        let mut data = message.payload;
        if message.message_type == MessageType::DATA_AMF3 && data.first() == Some(&0) {
            // Data announced as AMF3 begins with a zero and goes on in AMF0.
            data.advance(1);
        }
        let mut reader = amf0::Reader::new(&data, limits);
        let mut name = reader.next().ok().flatten();
        let mut start = 0;
        if name.as_ref().and_then(amf0::Value::text) == Some("@setDataFrame") {
            start = reader.offset() as usize;
            name = reader.next().ok().flatten();
        }
        let text = name.as_ref().and_then(amf0::Value::text);
        // The last two are a server's words to its players, not part of any stream.
        if matches!(text, Some("@clearDataFrame" | "|RtmpSampleAccess" | "onStatus")) {
            return Ok(());
        }
        let values = if text == Some("onMetaData") {
            match reader.next() {
                Err(error @ Error::Limit { .. }) => return Err(error),
                values => values.ok().flatten(),
            }
        } else {
            None
        };
        let data = data.split_off(start);
        let tag = Tag::unwrapped(Kind::Script, message.timestamp, data, &mut self.clock);
        if let Some(values) = values {
            each(Media::Metadata(Metadata { values, tag }));
        } else if self.deliver.tags() {
            each(Media::Tag(tag));
        }
        Ok(())
    }
}
