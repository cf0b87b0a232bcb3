//! Conversations of the original, recorded: its client's bytes are answered by us, and its server's bytes are heard by us.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use libchan::{
        ByteReader, ByteStream, ByteWriter, Limits, Receiver, Sender, Session, Side, Time, Value,
        buffered, pipe,
    };
    use serde::{Deserialize, Serialize};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    /// Long enough that nothing right takes it.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn capture(name: &str, direction: &str) -> Vec<u8> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spdy/tests/vectors");
        std::fs::read(directory.join(format!("{name}.{direction}.bin"))).unwrap()
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Ask {
        op: String,
        text: String,
        n: i64,
        time: Option<Time>,
        r#in: Option<Receiver<Ask>>,
        ret: Option<Sender<Answer>>,
        stream: Option<ByteStream>,
        w: Option<ByteWriter>,
    }

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Answer {
        #[serde(rename = "OK")]
        ok: bool,
        text: String,
        n: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        ret: Option<Sender<Answer>>,
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
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Status {
        status: i64,
    }

    /// A session whose peer says what was recorded, in pieces of so many bytes; and all that is answered to it.
    fn answering(name: &str, piece: usize) -> (Session, tokio::task::JoinHandle<Vec<u8>>) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let session = Session::new(near, Side::Server, Limits::default());
        let said = capture(name, "c2s");
        // From there on it speaks of a stream that the server has opened.
        let hold = match name {
            "open" => 67,
            "nest" => 119,
            _ => said.len(),
        };
        let (mut read, mut write) = tokio::io::split(far);
        let peer = tokio::spawn(async move {
            let (before, after) = said.split_at(hold);
            for piece in before.chunks(piece) {
                write.write_all(piece).await.unwrap();
            }
            if !after.is_empty() {
                hear(&mut read, [0x80, 3, 0, 1]).await;
            }
            for piece in after.chunks(piece) {
                write.write_all(piece).await.unwrap();
            }
            let mut heard = Vec::new();
            read.read_to_end(&mut heard).await.unwrap();
            heard
        });
        (session, peer)
    }

    async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
        let done = tokio::time::timeout(PATIENCE, work).await;
        done.unwrap_or_else(|_late| panic!("{what} does not end"))
    }

    #[tokio::test]
    async fn the_originals_client_is_answered() {
        for (name, seen) in [
            ("upper", "upper hello"),
            ("time", "time 1402333200.123456789"),
            ("sum", "sum 10 20 30 40"),
            ("count", "count 3"),
            ("mirror", "mirror ping-1ping-2"),
            ("write", "write"),
            ("open", "open"),
            ("nest", "nest over the nested sender"),
        ] {
            for piece in [1, 7, 100_000] {
                let (session, peer) = answering(name, piece);
                assert_eq!(in_time(name, serve(&session)).await, seen, "{name}");
                drop(session);
                assert!(!in_time(name, peer).await.unwrap().is_empty());
            }
        }
    }

    /// Does what the one request asks for; gives what was seen of it.
    async fn serve(session: &Session) -> String {
        let mut asks = session.accept::<Ask>().await.unwrap().unwrap();
        let mut ask = asks.recv().await.unwrap().unwrap();
        let mut seen = ask.op.clone();
        let mut answer = Answer { ok: true, ..Answer::default() };
        match ask.op.as_str() {
            "upper" => {
                seen = format!("{seen} {}", ask.text);
                answer.text = ask.text.to_uppercase();
            }
            "time" => {
                let time = ask.time.unwrap();
                seen = format!("{seen} {}.{}", time.seconds, time.nanoseconds);
            }
            "sum" => {
                let mut numbers = ask.r#in.take().unwrap();
                while let Some(Ask { n, .. }) = numbers.recv().await.unwrap() {
                    seen = format!("{seen} {n}");
                    answer.n += n;
                }
            }
            "count" => seen = format!("{seen} {}", ask.n),
            "mirror" => {
                let (mut stream, mut bytes) = (ask.stream.take().unwrap(), String::new());
                stream.read_to_string(&mut bytes).await.unwrap();
                stream.write_all(bytes.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
                seen = format!("{seen} {bytes}");
            }
            "write" => {
                let mut writer = ask.w.take().unwrap();
                writer.write_all(b"written by the server\n").await.unwrap();
                writer.shutdown().await.unwrap();
            }
            "open" => {
                let opened = session.open::<Answer>().unwrap();
                opened.send(Answer { ok: true, ..Answer::default() }).await.unwrap();
            }
            "nest" => {
                let (nested, mut received) = pipe();
                let inner = Answer { ret: Some(nested), ..Answer::default() };
                ask.ret.as_ref().unwrap().send(inner).await.unwrap();
                let over = received.recv().await.unwrap().unwrap();
                seen = format!("{seen} {}", over.text);
            }
            other => panic!("{other}"),
        }
        if let Some(ret) = ask.ret {
            ret.send(answer).await.unwrap();
        }
        assert!(asks.recv().await.unwrap().is_none());
        seen
    }

    #[tokio::test]
    async fn commands_of_the_original_arrive() {
        for (name, cmd, args, input) in [
            ("rexec-ls", "ls", &["-l", "/"][..], ""),
            ("rexec-cat", "cat", &[], "héllo from stdin\n"),
            ("rexec-fail", "fail", &[], ""),
        ] {
            let (session, peer) = answering(name, 11);
            in_time(name, async {
                let mut commands = session.accept::<Command>().await.unwrap().unwrap();
                let mut command = commands.recv().await.unwrap().unwrap();
                assert_eq!(command.cmd, cmd);
                assert_eq!(command.args, args, "{name}");
                let mut text = String::new();
                command.stdin.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, input, "{name}");
                command.stdout.write_all(text.as_bytes()).await.unwrap();
                command.stdout.shutdown().await.unwrap();
                command.stderr.shutdown().await.unwrap();
                command.status_chan.send(Status { status: 0 }).await.unwrap();
                assert!(commands.recv().await.unwrap().is_none());
            })
            .await;
            drop(session);
            in_time(name, peer).await.unwrap();
        }
    }

    #[tokio::test]
    async fn messages_that_are_no_map_and_in_many_frames_arrive() {
        let (session, _peer) = answering("bare", 3);
        let mut words = session.accept::<String>().await.unwrap().unwrap();
        assert_eq!(words.recv().await, Ok(Some("a bare string".to_owned())));
        let (session, _peer) = answering("big", 1000);
        let mut asks = session.accept::<Ask>().await.unwrap().unwrap();
        let ask = in_time("big", asks.recv()).await.unwrap().unwrap();
        assert_eq!(ask.text, "abcdefgh".repeat(2500));
        assert!(ask.ret.is_some());
    }

    /// A session whose peer says what was recorded once it has heard a message on the first stream.
    fn asking(name: &str) -> Session {
        let (near, far) = tokio::io::duplex(1 << 16);
        let said = capture(name, "s2c");
        tokio::spawn(async move {
            let (mut read, mut write) = tokio::io::split(far);
            // Data on the first stream.
            hear(&mut read, [0, 0, 0, 1]).await;
            write.write_all(&said).await.unwrap();
            let mut rest = Vec::new();
            let _ended = read.read_to_end(&mut rest).await;
        });
        Session::new(near, Side::Client, Limits::default())
    }

    /// Reads frames until one begins so.
    async fn hear(read: &mut tokio::io::ReadHalf<DuplexStream>, beginning: [u8; 4]) {
        loop {
            let mut head = [0; 8];
            read.read_exact(&mut head).await.unwrap();
            let size = u32::from_be_bytes([0, head[5], head[6], head[7]]);
            read.read_exact(&mut vec![0; size as usize]).await.unwrap();
            if head[..4] == beginning {
                return;
            }
        }
    }

    fn message(fields: Vec<(&str, Value)>) -> Value {
        let field = |(name, value): (&str, Value)| (Value::Text(name.to_owned()), value);
        Value::Map(fields.into_iter().map(field).collect())
    }

    fn op(name: &str) -> (&'static str, Value) {
        ("Op", Value::Text(name.to_owned()))
    }

    #[tokio::test]
    async fn the_originals_server_is_heard() {
        for (name, answers) in [
            ("upper", &[("HELLO", 0)][..]),
            ("time", &[("2014-06-09T17:00:00.123456789Z", 0)]),
            ("count", &[("", 0), ("", 1), ("", 2)]),
        ] {
            let session = asking(name);
            let (ret, mut answered) = buffered(1);
            let sender = session.open::<(String, Sender<Answer>)>().unwrap();
            sender.send((name.to_owned(), ret)).await.unwrap();
            for (text, n) in answers {
                let answer: Answer = in_time(name, answered.recv()).await.unwrap().unwrap();
                assert_eq!((answer.text.as_str(), answer.n), (*text, *n), "{name}");
            }
            assert!(in_time(name, answered.recv()).await.unwrap().is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn streams_of_the_originals_server_are_read() {
        let session = asking("rexec-ls");
        let (mut out, stdout) = ByteStream::pair();
        let (mut err, stderr) = ByteStream::pair();
        let (status, mut ended) = pipe();
        let sender =
            session.open::<(ByteWriter, ByteWriter, Sender<Status>, ByteReader)>().unwrap();
        let input = ByteReader::new(tokio::io::empty());
        let streams = (ByteWriter::new(stdout), ByteWriter::new(stderr), status, input);
        sender.send(streams).await.unwrap();
        let (mut text, mut errors) = (String::new(), String::new());
        in_time("stdout", out.read_to_string(&mut text)).await.unwrap();
        in_time("stderr", err.read_to_string(&mut errors)).await.unwrap();
        assert_eq!((text.as_str(), errors.as_str()), ("bin\netc\nusr\n", ""));
        assert_eq!(in_time("status", ended.recv()).await, Ok(Some(Status { status: 0 })));

        let session = asking("mirror");
        let (mut own, theirs) = ByteStream::pair();
        session
            .open()
            .unwrap()
            .send(message(vec![("Stream", Value::Stream(theirs))]))
            .await
            .unwrap();
        own.shutdown().await.unwrap();
        let mut text = String::new();
        in_time("mirror", own.read_to_string(&mut text)).await.unwrap();
        assert_eq!(text, "ping-1ping-2");
    }

    #[tokio::test]
    async fn channels_that_the_originals_server_opens_arrive() {
        let session = asking("open");
        session.open().unwrap().send(message(vec![op("open")])).await.unwrap();
        let mut opened = in_time("open", session.accept::<Answer>()).await.unwrap().unwrap();
        let answer = in_time("open", opened.recv()).await.unwrap().unwrap();
        assert_eq!((answer.ok, answer.text.as_str()), (true, "opened by the server"));

        let session = asking("nest");
        let (ret, mut answered) = pipe();
        let sender = session.open::<Value>().unwrap();
        sender.send(message(vec![op("nest"), ("Ret", Value::Sender(ret))])).await.unwrap();
        let first = in_time("nest", answered.recv()).await.unwrap().unwrap();
        let Value::Map(mut fields) = first else { panic!("{first:?}") };
        assert!(matches!(fields.pop(), Some((_, Value::Sender(_)))), "its sender came");
        let second = in_time("nest", answered.recv()).await.unwrap().unwrap();
        assert!(format!("{second:?}").contains("over the nested sender"), "{second:?}");
    }
}
