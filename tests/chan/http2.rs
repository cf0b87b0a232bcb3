//! What is shown of conversations by HTTP/2.

use std::io::{Read, Write};

use testkit::Certificates;

use super::{Listening, corten};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Fields whose names and values are as they are, behind those of a number.
fn block(numbers: &[u8], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = numbers.to_vec();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).unwrap());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// A part of bytes.
fn part(bytes: &[u8]) -> Vec<u8> {
    let mut part = vec![0];
    part.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    part.extend(bytes);
    part
}

const TYPE: (&str, &str) = ("content-type", "application/vnd.libchan");
const TOKEN: (&str, &str) = ("libchan-session", "00");

#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
#[expect(clippy::too_many_lines, reason = "frames, and what is shown of them, are data")]
fn recorded_frames_are_shown() {
    let corten = corten();
    let end = [1, 0, 0, 0, 0];
    let client = [
        PREFACE.to_vec(),
        frame(4, 0, 0, &[0, 2, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0, 99, 0, 0, 0, 7]),
        // ":method: POST", and ":authority: www.example.com" in Huffman's code, which goes into the table.
        frame(
            HEADERS,
            PRIORITY,
            1,
            &[
                &[0x80, 0, 0, 3, 15][..],
                &block(
                    &[
                        0x83, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab,
                        0x90, 0xf4, 0xff,
                    ],
                    &[TYPE, TOKEN],
                ),
            ]
            .concat(),
        ),
        frame(9, END_HEADERS, 1, &block(&[], &[("libchan-control", "1")])),
        frame(
            DATA,
            PADDED,
            1,
            &[&[2][..], &part(&[1, 3, 0, 0, 0, 0, 0, 0, 0, 2]), &[0, 0]].concat(),
        ),
        frame(HEADERS, END_HEADERS, 3, &block(&[0x83, 0xbe], &[TYPE, TOKEN, ("libchan-ref", "3")])),
        frame(
            HEADERS,
            END_HEADERS,
            5,
            &block(&[0x83], &[TYPE, TOKEN, ("libchan-ref", "5"), ("libchan-parent-ref", "3")]),
        ),
        frame(DATA, END_STREAM, 3, &[&part(b"\x81\xa3Ret\xd6\x04\0\0\0\x05")[..], &end].concat()),
        frame(HEADERS, END_HEADERS, 7, &block(&[0x83], &[TYPE, TOKEN, ("libchan-accept", "1")])),
        frame(3, 0, 7, &[0, 0, 0, 8]),
        frame(6, 0, 0, b"pingpong"),
        frame(7, 0, 0, &[&[0, 0, 0, 0, 0, 0, 0, 11][..], b"slow \x1b down"].concat()),
    ];
    let server = [
        frame(4, 0, 0, &[]),
        frame(4, 1, 0, &[]),
        frame(8, 0, 0, &[0, 1, 0, 0]),
        frame(HEADERS, END_HEADERS, 5, &block(&[0x88], &[TYPE])),
        frame(DATA, 0, 5, &[&part(b"\xa2hi")[..], &[3, 0, 0, 0, 4, 0, 0, 0, 5]].concat()),
        frame(2, 0, 5, &[0, 0, 0, 1, 255]),
    ];
    let write = |name: &str, bytes: &[u8]| {
        let path = corten.directory().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (client, server) = (write("client", &client.concat()), write("server", &server.concat()));
    insta::assert_snapshot!(corten.ok(&["chan", "dump", &client, &server]), @r#"
    @0 > PREFACE length=24
    @24 > SETTINGS settings=[ENABLE_PUSH=0 INITIAL_WINDOW_SIZE=65536 0x63=7] flags=0 length=18
    @51 > HEADERS stream=1 depends=3 weight=16 exclusive=true flags=PRIORITY length=78
    @138 > CONTINUATION stream=1 flags=END_HEADERS length=19
                 :method: POST
                 :authority: www.example.com
                 content-type: application/vnd.libchan
                 libchan-session: 00
                 libchan-control: 1
    @166 > DATA stream=1 flags=PADDED length=18
                 0000  00 00 00 00 0a 01 03 00  00 00 00 00 00 00 02     |...............|
                 part bytes length=10
                 control: ping
                 control: close, 2 streams were opened
    @193 > HEADERS stream=3 flags=END_HEADERS length=75
                 :method: POST
                 :authority: www.example.com
                 content-type: application/vnd.libchan
                 libchan-session: 00
                 libchan-ref: 3
    @277 > HEADERS stream=5 flags=END_HEADERS length=96
                 :method: POST
                 content-type: application/vnd.libchan
                 libchan-session: 00
                 libchan-ref: 5
                 libchan-parent-ref: 3
    @382 > DATA stream=3 flags=END_STREAM length=21
                 0000  00 00 00 00 0b 81 a3 52  65 74 d6 04 00 00 00 05  |.......Ret......|
                 0010  01 00 00 00 00                                    |.....|
                 part bytes length=11
                 channel 3: {"Ret":{"$sender":5}}
                 part end
    @412 > HEADERS stream=7 flags=END_HEADERS length=77
                 :method: POST
                 content-type: application/vnd.libchan
                 libchan-session: 00
                 libchan-accept: 1
    @498 > RST_STREAM stream=7 error=8(CANCEL) flags=0 length=4
    @511 > PING data=70696e67706f6e67 flags=0 length=8
    @528 > GOAWAY last=0 error=11(ENHANCE_YOUR_CALM) flags=0 length=19
                 0000  73 6c 6f 77 20 1b 20 64  6f 77 6e                 |slow . down|
    @0 < SETTINGS settings=[] flags=0 length=0
    @9 < SETTINGS settings=[] flags=ACK length=0
    @18 < WINDOW_UPDATE stream=0 delta=65536 flags=0 length=4
    @31 < HEADERS stream=5 flags=END_HEADERS length=39
                 :status: 200
                 content-type: application/vnd.libchan
    @79 < DATA stream=5 flags=0 length=17
                 0000  00 00 00 00 03 a2 68 69  03 00 00 00 04 00 00 00  |......hi........|
                 0010  05                                                |.|
                 part bytes length=3
                 channel 5: "hi"
                 part reset status=5(CANCEL)
    @105 < PRIORITY stream=5 depends=1 weight=256 exclusive=false flags=0 length=5
    "#);
    // The server's alone: nothing says which streams are channels.
    let alone = corten.ok(&["chan", "dump", &server]);
    assert!(alone.starts_with("@0 > SETTINGS settings=[] flags=0 length=0\n"), "{alone}");
    assert!(alone.contains("part reset status=5(CANCEL)\n"), "{alone}");
}

/// Whatever is wrong is told, what can be shown is, and fields only as long as they can be told apart.
#[test]
fn what_is_wrong_with_a_frame_is_told() {
    let corten = corten();
    let shown = |frames: &[Vec<u8>]| {
        let bytes = [&[PREFACE.to_vec()], frames].concat().concat();
        let read = corten.run_with(&["chan", "dump", "-"], &bytes);
        assert_eq!((read.code, read.stderr.as_str()), (0, ""));
        read.stdout
    };
    let get = |stream| frame(HEADERS, END_HEADERS | END_STREAM, stream, &[0x82]);
    let can = "@24 > ";
    for (wrong, words, reads_fields) in [
        (frame(DATA, PADDED, 1, &[]), "its length is not that of its type", true),
        (frame(DATA, PADDED, 1, &[4, 0, 0, 0]), "its padding is longer than the frame", true),
        (frame(HEADERS, PRIORITY, 1, &[0; 4]), "its length is not that of its type", false),
        (frame(3, 0, 1, &[0; 5]), "its length is not that of its type", true),
        (frame(4, 0, 0, &[0; 7]), "its length is not that of its type", true),
        (frame(4, 1, 0, &[0; 6]), "its length is not that of its type", true),
        (frame(6, 0, 0, &[0; 7]), "its length is not that of its type", true),
        (frame(7, 0, 0, &[0; 7]), "its length is not that of its type", true),
        (frame(8, 0, 0, &[0; 3]), "its length is not that of its type", true),
        (frame(5, 0, 0, &[0; 3]), "its length is not that of its type", false),
        (frame(9, END_HEADERS, 1, &[]), "it continues nothing", false),
        ([frame(HEADERS, 0, 1, &[]), frame(9, 0, 3, &[])].concat(), "it continues nothing", false),
        ([frame(HEADERS, 0, 1, &[]), get(3)].concat(), "the fields on stream 1 have no end", false),
    ] {
        let text = shown(&[wrong, get(5), frame(6, 0, 0, &[0; 8])]);
        assert!(text.starts_with("@0 > PREFACE length=24\n") && text.contains(can), "{text}");
        assert!(text.contains(&format!("it is wrong: {words}\n")), "{words}: {text}");
        assert_eq!(text.contains(":method: GET"), reads_fields, "{words}: {text}");
        assert!(text.contains("PING data=0000000000000000 flags=0 length=8\n"), "{words}: {text}");
    }
    let unknown = shown(&[frame(0x21, 1, 3, b"?"), get(5)]);
    assert!(unknown.contains("FRAME type=33 stream=3 flags=0x1 length=1\n"), "{unknown}");
    assert!(unknown.contains("its type is not known\n") && unknown.contains(":method: GET"));
    // A table of fields is shared by all that follow.
    let broken = shown(&[frame(HEADERS, END_HEADERS, 1, &[0xff, 0]), get(3)]);
    let words = "it cannot be read: no field has the number 127\n";
    assert_eq!(broken.matches(words).count(), 2, "{broken}");
    // As large as it likes.
    let long = vec![frame(9, 0, 1, &[0; 16 << 10]); 5];
    let long = shown(&[vec![frame(HEADERS, 0, 1, &[])], long, vec![get(3)]].concat());
    assert!(long.contains("it cannot be read: a block of fields is beyond 65536 bytes"), "{long}");
    // 4000 bytes that one byte names.
    let mut bomb = b"\x40\x01n\x7f\xa1\x1e".to_vec();
    bomb.extend([b'v'; 4000]);
    bomb.extend([0xbe; 10_000]);
    let bomb = shown(&[frame(HEADERS, END_HEADERS, 1, &bomb), get(3)]);
    assert!(bomb.contains("… 9997 fields more\n") && bomb.contains(":method: GET"), "{bomb}");
    // Bodies that are none.
    let head = block(&[0x83], &[TYPE, TOKEN, ("libchan-ref", "3")]);
    let body = [part(b"\xc1"), vec![9, 0, 0, 0, 0], b"text".to_vec()].concat();
    let body = shown(&[
        frame(HEADERS, END_HEADERS, 1, &head),
        frame(DATA, 0, 1, &body),
        frame(DATA, 0, 1, b"text"),
    ]);
    for words in [
        "channel 3: no message: peer breaks the protocol",
        "no part: a part of an unknown kind",
        "channel 3: what follows no message",
    ] {
        assert!(body.contains(words), "{words}: {body}");
    }
    let cut = corten.run_with(&["chan", "dump", "-"], &PREFACE[..20]).stdout;
    assert!(cut.starts_with("@0 > neither SPDY nor HTTP/2 length=20\n"), "{cut}");
}

#[test]
fn a_conversation_is_shown_as_it_passes() {
    let corten = corten();
    let line = ["serve", "--reply", "{\"OK\":true}", "http://127.0.0.1:0/some/path"];
    let serve = Listening::start(&corten, &line);
    let mut dump = Listening::start(&corten, &["dump", "http://127.0.0.1:0/some/path", &serve.url]);
    assert!(dump.url.starts_with("http://127.0.0.1:") && dump.url.ends_with("/some/path"));
    let message = r#"{"Text":"hé","Ret":{"$sender":"ret"}}"#;
    let answer = corten.ok(&["chan", "send", &dump.url, message]);
    assert_eq!(answer, r#"{"$from":"ret","message":{"OK":true}}"#);
    serve.printed();
    let dumped = dump.prints(&["#1 = ends"]);
    dump.printed();
    for words in [
        "> PREFACE length=24",
        "> SETTINGS settings=[",
        ":path: /some/path",
        "libchan-control: 1",
        "libchan-ref: 3",
        "libchan-parent-ref: 3",
        ":status: 200",
        "channel 3: {\"Text\":\"hé\",\"Ret\":{\"$sender\":5}}",
        "channel 5: {\"OK\":true}",
        "part end",
        "control: ping",
        "control: the answer to a ping",
        "control: close, 2 streams were opened",
    ] {
        assert!(dumped.contains(words), "{words}: {dumped}");
    }
    assert!(!dumped.contains("cannot be read") && !dumped.contains("it is wrong"), "{dumped}");
}

/// By TLS, and with a stream that the server opens.
#[test]
fn secure_conversations_are_shown_too() {
    let corten = corten();
    let certificates = Certificates::new();
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (certificate, key) = certificates.server();
    let (certificate, key, authority) = (path(certificate), path(key), path(certificates.ca()));
    let own = ["--tlscacert", &authority, "--tlscert", &certificate, "--tlskey", &key];
    let url = "https://127.0.0.1:0/";
    let send = Listening::start(&corten, &[&["send", "--listen"], &own[..], &[url, "7"]].concat());
    let line = [&["dump"], &own[..], &[url, &send.url]].concat();
    let mut dump = Listening::start(&corten, &line);
    let received = corten.ok(&["chan", "recv", "--tlscacert", &authority, &dump.url]);
    assert_eq!(received, "7");
    assert_eq!(send.finished(), "");
    let dumped = dump.prints(&["part open number=2 place=1\n", "channel 2: 7\n"]);
    dump.printed();
    assert!(dumped.contains("libchan-accept: 1\n"), "{dumped}");
}

/// What is nonsense as HTTP/2 passes all the same.
#[test]
fn every_byte_is_passed_on() {
    let corten = corten();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let behind = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        stream.read_to_end(&mut asked).unwrap();
        stream.write_all(&asked[PREFACE.len()..]).unwrap();
    });
    let mut dump = Listening::start(&corten, &["dump", "http://127.0.0.1:0/", &behind]);
    let address = dump.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let nonsense = [
        frame(4, 0, 0, &[1; 6]),
        frame(HEADERS, END_HEADERS, 1, &[0xff; 100]),
        frame(DATA, PADDED, 1, &[200; 100]),
        vec![0xff; 20_000],
    ]
    .concat();
    stream.write_all(PREFACE).unwrap();
    stream.write_all(&nonsense).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer == nonsense);
    server.join().unwrap();
    let dumped = dump.prints(&["#1 = ends"]);
    dump.printed();
    assert_eq!(dumped.matches("its padding is longer than the frame").count(), 2, "{dumped}");
    assert_eq!(dumped.matches(" a frame that is not whole length=20000\n").count(), 2, "{dumped}");
}
