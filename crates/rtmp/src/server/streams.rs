use super::RequestId;
use crate::inlet::Inlet;
use crate::{Error, Limits};

/// What a message stream is used for.
#[derive(Debug)]
pub(super) enum Role {
    Idle,
    Publishing { request: RequestId, name: String, inlet: Box<Inlet> },
    Playing(Playback),
}

/// What a player asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Playback {
    pub(super) request: RequestId,
    /// `receiveAudio` and `receiveVideo`.
    pub(super) audio: bool,
    pub(super) video: bool,
}

/// The message streams of a connection. They are few, so they are looked for one by one.
#[derive(Debug)]
pub(super) struct Streams {
    open: Vec<(u32, Role)>,
    max: usize,
}

impl Streams {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { open: Vec::new(), max: limits.message_streams }
    }

    /// A new stream, for `createStream`: the lowest number that is free, from 1.
    pub(super) fn create(&mut self) -> Result<u32, Error> {
        let mut id = 1;
        while self.open.iter().any(|(used, _)| *used == id) {
            id += 1;
        }
        self.role(id)?;
        Ok(id)
    }

    /// The role of stream `id`, which is opened if it was not: some peers publish on streams that
    /// they never created.
    pub(super) fn role(&mut self, id: u32) -> Result<&mut Role, Error> {
        let found = self.open.iter().position(|(open, _)| *open == id);
        let index = match found {
            Some(index) => index,
            None if self.open.len() < self.max => {
                self.open.push((id, Role::Idle));
                self.open.len() - 1
            }
            None => {
                let max = self.max as u64;
                return Err(Error::Limit { limit: "message_streams", value: max + 1, max });
            }
        };
        self.open.get_mut(index).map(|(_, role)| role).ok_or(Error::Closed)
    }

    /// The role of stream `id`, if it is open.
    pub(super) fn find(&mut self, id: u32) -> Option<&mut Role> {
        self.open.iter_mut().find(|(open, _)| *open == id).map(|(_, role)| role)
    }

    /// Closes stream `id`, and answers what it was used for.
    pub(super) fn remove(&mut self, id: u32) -> Option<Role> {
        let index = self.open.iter().position(|(open, _)| *open == id)?;
        Some(self.open.swap_remove(index).1)
    }

    /// The playback that `request` began, and its stream.
    pub(super) fn playback(&self, request: RequestId) -> Option<(u32, Playback)> {
        self.open.iter().find_map(|(id, role)| match role {
            Role::Playing(playback) if playback.request == request => Some((*id, *playback)),
            _ => None,
        })
    }

    /// The stream that publishes `name`; the first that publishes, where the name is empty.
    pub(super) fn publication(&self, name: &str) -> Option<u32> {
        self.open.iter().find_map(|(id, role)| match role {
            Role::Publishing { name: published, .. } if name.is_empty() || published == name => {
                Some(*id)
            }
            _ => None,
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Role)> {
        self.open.iter().map(|(id, role)| (*id, role))
    }
}
