use std::fmt;

use airloom_playlist::WallTime;

use crate::origin::StreamName;

/// What somebody who is let in is let in to.
#[derive(Debug, Default)]
#[must_use]
pub struct Pass {
    until: Option<WallTime>,
    stream: Option<StreamName>,
    farewells: Vec<Farewell>,
}

impl Pass {
    /// In, to what was asked for, for as long as they stay.
    pub fn new() -> Self {
        Self::default()
    }

    /// Not beyond `until`: a viewer over HTTP is asked again then. What goes on over RTMP is not
    /// cut off.
    pub fn until(mut self, until: WallTime) -> Self {
        self.until = Some(self.until.map_or(until, |before| before.min(until)));
        self
    }

    /// In, but to another stream: publishing and playing go on as if `stream` had been asked for.
    pub fn to(mut self, stream: StreamName) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Calls `farewell` when the publish or the playback is over; over HTTP, a minute or so after
    /// the last request. It must not block. Also called where the origin refuses what the gate has
    /// let in.
    pub fn on_leave(mut self, farewell: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.farewells.push(Farewell(Some(Box::new(farewell))));
        self
    }

    /// What both allow.
    pub(crate) fn and(mut self, other: Self) -> Self {
        if let Some(until) = other.until {
            self = self.until(until);
        }
        self.stream = other.stream.or(self.stream);
        self.farewells.extend(other.farewells);
        self
    }

    /// Until when it holds, if not for as long as they stay.
    pub const fn expires(&self) -> Option<WallTime> {
        self.until
    }

    /// Which stream it is for, if not the one that was asked for.
    pub const fn stream(&self) -> Option<&StreamName> {
        self.stream.as_ref()
    }
}

/// Something to be called once, at the end.
struct Farewell(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Drop for Farewell {
    fn drop(&mut self) {
        if let Some(farewell) = self.0.take() {
            farewell();
        }
    }
}

impl fmt::Debug for Farewell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Farewell")
    }
}
