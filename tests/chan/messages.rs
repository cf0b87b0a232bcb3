//! Messages as JSON: what is sent is printed the same, and what is none is refused with its place.

use super::{Listening, corten, socket};

#[test]
fn what_is_sent_is_printed() {
    let corten = corten();
    let serve = Listening::start(&corten, &["serve", "--count", "16", &socket(&corten, "s")]);
    let lines = [
        "null",
        "[true,false,0,-1,127,128,255,65536,-129,-2147483649]",
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
        "-9223372036854775808",
        "[0.5,1.0,-2.5e+300]",
        r#"[{"$float":"NaN"},{"$float":"Infinity"},{"$float":"-Infinity"}]"#,
        r#""text with \"quotes\" and \u0000 and é""#,
        r#"{"z":1,"a":2,"m":{"b":[],"a":{}}}"#,
        r#"{"$bytes":"AAH/"}"#,
        r#"{"$time":"2014-06-09T17:00:00.123456789Z"}"#,
        r#"{"$time":"1969-12-31T23:59:59.5Z"}"#,
        r#"{"$time":[9223372036854775807,999999999]}"#,
        r#"{"$map":[[1,"one"],[null,"none"],["text",{"$map":[["twice",1],["twice",2]]}]]}"#,
        r#"{"$$sender":"no channel","$$$":1}"#,
    ];
    let sent = corten.run_with(&["chan", "send", &serve.url], lines.join("\n").as_bytes());
    assert_eq!((sent.code, sent.stdout.as_str(), sent.stderr.as_str()), (0, "", ""));
    let printed = serve.finished();
    assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn channels_and_streams_in_messages_are_printed_both_ways() {
    let corten = corten();
    let reply = r#"{"OK":true,"Again":{"$receiver":[1,2]}}"#;
    let line = ["serve", "--reply", reply, "tcp://127.0.0.1:0"];
    let mut serve = Listening::start(&corten, &line);
    let file = corten.directory().join("written");
    let message = format!(
        r#"{{"Ret":{{"$sender":"ret"}},"In":{{"$receiver":[7,{{"Deep":{{"$sender":"deep"}}}}]}},
        "Read":{{"$reader":["hé",{{"$bytes":"/w=="}}]}},"Write":{{"$writer":"{}"}},"Both":{{"$stream":"both"}}}}"#,
        file.display()
    );
    let answers = corten.ok(&["chan", "send", &serve.url, &message]);
    let mut answers: Vec<&str> = answers.lines().collect();
    answers.sort_unstable();
    assert_eq!(
        answers,
        [
            r#"{"$from":"ret","message":{"OK":true,"Again":{"$receiver":"ret.1.Again"}}}"#,
            r#"{"$from":"ret.1.Again","message":1}"#,
            r#"{"$from":"ret.1.Again","message":2}"#,
        ]
    );
    assert_eq!(std::fs::read_to_string(file).unwrap(), "");
    let printed = serve.prints(&["{\"Ret\"", "\"message\":7", "1.1.In.2.Deep", "\"data\""]);
    serve.printed();
    let mut printed: Vec<&str> = printed.lines().collect();
    printed[1..].sort_unstable();
    assert_eq!(
        printed,
        [
            r#"{"Ret":{"$sender":"1.1.Ret"},"In":{"$receiver":"1.1.In"},"Read":{"$reader":"1.1.Read"},"Write":{"$writer":"1.1.Write"},"Both":{"$stream":"1.1.Both"}}"#,
            r#"{"$from":"1.1.In","message":7}"#,
            r#"{"$from":"1.1.In","message":{"Deep":{"$sender":"1.1.In.2.Deep"}}}"#,
            r#"{"$from":"1.1.Read","data":{"$bytes":"aMOp/w=="}}"#,
        ]
    );
}

