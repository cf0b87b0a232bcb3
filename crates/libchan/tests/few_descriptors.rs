//! A process that may have few descriptors, and one whose user has too many on their way: messages arrive, with bytes instead of
//! descriptors. Each is a process of its own, since its limit is one for all its threads. Sources: getrlimit(2), RLIMIT_NOFILE; unix(7),
//! "ETOOMANYREFS".

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{IoSlice, Seek, Write};
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::time::Duration;

    use libchan::{ByteReader, Descriptor, Limits, Receiver, Session, Side};
    use rustix::io::Errno;
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use rustix::process::{Resource, Rlimit, setrlimit};
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;

    /// Long enough that nothing right takes it.
    const PATIENCE: Duration = Duration::from_secs(60);
    /// Descriptors of such a process.
    const FEW: usize = 64;

    /// One test of this program alone, in a process of a user without rights that may have few descriptors.
    fn alone(test: &str) {
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join("test");
        // Where it was built he may not look.
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {FEW} && exec \"$0\" \"$@\"")]).arg(&program);
        command.args(["--exact", test, "--ignored", "--nocapture"]).current_dir("/");
        if rustix::process::geteuid().is_root() {
            let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(directory.path(), everybody).unwrap();
            command.uid(65534).gid(65534);
        }
        let output = command.output().unwrap();
        let (told, why) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && told.contains("1 passed"), "{told}{why}");
    }

    /// A receiver without room for one, and a sender with too many on their way. One after the other: what is on its way is the user's.
    #[test]
    fn who_has_no_room_for_descriptors_has_the_bytes() {
        alone("tests::without_room");
        alone("tests::too_many_on_their_way");
    }

    /// A file with that text, which has no name any more, read from its beginning.
    fn file(text: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    fn sessions() -> (Session, Session) {
        let (near, far) = UnixStream::pair().unwrap();
        let near = Session::over_unix(near, Side::Client, Limits::default());
        (near, Session::over_unix(far, Side::Server, Limits::default()))
    }

    async fn read(receiver: &mut Receiver<ByteReader>) -> String {
        let mut text = String::new();
        let reads = async {
            let mut reader = receiver.recv().await.unwrap().unwrap();
            reader.read_to_string(&mut text).await.unwrap();
        };
        tokio::time::timeout(PATIENCE, reads).await.expect("a message is lost");
        text
    }

    /// From now on this process, which is one of [`alone`].
    fn may_have(most: u64) {
        let limit = Rlimit { current: Some(most), maximum: Some(FEW as u64) };
        setrlimit(Resource::Nofile, limit).unwrap();
    }

    #[tokio::test]
    #[ignore = "part of another test, in a process of its own"]
    async fn without_room() {
        let (near, far) = sessions();
        let sender = near.open::<Descriptor>().unwrap();
        let mut receiver = far.accept::<ByteReader>().await.unwrap().unwrap();
        let mut files = ["first", "second", "third"].map(|text| Some(file(text)));
        // The first one has room.
        sender.send(files[0].take().unwrap().into()).await.unwrap();
        assert_eq!(read(&mut receiver).await, "first");
        // Those that are there stay.
        may_have(3);
        assert!(File::open("/dev/null").is_err());
        sender.send(files[1].take().unwrap().into()).await.unwrap();
        assert_eq!(read(&mut receiver).await, "second");
        // Where there is room again, what was lost is not known.
        may_have(FEW as u64);
        let other = near.open::<Descriptor>().unwrap();
        other.send(files[2].take().unwrap().into()).await.unwrap();
        let mut others = far.accept::<Descriptor>().await.unwrap().unwrap();
        let descriptor = others.recv().await.unwrap().unwrap();
        assert!(descriptor.is_proxy());
        let mut text = String::new();
        descriptor.into_stream().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "third");
    }

    #[tokio::test]
    #[ignore = "part of another test, in a process of its own"]
    async fn too_many_on_their_way() {
        let (near, far) = sessions();
        let sender = near.open::<Descriptor>().unwrap();
        let mut receiver = far.accept::<Descriptor>().await.unwrap().unwrap();
        sender.send(file("first").into()).await.unwrap();
        let first = receiver.recv().await.unwrap().unwrap();
        assert!(!first.is_proxy());
        // Nobody receives these.
        let (unread, _kept) = std::os::unix::net::UnixStream::pair().unwrap();
        let null = File::open("/dev/null").unwrap();
        let refused = (0..9).find_map(|_| pass(&unread, &null, FEW).err());
        assert_eq!(refused, Some(Errno::TOOMANYREFS));
        sender.send(file("second").into()).await.unwrap();
        let received = tokio::time::timeout(PATIENCE, receiver.recv()).await;
        let second = received.expect("the message is lost").unwrap().unwrap();
        assert!(second.is_proxy());
        let mut text = String::new();
        second.into_stream().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "second");
    }

    fn pass(
        socket: &std::os::unix::net::UnixStream,
        file: &File,
        count: usize,
    ) -> Result<usize, Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = vec![file.as_fd(); count];
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(socket, &[IoSlice::new(b"x")], &mut control, SendFlags::DONTWAIT)
    }
}
