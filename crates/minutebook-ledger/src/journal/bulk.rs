//! A whole journal written at once, from frames that were recorded elsewhere. Nobody reads it and nothing is
//! acknowledged before it is complete, so that each file is synced once, when its last frame is in it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::segment::{self, HEADER_BYTES, sync_dir};
use super::{JournalOptions, byte_count, segment_bytes};
use crate::frame::EncodedFrame;
use crate::log::IoFailure;

/// A journal in the making.
#[derive(Debug)]
pub(crate) struct Bulk {
    dir: PathBuf,
    options: JournalOptions,
    number: u32,
    segment: Option<(BufWriter<File>, u64)>,
}

impl Bulk {
    /// Begins one in a directory that is made for it.
    pub(crate) fn begin(dir: &Path, options: JournalOptions) -> Result<Self, IoFailure> {
        fs::create_dir_all(dir).map_err(IoFailure::of("create", dir))?;
        Ok(Self { dir: dir.into(), options, number: 0, segment: None })
    }

    /// Adds the next frame.
    pub(crate) fn push(&mut self, frame: &EncodedFrame) -> Result<(), IoFailure> {
        self.write(frame).map_err(IoFailure::of("write", &self.dir))
    }

    fn write(&mut self, frame: &EncodedFrame) -> io::Result<()> {
        let bytes = byte_count(frame);
        let room = segment_bytes(self.number, &self.options);
        if self.segment.as_ref().is_none_or(|(_, offset)| offset.saturating_add(bytes) > room) {
            self.end_segment()?;
            self.number = self.number.saturating_add(1);
            let mut file = BufWriter::new(File::create_new(self.dir.join(segment::name(self.number)))?);
            file.write_all(&segment::header(frame.first(), frame.previous()))?;
            self.segment = Some((file, HEADER_BYTES));
        }
        if let Some((file, offset)) = &mut self.segment {
            file.write_all(frame.bytes())?;
            *offset = offset.saturating_add(bytes);
        }
        Ok(())
    }

    fn end_segment(&mut self) -> io::Result<()> {
        self.segment.take().map_or(Ok(()), |(file, _)| file.into_inner()?.sync_all())
    }

    /// Makes all of it durable.
    pub(crate) fn finish(mut self) -> Result<(), IoFailure> {
        self.end_segment().and_then(|()| sync_dir(&self.dir)).map_err(IoFailure::of("sync", &self.dir))
    }
}
