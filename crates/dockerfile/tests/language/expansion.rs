//! Words and their variables. The facts are those of BuildKit's shell lexer.

use std::collections::BTreeMap;

use dockerfile::{ExpandError, Expansion, Lexer, Quotes};

fn variables() -> BTreeMap<String, String> {
    [
        ("PWD", "/home"),
        ("SHELL", "bash"),
        ("NULL", ""),
        ("KOREAN", "한국어"),
        ("space", "abc  def"),
        ("leading", "  ab c"),
        ("trailing", "ab c   "),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

fn expand(text: &str) -> Option<String> {
    Lexer::new('\\').word(text, &variables()).ok().map(|found| found.text)
}

#[test]
fn quotes_and_escapes() {
    for (text, meant) in [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        (r"he\'llo", "he'llo"),
        (r"abc\tdef", "abctdef"),
        (r#""abc\tdef""#, r"abc\tdef"),
        (r#""abc\\tdef""#, r"abc\tdef"),
        (r"'abc\tdef'", r"abc\tdef"),
        (r"hello\", "hello"),
        (r"hello\\", r"hello\"),
        ("\"hel'lo\"", "hel'lo"),
        (r"'hello\'", r"hello\"),
        (r"'hello\\there'", r"hello\\there"),
        ("\"''\"", "''"),
        ("'\"hello\"'", "\"hello\""),
        ("안'녕'하세요", "안녕하세요"),
    ] {
        assert_eq!(expand(text).as_deref(), Some(meant), "{text}");
    }
    for text in ["he'llo", r"he\\'llo", "\"hello", "\"hello\\\"", "'hello", "안'녕하세요"] {
        assert_eq!(expand(text), None, "{text}");
    }
}

#[test]
fn names() {
    for (text, meant) in [
        ("$.", "$."),
        ("he$1x", "hex"),
        ("he$.x", "he$.x"),
        ("he$pwd.", "he."),
        ("he$PWD", "he/home"),
        (r"he\$PWD", "he$PWD"),
        (r"he\\$PWD", r"he\/home"),
        (r#""he\$PWD""#, "he$PWD"),
        (r#""he\\$PWD""#, r"he\/home"),
        (r"he\${}xx", "he${}xx"),
        ("he${hi}xx", "hexx"),
        ("he${PWD}", "he/home"),
        ("'he${XX}'", "he${XX}"),
        ("\"he'$PWD'\"", "he'/home'"),
        (r"'\$PWD'", r"\$PWD"),
        ("안녕$KOREAN", "안녕한국어"),
        ("${aaa}}", "}"),
        ("$999aaa", "aaa"),
        ("$001", ""),
        ("$@@@", "@@"),
        ("$$", ""),
        ("${?}x", "x"),
        ("a$", "a$"),
    ] {
        assert_eq!(expand(text).as_deref(), Some(meant), "{text}");
    }
    for text in
        ["${}", "he${}xx", "he${.}", "he${PWD", "${{aaa}", "${:}", "${:-b}", "${ PWD}", "${"]
    {
        assert_eq!(expand(text), None, "{text}");
    }
}

#[test]
fn operators_with_and_without_a_value() {
    for (text, meant) in [
        ("he${XXX:-000}xx", "he000xx"),
        ("he${PWD:-000}xx", "he/homexx"),
        ("${NULL-000}", ""),
        ("${NULL:-000}", "000"),
        ("he${XXX:-${PWD:-yyy}}xx", "he/homexx"),
        ("he${XXX:-${YYY:-yyy}}xx", "heyyyxx"),
        ("he${XXX:+${PWD}}xx", "hexx"),
        ("he${PWD:+${SHELL}}xx", "hebashxx"),
        ("he${PWD:+${PWD}:}xx", "he/home:xx"),
        ("${NULL+set}${NULL:+set}", "set"),
        ("he${PWD?}", "he/home"),
        ("he${NULL?}", "he"),
        (r"he${XXX:-\$PWD:}xx", "he$PWD:xx"),
        (r"he${XXX:-\${PWD}z}xx", "he${PWDz}xx"),
        ("${aaa:-bbb}}", "bbb}"),
        ("${aaa:-bbb {foo}", "bbb {foo"),
        ("${1:-bbb}aaa", "bbbaaa"),
        ("${@:+bbb}", ""),
        ("${!:-bbb}", "bbb"),
        ("${XXX:-\"a b\"}", "a b"),
    ] {
        assert_eq!(expand(text).as_deref(), Some(meant), "{text}");
    }
    for text in [
        "he${XXX:YYY}",
        "he${XXX?}",
        "he${XXX:?}",
        "he${NULL:?}",
        "${PWD:=0}",
        "${PWD=0}",
        "${aaa:-bbb",
        "${aaa:-b ${foo}",
        "${PWD:#}",
        "${PWD:%%}",
        "${PWD:",
        "${PWD^^}",
    ] {
        assert_eq!(expand(text), None, "{text}");
    }
}

#[test]
fn patterns() {
    let with = |text: &str, variables: &[(&str, &str)]| {
        let variables: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Lexer::new('\\').word(text, &variables).ok().map(|found| found.text)
    };
    for (text, value, meant) in [
        (r"${V#()[]{\}^$.\*\?|\\}", r"()[]{}^$.*?|\x", "x"),
        (r"${V%%\**}", "xx**", "xx"),
        ("${V#*x*y}", "xxyy", "y"),
        ("${V#*}", "xxyy", "xxyy"),
        ("${V##*}", "xxyy", ""),
        ("${V#}", "xxyy", "xxyy"),
        ("${V##*x}", "xxyy", "yy"),
        (r"${V#?\?}", "???y", "?y"),
        ("${V%x}", "xxyy", "xxyy"),
        (r"${V%%\**\*}", "a***yy*", "a"),
        ("${V%.*}", "a.tar.gz", "a.tar"),
        ("${V%%.*}", "a.tar.gz", "a"),
        ("${V##*/}", "/usr/lib/x.so", "x.so"),
        ("${V%/*}", "/usr/lib/x.so", "/usr/lib"),
        ("${V#?}", "äb", "b"),
        ("${V/o/0}", "foo", "f0o"),
        ("${V//o/0}", "foo", "f00"),
        ("${V//a*c/-}", "abcabc", "-"),
        ("${V//ab/}", "abcab", "c"),
        (r"${V//\//\/}", "/tmp/foo", r"\/tmp\/foo"),
        ("${V///}", "xxyy", "xxyy"),
        ("${V//x*y/}", "axbyc", "ac"),
    ] {
        assert_eq!(with(text, &[("V", value)]).as_deref(), Some(meant), "{text}");
    }
    for (text, value, other, meant) in [
        ("${V#$W}", "xxyy", "x", "xyy"),
        ("${V%%$W}", "xxyy", "", "xxyy"),
        ("${V/$W/.} ${V//$W/.}", "/foo*/*/*.txt", r"\*/", "/foo.*/*.txt /foo..*.txt"),
        ("${V/$W/} ${V//$W/}", "/tmp/tmp/bar.txt", "/tmp", "/tmp/bar.txt /bar.txt"),
        ("${V//$W/}", "/a/foo/b/c.txt", "/?/", "fooc.txt"),
        ("${V/$W/w}", "xxyy", "", "wxxyy"),
        ("${V//$W/w}", "xy", "", "wxwyw"),
    ] {
        assert_eq!(with(text, &[("V", value), ("W", other)]).as_deref(), Some(meant), "{text}");
    }
    for text in ["${V//ww}", "${V//}", "${V/a", r"${V#\a}", "${V#a"] {
        assert_eq!(with(text, &[("V", "xxyy")]), None, "{text}");
    }
    assert_eq!(with("${V///}", &[]).as_deref(), Some(""));
}

#[test]
fn words_are_cut_where_nothing_holds_them() {
    for (text, meant) in [
        ("hello${hi}bye", vec!["hellobye"]),
        ("hello${space}bye", vec!["helloabc", "defbye"]),
        ("hello\"${space}\"bye", vec!["helloabc  defbye"]),
        ("hello \"${space}\"bye", vec!["hello", "abc  defbye"]),
        ("hello${leading}def", vec!["hello", "ab", "cdef"]),
        ("hello\"${leading}\" def", vec!["hello  ab c", "def"]),
        ("hello${trailing}", vec!["helloab", "c"]),
        ("hello${trailing}d", vec!["helloab", "c", "d"]),
        ("hel\"lo${trailing}\"", vec!["helloab c   "]),
        ("hello\" there  \"", vec!["hello there  "]),
        ("hello     there", vec!["hello", "there"]),
        (r"hello\ there", vec!["hello there"]),
        (r#"hello\" there"#, vec!["hello\"", "there"]),
        ("80${XXX:-80} 90", vec!["8080", "90"]),
        ("", vec![]),
    ] {
        let found = Lexer::new('\\').word(text, &variables()).unwrap();
        assert_eq!(found.words, meant, "{text}");
    }
}

#[test]
fn names_that_were_asked_for() {
    let of = |text: &str| {
        let Expansion { uses, .. } = Lexer::new('\\').word(text, &variables()).unwrap();
        let list = |names: std::collections::BTreeSet<String>| {
            names.into_iter().collect::<Vec<_>>().join(" ")
        };
        (list(uses.used), list(uses.undefined))
    };
    assert_eq!(of("x"), (String::new(), String::new()));
    assert_eq!(of("$PWD ${NO-aaa} ${NULL:+b}"), ("NULL PWD".to_owned(), "NO".to_owned()));
    assert_eq!(of("${NO:-$PWD$NEITHER}"), ("PWD".to_owned(), "NEITHER NO".to_owned()));
    assert_eq!(of("'$PWD' \\$NO"), (String::new(), String::new()));
}

#[test]
fn other_ways_to_read() {
    let read = |lexer: Lexer, text: &str| lexer.word(text, &variables()).unwrap().text;
    assert_eq!(read(Lexer::new('`'), r"c:\$PWD `$PWD `` '`'"), r"c:\/home $PWD ` `");
    let document = "it's \"$PWD\" \\$PWD ${NO:-'x'}";
    assert_eq!(read(Lexer::document(), document), "it's \"/home\" $PWD 'x'");
    let shown = Lexer { quotes: Quotes::Keep, keep_undefined: true, ..Lexer::new('\\') };
    let text = "$PWD '$PWD' \"$PWD\" $NO ${NO} ${NO:-a} ${NO#a} ${NO//a/b} ${NO?x}";
    let meant = "/home '$PWD' \"/home\" $NO ${NO} ${NO:-a} ${NO#a} ${NO//a/b} ${NO?x}";
    assert_eq!(read(shown, text), meant);
}

#[test]
fn depth_has_an_end() {
    let deep = |levels: usize| "${a:-".repeat(levels) + "x" + &"}".repeat(levels);
    assert_eq!(expand(&deep(64)).as_deref(), Some("x"));
    assert_eq!(expand(&deep(65)), None);
    assert_eq!(expand(&deep(100_000)), None);
}

#[test]
fn values_that_repeat_each_other_have_an_end() {
    let large: BTreeMap<String, String> = [("a".to_owned(), "x".repeat(1000))].into();
    let expand = |text: &str| Lexer::new('\\').word(text, &large);
    assert_eq!(expand(&"$a".repeat(262)).unwrap().text.len(), 262_000);
    for text in [
        "$a".repeat(263),
        "${a//x/$a}".to_owned(),
        "${a//?/${a//?/$a}}".to_owned(),
        "${a//x/$a$a}".to_owned(),
    ] {
        assert_eq!(expand(&text), Err(ExpandError::Large), "{text}");
    }
}
