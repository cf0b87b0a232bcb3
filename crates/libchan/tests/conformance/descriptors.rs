//! What holds for descriptors over any transport, whether they arrive themselves or their bytes do.

use std::io::{Read, Seek, SeekFrom, Write as _};
use std::os::unix::net::UnixStream;

use libchan::{ByteReader, ByteStream, ByteWriter, Descriptor, Receiver, Sender, Session, pipe};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::suite::first;

/// A file with that text, which has no name any more, read from its beginning.
pub(crate) fn file(text: &str) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

/// What a file that blocks has, to its end.
pub(crate) async fn text_of(mut file: impl Read + Send + 'static) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    });
    read.await.unwrap()
}

pub(crate) async fn a_file_is_read_by_the_peer(near: Session, far: Session) {
    near.open().unwrap().send(Descriptor::from(file("some text"))).await.unwrap();
    let descriptor = first::<Descriptor>(&far).await.recv().await.unwrap().unwrap();
    let received = std::fs::File::from(descriptor.into_owned_fd().unwrap());
    assert_eq!(text_of(received).await, "some text");
}

/// It has the whole end of it: that it closes it is heard.
pub(crate) async fn the_end_of_a_pipe_is_written_by_the_peer(near: Session, far: Session) {
    let (reader, writer) = std::io::pipe().unwrap();
    near.open().unwrap().send(Descriptor::from(writer)).await.unwrap();
    let read = tokio::spawn(text_of(reader));
    let descriptor = first::<Descriptor>(&far).await.recv().await.unwrap().unwrap();
    let mut stream = descriptor.into_stream();
    stream.write_all(&vec![b'x'; 100_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
    assert_eq!(read.await.unwrap().len(), 100_000);
}

pub(crate) async fn the_end_of_a_pipe_is_read_by_the_peer(near: Session, far: Session) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    near.open().unwrap().send(Descriptor::from(reader)).await.unwrap();
    let mut reader = first::<ByteReader>(&far).await.recv().await.unwrap().unwrap();
    let written = tokio::task::spawn_blocking(move || {
        writer.write_all(&vec![b'x'; 300_000]).unwrap();
    });
    let mut text = String::new();
    reader.read_to_string(&mut text).await.unwrap();
    assert_eq!(text.len(), 300_000);
    written.await.unwrap();
}

pub(crate) async fn a_socket_is_a_byte_stream_of_the_peer(near: Session, far: Session) {
    let (own, theirs) = UnixStream::pair().unwrap();
    near.open().unwrap().send(Descriptor::from(theirs)).await.unwrap();
    let echo = tokio::spawn(async move {
        let mut stream = first::<ByteStream>(&far).await.recv().await.unwrap().unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes.reverse();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let bytes: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0] ^ 7).collect();
    own.set_nonblocking(true).unwrap();
    let mut own = tokio::net::UnixStream::from_std(own).unwrap();
    own.write_all(&bytes).await.unwrap();
    own.shutdown().await.unwrap();
    let mut back = Vec::new();
    own.read_to_end(&mut back).await.unwrap();
    assert!(back.iter().rev().eq(&bytes), "{} bytes came back", back.len());
    echo.await.unwrap();
}

#[derive(Serialize, Deserialize)]
struct Files {
    input: Option<Descriptor>,
    output: Vec<(String, Descriptor)>,
    answer: Sender<Receiver<Descriptor>>,
}

/// At any depth, several at once, beside channels, and back again.
pub(crate) async fn descriptors_nest(near: Session, far: Session) {
    let (answer, mut answered) = pipe();
    let (reader, writer) = std::io::pipe().unwrap();
    let output = vec![("out".to_owned(), Descriptor::from(writer))];
    let input = Some(Descriptor::from(file("deep")));
    near.open().unwrap().send(Files { input, output, answer }).await.unwrap();
    let serve = tokio::spawn(async move {
        let mut files = first::<Files>(&far).await.recv().await.unwrap().unwrap();
        let mut input = files.input.take().unwrap().into_stream();
        let (_, output) = files.output.pop().unwrap();
        let mut text = String::new();
        input.read_to_string(&mut text).await.unwrap();
        let mut output = output.into_stream();
        output.write_all(text.as_bytes()).await.unwrap();
        output.flush().await.unwrap();
        drop(output);
        let (sender, receiver) = libchan::buffered(1);
        sender.send(Descriptor::from(file("back"))).await.unwrap();
        files.answer.send(receiver).await.unwrap();
    });
    assert_eq!(text_of(reader).await, "deep");
    let mut receiver = answered.recv().await.unwrap().unwrap();
    let back = receiver.recv().await.unwrap().unwrap().into_owned_fd().unwrap();
    assert_eq!(text_of(std::fs::File::from(back)).await, "back");
    assert!(receiver.recv().await.unwrap().is_none());
    serve.await.unwrap();
}

#[derive(Serialize, Deserialize)]
struct Write {
    to: Descriptor,
}

#[derive(Serialize, Deserialize)]
struct Written {
    to: ByteWriter,
}

/// At the offset where it is.
pub(crate) async fn a_file_is_written_by_the_peer(near: Session, far: Session) {
    let mut named = tempfile::NamedTempFile::new().unwrap();
    named.write_all(b"some text").unwrap();
    let mut own = std::fs::OpenOptions::new().write(true).open(named.path()).unwrap();
    own.seek(SeekFrom::Start(5)).unwrap();
    near.open().unwrap().send(Write { to: own.into() }).await.unwrap();
    let mut written = first::<Written>(&far).await.recv().await.unwrap().unwrap();
    written.to.write_all(b"words").await.unwrap();
    written.to.shutdown().await.unwrap();
    drop(written);
    // Where its bytes are passed on the last of them may come later.
    loop {
        let text = std::fs::read_to_string(named.path()).unwrap();
        if text == "some words" {
            return;
        }
        // What is read while it is written may be partly of before.
        assert!(text.starts_with("some "), "{text}");
        near.ping().await.unwrap();
    }
}
