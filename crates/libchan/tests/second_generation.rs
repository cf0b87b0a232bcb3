//! A client of the original's release 0.1.0, recorded in 2014's wire: it is known by its first stream, and hears what it can read.

#[cfg(test)]
#[expect(dead_code, reason = "the tests of hostile peers use all of it")]
#[path = "hostile/peer.rs"]
mod peer;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use libchan::{
        ByteReader, ByteStream, ByteWriter, Error, Limits, Receiver, Sender, Session, Value, pipe,
    };
    use serde::{Deserialize, Serialize};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::peer::{Heard, Peer, in_time};

    /// Where the message on the first stream ends, and where the client says that it goes away.
    const ASKED: usize = 309;
    const LEAVES: usize = 351;

    fn said() -> Vec<u8> {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spdy/tests/vectors/v0.1.0");
        std::fs::read(vectors.join("rexec-ls.c2s.bin")).unwrap()
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Command {
        cmd: String,
        args: Vec<String>,
        stdin: ByteReader,
        stdout: ByteWriter,
        stderr: ByteWriter,
        status_chan: Sender<Status>,
        events: Receiver<Event>,
    }

    #[derive(Debug, Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Status {
        status: u64,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Event {
        #[serde(rename = "N")]
        number: u64,
    }

    async fn first<T: serde::de::DeserializeOwned + Send + 'static>(
        session: &Session,
    ) -> Receiver<T> {
        in_time("the channel", session.accept()).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn a_command_is_answered() {
        for piece in [1, 9, 1000] {
            let (mut peer, session) = Peer::of_session(Limits::default());
            for piece in said().chunks(piece) {
                peer.say(piece).await;
            }
            let mut commands = first::<Command>(&session).await;
            let mut command = in_time("message", commands.recv()).await.unwrap().unwrap();
            assert_eq!((command.cmd.as_str(), command.args), ("ls", vec!["-l".into(), "/".into()]));
            let mut input = String::new();
            command.stdin.read_to_string(&mut input).await.unwrap();
            assert_eq!(input, "input\n");
            assert_eq!(command.events.recv().await, Ok(Some(Event { number: 7 })));
            command.stdout.write_all(b"bin\n").await.unwrap();
            command.stdout.shutdown().await.unwrap();
            command.stderr.shutdown().await.unwrap();
            command.status_chan.send(Status { status: 0 }).await.unwrap();
            drop(command.status_chan);
            assert!(in_time("end", commands.recv()).await.unwrap().is_none());
            // Its other streams are byte streams, none is a channel that is accepted.
            assert!(in_time("no more", session.accept::<Value>()).await.unwrap().is_none());
            peer.hear(&Heard::Data(5, b"bin\n".to_vec())).await;
            peer.hear(&Heard::Finished(5)).await;
            // One message is one frame there.
            peer.hear(&Heard::Data(9, b"\x81\xa6Status\x00".to_vec())).await;
            peer.hear(&Heard::Finished(9)).await;
        }
    }

    #[tokio::test]
    async fn a_relay_takes_it_for_what_it_is() {
        let (mut peer, session) = Peer::of_session(Limits::default());
        peer.say(&said()[..ASKED]).await;
        let message = first::<Value>(&session).await.recv().await.unwrap().unwrap();
        let Value::Map(fields) = message else { panic!("{message:?}") };
        let kinds: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name:?} {value:?}")).collect();
        assert_eq!(
            kinds,
            [
                "Text(\"Stdin\") Stream(ByteStream { .. })",
                "Text(\"Stdout\") Stream(ByteStream { .. })",
                "Text(\"Stderr\") Stream(ByteStream { .. })",
                "Text(\"StatusChan\") Sender(Sender { .. })",
                "Text(\"Events\") Receiver(Receiver { .. })",
                "Text(\"Cmd\") Text(\"ls\")",
                "Text(\"Args\") Array([Text(\"-l\"), Text(\"/\")])",
            ]
        );
    }

    /// What we open is numbered, named and placed as that peer expects it.
    #[tokio::test]
    async fn what_is_opened_for_it_is_of_its_kind() {
        let (mut peer, session) = Peer::of_session(Limits::default());
        peer.say(&said()[..LEAVES]).await;
        let _commands = first::<Value>(&session).await;
        let channel = session.open::<(Sender<u64>, Receiver<u64>, ByteStream)>().unwrap();
        let ((sender, _), (_, receiver), (own, stream)) = (pipe(), pipe(), ByteStream::pair());
        channel.send((sender, receiver, stream)).await.unwrap();
        drop(own);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = |own: &str, parent: Option<&str>| {
            let parent = parent.map(|parent| header("libchan-parent-ref", parent));
            [header("libchan-ref", own)].into_iter().chain(parent).collect::<Vec<_>>()
        };
        peer.hear(&Heard::Open(2, 0, headers("2", Some("0")))).await;
        peer.hear(&Heard::Open(4, 2, headers("4", Some("2")))).await;
        peer.hear(&Heard::Open(6, 2, headers("6", Some("2")))).await;
        peer.hear(&Heard::Open(8, 0, headers("8", None))).await;
        let named = [
            &[0x93, 0xc7, 5, 1, 2, 0, 0, 0, 4][..],
            &[0xc7, 5, 1, 1, 0, 0, 0, 6],
            &[0xd6, 2, 0, 0, 0, 8],
        ];
        peer.hear(&Heard::Data(2, named.concat())).await;
    }

    #[tokio::test]
    async fn what_is_not_of_its_kind_is_told() {
        let connection = b"\xc7\x0e\x04\x03tcp\x03a:1\x05bb:22";
        for (what, message, told) in [
            ("a connection", &connection[..], "network connection"),
            ("no direction", &[0xc7, 5, 1, 3, 0, 0, 0, 9], "extension 1"),
            ("no number", &[0xd4, 1, 1], "extension 1"),
            ("a stream of the third", &[0xd6, 3, 0, 0, 0, 9], "extension 3"),
        ] {
            let (mut peer, session) = Peer::of_session(Limits::default());
            peer.channel(1, 1, Some(0)).await;
            let mut channel = first::<Value>(&session).await;
            peer.data(1, message).await;
            let error = in_time(what, channel.recv()).await.unwrap_err();
            let fits = matches!(&error, Error::Protocol(why) if why.contains(told));
            assert!(fits, "{what}: {error:?}");
            peer.hear(&Heard::Reset(1, 1)).await;
        }
    }
}
