//! The example `rexec` over every transport: its own client and server.

#[cfg(test)]
#[expect(dead_code, reason = "no proxy is among its transports")]
#[path = "conformance/certificates.rs"]
mod certificates;
#[cfg(test)]
#[path = "../examples/rexec/client.rs"]
mod client;
#[cfg(test)]
#[path = "../examples/rexec/request.rs"]
mod request;
#[cfg(test)]
#[path = "../examples/rexec/server.rs"]
mod server;

#[cfg(test)]
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use libchan::{ByteReader, Listener, Session, connect};

    use super::{certificates, client, server};

    async fn run(session: &Session, command: &str, arguments: &[&str]) -> (i32, String, String) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let streams = client::Streams {
            input: ByteReader::new(&b"some input"[..]),
            output: &mut output,
            errors: &mut errors,
        };
        let status = client::run(session, command, arguments, streams).await.unwrap();
        (status, String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap())
    }

    #[tokio::test]
    async fn commands_run_over_every_transport() {
        let directory = tempfile::tempdir().unwrap();
        let socket = format!("unix://{}", directory.path().join("socket").display());
        let options = certificates::options();
        for url in [
            "memory://rexec",
            &socket,
            "tcp://127.0.0.1:0",
            "tls://localhost:0",
            "ws://127.0.0.1:0/rexec",
            "wss://localhost:0/rexec",
            "http://127.0.0.1:0/rexec",
            "https://localhost:0/rexec",
        ] {
            let listener = Listener::bind(url, options.clone()).await.unwrap();
            let address = listener.address().to_string().replace("127.0.0.1", "localhost");
            let serves = tokio::spawn(server::serve(listener));
            let session = connect(&address, &options).await.unwrap();
            let script = "tr a-z A-Z; echo wrong >&2; exit 3";
            let (status, output, errors) = run(&session, "sh", &["-c", script]).await;
            assert_eq!((status, &*output, &*errors), (3, "SOME INPUT", "wrong\n"), "{url}");
            // More than any queue takes, and no input is read.
            let (status, output, _) = run(&session, "seq", &["200000"]).await;
            assert_eq!((status, output.lines().count()), (0, 200_000), "{url}");
            let (status, _, errors) = run(&session, "/no/such/command", &[]).await;
            assert!(status == 10 && errors.contains("/no/such/command"), "{url}: {errors}");
            serves.abort();
        }
    }
}
