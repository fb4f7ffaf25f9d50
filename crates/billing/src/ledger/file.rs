#![expect(clippy::disallowed_types, reason = "this is the file backend behind `Storage`")]

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::Storage;
use crate::{Fault, FaultKind};

/// A [`Storage`] of files in one directory, held by one process at a time.
///
/// The one part of this crate that does input and output. It is here, behind the trait, because
/// a ledger without a durable storage is half a ledger, and what has to be synced when is part of
/// its correctness; rating, aggregation and everything else know the trait at most.
///
/// Content is synced with `fdatasync`, names with an `fsync` of the directory.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Held open for its lock, which the system drops with the process.
    _lock: File,
    /// The file appended to last, kept open.
    open: Option<(String, File)>,
    /// Files whose names may not have reached the disk.
    unnamed: Vec<String>,
}

const LOCK: &str = "lock";

impl Directory {
    /// Opens `path`, creating it where it is missing, and locks it.
    ///
    /// # Errors
    ///
    /// A [`Fault`]: [`FaultKind::Busy`] where another process holds the directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Fault> {
        let path = path.as_ref().to_owned();
        fs::create_dir_all(&path).map_err(fault("create directory"))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join(LOCK))
            .map_err(fault("open lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Fault { operation: "lock", kind: FaultKind::Busy, os: None });
            }
            Err(TryLockError::Error(error)) => return Err(fault("lock")(error)),
        }
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_directory(parent)?;
        }
        Ok(Self { path, _lock: lock, open: None, unnamed: Vec::new() })
    }

    fn file(&mut self, operation: &'static str, name: &str) -> Result<&mut File, Fault> {
        let file = match self.open.take() {
            Some((held, file)) if held == name => file,
            _ => OpenOptions::new()
                .append(true)
                .open(self.path.join(name))
                .map_err(fault(operation))?,
        };
        Ok(&mut self.open.insert((name.to_owned(), file)).1)
    }
}

fn fault(operation: &'static str) -> impl Fn(io::Error) -> Fault {
    move |error| Fault {
        operation,
        kind: match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                FaultKind::Full
            }
            ErrorKind::NotFound => FaultKind::Missing,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => FaultKind::Denied,
            _ => FaultKind::Other,
        },
        os: error.raw_os_error(),
    }
}

fn sync_directory(path: &Path) -> Result<(), Fault> {
    // Directories cannot be opened as files everywhere; where they cannot, names are durable by
    // the file system's own rules.
    if cfg!(unix) {
        File::open(path).and_then(|directory| directory.sync_all()).map_err(fault("sync directory"))
    } else {
        Ok(())
    }
}

impl Storage for Directory {
    fn list(&self) -> Result<Vec<(String, u64)>, Fault> {
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(fault("list"))? {
            let entry = entry.map_err(fault("list"))?;
            let metadata = entry.metadata().map_err(fault("list"))?;
            if let (true, Ok(name)) = (metadata.is_file(), entry.file_name().into_string())
                && name != LOCK
            {
                blobs.push((name, metadata.len()));
            }
        }
        Ok(blobs)
    }

    fn read(&self, name: &str, offset: u64) -> Result<Vec<u8>, Fault> {
        let mut file = File::open(self.path.join(name)).map_err(fault("read"))?;
        file.seek(SeekFrom::Start(offset)).map_err(fault("read"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(fault("read"))?;
        Ok(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        if self.open.as_ref().is_none_or(|(held, _)| held != name) {
            let path = self.path.join(name);
            let known = path.try_exists().map_err(fault("append"))?;
            let file = OpenOptions::new().create(true).append(true).open(path);
            if !known {
                self.unnamed.push(name.to_owned());
            }
            self.open = Some((name.to_owned(), file.map_err(fault("append"))?));
        }
        self.file("append", name)?.write_all(bytes).map_err(fault("append"))
    }

    fn rewrite(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let file = OpenOptions::new().write(true).open(self.path.join(name));
        let mut file = file.map_err(fault("rewrite"))?;
        file.seek(SeekFrom::Start(offset)).map_err(fault("rewrite"))?;
        file.write_all(bytes).map_err(fault("rewrite"))
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), Fault> {
        self.file("truncate", name)?.set_len(len).map_err(fault("truncate"))
    }

    fn sync(&mut self, name: &str) -> Result<(), Fault> {
        self.file("sync", name)?.sync_data().map_err(fault("sync"))?;
        if self.unnamed.iter().any(|unnamed| unnamed == name) {
            sync_directory(&self.path)?;
            self.unnamed.retain(|unnamed| unnamed != name);
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), Fault> {
        self.open.take_if(|(held, _)| held == name);
        self.unnamed.retain(|unnamed| unnamed != name);
        fs::remove_file(self.path.join(name)).map_err(fault("remove"))?;
        sync_directory(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder() {
        let directory = tempfile::tempdir().expect("a directory");
        let held = Directory::open(directory.path()).expect("the first");
        let second = Directory::open(directory.path()).expect_err("the second");
        assert_eq!(second.kind, FaultKind::Busy);
        drop(held);
        Directory::open(directory.path()).expect("after the first is gone");
    }

    #[test]
    fn bytes_come_back_after_every_change() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut storage = Directory::open(directory.path()).expect("open");
        storage.append("a", b"12345678").expect("append");
        storage.append("b", b"x").expect("append");
        storage.append("a", b"9").expect("append");
        storage.truncate("a", 4).expect("truncate");
        storage.append("a", b"!").expect("append");
        storage.rewrite("a", 1, b"23").expect("rewrite");
        storage.sync("a").expect("sync");
        assert_eq!(storage.read("a", 1).expect("read"), b"234!");
        storage.remove("b").expect("remove");
        assert_eq!(storage.list().expect("list"), [("a".to_owned(), 5)]);
        assert_eq!(storage.read("b", 0).expect_err("gone").kind, FaultKind::Missing);
    }
}
