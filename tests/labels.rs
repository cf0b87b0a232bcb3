//! Names and labels of every length and script: what is refused, what is kept byte for byte, and that a line stays a line.

#[cfg(test)]
mod tests {
    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// What an image, a container or whoever made one may have written.
    fn labels() -> Vec<String> {
        let mut labels: Vec<String> = [
            "plain",
            "",
            "a=b=c",
            "a,b",
            "q\"uote\\",
            "שלום",
            "日本語",
            "👩‍👩‍👧‍👦",
            "e\u{301}",
            "\u{202e}dcba",
            "two\nlines",
            "a\tb",
            "\u{1b}[31mred\u{1b}[0m",
            "\u{1b}]0;title\u{7}",
            "\u{9b}2J",
            "\r\u{8}\u{7f}",
            "{{.ID}}",
        ]
        .iter()
        .map(|text| (*text).to_owned())
        .collect();
        labels.extend([1, 255, 4096, 100_000].map(|length| "x".repeat(length)));
        labels
    }

    /// Nothing in it moves the cursor or begins a line.
    #[track_caller]
    fn stands_still(text: &str, lines: usize) {
        assert_eq!(text.lines().count(), lines, "{text:?}");
        let moves = |letter: char| {
            letter != '\n' && letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}')
        };
        assert!(!text.contains(moves), "{text:?}");
    }

    #[test]
    fn a_label_is_kept_and_stays_in_its_line() {
        let corten = corten();
        let labels = labels();
        for (number, label) in labels.iter().enumerate() {
            let (name, label) = (format!("c{number}"), format!("key={label}"));
            corten.ok(&["create", "--name", &name, "--label", &label, "busybox", "true"]);
        }
        for (number, label) in labels.iter().enumerate() {
            let text = corten.ok(&["inspect", &format!("c{number}")]);
            let document: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(document[0]["Config"]["Labels"]["key"], *label);
            let found = corten.ok(&["ps", "-aq", "--filter", &format!("label=key={label}")]);
            assert_eq!(found.lines().count(), 1, "{label:?}");
        }
        let rows = labels.len() + 1;
        stands_still(&corten.ok(&["ps", "-a"]), rows);
        stands_still(&corten.ok(&["ps", "-a", "--format", "table {{.Names}}\t{{.Labels}}"]), rows);
        stands_still(
            &corten.ok(&["ps", "-a", "--format", "table {{.Label \"key\"}}\t{{.Names}}"]),
            rows,
        );
        let json = corten.ok(&["ps", "-a", "--format", "json"]);
        assert_eq!(json.lines().count(), labels.len());
        for line in json.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        let past = ["events", "--since", "1h", "--until", "0s", "--filter", "event=create"];
        stands_still(&corten.ok(&past), labels.len());
        let json = corten.ok(&[&past[..], &["--format", "json"]].concat());
        for (line, label) in json.lines().zip(&labels) {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(event["Actor"]["Attributes"]["key"], *label);
        }
    }

    #[test]
    fn commands_paths_and_comments_stay_in_their_lines() {
        let corten = corten();
        let command = "true; touch '/a\nb\u{1b}[1m'; exec sleep 1000";
        corten.ok(&["run", "-d", "--name", "web", "busybox", "sh", "-c", command]);
        corten.ok(&["exec", "web", "sh", "-c", "true # \u{1b}[2J\n# \u{202e}"]);
        testkit::wait_until("the file is there", || !corten.ok(&["diff", "web"]).is_empty());
        stands_still(&corten.ok(&["diff", "web"]), 1);
        stands_still(&corten.ok(&["ps", "--no-trunc"]), 2);
        // create, start, and three of exec.
        stands_still(
            &corten.ok(&["events", "-f", "type=container", "--since", "1h", "--until", "0s"]),
            5,
        );
        let comment = "red \u{1b}[31m\nline";
        corten.ok(&["commit", "-m", comment, "web", "web:1"]);
        stands_still(&corten.ok(&["history", "--no-trunc", "web:1"]), 3);
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "odd",
            "busybox",
            "sh",
            "-c",
            "sleep 1000 # \u{1b}[2J\n",
        ]);
        let listed = corten.ok(&["top", "odd"]);
        assert!(!listed.contains('\u{1b}'), "{listed:?}");
    }

    #[test]
    fn names_have_letters_and_an_end() {
        let corten = corten();
        for name in ["ab", "A_.-", &"x".repeat(255)] {
            corten.ok(&["create", "--name", name, "busybox", "true"]);
            assert_eq!(corten.ok(&["ps", "-a", "--format", "{{.Names}}"]), name);
            corten.ok(&["rm", name]);
            corten.ok(&["volume", "create", name]);
            assert_eq!(corten.ok(&["volume", "ls", "-q"]), name);
            corten.ok(&["volume", "rm", name]);
        }
        let long = "x".repeat(256);
        let longest = "x".repeat(100_000);
        for name in
            [&long, &longest, "é", "a b", "a/b", "..", "a\nb", "a\u{1b}[1m", "a\u{202e}", "😀😀"]
        {
            let refused = corten.fails(&["create", "--name", name, "busybox", "true"], 1);
            stands_still(&refused, 1);
            assert!(refused.contains("at most 255"), "{refused}");
            let refused = corten.fails(&["volume", "create", name], 1);
            stands_still(&refused, 1);
            assert!(refused.contains("at most 255"), "{refused}");
            let refused = corten.fails(&["run", "--hostname", name, "busybox", "true"], 125);
            stands_still(&refused, 1);
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
        assert_eq!(corten.ok(&["volume", "ls", "-q"]), "");
    }

    /// What is no UTF-8 becomes Docker's replacement character, and nothing breaks.
    #[test]
    fn bytes_that_are_no_text() {
        use std::os::unix::ffi::OsStrExt;
        let corten = corten();
        let word = |bytes: &[u8]| std::ffi::OsStr::from_bytes(bytes).to_owned();
        let mut command = corten.command();
        command.args(["create", "--name", "odd", "--label"]).arg(word(b"key=v\xffw"));
        command.arg("--env").arg(word(b"E=\xc3("));
        assert!(
            command.args(["busybox", "echo"]).arg(word(b"\xf0\x9f")).status().unwrap().success()
        );
        let text = corten.ok(&["inspect", "odd"]);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document[0]["Config"]["Labels"]["key"], "v\u{fffd}w");
        assert_eq!(document[0]["Args"][0], "\u{fffd}");
        let mut command = corten.command();
        command.args(["create", "--name"]).arg(word(b"a\xff")).args(["busybox", "true"]);
        assert_eq!(command.output().unwrap().status.code(), Some(1));
    }
}
