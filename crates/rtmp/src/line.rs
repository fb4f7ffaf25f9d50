use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::connection::Connection;
use crate::event_queue::EventQueue;
use crate::{Closed, Error, Message, MessageType, aggregate};

/// A connection and what its session has to say, until one of the two ends it: what sessions of
/// both sides do alike.
#[derive(Debug)]
pub(crate) struct Line<O> {
    pub(crate) connection: Connection,
    pub(crate) events: EventQueue<O>,
    aggregate: Option<aggregate::Parts>,
    closed: Option<Closed>,
    closed_told: bool,
}

/// What every session says.
pub(crate) trait Said {
    fn send(bytes: Bytes) -> Self;
    fn closed(closed: Closed) -> Self;
}

impl<O: Said> Line<O> {
    pub(crate) const fn new(connection: Connection) -> Self {
        Self {
            connection,
            events: EventQueue::new(),
            aggregate: None,
            closed: None,
            closed_told: false,
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.closed.is_some()
    }

    pub(crate) const fn check_open(&self) -> Result<(), Error> {
        if self.is_over() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Ends with a failure.
    pub(crate) fn or_close(&mut self, result: Result<(), Error>) -> Result<(), Error> {
        if let Err(error) = result {
            self.close(Closed::Failed(error));
        }
        result
    }

    pub(crate) fn close(&mut self, closed: Closed) {
        self.closed.get_or_insert(closed);
        self.aggregate = None;
        self.connection.stop_reading();
    }

    pub(crate) fn receive(&mut self, now: Duration, input: BytesMut) -> Result<(), Error> {
        self.check_open()?;
        self.connection.receive(now, input);
        Ok(())
    }

    /// Whether input waited for room, and now there is some.
    pub(crate) fn has_room_for_waiting(&self) -> bool {
        let waiting = self.aggregate.is_some() || self.connection.has_input();
        waiting && self.events.is_empty() && !self.is_over()
    }

    /// The next message that the session has to look at, while there is room for what becomes of
    /// it: those of an aggregate one by one, where they are media.
    pub(crate) fn next_message(&mut self) -> Result<Option<Message>, Error> {
        while !self.is_over() && !self.events.is_full(&self.connection.config().limits) {
            if let Some(parts) = &mut self.aggregate {
                match parts.next().transpose()? {
                    Some(part) if part.message_type.is_media() => return Ok(Some(part)),
                    Some(_) => {}
                    None => self.aggregate = None,
                }
                continue;
            }
            match self.connection.next_message()? {
                Some(message) if message.message_type == MessageType::AGGREGATE => {
                    self.aggregate = Some(aggregate::Parts::new(message));
                }
                message => return Ok(message),
            }
        }
        Ok(None)
    }

    /// The next thing to say: events before bytes, the end last of all.
    pub(crate) fn poll(&mut self) -> Option<O> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        if let Some(bytes) = self.connection.poll_send() {
            return Some(O::send(bytes));
        }
        if self.closed_told {
            return None;
        }
        let closed = self.closed?;
        self.closed_told = true;
        Some(O::closed(closed))
    }

    pub(crate) fn poll_timeout(&self) -> Option<Duration> {
        if self.is_over() { None } else { Some(self.connection.poll_timeout()) }
    }

    pub(crate) fn handle_timeout(&mut self, now: Duration) -> Result<(), Error> {
        if self.is_over() {
            return Ok(());
        }
        let timeout = self.connection.handle_timeout(now);
        self.or_close(timeout)
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.connection.held_bytes() + self.aggregate.as_ref().map_or(0, aggregate::Parts::len)
    }
}
