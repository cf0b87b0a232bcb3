//! Flags of the commands that speak libchan, and examples of them.

use crate::arguments::{Example, Flag, many, one, switch};

const LISTEN: Flag = switch("", "listen", "Listen at the URL, and let the peer connect");

pub(crate) const CHAN: &[Flag] = &[
    one("", "timeout", "duration", "Give up, and fail, when it is not over after so long"),
    one(
        "",
        "tlscacert",
        "file",
        "Trust only peers with certificates signed by this CA (default: servers by the machine's)",
    ),
    one("", "tlscert", "file", "TLS certificate for the peer to know this side by"),
    one("", "tlskey", "file", "Key of that certificate"),
    switch("", "tlsverify", "Where it listens, demand certificates of clients (with --tlscacert)"),
    switch("v", "verbose", "Tell on standard error how connections and channels begin and end"),
];
pub(crate) const CHAN_SEND: &[Flag] =
    &[one("", "count", "int", "End once so many messages came back"), LISTEN];
pub(crate) const CHAN_RECV: &[Flag] = &[LISTEN];
pub(crate) const CHAN_ANSWER: &[Flag] = &[
    one("", "count", "int", "End once so many messages came"),
    one(
        "",
        "exec",
        "string",
        "Answer with the lines of a shell command, which has the message on its standard input",
    ),
    many("", "reply", "json", "Answer with this message on each channel that a message brings"),
];
pub(crate) const CHAN_DUMP: &[Flag] = &[switch("", "full", "Show all of long data")];

pub(crate) const CHAN_SEND_EXAMPLES: [Example; 4] = [
    (
        "Ask, and print the answer that comes by the channel in the message",
        r#"corten chan send tcp://localhost:9323 '{"Op":"upper","Text":"hi","Ret":{"$sender":"ret"}}'"#,
    ),
    (
        "Run a command on a server of the kind of rexec, with this terminal's input and output",
        r#"corten chan send tcp://localhost:9323 '{"Cmd":"cat","Args":[],"Stdin":{"$reader":"-"},"Stdout":{"$writer":"-"},"Stderr":{"$writer":"/dev/stderr"},"StatusChan":{"$sender":"status"}}'"#,
    ),
    ("Send the lines of a file", "corten chan send unix:///run/service.sock < messages.jsonl"),
    (
        "What else stands for what JSON has not, here and in all that is printed",
        r#"{"$receiver":[MESSAGE,...]} {"$reader":["text",...]} {"$writer":NAME} {"$stream":"-"} {"$descriptor":PATH} {"$bytes":BASE64} {"$time":RFC3339} {"$float":"NaN"} {"$map":[[KEY,VALUE],...]} {"$$sender":"a key with one $"}"#,
    ),
];
pub(crate) const CHAN_RECV_EXAMPLES: [Example; 1] = [(
    "Print one message of a service, and end",
    "corten chan recv --count 1 ws://localhost/events",
)];
pub(crate) const CHAN_SERVE_EXAMPLES: [Example; 2] = [
    (
        "Print what comes, and answer each message",
        r#"corten chan serve --reply '{"OK":true}' tcp://localhost:9323"#,
    ),
    (
        "Answer by a program",
        r#"corten chan serve --exec 'jq -c "{Text: (.Text | ascii_upcase)}"' unix:///run/upper.sock"#,
    ),
];
pub(crate) const CHAN_RELAY_EXAMPLES: [Example; 1] = [(
    "Make a service on a Unix socket one over TLS",
    "corten chan relay --tlscert cert.pem --tlskey key.pem tls://0.0.0.0:9323 unix:///run/service.sock",
)];
pub(crate) const CHAN_DUMP_EXAMPLES: [Example; 2] = [
    (
        "Look at what a client and a server say, whatever it is inside of",
        "corten chan dump tcp://localhost:9324 tcp://localhost:9323",
    ),
    ("Look at bytes that were recorded, of either side", "corten chan dump client.bin server.bin"),
];
