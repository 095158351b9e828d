//! Gives snapshots the fingerprint of the code that folds events into a book. A book folded by other code may have
//! another layout, which bincode would not notice, or other content, which nobody would.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::Hasher as _;
use std::io;
use std::path::{Path, PathBuf};

const FOLDING: [&str; 2] = ["../minutebook-domain/src", "../minutebook-proto/src"];

fn main() -> io::Result<()> {
    let mut hasher = DefaultHasher::new();
    for dir in FOLDING {
        println!("cargo::rerun-if-changed={dir}");
        for file in files(Path::new(dir))? {
            hasher.write(&fs::read(file)?);
        }
    }
    println!("cargo::rustc-env=MINUTEBOOK_FOLDING={:016x}", hasher.finish());
    Ok(())
}

/// The files below a directory, in the order of their paths.
fn files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() { files.append(&mut self::files(&path)?) } else { files.push(path) }
    }
    Ok(files)
}
