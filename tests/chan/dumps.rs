//! What is shown of conversations that pass, and of those that were recorded.

use std::fmt::Write;
use std::process::Command;

use super::{Listening, corten, recorded, recorded_path, socket};

const NAMES: [&str; 15] = [
    "bare",
    "big",
    "count",
    "mirror",
    "nest",
    "open",
    "raw-reset-ping-goaway",
    "rexec-cat",
    "rexec-fail",
    "rexec-ls",
    "sum",
    "time",
    "upper",
    "write",
    "v0.1.0/rexec-ls",
];

/// Of another decoder: direction, offset, type and what stands behind it.
fn expected(name: &str, direction: &str) -> Vec<String> {
    let text = std::fs::read_to_string(recorded_path(name).replace(".bin", ".dump.txt")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(direction));
    lines.map(|line| essentials(line, true)).collect()
}

/// Offset, type, stream, flags, and how long data is, or numbers of its own.
fn essentials(line: &str, is_theirs: bool) -> String {
    let mut words = line.split_whitespace();
    let mut found = format!("{} ", words.next().unwrap());
    let fields: Vec<&str> = words.filter(|word| !matches!(*word, ">" | "<" | "v3")).collect();
    let _infallible = write!(found, "{}", fields[0]);
    let is_data = fields[0] == "DATA";
    let named = |names: &[&str]| {
        fields.iter().find_map(|field| {
            let (name, value) = field.split_once('=')?;
            names.contains(&name).then(|| value.split('(').next().unwrap_or(value))
        })
    };
    for names in [&["stream"][..], &["assoc", "associated"], &["id"], &["last"], &["status"]] {
        if let Some(value) = named(names) {
            let _infallible = write!(found, " {}={value}", names[0]);
        }
    }
    let flags = match named(&["flags"]).unwrap() {
        "0" | "0x0" => 0,
        "FIN" | "0x1" => 1,
        other => panic!("{other}"),
    };
    let _infallible = write!(found, " flags={flags}");
    if is_data {
        let length = named(&[if is_theirs { "len" } else { "length" }]).unwrap();
        let _infallible = write!(found, " len={length}");
    }
    found
}

#[test]
fn recorded_frames_are_those_that_another_decoder_has_seen() {
    let corten = corten();
    for name in NAMES {
        for (side, direction) in [("c2s", "C>S "), ("s2c", "S>C ")] {
            let dumped = corten.ok(&["chan", "dump", &recorded_path(&format!("{name}.{side}"))]);
            let frames = dumped.lines().filter(|line| line.starts_with('@'));
            let frames: Vec<String> = frames.map(|line| essentials(line, false)).collect();
            assert_eq!(frames, expected(name, direction), "{name}.{side}");
        }
    }
}

