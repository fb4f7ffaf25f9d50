//! Server-sent events out of entries.

use std::fmt::Write as _;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::{Cursor, Epoch, Offset};

/// Writes the stretch `range` of `epoch`, of which `items` are shown, in rising order.
///
/// What is missing is said by `gap` events between `batch` events, in the order of the offsets,
/// so that a reader's position only ever rises. Where that would take more than `quota` events,
/// one `gap` spans all that is missing and names in `except` what comes all the same, one `batch`
/// follows, and another `gap` where something is missing behind it. Returns the number of events.
pub(super) fn stretch<'a>(
    out: &mut BytesMut,
    epoch: Epoch,
    range: Range<u64>,
    items: impl Iterator<Item = (u64, &'a Bytes)> + Clone,
    quota: u32,
) -> u32 {
    let Shape { events, missing, last, bytes } = shape(&range, items.clone());
    if events == 0 {
        return 0;
    }
    out.reserve(bytes + events as usize * 96);
    let least = 2 + u32::from(last < range.end);
    if events > quota.max(least) {
        spanning_gap(out, &missing, items.clone());
        batch(out, epoch, items);
        if last < range.end {
            gap(out, epoch, last..range.end);
        }
        return least;
    }
    let mut next = range.start;
    let mut open = false;
    for (offset, json) in items {
        if offset != next {
            if open {
                end_batch(out, epoch, next - 1);
            }
            open = false;
            gap(out, epoch, next..offset);
        }
        out.extend_from_slice(if open { b"," } else { b"event: batch\ndata: {\"entries\":[" });
        out.extend_from_slice(json);
        open = true;
        next = offset + 1;
    }
    if open {
        end_batch(out, epoch, next - 1);
    }
    if next < range.end {
        gap(out, epoch, next..range.end);
    }
    events
}

/// How many events the stretch cannot do without: none, a batch or a gap, or both.
pub(super) fn least<'a>(range: &Range<u64>, items: impl Iterator<Item = (u64, &'a Bytes)>) -> u32 {
    shape(range, items).events.min(2)
}

struct Shape {
    events: u32,
    /// From the first that is missing to the last with something shown after it.
    missing: Range<u64>,
    /// Behind the last that is shown.
    last: u64,
    bytes: usize,
}

fn shape<'a>(range: &Range<u64>, items: impl Iterator<Item = (u64, &'a Bytes)>) -> Shape {
    let mut shape =
        Shape { events: 0, missing: range.end..range.start, last: range.start, bytes: 0 };
    let mut next = range.start;
    let mut open = false;
    let mut miss = |from: u64, to: u64| {
        shape.missing.start = shape.missing.start.min(from);
        shape.missing.end = to;
    };
    for (offset, json) in items {
        if offset != next {
            miss(next, offset);
            shape.events += 1;
            open = false;
        }
        shape.events += u32::from(!open);
        shape.bytes += json.len() + 1;
        open = true;
        next = offset + 1;
    }
    shape.events += u32::from(next < range.end);
    shape.last = next;
    shape
}

fn batch<'a>(out: &mut BytesMut, epoch: Epoch, items: impl Iterator<Item = (u64, &'a Bytes)>) {
    let mut last = 0;
    for (index, (offset, json)) in items.enumerate() {
        out.extend_from_slice(if index > 0 { b"," } else { b"event: batch\ndata: {\"entries\":[" });
        out.extend_from_slice(json);
        last = offset;
    }
    end_batch(out, epoch, last);
}

fn end_batch(out: &mut BytesMut, epoch: Epoch, last: u64) {
    line(out, format_args!("]}}\nid: {}\n\n", cursor(epoch, last)));
}

/// The gap moves the reader's cursor too: what it covers is settled.
fn gap(out: &mut BytesMut, epoch: Epoch, range: Range<u64>) {
    let (from, to) = (range.start, range.end - 1);
    line(
        out,
        format_args!(
            "event: gap\nid: {}\ndata: {{\"from\":{from},\"to\":{to}}}\n\n",
            cursor(epoch, to)
        ),
    );
}

/// Without an id: the entries it spans come after it.
fn spanning_gap<'a>(
    out: &mut BytesMut,
    missing: &Range<u64>,
    items: impl Iterator<Item = (u64, &'a Bytes)>,
) {
    let (from, to) = (missing.start, missing.end - 1);
    line(out, format_args!("event: gap\ndata: {{\"from\":{from},\"to\":{to},\"except\":["));
    let inside = items.map(|(offset, _)| offset).filter(|offset| missing.contains(offset));
    for (index, offset) in inside.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        line(out, format_args!("{comma}{offset}"));
    }
    out.extend_from_slice(b"]}\n\n");
}

/// That what the reader holds is of another life of the room. From here on it has `offset`.
pub(super) fn reset(out: &mut BytesMut, epoch: Epoch, offset: u64) {
    line(
        out,
        format_args!(
            "event: reset\nid: {}\ndata: {{\"epoch\":\"{epoch}\"}}\n\n",
            cursor(epoch, offset)
        ),
    );
}

/// Whether this node hears the others.
pub(super) const fn link(severed: bool) -> &'static [u8] {
    if severed {
        b"event: link\ndata: {\"connected\":false}\n\n"
    } else {
        b"event: link\ndata: {\"connected\":true}\n\n"
    }
}

fn cursor(epoch: Epoch, offset: u64) -> Cursor {
    Cursor { epoch, offset: Offset::new(offset) }
}

pub(super) fn line(out: &mut BytesMut, arguments: std::fmt::Arguments<'_>) {
    // Writing into memory of our own does not fail.
    let _ = out.write_fmt(arguments);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(range: Range<u64>, shown: &[u64]) -> (u32, String) {
        let shown: Vec<_> = shown.iter().map(|it| (*it, Bytes::from(it.to_string()))).collect();
        let mut out = BytesMut::new();
        let items = shown.iter().map(|(offset, json)| (*offset, json));
        let events = stretch(&mut out, Epoch::new(0xe), range, items, 4);
        (events, String::from_utf8(out.to_vec()).unwrap())
    }

    #[test]
    fn a_whole_stretch_is_one_batch() {
        let (events, text) = said(1..4, &[1, 2, 3]);
        assert_eq!(events, 1);
        assert_eq!(text, "event: batch\ndata: {\"entries\":[1,2,3]}\nid: e:3\n\n");
        assert_eq!(said(4..4, &[]), (0, String::new()));
    }

    #[test]
    fn gaps_stand_where_the_missing_ones_would() {
        let (events, text) = said(1..10, &[3, 4, 7, 9]);
        assert_eq!(events, 2, "two batches and three gaps would be too many");
        assert!(text.starts_with("event: gap\ndata: {\"from\":1,\"to\":8,\"except\":[3,4,7]}\n\n"));
        let (events, text) = said(1..8, &[3, 4, 7]);
        assert_eq!(events, 4);
        assert_eq!(
            text,
            "event: gap\nid: e:2\ndata: {\"from\":1,\"to\":2}\n\n\
             event: batch\ndata: {\"entries\":[3,4]}\nid: e:4\n\n\
             event: gap\nid: e:6\ndata: {\"from\":5,\"to\":6}\n\n\
             event: batch\ndata: {\"entries\":[7]}\nid: e:7\n\n"
        );
        assert_eq!(said(1..3, &[]).1, "event: gap\nid: e:2\ndata: {\"from\":1,\"to\":2}\n\n");
    }
}
