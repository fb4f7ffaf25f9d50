use std::fs::{self, File};
use std::io::{self, BufWriter, IoSlice, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use airloom_playlist::WallTime;
use airloom_segmenter::{Init, Part, mp4};

use super::item::Item;
use super::queue::StoredGap;
use super::sheet::{CutShort, Finished, sync_folder};
use super::shelf::Shelf;
use super::stamp::{GapStamp, InitStamp, PartStamp, Stamp};
use super::timeline::Timeline;
use super::volume::{index_file, media_file};

/// One recording under way: what its stream sends goes to disk as it comes.
///
/// A volume is a fragmented MP4 file of its own, which any player opens; a stream has one for each
/// configuration of its tracks. Beside it stands its index, the same without payloads.
#[derive(Debug)]
pub(super) struct Tape {
    shelf: Arc<Shelf>,
    item: Arc<Item>,
    volume: Option<Volume>,
    /// Volumes there are.
    number: u32,
    /// In force, by track.
    inits: Vec<(u64, Init)>,
    /// Whether the volume's head does not say so yet.
    renewed: bool,
    target: Option<u32>,
    /// Stamps that go out with the next part.
    pending: Vec<u8>,
    bytes: u64,
    /// The volume that lasts longest so far, and how long that is, in milliseconds.
    longest: (u32, u64),
}

#[derive(Debug)]
struct Volume {
    media: File,
    index: Option<BufWriter<File>>,
    /// Up to where the media is whole.
    len: u64,
    /// When the recording was as long as this before its first part.
    since: u64,
    synced: Instant,
    /// Whether its name survives a loss of power.
    named: bool,
}

impl Volume {
    /// Writes on where the media is whole: what a write that failed left is not.
    fn take_back(&mut self) -> io::Result<()> {
        self.media.seek(SeekFrom::Start(self.len))?;
        self.media.set_len(self.len)
    }
}

/// Why no more goes onto a tape.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Disk(#[from] io::Error),
    #[error(transparent)]
    Head(#[from] mp4::Error),
    #[error("all recordings together are as large as the limit allows")]
    Limit,
}

impl Tape {
    pub(super) fn new(shelf: Arc<Shelf>, item: Arc<Item>) -> Self {
        Self {
            shelf,
            item,
            volume: None,
            number: 0,
            inits: Vec::new(),
            renewed: false,
            target: None,
            pending: Vec::new(),
            bytes: 0,
            longest: (1, 0),
        }
    }

    pub(super) fn item(&self) -> &Arc<Item> {
        &self.item
    }

    pub(super) fn init(&mut self, id: u64, init: Init) {
        self.inits.retain(|(_, known)| known.track != init.track);
        self.inits.push((id, init));
        self.inits.sort_by_key(|(_, init)| init.number);
        self.renewed = true;
    }

    pub(super) fn target(&mut self, seconds: u32) {
        self.target = Some(seconds);
        self.note(&Stamp::Target(seconds));
    }

    pub(super) fn gap(&mut self, gap: StoredGap, at: WallTime) {
        let StoredGap { track, sequence, start, duration, discontinuity } = gap;
        self.note(&Stamp::Gap(GapStamp { track, sequence, discontinuity, start, duration, at }));
    }

    fn note(&mut self, stamp: &Stamp) {
        stamp.encode(&mut self.pending);
        self.item.timeline(|timeline| timeline.note(stamp, self.number, 0));
    }

    /// One write.
    pub(super) fn part(&mut self, part: &Part, at: WallTime) -> Result<(), Stopped> {
        let coming = part.size as u64;
        if self.shelf.bytes.load(Relaxed).saturating_add(coming) > self.shelf.config.limits.bytes {
            return Err(Stopped::Limit);
        }
        if self.volume.is_none() || self.renewed {
            self.begin()?;
        }
        let Some(volume) = &mut self.volume else { return Ok(()) };
        let stamp = Stamp::Part(PartStamp {
            track: part.track,
            sequence: part.sequence,
            independent: part.independent,
            discontinuity: part.discontinuity,
            start: part.start,
            duration: part.duration,
            at,
            header: part.header.len() as u32,
            size: part.size as u32,
        });
        let before = self.pending.len();
        stamp.encode(&mut self.pending);
        let mut slices = Vec::with_capacity(2 + part.payload.len());
        slices.push(IoSlice::new(&self.pending));
        slices.extend(part.chunks().map(|chunk| IoSlice::new(chunk)));
        let written = self.pending.len() as u64 + coming;
        if let Err(error) = write_all(&mut volume.media, &mut slices) {
            // A part that is not whole is none. What was to stand before its stamp may find room.
            self.pending.truncate(before);
            let _ = volume.take_back();
            return Err(error.into());
        }
        volume.len += written;
        let mut counted = written;
        if let Some(index) = &mut volume.index {
            let both = index.write_all(&self.pending).and_then(|()| index.write_all(&part.header));
            counted += (self.pending.len() + part.header.len()) as u64;
            if both.is_err() {
                // The volume is its own index.
                volume.index = None;
            }
        }
        self.pending.clear();
        let offset = volume.len - coming;
        let synced = volume.synced;
        self.count(counted);
        self.item.timeline(|timeline| timeline.note(&stamp, self.number, offset));
        if synced.elapsed() >= self.shelf.config.sync {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(volume) = &mut self.volume else { return Ok(()) };
        volume.media.sync_data()?;
        if !volume.named {
            sync_folder(self.item.folder())?;
            volume.named = true;
        }
        volume.synced = Instant::now();
        Ok(())
    }

    fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.shelf.bytes.fetch_add(bytes, Relaxed);
        self.shelf.totals.written.fetch_add(bytes, Relaxed);
    }

    /// Begins a volume with the configurations in force.
    fn begin(&mut self) -> Result<(), Stopped> {
        self.finish_volume()?;
        let number = self.number + 1;
        let inits: Vec<_> = self.inits.iter().map(|(_, init)| init).collect();
        let mut head = mp4::fragmented(&inits)?.to_vec();
        let mut stamps: Vec<_> =
            self.inits.iter().map(|(id, init)| init_stamp(*id, init)).collect();
        stamps.extend(self.target.map(Stamp::Target));
        for stamp in &stamps {
            stamp.encode(&mut head);
        }
        let folder = self.item.folder();
        let mut media = File::create_new(folder.join(media_file(number)))?;
        if let Err(error) = media.write_all(&head) {
            drop(fs::remove_file(folder.join(media_file(number))));
            return Err(error.into());
        }
        // There is one more only now that whoever reads it finds it.
        self.number = number;
        self.renewed = false;
        let index = File::create(folder.join(index_file(number)));
        let index = index.map(|file| BufWriter::with_capacity(INDEX_BUFFER, file));
        let index = index.and_then(|mut index| index.write_all(&head).map(|()| index)).ok();
        let since = self.item.timeline(|timeline| {
            for stamp in &stamps {
                timeline.note(stamp, number, 0);
            }
            timeline.length()
        });
        let (len, synced) = (head.len() as u64, Instant::now());
        self.volume = Some(Volume { media, index, len, since, synced, named: false });
        self.count(len * 2);
        Ok(())
    }

    fn finish_volume(&mut self) -> io::Result<()> {
        let Some(mut volume) = self.volume.take() else { return Ok(()) };
        let length = self.item.timeline(|timeline| timeline.length()).saturating_sub(volume.since);
        if length > self.longest.1 {
            self.longest = (self.number, length);
        }
        // Gaps after the last part; without them its segment would be listed as it is.
        let trailing = std::mem::take(&mut self.pending);
        let mut written = volume.media.write_all(&trailing);
        if written.is_ok() {
            volume.len += trailing.len() as u64;
            self.count(trailing.len() as u64 * 2);
        }
        // Also what could not be taken back after a part that failed.
        written = written.and(volume.take_back());
        if let Some(mut index) = volume.index.take() {
            let own: &[u8] = if written.is_ok() { &trailing } else { &[] };
            let _ = index.write_all(own).and_then(|()| index.flush());
        }
        // What there is of it has to last all the same.
        let mut synced = volume.media.sync_data();
        if !volume.named {
            synced = synced.and(sync_folder(self.item.folder()));
        }
        written.and(synced)
    }

    /// Completes the recording with what it has.
    pub(super) fn finish(mut self, mut cut_short: Option<CutShort>) {
        self.item.timeline(Timeline::end);
        if let Err(error) = self.finish_volume() {
            tracing::warn!("recording {} not synced: {error}", self.item.id());
            cut_short = cut_short.or(Some(CutShort::Disk));
        }
        let (volumes, longest) = (self.number, self.longest.0);
        self.shelf.finish(&self.item, |duration_ms| Finished {
            duration_ms,
            bytes: self.bytes,
            volumes,
            longest,
            cut_short,
        });
    }
}

/// Bytes of an index that wait to be written together.
const INDEX_BUFFER: usize = 32 << 10;

pub(super) fn init_stamp(id: u64, init: &Init) -> Stamp {
    Stamp::Init(InitStamp {
        track: init.track,
        id,
        frame_duration: init.frame_duration,
        presentation_delay: init.presentation_delay,
        data: init.data.clone(),
    })
}

/// All of `slices`, in as few calls as the system needs.
fn write_all(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::super::Config;
    use super::super::scan;
    use super::super::testing::{events, playlist, taped};
    use super::*;
    use crate::origin::Event;

    /// Tells the process with little room that it is the one, and after how many parts it ends.
    const PARTS: &str = "AIRLOOM_TEST_TAPED_PARTS";

    fn shelf(folder: &Path) -> Arc<Shelf> {
        Arc::new(Shelf::open(folder, Config::default()).unwrap())
    }

    /// A tape of so many parts that ends with a segment, the part that comes then, and the gap that
    /// the segment is, as its last part found no room in the queue.
    fn up_to(shelf: &Arc<Shelf>, parts: usize) -> (Tape, Part, StoredGap) {
        let mut events = events();
        let part = |event: &Event| matches!(event, Event::Part { .. });
        let at: Vec<_> = (0..events.len()).filter(|at| part(&events[*at])).collect();
        let rest = events.split_off(at[parts]);
        let Some(Event::Segment { segment, .. }) = events.pop() else { panic!("not at its end") };
        let gap = StoredGap {
            track: segment.track,
            sequence: segment.sequence,
            start: segment.start,
            duration: segment.duration,
            discontinuity: segment.discontinuity,
        };
        let Event::Part { part, .. } = &rest[0] else { panic!("a part") };
        (taped(shelf, "cam", &events), part.clone(), gap)
    }

    /// The first number of parts after which a segment of several has ended.
    fn whole() -> usize {
        let mut parts = 0;
        for event in events() {
            match event {
                Event::Part { .. } => parts += 1,
                Event::Segment { .. } if parts > 12 => break,
                _ => {}
            }
        }
        parts
    }

    #[test]
    fn a_part_that_failed_leaves_nothing_and_the_gap_before_it_stays() {
        let folder = tempfile::tempdir().unwrap();
        let parts = whole();
        let (tape, part, _) = up_to(&shelf(folder.path()), parts);
        let len = tape.volume.as_ref().unwrap().len;
        // Room for a gap, and for some of the part, in blocks of 512 bytes.
        let blocks = (len + 100).div_ceil(512);
        assert!(blocks * 512 < len + 80 + part.size as u64);
        let script =
            format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact \"$1\" --nocapture");
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .arg("record::tape::tests::the_one_with_little_room")
            .env(PARTS, parts.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[test]
    fn the_one_with_little_room() {
        let Some(parts) = std::env::var_os(PARTS) else { return };
        let parts = parts.to_str().unwrap().parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let first = shelf(folder.path());
        let (mut tape, part, gap) = up_to(&first, parts);
        tape.gap(gap, WallTime::UNIX_EPOCH);
        let stopped = tape.part(&part, WallTime::UNIX_EPOCH);
        assert!(matches!(stopped, Err(Stopped::Disk(_))), "{stopped:?}");
        let item = Arc::clone(tape.item());
        tape.finish(Some(CutShort::Disk));
        let told = playlist(&first, &item);
        assert_eq!(told.matches("#EXT-X-GAP").count(), 1, "{told}");

        let path = item.folder().join(media_file(1));
        let len = fs::metadata(&path).unwrap().len();
        let whole = scan::media(&mut File::open(&path).unwrap(), |_| {}).unwrap();
        assert_eq!((whole.media, whole.parts), (len, parts as u64), "no hole, and nothing behind");
        let index = scan::index(&item.folder().join(index_file(1)), len, |_| {}).unwrap();
        assert_eq!((index.media, index.parts), (len, parts as u64), "and its index says the same");
        let again = shelf(folder.path());
        assert_eq!(playlist(&again, &again.item(item.id()).unwrap()), told);
    }
}
