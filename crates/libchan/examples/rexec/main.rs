//! Commands on another machine, as the original's example of the same name, with which it can be mixed: the command's input and output
//! are byte streams in the request, and its exit status comes by a channel that the request carries.
//!
//! ```text
//! rexec serve tcp://127.0.0.1:9323
//! rexec run tcp://127.0.0.1:9323 sh -c 'tr a-z A-Z' <file
//! ```
//!
//! The address may be of any transport: `unix:///run/rexec.sock`, `tls://host:9323`, `ws://host/rexec`, `https://host/rexec`. With TLS, the
//! files `TLS_CERT` and `TLS_KEY` are the own certificate and its key, and `TLS_CA` says who is trusted. Whoever can connect runs
//! commands as the user of the server: outside of a Unix socket, let only clients in that have a certificate.

mod client;
mod request;
mod server;
mod tls;

use std::process::ExitCode;

use libchan::ByteReader;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(act());
    // What waits for input would hold the program until a line comes.
    runtime.shutdown_background();
    ended
}

async fn act() -> Result<ExitCode, Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", url] => {
            let listener = libchan::Listener::bind(url, tls::options()?).await?;
            server::serve(listener).await?;
            Ok(ExitCode::SUCCESS)
        }
        ["run", url, command, arguments @ ..] => {
            let streams = client::Streams {
                input: ByteReader::new(tokio::io::stdin()),
                output: tokio::io::stdout(),
                errors: tokio::io::stderr(),
            };
            let session = libchan::connect(url, &tls::options()?).await?;
            let status = client::run(&session, command, arguments, streams).await?;
            Ok(u8::try_from(status).map_or(ExitCode::FAILURE, ExitCode::from))
        }
        _ => Err("usage: rexec serve URL | rexec run URL COMMAND [ARGUMENT…]".into()),
    }
}
