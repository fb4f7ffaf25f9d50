//! What is in the file: tracks and samples, in the order they are decoded.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use airloom_rtmp::flv::{self, Event, TagReader};
use airloom_segmenter::mp4::{self, Demuxer};
use bytes::Bytes;

use crate::Package;

impl Package {
    pub(crate) fn read(&mut self, input: &mut BufReader<File>) -> Result<(), Box<dyn Error>> {
        let mut magic = [0; 3];
        input.read_exact(&mut magic)?;
        input.rewind()?;
        if magic == *b"FLV" { self.flv(input) } else { self.mp4(input) }
    }

    /// Reads the file's tables, then its samples one by one: nothing of it is held.
    fn mp4(&mut self, input: &mut BufReader<File>) -> Result<(), Box<dyn Error>> {
        let mut demuxer = Demuxer::new(self.len, mp4::Limits::default());
        while let Some(range) = demuxer.poll_request() {
            let mut data = Vec::new();
            input.seek(SeekFrom::Start(range.start))?;
            input.take(range.end - range.start).read_to_end(&mut data)?;
            demuxer.handle_input(data.into())?;
        }
        let index = demuxer.finish()?;
        index.skipped().iter().for_each(|it| println!("left out: {} ({})", it.handler, it.error));
        index.damage().iter().for_each(|it| println!("the file is damaged: {it}"));
        index.tracks().iter().try_for_each(|track| self.track(track.track().clone()))?;
        for entry in index.entries() {
            let mut data = vec![0; entry.size as usize];
            let at = input.stream_position()?;
            input.seek_relative(entry.offset as i64 - at as i64)?;
            input.read_exact(&mut data)?;
            self.sample(entry.sample(data.into()), entry.offset)?;
        }
        Ok(())
    }

    fn flv(&mut self, input: &mut BufReader<File>) -> Result<(), Box<dyn Error>> {
        let mut demuxer = flv::Demuxer::new(airloom_rtmp::Limits::default());
        let (mut reader, mut buffer) = (TagReader::new(), vec![0; 1 << 18]);
        loop {
            let read = input.read(&mut buffer)?;
            let mut piece = Bytes::copy_from_slice(&buffer[..read]);
            let mut events = Vec::new();
            while let Some(tag) = demuxer.read(&mut piece)? {
                reader.read(&tag, |event| events.push(event));
            }
            for event in events {
                match event {
                    Event::Track(track) => self.track(track)?,
                    Event::Sample(sample) => self.sample(sample, input.stream_position()?)?,
                    skipped => println!("left out: {skipped:?}"),
                }
            }
            if read == 0 {
                return Ok(());
            }
        }
    }
}
