//! Docker's `--format`: Go's template language over JSON values. Start at [`Template::parse`] and [`Template::render`].
//!
//! What is there: all of the language but `call` and methods (other than `.Label` of a list's rows), and Docker's own functions.
//! A document here is JSON, where Docker has Go's structures; `names.rs` knows where that would show. Source:
//! pkg.go.dev/text/template, pkg.go.dev/fmt; Docker's "Format command output"; answers of Docker 28.

use serde_json::Value;

mod evaluate;
mod functions;
mod lexer;
mod names;
mod parser;
mod printf;

use parser::Parsed;

/// A template that was understood.
#[derive(Debug)]
pub(crate) struct Template {
    parsed: Parsed,
}

/// A template that was not, or that does not fit its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {0}")]
pub(crate) struct TemplateError(pub(crate) String);

impl Template {
    /// Understands a template.
    ///
    /// # Errors
    /// With the place and what was expected there.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { parsed: parser::parse(lexer::lex(text)?)? })
    }

    /// The same for a row of a list, where Docker lets people write \t and \n in a shell's single quotes.
    ///
    /// # Errors
    /// As [`Template::parse`].
    pub(crate) fn parse_row(text: &str) -> Result<Self, TemplateError> {
        Self::parse(&text.replace("\\t", "\t").replace("\\n", "\n"))
    }

    /// Fills it in.
    ///
    /// # Errors
    /// When a field does not exist, or a function is given what it does not take.
    pub(crate) fn render(&self, value: &Value) -> Result<String, TemplateError> {
        evaluate::render(&self.parsed, value, None)
    }

    /// The same, for a row that has labels.
    ///
    /// # Errors
    /// As [`Template::render`].
    pub(crate) fn render_row(
        &self,
        value: &Value,
        label: &dyn Fn(&str) -> String,
    ) -> Result<String, TemplateError> {
        evaluate::render(&self.parsed, value, Some(label))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(text: &str) -> String {
        let value = json!({
            "State": { "Status": "running", "Pid": 42 }, "Name": "/web", "Empty": [], "Id": "42", "Config": { "Labels": { "a.b": "c" }, "Cmd": null },
            "Mounts": [{ "Source": "/a" }, { "Source": "/b" }], "Names": "web", "Size": 3, "Yes": true, "Null": null,
        });
        match Template::parse(text).and_then(|template| template.render(&value)) {
            Ok(text) => text,
            Err(error) => format!("!{error}"),
        }
    }

    #[test]
    fn documented_examples() {
        for (text, want) in [
            ("{{.State.Status}}", "running"),
            ("{{json .State}}", r#"{"Pid":42,"Status":"running"}"#),
            ("{{range .Mounts}}{{.Source}} {{end}}", "/a /b "),
            ("{{range $i, $m := .Mounts}}{{$i}}={{$m.Source}};{{end}}", "0=/a;1=/b;"),
            (r#"{{index .Config.Labels "a.b"}}"#, "c"),
            ("{{if .Yes}}y{{else}}n{{end}}{{if .Empty}}y{{else}}n{{end}}", "yn"),
            ("{{if eq .State.Pid 42}}x{{else if .Yes}}z{{end}}", "x"),
            ("{{with .State}}{{.Pid}}{{end}}", "42"),
            ("{{upper .Names}} {{.Names | lower | title}} {{len .Mounts}}", "WEB Web 2"),
            ("{{join (split .Name \"e\") \",\"}}", "/w,b"),
            ("{{printf \"%s-%d %q %v\" .Names .Size .Names .Yes}}", "web-3 \"web\" true"),
            ("a {{- /* nothing */ -}} b{{println .Size}}", "ab3\n"),
            ("{{range .Empty}}x{{else}}none{{end}}", "none"),
            ("{{$x := .Size}}{{$x}}{{and .Yes .Size}}{{or .Empty 7}}{{not .Yes}}", "337false"),
            ("{{index .Mounts 1 \"Source\"}}{{.Null}}", "/b<nil>"),
            ("{{range $k, $v := .State}}{{$k}}:{{$v}} {{end}}", "Pid:42 Status:running "),
            (r"{{.Names}}\t{{`raw\n`}}", r"web\traw\n"),
            ("{{if and (gt .Size 2) (lt .Size 4)}}in{{end}}", "in"),
            ("{{.}}", "map"),
        ] {
            let found = render(text);
            assert!(
                found == want || (want == "map" && found.starts_with("map[")),
                "{text}: {found:?}, not {want:?}"
            );
        }
    }

    /// What Docker 28 answers to the same.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of answers")]
    fn the_language_is_gos() {
        for (text, want) in [
            (
                r#"{{printf "%5d|%-5d|%05d|%x|%X|%o|%b" 42 42 42 255 255 8 5}}"#,
                "   42|42   |00042|ff|FF|10|101",
            ),
            (
                r#"{{printf "%5s|%-5s|%.2s|%q|%x" "abc" "abc" "abc" "abc" "hi"}}"#,
                "  abc|abc  |ab|\"abc\"|6869",
            ),
            (
                r#"{{printf "%.2f %f %e %g" 3.14159 2.5 1234.5 0.5}}"#,
                "3.14 2.500000 1.234500e+03 0.5",
            ),
            (
                r#"{{printf "%+d % d %c%c %*d %T %#v %%" 5 5 72 105 5 3 "a" "a"}}"#,
                "+5  5 Hi     3 string \"a\" %",
            ),
            (
                r#"{{printf "%d" "a"}} {{printf "%s" 5}} {{printf "%d"}} {{printf "a" 1}}"#,
                "%!d(string=a) %!s(int=5) %!d(MISSING) a%!(EXTRA int=1)",
            ),
            (r#"{{print "a" 1 2 "b" "c"}} {{print 1 2}} {{println "a" 1}}"#, "a1 2bc 1 2 a 1\n"),
            (
                r#"{{eq "a" "b" "a"}} {{ne 1 2}} {{lt "a" "b"}} {{le 2 2}} {{ge 2 3}} {{eq .Null nil}}"#,
                "true true true true false true",
            ),
            (
                "{{and false (index .Mounts 99)}} {{or true (index .Mounts 99)}} {{and 1 2 3}} {{or 0 \"\" \"x\"}}",
                "false true 3 x",
            ),
            ("{{range .Mounts}}{{.Source}}{{break}}{{end}}", "/a"),
            (
                "{{range .Mounts}}{{if eq .Source \"/a\"}}{{continue}}{{end}}{{.Source}}{{end}}",
                "/b",
            ),
            ("{{range 3}}{{.}}{{end}}", "012"),
            ("{{slice .Names 1 2}} {{slice .Mounts 1 | len}}", "e 1"),
            (r#"{{html "<a>"}} {{js "it's"}} {{urlquery "a b&"}}"#, r"&lt;a&gt; it\'s a+b%26"),
            (r#"{{"a\tb\"c\u00e9\x41"}} {{'a'}}"#, "a\tb\"c\u{e9}A 97"),
            ("{{0x10}} {{1e3}} {{1_000}} {{-5}} {{1.5}}", "16 1000 1000 -5 1.5"),
            (
                r#"{{define "x"}}[{{.}}]{{end}}{{template "x" .Names}}{{block "y" .Names}}<{{.}}>{{end}}"#,
                "[web]<web>",
            ),
            (r#"{{title "abc def-x"}} {{join (split "a b" " ") "-" | upper}}"#, "Abc Def-X A-B"),
            (
                r#"{{truncate .Names 2}} [{{pad .Names 1 2}}] {{.Names | upper | printf "%s!"}}"#,
                "we [ web  ] WEB!",
            ),
            (
                r#"{{with .Empty}}x{{else with .State}}{{.Pid}}{{end}} {{range $k, $v := .Config.Labels}}{{$k}}={{json $v}}{{end}}"#,
                r#"42 a.b="c""#,
            ),
            (
                r#"{{index .Mounts 0 "Source" | json}} {{len .Config.Labels}} {{println "a"}}{{split "a,b" ","}}"#,
                "\"/a\" 1 a\n[a b]",
            ),
            // A map's key that is not there is no error, a structure's field is; a nil pointer is neither.
            (
                "{{.Config.Labels.nope}} {{if .Config.Labels.nope}}y{{else}}n{{end}} {{.State.Health}}",
                "<no value> n <nil>",
            ),
            ("{{.ID}} {{.Config.Cmd}} {{json .Config.Cmd}}", "42 [] null"),
        ] {
            assert_eq!(render(text), want, "{text}");
        }
    }

    #[test]
    fn rows_have_labels_and_escapes() {
        let template = Template::parse_row(r#"{{.A}}\t{{.Label "a.b"}}"#).unwrap();
        let row = template.render_row(&json!({ "A": 1 }), &|name| format!("<{name}>"));
        assert_eq!(row.unwrap(), "1\t<a.b>");
    }

    #[test]
    fn errors_say_what_is_wrong() {
        for text in [
            "{{",
            "{{.A",
            "{{end}}",
            "{{if .Yes}}",
            "{{nothing .}}",
            "{{.State.Nope}}",
            "{{range}}{{end}}",
            "{{\"a}}",
            "{{$x}}",
            "{{index .Mounts 9}}",
            "{{eq 1 \"a\"}}",
            "{{lower 5}}",
            "{{nil}}",
            "{{break}}",
            "{{define \"x\"}}{{template \"x\" .}}{{end}}{{template \"x\" .}}",
            "{{template \"none\"}}",
            "{{range .Mounts}}{{define \"x\"}}{{break}}{{end}}{{end}}",
            r#"{{"\q"}}"#,
            "{{'ab'}}",
            "{{slice .Names 9}}",
        ] {
            assert!(render(text).starts_with("!template: "), "{text}: {}", render(text));
        }
    }
}
