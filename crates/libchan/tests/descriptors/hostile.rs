//! What a peer does with descriptors that is not right: told, bounded, and nothing stays open.

#[cfg(test)]
mod tests {
    use std::io::{IoSlice, PipeReader};
    use std::mem::MaybeUninit;
    use std::os::fd::AsFd;
    use std::time::Duration;

    use libchan::{Descriptor, Error, Limits, Session, Side};
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use spdy::{Headers, Opening, Timer};
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;
    use tokio::net::unix::pipe::Receiver;

    use crate::tests::first;

    /// Long enough that nothing right takes it.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A session, a peer of it that says what it likes, and its socket.
    struct Peers {
        session: Session,
        hostile: spdy::Session,
        socket: std::os::unix::net::UnixStream,
    }

    fn peers() -> Peers {
        let (near, far) = UnixStream::pair().unwrap();
        let far = far.into_std().unwrap();
        let socket = far.try_clone().unwrap();
        let timer = Timer::new(tokio::time::sleep);
        let far = UnixStream::from_std(far).unwrap();
        let (hostile, incoming, driver) =
            spdy::session(far, spdy::Role::Client, spdy::Limits::default(), timer);
        tokio::spawn(async move {
            let (_ended, _incoming) = (driver.await, incoming);
        });
        let session = Session::over_unix(near, Side::Server, Limits::default());
        Peers { session, hostile, socket }
    }

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.push(name, value).unwrap();
        }
        headers
    }

    impl Peers {
        /// What is answered to a stream with these headers.
        async fn open(&self, pairs: &[(&str, &str)]) -> (spdy::Stream, Headers) {
            let mut stream = self.hostile.open(headers(pairs), Opening::default()).unwrap();
            let answer = stream.receive.replied().await.unwrap();
            (stream, answer)
        }

        async fn ask(&self) {
            let (_, answer) = self.open(&[("libchan-descriptor", "ask")]).await;
            assert_eq!(answer.text("libchan-descriptor"), Some("yes"));
        }

        /// Sends so many copies of a descriptor with a frame that means nothing, a PING that nobody has sent.
        fn pass(&self, descriptor: impl AsFd, count: usize) -> Result<usize, rustix::io::Errno> {
            let frame = [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 1, 0, 2];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let descriptors = vec![descriptor.as_fd(); count];
            assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
            sendmsg(&self.socket, &[IoSlice::new(&frame)], &mut control, SendFlags::NOSIGNAL)
        }
    }

    /// How much was written by whoever had its other end: the end comes when nobody has it any more.
    async fn closed(reader: PipeReader) -> usize {
        let mut reader = Receiver::from_owned_fd(reader.into()).unwrap();
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, reader.read_to_end(&mut bytes)).await;
        read.expect("somebody has it still").unwrap()
    }

    #[tokio::test]
    async fn descriptors_without_streams_end_the_session() {
        let peers = peers();
        peers.ask().await;
        let (reader, writer) = std::io::pipe().unwrap();
        for _ in 0..6 {
            // The session may have ended by now.
            let _sent = peers.pass(&writer, 253);
        }
        drop(writer);
        let told = tokio::time::timeout(PATIENCE, peers.session.accept::<u8>()).await;
        let told = told.expect("the session goes on").unwrap_err();
        assert_eq!(told, Error::Limit("descriptors"));
        assert_eq!(closed(reader).await, 0);
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_closed() {
        let peers = peers();
        let (reader, writer) = std::io::pipe().unwrap();
        peers.pass(&writer, 200).unwrap();
        drop(writer);
        peers.hostile.ping().await.unwrap();
        // While the session lives on.
        assert_eq!(closed(reader).await, 0);
        peers.ask().await;
        peers.session.ping().await.unwrap();
    }

    #[tokio::test]
    async fn what_no_stream_names_is_closed_with_the_session() {
        let peers = peers();
        peers.ask().await;
        let (reader, writer) = std::io::pipe().unwrap();
        peers.pass(&writer, 200).unwrap();
        drop(writer);
        peers.hostile.ping().await.unwrap();
        let Peers { session, hostile, socket } = peers;
        drop((session, hostile));
        socket.shutdown(std::net::Shutdown::Both).unwrap();
        assert_eq!(closed(reader).await, 0);
    }

    #[tokio::test]
    async fn a_descriptor_that_never_came_is_a_byte_stream() {
        let peers = peers();
        peers.ask().await;
        let (channel, _) = peers.open(&[("libchan-ref", "2")]).await;
        let mut streams = Vec::new();
        for (reference, number) in
            [("3", "0"), ("4", "7"), ("5", "18446744073709551615"), ("6", "-1"), ("7", "x")]
        {
            let own = [("libchan-ref", reference), ("libchan-parent-ref", "2")];
            let (mut stream, answer) =
                peers.open(&[own[0], own[1], ("libchan-descriptor", number)]).await;
            assert_eq!(answer.text("libchan-descriptor"), Some("no"), "{number}");
            stream.send.send(&b"bytes"[..]).await.unwrap();
            stream.send.finish().unwrap();
            streams.push(stream);
        }
        let mut channel = channel;
        channel.send.send(&[0xd6, 1, 0, 0, 0, 3][..]).await.unwrap();
        let mut receiver = first::<Descriptor>(&peers.session).await;
        let descriptor = receiver.recv().await.unwrap().unwrap();
        assert!(descriptor.is_proxy());
        let mut text = String::new();
        descriptor.into_stream().read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "bytes");
    }

    /// The second has none, and those that were passed over are closed.
    #[tokio::test]
    async fn a_descriptor_is_named_once_and_in_order() {
        let peers = peers();
        peers.ask().await;
        let (channel, _) = peers.open(&[("libchan-ref", "2")]).await;
        let pipes: Vec<_> = (0..3).map(|_| std::io::pipe().unwrap()).collect();
        let readers: Vec<_> = pipes
            .into_iter()
            .map(|(reader, writer)| {
                peers.pass(&writer, 1).unwrap();
                reader
            })
            .collect();
        let named = |reference| {
            [("libchan-ref", reference), ("libchan-parent-ref", "2"), ("libchan-descriptor", "1")]
        };
        let taken = peers.hostile.open(headers(&named("3")), Opening::default()).unwrap();
        let (_, answer) = peers.open(&named("4")).await;
        assert_eq!(answer.text("libchan-descriptor"), Some("no"));
        let mut readers = readers.into_iter();
        assert_eq!(closed(readers.next().unwrap()).await, 0, "it was passed over");
        let mut channel = channel;
        channel.send.send(&[0xd6, 1, 0, 0, 0, 3][..]).await.unwrap();
        let mut receiver = first::<Descriptor>(&peers.session).await;
        let descriptor = receiver.recv().await.unwrap().unwrap();
        assert!(!descriptor.is_proxy());
        let mut taken = taken;
        let answer = taken.receive.replied().await.unwrap();
        assert_eq!(answer.text("libchan-descriptor"), Some("1"));
        drop(descriptor);
        assert_eq!(closed(readers.next().unwrap()).await, 0, "it was dropped");
    }

    /// A file that stands for a channel is none.
    #[tokio::test]
    async fn a_descriptor_is_no_channel() {
        let peers = peers();
        peers.ask().await;
        let (channel, _) = peers.open(&[("libchan-ref", "2")]).await;
        let (reader, writer) = std::io::pipe().unwrap();
        peers.pass(&writer, 1).unwrap();
        drop(writer);
        let own = [("libchan-ref", "3"), ("libchan-parent-ref", "2"), ("libchan-descriptor", "0")];
        let _stream = peers.hostile.open(headers(&own), Opening::default()).unwrap();
        let mut channel = channel;
        channel.send.send(&[0xd6, 4, 0, 0, 0, 3][..]).await.unwrap();
        let mut receiver = first::<libchan::Sender<u8>>(&peers.session).await;
        assert!(matches!(receiver.recv().await, Err(Error::Protocol(_))));
        assert_eq!(closed(reader).await, 0);
    }
}