#[test]
fn messages_headers_and_bytes_are_shown() {
    let corten = corten();
    let paths = |name: &str| ["c2s", "s2c"].map(|side| recorded_path(&format!("{name}.{side}")));
    let [client, server] = paths("nest");
    insta::assert_snapshot!(corten.ok(&["chan", "dump", &client, &server]), @r#"
    @0 > SYN_STREAM stream=1 associated=0 priority=0 slot=0 flags=0 length=42
                 libchan-ref: 2
    @50 > SYN_STREAM stream=3 associated=0 priority=0 slot=0 flags=0 length=34
                 libchan-parent-ref: 2
                 libchan-ref: 3
    @92 > DATA stream=1 flags=0 length=19
                 0000  82 a2 4f 70 a4 6e 65 73  74 a3 52 65 74 d6 04 00  |..Op.nest.Ret...|
                 0010  00 00 03                                          |...|
                 channel 2: {"Op":"nest","Ret":{"$sender":3}}
    @119 > SYN_REPLY stream=2 flags=0 length=21
                 :status: 200
    @148 > DATA stream=2 flags=0 length=36
                 0000  83 a4 54 65 78 74 b6 6f  76 65 72 20 74 68 65 20  |..Text.over the |
                 0010  6e 65 73 74 65 64 20 73  65 6e 64 65 72 a1 4e 00  |nested sender.N.|
                 0020  a2 4f 4b c2                                       |.OK.|
                 perhaps a message: {"Text":"over the nested sender","N":0,"OK":false}
    @192 > DATA stream=3 flags=FIN length=0
    @200 > DATA stream=1 flags=FIN length=0
    @208 > GOAWAY last=2 status=0 flags=0 length=8
    @0 < SYN_REPLY stream=1 flags=0 length=30
                 :status: 200
    @38 < SYN_REPLY stream=3 flags=0 length=12
                 :status: 200
    @58 < SYN_STREAM stream=2 associated=0 priority=0 slot=0 flags=0 length=47
                 libchan-parent-ref: 3
                 libchan-ref: 2
    @113 < DATA stream=3 flags=0 length=11
                 0000  81 a3 52 65 74 d6 04 00  00 00 02                 |..Ret......|
                 channel 3: {"Ret":{"$sender":2}}
    @132 < DATA stream=3 flags=0 length=36
                 0000  83 a2 4f 4b c3 a4 54 65  78 74 b6 6f 76 65 72 20  |..OK..Text.over |
                 0010  74 68 65 20 6e 65 73 74  65 64 20 73 65 6e 64 65  |the nested sende|
                 0020  72 a1 4e 00                                       |r.N.|
                 channel 3: {"OK":true,"Text":"over the nested sender","N":0}
    @176 < DATA stream=3 flags=FIN length=0
    @184 < DATA stream=1 flags=FIN length=0
    "#);
    let [client, server] = paths("rexec-ls");
    let dumped = corten.ok(&["chan", "dump", &client, &server]);
    for line in [
        r#"channel 2: {"Stdout":{"$writer":3},"Stderr":{"$writer":4},"StatusChan":{"$sender":5},"Cmd":"ls","Args":["-l","/"],"Stdin":{"$reader":6}}"#,
        r#"bytes 3: "bin\netc\nusr\n""#,
        r#"channel 5: {"Status":0}"#,
        "libchan-parent-ref: 2",
    ] {
        assert!(dumped.lines().any(|found| found.trim() == line), "{line}: {dumped}");
    }
    // The wire of 2014.
    let dumped = corten.ok(&["chan", "dump", &recorded_path("v0.1.0/rexec-ls.c2s")]);
    let line = r#"channel 1: {"Stdin":{"$stream":3},"Stdout":{"$stream":5},"Stderr":{"$stream":7},"StatusChan":{"$sender":9},"Events":{"$receiver":11},"Cmd":"ls","Args":["-l","/"]}"#;
    assert!(dumped.contains(line), "{dumped}");
    assert!(dumped.contains("channel 11: {\"N\":7}") && dumped.contains("bytes 3: \"input\\n\""));
    // Long data is cut, unless all of it is wanted.
    let [big, _] = paths("big");
    let (short, full) =
        (corten.ok(&["chan", "dump", &big]), corten.ok(&["chan", "dump", "--full", &big]));
    assert!(short.contains("… 3840 bytes more") && short.contains("letters more"), "{short}");
    assert!(full.contains(&"abcdefgh".repeat(2500)) && !full.contains(" more"));
}

#[test]
fn digits_are_read_as_bytes_are() {
    let corten = corten();
    let bytes = recorded("upper.c2s");
    let dumped = corten.ok(&["chan", "dump", &recorded_path("upper.c2s")]);
    let mut digits = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let _infallible = write!(digits, "{byte:02X}{}", if at % 16 == 15 { "\n" } else { " " });
    }
    for input in [digits.as_bytes(), &bytes] {
        let read = corten.run_with(&["chan", "dump", "-"], input);
        assert_eq!((read.code, read.stdout.trim_end()), (0, dumped.as_str()), "{read:?}");
    }
}

