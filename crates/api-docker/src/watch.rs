//! Directories that are watched for many at once, by one descriptor: the kernel has few of them for a user (inotify(7), `max_user_instances`).

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::descriptor::{Descriptor, waited};

/// Watches of directories.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    watching: Mutex<Option<Arc<Watching>>>,
}

#[derive(Debug)]
struct Watching {
    inotify: OwnedFd,
    directories: Mutex<HashMap<i32, watch::Sender<()>>>,
}

/// A directory that is watched as long as this is there.
#[derive(Debug)]
pub(crate) struct Watch {
    watching: Arc<Watching>,
    number: i32,
    receiver: watch::Receiver<()>,
}

impl Watches {
    /// Watches a directory: files in it that grow, come or go.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(crate) fn add(&self, directory: &Path) -> io::Result<Watch> {
        let watching = self.watching()?;
        let wanted = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::ONLYDIR;
        // Under the lock: whoever drops the last watch of the same directory takes it away.
        let mut directories = watching.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let number = inotify::add_watch(&watching.inotify, directory, wanted)?;
        let sender = directories.entry(number).or_insert_with(|| watch::Sender::new(()));
        let receiver = sender.subscribe();
        drop(directories);
        Ok(Watch { watching, number, receiver })
    }

    fn watching(&self) -> io::Result<Arc<Watching>> {
        let mut slot = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watching) = &*slot {
            return Ok(Arc::clone(watching));
        }
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let own = waited(inotify.try_clone()?, Interest::READABLE)?;
        let watching = Arc::new(Watching { inotify, directories: Mutex::default() });
        tokio::spawn(tell(own, Arc::clone(&watching)));
        *slot = Some(Arc::clone(&watching));
        Ok(watching)
    }
}

impl Watch {
    /// Until something changed since the last look.
    pub(crate) async fn changed(&mut self) {
        // Its sender is there as long as this is.
        let _always = self.receiver.changed().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut directories =
            self.watching.directories.lock().unwrap_or_else(PoisonError::into_inner);
        // This one's receiver counts still.
        if directories.get(&self.number).is_some_and(|sender| sender.receiver_count() == 1) {
            directories.remove(&self.number);
            let _removed = inotify::remove_watch(&self.watching.inotify, self.number);
        }
    }
}

async fn tell(inotify: AsyncFd<Descriptor<OwnedFd>>, watching: Arc<Watching>) {
    let mut space = [MaybeUninit::<u8>::uninit(); 4096];
    while let Ok(mut ready) = inotify.readable().await {
        let mut reader = inotify::Reader::new(&inotify.get_ref().0, &mut space);
        while let Ok(event) = reader.next() {
            let directories = watching.directories.lock().unwrap_or_else(PoisonError::into_inner);
            if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
                for sender in directories.values() {
                    let _nobody = sender.send(());
                }
            } else if let Some(sender) = directories.get(&event.wd()) {
                let _nobody = sender.send(());
            }
        }
        ready.clear_ready();
    }
}
