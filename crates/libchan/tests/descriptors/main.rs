//! Descriptors over a Unix socket: it is the same open file that arrives, and where it cannot, its bytes do.

#[cfg(test)]
mod hostile;

#[cfg(test)]
pub(crate) mod tests {
    use std::future::Future;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use libchan::{
        ByteReader, ByteStream, Descriptor, Limits, Receiver, Sender, Session, Side, Value, copy,
        pipe,
    };
    use rustix::fs::fstat;
    use serde::{Deserialize, Serialize};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    /// Two sessions at both ends of a Unix socket.
    pub(crate) fn pair(limits: &Limits) -> (Session, Session) {
        let (near, far) = UnixStream::pair().unwrap();
        let near = Session::over_unix(near, Side::Client, limits.clone());
        (near, Session::over_unix(far, Side::Server, limits.clone()))
    }

    pub(crate) async fn first<T: serde::de::DeserializeOwned + Send + 'static>(
        session: &Session,
    ) -> Receiver<T> {
        session.accept().await.unwrap().expect("no channel came")
    }

    async fn received<T: serde::de::DeserializeOwned + Send + 'static>(
        receiver: &mut Receiver<T>,
    ) -> T {
        receiver.recv().await.unwrap().expect("the channel has ended")
    }

    /// A file with that text, which has no name any more, read from its beginning.
    fn file(text: &str) -> std::fs::File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    fn is_same(one: impl AsFd, other: impl AsFd) -> bool {
        let (one, other) = (fstat(one).unwrap(), fstat(other).unwrap());
        (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
    }

    #[tokio::test]
    async fn the_same_open_file_arrives() {
        let (near, far) = pair(&Limits::default());
        let mut own = file("some text");
        let sender = near.open::<(u8, Descriptor)>().unwrap();
        sender.send((1, own.try_clone().unwrap().into())).await.unwrap();
        let (_, descriptor) = received(&mut first::<(u8, Descriptor)>(&far).await).await;
        assert!(!descriptor.is_proxy());
        assert!(is_same(&descriptor, &own));
        let mut there = std::fs::File::from(descriptor.into_owned_fd().unwrap());
        let mut text = [0; 4];
        there.read_exact(&mut text).unwrap();
        assert_eq!(own.stream_position().unwrap(), 4, "they share one offset");
    }

    #[tokio::test]
    async fn a_listening_socket_is_accepted_on() {
        let (near, far) = pair(&Limits::default());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        near.open().unwrap().send(Descriptor::from(listener)).await.unwrap();
        let descriptor = received(&mut first::<Descriptor>(&far).await).await;
        let listener = std::net::TcpListener::from(descriptor.into_owned_fd().unwrap());
        let mut client = std::net::TcpStream::connect(address).unwrap();
        let (mut accepted, _) = listener.accept().unwrap();
        client.write_all(b"hello").unwrap();
        let mut text = [0; 5];
        accepted.read_exact(&mut text).unwrap();
        assert_eq!(&text, b"hello");
    }

    #[derive(Serialize, Deserialize)]
    struct Deep {
        list: Vec<Option<(String, Descriptor)>>,
        answer: Sender<Receiver<Descriptor>>,
    }

    /// At depth, more than one call of sendmsg takes, and back in a return channel.
    #[tokio::test]
    async fn they_arrive_at_any_depth_and_in_order() {
        let mut limits = Limits::default();
        limits.descriptors = 300;
        let (near, far) = pair(&limits);
        let files: Vec<_> = (0..300).map(|number: u32| file(&number.to_string())).collect();
        let list = files
            .iter()
            .map(|file| Some((String::from("name"), Descriptor::from(file.try_clone().unwrap()))));
        let (answer, mut answered) = pipe();
        let deep = Deep { list: list.chain([None]).collect(), answer };
        near.open().unwrap().send(deep).await.unwrap();
        let deep = received(&mut first::<Deep>(&far).await).await;
        let there: Vec<_> = deep.list.into_iter().flatten().collect();
        assert_eq!(there.len(), 300);
        for ((_, descriptor), file) in there.iter().zip(&files) {
            assert!(!descriptor.is_proxy() && is_same(descriptor, file));
        }
        let (sender, receiver) = libchan::buffered(1);
        let back = file("back");
        sender.send(Descriptor::from(back.try_clone().unwrap())).await.unwrap();
        deep.answer.send(receiver).await.unwrap();
        let returned = received(&mut received(&mut answered).await).await;
        assert!(!returned.is_proxy() && is_same(&returned, &back));
    }

    /// A relay passes on what it does not know: itself where both hops are Unix sockets, its bytes otherwise.
    #[tokio::test]
    async fn a_relay_passes_them_on() {
        for last_is_unix in [true, false] {
            let (client, entry) = pair(&Limits::default());
            let (exit, server) = if last_is_unix {
                pair(&Limits::default())
            } else {
                let (exit, server) = tokio::io::duplex(1000);
                let exit = Session::new(exit, Side::Client, Limits::default());
                (exit, Session::new(server, Side::Server, Limits::default()))
            };
            let relay = tokio::spawn(async move {
                let from = first::<Value>(&entry).await;
                copy(&exit.open::<Value>().unwrap(), from).await.unwrap()
            });
            let own = file("some text");
            let sender = client.open().unwrap();
            sender.send(("x", Descriptor::from(own.try_clone().unwrap()))).await.unwrap();
            drop(sender);
            let (_, there) = received(&mut first::<(String, Descriptor)>(&server).await).await;
            assert_eq!(is_same(&there, &own), last_is_unix);
            assert_eq!(there.is_proxy(), !last_is_unix);
            let mut text = String::new();
            there.into_stream().read_to_string(&mut text).await.unwrap();
            assert_eq!(text, "some text");
            assert_eq!(relay.await.unwrap(), 1);
        }
    }

    /// One that knows nothing of them, and what passes on bytes alone between two that do.
    #[tokio::test]
    async fn who_cannot_have_them_has_their_bytes() {
        for peer_knows in [true, false] {
            let (near, middle) = UnixStream::pair().unwrap();
            let near = Session::over_unix(near, Side::Client, Limits::default());
            let far = if peer_knows {
                let (other, far) = UnixStream::pair().unwrap();
                let (mut middle, mut other) = (middle, other);
                tokio::spawn(async move {
                    tokio::io::copy_bidirectional(&mut middle, &mut other).await
                });
                Session::over_unix(far, Side::Server, Limits::default())
            } else {
                Session::new(middle, Side::Server, Limits::default())
            };
            let sender = near.open().unwrap();
            for text in ["one", "two"] {
                sender
                    .send((Descriptor::from(file(text)), Descriptor::from(file(text))))
                    .await
                    .unwrap();
            }
            let mut receiver = first::<(Descriptor, ByteReader)>(&far).await;
            for wanted in ["one", "two"] {
                let (descriptor, mut reader) = received(&mut receiver).await;
                assert!(descriptor.is_proxy());
                let mut text = String::new();
                reader.read_to_string(&mut text).await.unwrap();
                descriptor.into_stream().read_to_string(&mut text).await.unwrap();
                assert_eq!(text, [wanted, wanted].concat());
            }
        }
    }

    /// Whoever sends waits for whoever receives, and has his descriptor still when he gives up.
    #[tokio::test]
    async fn a_send_that_is_cancelled_has_its_descriptor() {
        let mut limits = Limits::default();
        limits.descriptors = 2;
        let (near, far) = pair(&limits);
        let sender = near.open().unwrap();
        let files = [file("0"), file("1"), file("2")];
        let descriptor = |number: usize| Descriptor::from(files[number].try_clone().unwrap());
        sender.send(descriptor(0)).await.unwrap();
        sender.send(descriptor(1)).await.unwrap();
        let mut slot = Some(descriptor(2));
        {
            let mut send = pin!(sender.send_from(&mut slot));
            let mut context = Context::from_waker(Waker::noop());
            assert!(send.as_mut().poll(&mut context).is_pending());
            // Nothing that happens meanwhile makes room.
            near.ping().await.unwrap();
            assert!(matches!(send.as_mut().poll(&mut context), Poll::Pending));
        }
        assert!(is_same(slot.as_ref().unwrap(), &files[2]));
        let mut receiver = first::<Descriptor>(&far).await;
        let (sent, got) = tokio::join!(sender.send_from(&mut slot), receiver.recv());
        sent.unwrap();
        assert!(slot.is_none());
        let rest = [received(&mut receiver).await, received(&mut receiver).await];
        for (descriptor, file) in [got.unwrap().unwrap()].iter().chain(&rest).zip(&files) {
            assert!(!descriptor.is_proxy() && is_same(descriptor, file));
        }
    }

    /// A peer that reads nothing holds nobody up for longer than the limit says.
    #[tokio::test]
    async fn who_waits_too_long_has_the_bytes_passed_on() {
        let mut limits = Limits::default();
        limits.descriptors = 1;
        limits.descriptor_wait = std::time::Duration::from_millis(1);
        let (near, far) = pair(&limits);
        let sender = near.open().unwrap();
        let opened = near.ping().await;
        opened.unwrap();
        for text in ["0", "1", "2"] {
            sender.send(Descriptor::from(file(text))).await.unwrap();
        }
        let mut receiver = first::<Descriptor>(&far).await;
        for wanted in ["0", "1", "2"] {
            let mut text = String::new();
            let mut stream = received(&mut receiver).await.into_stream();
            stream.read_to_string(&mut text).await.unwrap();
            assert_eq!(text, wanted);
        }
    }

    /// Its other holders see no flag change, and nothing waits in the runtime's only thread.
    #[tokio::test]
    async fn a_pipe_is_read_and_stays_one_that_blocks() {
        let (near, far) = pair(&Limits::default());
        let (reader, mut writer) = std::io::pipe().unwrap();
        let kept = reader.try_clone().unwrap();
        near.open().unwrap().send(Descriptor::from(reader)).await.unwrap();
        let mut stream = received(&mut first::<ByteStream>(&far).await).await;
        let mut text = [0; 2];
        {
            let mut read = pin!(stream.read_exact(&mut text));
            let mut context = Context::from_waker(Waker::noop());
            assert!(read.as_mut().poll(&mut context).is_pending());
            near.ping().await.unwrap();
            writer.write_all(b"hi").unwrap();
            read.await.unwrap();
        }
        assert_eq!(&text, b"hi");
        let flags = rustix::fs::fcntl_getfl(&kept).unwrap();
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
        assert!(stream.write_all(b"x").await.is_err());
    }
}