#[test]
fn what_cannot_be_read_is_shown_as_bytes() {
    let corten = corten();
    let shown = |bytes: &[u8]| corten.run_with(&["chan", "dump", "-"], bytes).stdout;
    let neither = shown(b"GET / HTTP/1.1\r\n");
    assert_eq!(
        neither,
        "@0 > neither SPDY nor HTTP/2 length=16\n             0000  47 45 54 20 2f 20 48 54  54 50 2f 31 2e 31 0d 0a  |GET / HTTP/1.1..|\n"
    );
    let cut = shown(&recorded("upper.c2s")[..60]);
    assert!(cut.contains("@50 > a frame that is not whole length=10\n"), "{cut}");
    // Headers that cannot be inflated: those behind them cannot be, either; the rest can.
    let mut broken = recorded("rexec-ls.c2s");
    broken[20] ^= 0xff;
    let broken = shown(&broken);
    assert_eq!(broken.matches("it cannot be read: ").count(), 5, "{broken}");
    assert!(broken.contains("DATA stream=1 flags=0 length=74") && broken.contains("GOAWAY last=0"));
    // What does nothing to a terminal, and messages that are none.
    let mut hostile = recorded("bare.c2s")[..50].to_vec();
    hostile.extend([0, 0, 0, 1, 0, 0, 0, 4, 0xa3, 0xc2, 0x9b, 0x7f]);
    hostile.extend([0, 0, 0, 1, 0, 0, 0, 1, 0xc1, 0, 0, 0, 1, 0, 0, 0, 1, 1]);
    hostile.extend([0x80, 3, 0, 99, 0, 0, 0, 1, 7]);
    let hostile = shown(&hostile);
    assert!(hostile.contains("channel 2: \"\\u{9b}\\u{7f}\"\n"), "{hostile}");
    assert!(hostile.contains("channel 2: no message: peer breaks the protocol"), "{hostile}");
    assert!(hostile.contains("channel 2: what follows no message"), "{hostile}");
    assert!(
        hostile.contains("CONTROL type=99 flags=0 length=1\n             its type is not known")
    );
}

#[test]
fn a_conversation_is_shown_as_it_passes() {
    let corten = corten();
    let serve =
        Listening::start(&corten, &["serve", "--reply", "{\"OK\":true}", &socket(&corten, "s")]);
    let mut dump = Listening::start(&corten, &["dump", "ws://127.0.0.1:0/", &serve.url]);
    let message = r#"{"Text":"hé","Ret":{"$sender":"ret"}}"#;
    for _ in 0..2 {
        let answer = corten.ok(&["chan", "send", &dump.url, message]);
        assert_eq!(answer, r#"{"$from":"ret","message":{"OK":true}}"#);
    }
    serve.printed();
    let dumped = dump.prints(&["#1 = ends", "#2 = ends"]);
    dump.printed();
    for number in [1, 2] {
        let own = format!(" #{number} ");
        let lines: Vec<&str> = dumped.split_inclusive('\n').collect();
        let begins = |line: &&&str| line.contains(&own) || line.starts_with("             ");
        let text: String = lines.iter().filter(begins).copied().collect();
        for words in [
            format!("#{number} = begins at 20"),
            format!(
                "#{number} > SYN_STREAM stream=1 associated=0 priority=0 slot=0 flags=0 length="
            ),
            format!("#{number} > DATA stream=1 flags=FIN length=0"),
            format!("#{number} < DATA stream=3 flags=0 length=5"),
            format!("#{number} > ends"),
            format!("#{number} < ends"),
            format!("#{number} = ends"),
        ] {
            assert!(text.contains(&words), "{words}: {dumped}");
        }
    }
    assert_eq!(dumped.matches("channel 3: {\"Text\":\"hé\",\"Ret\":{\"$sender\":5}}").count(), 2);
    assert_eq!(dumped.matches("channel 5: {\"OK\":true}").count(), 2);
    assert_eq!(dumped.matches("libchan-parent-ref: 3").count(), 2);
}

/// Who speaks something else is passed on all the same.
#[test]
fn what_is_no_spdy_passes() {
    use std::io::{Read, Write};
    let corten = corten();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let behind = format!("tcp://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = String::new();
        stream.read_to_string(&mut asked).unwrap();
        stream.write_all(asked.to_uppercase().as_bytes()).unwrap();
    });
    let mut dump = Listening::start(&corten, &["dump", "tcp://127.0.0.1:0", &behind]);
    let mut stream = std::net::TcpStream::connect(dump.url.trim_start_matches("tcp://")).unwrap();
    stream.write_all(b"question").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "QUESTION");
    server.join().unwrap();
    let dumped = dump.prints(&["#1 = ends"]);
    dump.printed();
    assert!(
        dumped.contains("#1 > neither SPDY nor HTTP/2 length=8\n")
            && dumped.contains("#1 < neither SPDY nor HTTP/2 length=8\n"),
        "{dumped}"
    );
}

/// Started by a user who is not root, without a home.
#[test]
fn it_needs_no_rights() {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    let file = std::fs::File::open(recorded_path("upper.c2s")).unwrap();
    command.arg(env!("CARGO_BIN_EXE_corten")).args(["chan", "dump", "-"]).env_clear().stdin(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"@0 > SYN_STREAM stream=1"), "{output:?}");
}