/// Nothing of it is cut off at the end, though nobody answers.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn files_are_sent_to_their_ends() {
    let corten = corten();
    let serve = Listening::start(&corten, &["serve", "--count", "3", &socket(&corten, "s")]);
    let (bytes, lines) = (corten.directory().join("bytes"), corten.directory().join("lines"));
    std::fs::write(&bytes, "é".repeat(2 << 20)).unwrap();
    std::fs::write(&lines, "1\n\n{\"a\":2}\nwrong\n3\n").unwrap();
    let message = format!(
        r#"{{"Read":{{"$reader":"{}"}},"In":{{"$receiver":"{}"}}}}"#,
        bytes.display(),
        lines.display()
    );
    let (told, printed) = std::thread::scope(|scope| {
        let url = serve.url.clone();
        let (corten, message) = (&corten, &message);
        let told = scope.spawn(move || corten.fails(&["chan", "send", &url, message], 1));
        let printed = serve.finished();
        (told.join().unwrap(), printed)
    });
    let place = format!("error: send line 4 of {}: read the JSON: ", lines.display());
    assert!(told.starts_with(&place), "{told}");
    let data: usize = printed
        .lines()
        .filter_map(|line| {
            line.strip_prefix(r#"{"$from":"1.1.Read","data":""#)?.strip_suffix("\"}")
        })
        .map(str::len)
        .sum();
    assert_eq!(data, 4 << 20);
    assert!(printed.contains("{\"$from\":\"1.1.In\",\"message\":{\"a\":2}}\n"), "{printed:.300}");
}

#[test]
fn a_shell_command_answers() {
    let corten = corten();
    let program = r#"grep -o '"N":[0-9]*' | sed 's/.*/{&}/'; echo '"end"'"#;
    let serve = Listening::start(&corten, &["serve", "--exec", program, &socket(&corten, "s")]);
    let message = r#"{"N":5,"Ret":{"$sender":"ret"}}"#;
    assert_eq!(
        corten.ok(&["chan", "send", &serve.url, message]),
        "{\"$from\":\"ret\",\"message\":{\"N\":5}}\n{\"$from\":\"ret\",\"message\":\"end\"}"
    );
    serve.printed();
    let failing = "echo '{'; exit 3";
    let serve = Listening::start(&corten, &["serve", "--exec", failing, &socket(&corten, "f")]);
    assert_eq!(corten.ok(&["chan", "send", &serve.url, message]), "");
    let told = serve.stop().stderr;
    assert!(
        told.contains("send line 1 of \"echo '{'; exit 3\" on 1.1.Ret: read the JSON"),
        "{told}"
    );
    assert!(told.contains("answer by \"echo '{'; exit 3\": exit status: 3"), "{told}");
}

#[test]
fn a_line_that_is_none_ends_it_and_what_was_before_has_arrived() {
    let corten = corten();
    let line = ["serve", "--count", "2", "--reply", "1", &socket(&corten, "s")];
    let serve = Listening::start(&corten, &line);
    let lines = "{\"Ret\":{\"$sender\":\"ret\"}}\n\n\"second\"\n{\"third\":\n\"fourth\"\n";
    let sent = corten.run_with(&["chan", "send", &serve.url], lines.as_bytes());
    assert_eq!((sent.code, sent.stdout.as_str()), (1, "{\"$from\":\"ret\",\"message\":1}\n"));
    let words = "error: send line 4 of standard input: read the JSON: EOF while parsing a value at line 2 column 0\n";
    assert_eq!(sent.stderr, words);
    assert_eq!(serve.finished(), "{\"Ret\":{\"$sender\":\"1.1.Ret\"}}\n\"second\"\n");
}

