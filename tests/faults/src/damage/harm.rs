//! What is done to a file.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::sound::Sound;
use crate::dice::Dice;

const PAGE: usize = 4096;

/// The six kinds of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One bit is another one.
    Flip,
    /// The end is missing.
    Truncate,
    /// 4 KiB are zero.
    Zero,
    /// 4 KiB are those of another place of the same file.
    Misdirect,
    /// The file is as it was earlier, or another one of its kind.
    Stale,
    /// The file is gone.
    Delete,
}

const KINDS: [Kind; 6] = [Kind::Flip, Kind::Truncate, Kind::Zero, Kind::Misdirect, Kind::Stale, Kind::Delete];

/// What was done.
#[derive(Debug)]
pub(crate) struct Harm {
    /// The file, below the data directory.
    pub(crate) file: PathBuf,
    pub(crate) kind: Kind,
    /// The first byte that differs.
    pub(crate) offset: usize,
    /// Whether it differs only after the last byte that means anything.
    pub(crate) is_after_end: bool,
    /// What the file is now; none where it is gone.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Harm {
    /// Damages one file of a copy. Which, and how, follows from the number of the trial: every file meets every kind.
    pub(crate) fn inflict(sound: &Sound, data: &Path, number: u64, dice: &mut Dice) -> Result<Self> {
        let number = usize::try_from(number)?;
        let files = sound.files.len().max(1);
        let file = sound.files.get(number % files).context("there are no files")?;
        let before = fs::read(data.join(file))?;
        for turn in 0..KINDS.len() {
            let Some(kind) = KINDS.get((number / files + turn) % KINDS.len()).copied() else { continue };
            // What can be done to one file, such as an empty one, is nothing to another.
            let bytes = match harmed(sound, file, kind, &before, dice)? {
                Became::Same => continue,
                Became::Gone => None,
                Became::Other(bytes) => Some(bytes),
            };
            match &bytes {
                Some(bytes) => fs::write(data.join(file), bytes)?,
                None => fs::remove_file(data.join(file))?,
            }
            let offset = first_difference(&before, bytes.as_deref().unwrap_or_default());
            let is_after_end = bytes.is_some() && offset >= end(&before);
            return Ok(Self { file: file.clone(), kind, offset, is_after_end, bytes });
        }
        bail!("nothing can be done to `{}`", file.display())
    }
}

/// What a file becomes.
enum Became {
    /// Nothing else: that kind of damage leaves it as it is.
    Same,
    Other(Vec<u8>),
    Gone,
}

/// What a file becomes by a kind of damage.
fn harmed(sound: &Sound, file: &Path, kind: Kind, before: &[u8], dice: &mut Dice) -> Result<Became> {
    let mut bytes = before.to_vec();
    // Mostly where something stands, sometimes after it.
    let span = if dice.one_in(8) { before.len() } else { end(before) };
    let at = usize::try_from(dice.below(u64::try_from(span)?))?;
    let page = at - at % PAGE;
    match kind {
        Kind::Flip => {
            let bit = dice.below(8);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
        }
        Kind::Truncate => bytes.truncate(at),
        Kind::Zero => bytes.iter_mut().skip(page).take(PAGE).for_each(|byte| *byte = 0),
        Kind::Misdirect => {
            let pages = u64::try_from(before.len().div_ceil(PAGE))?;
            let from = usize::try_from(dice.below(pages))?.saturating_mul(PAGE);
            let source = before.iter().skip(from).take(PAGE);
            bytes.iter_mut().skip(page).zip(source).for_each(|(byte, other)| *byte = *other);
        }
        Kind::Stale => match stale(sound, file, before)? {
            Some(stale) => bytes = stale,
            None => return Ok(Became::Same),
        },
        Kind::Delete => return Ok(Became::Gone),
    }
    Ok(if bytes == before { Became::Same } else { Became::Other(bytes) })
}

/// The file as it was earlier; for one that never changes or was not there, another of its kind.
fn stale(sound: &Sound, file: &Path, before: &[u8]) -> Result<Option<Vec<u8>>> {
    let earlier = sound.stale.iter().map(|data| data.join(file)).filter(|path| path.is_file());
    let kin = sound.files.iter().filter(|other| *other != file && other.extension() == file.extension());
    let kin = kin.filter(|other| file.extension().is_some() && other.parent() == file.parent());
    for path in earlier.chain(kin.map(|other| sound.data.join(other))) {
        let bytes = fs::read(path)?;
        if bytes != before {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Where what means something ends: the rest is zero.
fn end(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last.saturating_add(1))
}

fn first_difference(before: &[u8], after: &[u8]) -> usize {
    let same = before.iter().zip(after).position(|(a, b)| a != b);
    same.unwrap_or_else(|| before.len().min(after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_after_the_last_byte_that_means_something() {
        assert_eq!((end(b"ab\0c\0\0"), end(b"\0\0"), end(b"")), (4, 0, 0));
        assert_eq!((first_difference(b"abc", b"axc"), first_difference(b"abc", b"ab")), (1, 2));
    }
}
