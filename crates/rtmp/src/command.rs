use bytes::{Buf, Bytes};

use crate::amf0::{self, Text, Value};
use crate::{Error, Limits, Message, MessageType, amf3};

/// A command: a call, its result, or a status (RTMP 1.0, 7.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: Text,
    pub(crate) transaction: Transaction,
    /// The command object, then the arguments.
    pub(crate) values: Vec<Value>,
}

/// A transaction id: a double on the wire, kept bit by bit since all it is used for is to be sent
/// back. Zero asks for no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transaction(u64);

impl Transaction {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn new(id: u32) -> Self {
        Self((id as f64).to_bits())
    }

    pub(crate) fn is_none(self) -> bool {
        f64::from_bits(self.0) == 0.0
    }
}

impl Command {
    pub(crate) fn new(name: &str, transaction: Transaction, values: Vec<Value>) -> Self {
        Self { name: name.into(), transaction, values }
    }

    /// `onStatus` (7.2.2): a level, a code, and words for people.
    pub(crate) fn status(level: &str, code: &str, description: &str) -> Self {
        Self::new("onStatus", Transaction::NONE, vec![Value::Null, info(level, code, description)])
    }

    /// Reads a command message, AMF0 or the AMF3 kind that wraps it. `None` where it does not
    /// begin as a command does.
    ///
    /// Values are read as far as they can be: some peers put things behind the arguments that are
    /// not AMF0. What breaks a limit is an error.
    pub(crate) fn decode(message: &Message, limits: &Limits) -> Result<Option<Self>, Error> {
        let mut payload = message.payload.clone();
        if message.message_type == MessageType::COMMAND_AMF3 && payload.first() == Some(&0) {
            payload.advance(1);
        }
        let mut reader = amf0::Reader::new(&payload, limits);
        let Some(Value::String(name)) = reader.next()? else { return Ok(None) };
        let transaction = reader.next()?.and_then(|value| value.number()).unwrap_or_default();
        let mut values = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(value)) => values.push(value),
                Err(error @ Error::Limit { .. }) => return Err(error),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(Some(Self { name, transaction: Transaction(transaction.to_bits()), values }))
    }

    pub(crate) fn encode(&self) -> Result<Bytes, Error> {
        let mut out = Vec::new();
        amf0::encode(&Value::String(self.name.clone()), &mut out)?;
        amf0::encode(&Value::Number(f64::from_bits(self.transaction.0)), &mut out)?;
        for value in &self.values {
            amf0::encode(value, &mut out)?;
        }
        Ok(out.into())
    }

    /// The argument at `index`, not counting the command object.
    pub(crate) fn argument(&self, index: usize) -> Option<&Value> {
        self.values.get(index + 1)
    }

    /// The argument at `index` as text; empty where it is none.
    pub(crate) fn text(&self, index: usize) -> String {
        match self.argument(index) {
            Some(Value::String(text) | Value::Amf3(amf3::Value::String(text))) => {
                text.to_string_lossy().into_owned()
            }
            _ => String::new(),
        }
    }
}

/// The information object of results and statuses.
pub(crate) fn info(level: &str, code: &str, description: &str) -> Value {
    Value::object([
        ("level", Value::from(level)),
        ("code", Value::from(code)),
        ("description", Value::from(description)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_arguments_and_is_not_amf0_is_left_alone() {
        let command = Command::new("publish", Transaction::new(5), vec![Value::Null]);
        let mut payload = vec![0];
        payload.extend_from_slice(&command.encode().unwrap());
        payload.extend([0x11, 0x0A, 0x07]);
        let message = Message {
            chunk_stream: 3,
            timestamp: 0,
            message_type: MessageType::COMMAND_AMF3,
            message_stream: 1,
            payload: payload.into(),
        };
        assert_eq!(Command::decode(&message, &Limits::default()), Ok(Some(command)));
    }
}
