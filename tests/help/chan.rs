//! What the commands that speak libchan say.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn channels() {
    insta::assert_snapshot!(help("chan"), @r##"
    Usage:  corten chan COMMAND

    Speak libchan, and look at who speaks it

    Commands:
      dump   Print the frames between two peers, or those of recorded bytes, with the messages in them
      recv   Print the messages of all channels that a peer opens, in JSON
      relay  Listen, and pass all channels on to another peer and back
      send   Send messages on a channel, in JSON, and print what comes back
      serve  Listen, print the messages of all peers in JSON, and answer them

    Run 'corten chan COMMAND --help' for more information on a command.
    "##);
    insta::assert_snapshot!(help("chan dump"), @r##"
    Usage:  corten chan dump [OPTIONS] LISTEN_URL CONNECT_URL | FILE [FILE]

    Print the frames between two peers, or those of recorded bytes, with the messages in them

    Options:
          --full               Show all of long data
          --timeout duration   Give up, and fail, when it is not over after so long
          --tlscacert file     Trust only peers with certificates signed by this CA (default: servers by
                               the machine's)
          --tlscert file       TLS certificate for the peer to know this side by
          --tlskey file        Key of that certificate
          --tlsverify          Where it listens, demand certificates of clients (with --tlscacert)
      -v, --verbose            Tell on standard error how connections and channels begin and end

    Examples:
      Look at what a client and a server say, whatever it is inside of:
        corten chan dump tcp://localhost:9324 tcp://localhost:9323
      Look at bytes that were recorded, of either side:
        corten chan dump client.bin server.bin
    "##);
    insta::assert_snapshot!(help("chan recv"), @r##"
    Usage:  corten chan recv [OPTIONS] URL

    Print the messages of all channels that a peer opens, in JSON

    Options:
          --count int          End once so many messages came
          --exec string        Answer with the lines of a shell command, which has the message on its
                               standard input
          --listen             Listen at the URL, and let the peer connect
          --reply json         Answer with this message on each channel that a message brings
          --timeout duration   Give up, and fail, when it is not over after so long
          --tlscacert file     Trust only peers with certificates signed by this CA (default: servers by
                               the machine's)
          --tlscert file       TLS certificate for the peer to know this side by
          --tlskey file        Key of that certificate
          --tlsverify          Where it listens, demand certificates of clients (with --tlscacert)
      -v, --verbose            Tell on standard error how connections and channels begin and end

    Examples:
      Print one message of a service, and end:
        corten chan recv --count 1 ws://localhost/events
    "##);
    insta::assert_snapshot!(help("chan relay"), @r##"
    Usage:  corten chan relay [OPTIONS] LISTEN_URL CONNECT_URL

    Listen, and pass all channels on to another peer and back

    Options:
          --timeout duration   Give up, and fail, when it is not over after so long
          --tlscacert file     Trust only peers with certificates signed by this CA (default: servers by
                               the machine's)
          --tlscert file       TLS certificate for the peer to know this side by
          --tlskey file        Key of that certificate
          --tlsverify          Where it listens, demand certificates of clients (with --tlscacert)
      -v, --verbose            Tell on standard error how connections and channels begin and end

    Examples:
      Make a service on a Unix socket one over TLS:
        corten chan relay --tlscert cert.pem --tlskey key.pem tls://0.0.0.0:9323 unix:///run/service.sock
    "##);
    insta::assert_snapshot!(help("chan send"), @r##"
    Usage:  corten chan send [OPTIONS] URL [MESSAGE...]

    Send messages on a channel, in JSON, and print what comes back

    Options:
          --count int          End once so many messages came back
          --listen             Listen at the URL, and let the peer connect
          --timeout duration   Give up, and fail, when it is not over after so long
          --tlscacert file     Trust only peers with certificates signed by this CA (default: servers by
                               the machine's)
          --tlscert file       TLS certificate for the peer to know this side by
          --tlskey file        Key of that certificate
          --tlsverify          Where it listens, demand certificates of clients (with --tlscacert)
      -v, --verbose            Tell on standard error how connections and channels begin and end

    Examples:
      Ask, and print the answer that comes by the channel in the message:
        corten chan send tcp://localhost:9323 '{"Op":"upper","Text":"hi","Ret":{"$sender":"ret"}}'
      Run a command on a server of the kind of rexec, with this terminal's input and output:
        corten chan send tcp://localhost:9323 '{"Cmd":"cat","Args":[],"Stdin":{"$reader":"-"},"Stdout":{"$writer":"-"},"Stderr":{"$writer":"/dev/stderr"},"StatusChan":{"$sender":"status"}}'
      Send the lines of a file:
        corten chan send unix:///run/service.sock < messages.jsonl
      What else stands for what JSON has not, here and in all that is printed:
        {"$receiver":[MESSAGE,...]} {"$reader":["text",...]} {"$writer":NAME} {"$stream":"-"} {"$descriptor":PATH} {"$bytes":BASE64} {"$time":RFC3339} {"$float":"NaN"} {"$map":[[KEY,VALUE],...]} {"$$sender":"a key with one $"}
    "##);
    insta::assert_snapshot!(help("chan serve"), @r##"
    Usage:  corten chan serve [OPTIONS] URL

    Listen, print the messages of all peers in JSON, and answer them

    Options:
          --count int          End once so many messages came
          --exec string        Answer with the lines of a shell command, which has the message on its
                               standard input
          --reply json         Answer with this message on each channel that a message brings
          --timeout duration   Give up, and fail, when it is not over after so long
          --tlscacert file     Trust only peers with certificates signed by this CA (default: servers by
                               the machine's)
          --tlscert file       TLS certificate for the peer to know this side by
          --tlskey file        Key of that certificate
          --tlsverify          Where it listens, demand certificates of clients (with --tlscacert)
      -v, --verbose            Tell on standard error how connections and channels begin and end

    Examples:
      Print what comes, and answer each message:
        corten chan serve --reply '{"OK":true}' tcp://localhost:9323
      Answer by a program:
        corten chan serve --exec 'jq -c "{Text: (.Text | ascii_upcase)}"' unix:///run/upper.sock
    "##);
}