#[test]
fn what_is_wrong_with_a_message_is_told() {
    let corten = corten();
    let serve = Listening::start(&corten, &["serve", &socket(&corten, "s")]);
    for (message, words) in [
        ("{\"a\":1,\"a\":2}", "read the JSON: the key \"a\" is there twice at line 1 column 13"),
        ("[1", "read the JSON: EOF while parsing a list at line 1 column 2"),
        (
            "{\"$foo\":1}",
            "the key \"$foo\" has no meaning: a key that begins with $ is written with one more",
        ),
        (
            "{\"$bytes\":\"\",\"a\":1}",
            "\"$bytes\" stands with other keys: a key that begins with $ is written with one more",
        ),
        ("{\"$bytes\":\"*\"}", "\"$bytes\" takes base64"),
        ("{\"$time\":\"today\"}", "\"$time\" takes a time of RFC 3339, or [seconds, nanoseconds]"),
        (
            "{\"$time\":[0,1000000000]}",
            "\"$time\" takes a time of RFC 3339, or [seconds, nanoseconds]",
        ),
        ("{\"$float\":1}", "\"$float\" takes \"NaN\", \"Infinity\" or \"-Infinity\""),
        ("{\"$map\":[[1]]}", "\"$map\" takes an array of pairs"),
        ("{\"$sender\":1}", "\"$sender\" takes a name"),
        ("{\"$receiver\":{}}", "\"$receiver\" takes an array of messages, or a path, or \"-\""),
        ("{\"$receiver\":\"/nonexistent\"}", "open /nonexistent: ENOENT"),
        ("{\"$reader\":\"named\"}", "open named: ENOENT"),
        (
            "{\"$reader\":[1]}",
            "\"$reader\" takes an array of texts and {\"$bytes\": …}, or a path, or \"-\"",
        ),
        ("{\"$writer\":[]}", "\"$writer\" takes a name, or a path, or \"-\""),
        ("{\"$writer\":\"/nonexistent/x\"}", "open /nonexistent/x: ENOENT"),
        ("{\"$stream\":\"/x\"}", "\"$stream\" takes a name, or \"-\""),
        ("{\"$descriptor\":\"/nonexistent\"}", "open /nonexistent: ENOENT"),
        (
            "{\"$descriptor\":1}",
            "\"$descriptor\" takes a path, or {\"path\": …, \"flags\": [\"read\", \"write\", …]}",
        ),
        ("[{\"$reader\":\"-\"},{\"$reader\":\"-\"}]", "standard input is read already"),
    ] {
        let told = corten.fails(&["chan", "send", &serve.url, message], 1);
        assert_eq!(told, format!("error: send message 1: {words}\n"));
    }
    let told = corten.run_with(&["chan", "send", &serve.url], b"\"\xff\"\n").stderr;
    assert_eq!(told, "error: send line 1 of standard input: it is no UTF-8\n");
    assert_eq!(serve.printed(), "");
}

#[test]
fn what_is_wrong_with_a_line_is_told() {
    let corten = corten();
    for (line, code, words) in [
        (&["send", "tcp://127.0.0.1:1", "{}"][..], 1, "connect to 127.0.0.1:1: ECONNREFUSED"),
        (&["send", "unix:///nonexistent", "{}"], 1, "connect to /nonexistent: ENOENT"),
        (&["recv", "unix:///nonexistent"], 1, "connect to /nonexistent: ENOENT"),
        (&["serve", "unix:///nonexistent/x"], 1, "listen at /nonexistent/x: ENOENT"),
        (
            &["serve", "--tlscert", "/nonexistent", "tls://127.0.0.1:0"],
            1,
            "use the certificates for tls://127.0.0.1:0: --tlskey is missing",
        ),
        (
            &["serve", "tls://127.0.0.1:0"],
            1,
            "use the certificates for tls://127.0.0.1:0: --tlscert and --tlskey are missing",
        ),
        (&["dump", "/nonexistent"], 1, "open /nonexistent: ENOENT"),
        (
            &["dump", "unix:///x"],
            1,
            "chan dump takes two URLs, or one or two files: nothing else can be looked at",
        ),
        (
            &["dump", "unix:///x", "file"],
            1,
            "chan dump takes two URLs, or one or two files: nothing else can be looked at",
        ),
        (
            &["serve", "--reply", "{", "unix:///x"],
            1,
            "send the reply {: read the JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            &["serve", "--reply", "[{\"$x\":1}]", "unix:///x"],
            1,
            "send the reply [{\"$x\":1}]: the key \"$x\" has no meaning: a key that begins with $ is written with one more",
        ),
        (&["serve", "--count", "0", "unix:///x"], 1, "invalid count \"0\": nothing would be done"),
        (
            &["send", "--timeout", "0", "unix:///x"],
            1,
            "invalid timeout \"0\": it is no duration such as 30s or 5m",
        ),
    ] {
        let told = corten.fails(&[&["chan"], line].concat(), code);
        assert_eq!(told, format!("error: {words}\n"), "{line:?}");
    }
    let told = corten.fails(&["chan", "send", "nowhere", "{}"], 1);
    assert!(
        told.starts_with(
            "error: read the address \"nowhere\": it begins with none of memory://, unix://"
        ),
        "{told}"
    );
    let told = corten.fails(&["chan", "dump", "unix:///x", "memory://x"], 1);
    assert_eq!(told, "error: memory://x is not carried by one connection\n");
    corten.fails(&["chan", "send", "--nonsense", "unix:///x"], 125);
    corten.fails(&["chan", "relay", "unix:///x"], 1);
}
