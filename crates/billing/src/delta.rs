use serde::{Deserialize, Serialize};

use crate::{Dimensions, Name, WallTime};

/// What one producer counted since its previous delta, to be applied exactly once.
///
/// A producer is one incarnation of one process: it picks an epoch greater than any it used
/// before when it starts and numbers its deltas from 1 within it. The receiver keeps the highest
/// sequence it applied for each producer and epoch: the next number is applied, an older one is
/// a duplicate, a later one is refused until the missing one has come. The mark moves in the same
/// group of the log as the usage, so that neither can survive without the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Who counted; unique in the cluster (a node's name, not its address).
    pub producer: Name,
    /// Which life of the producer; greater with each restart.
    pub epoch: u64,
    /// The delta's place in the epoch, from 1, without gaps.
    pub sequence: u64,
    /// What was counted, at most [`Limits::entries`](crate::Limits::entries).
    pub entries: Vec<Entry>,
}

/// One counter's part of a [`Delta`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Who used it.
    pub tenant: Name,
    /// What was used; the meter must be a sum.
    pub meter: Name,
    /// What the usage is told apart by.
    pub dimensions: Dimensions,
    /// When: any time within the window the usage belongs to.
    pub time: WallTime,
    /// How much, in the meter's unit.
    pub quantity: u64,
}
