//! Docker's `--format`: Go's template language over JSON values. Start at [`Template::parse`] and [`Template::render`].
//!
//! What is there: fields and nested fields, pipelines, variables, `if`, `with`, `range`, `else`, comparisons, `index`, `len`,
//! `print`, `printf`, `println`, and Docker's own functions. Source: pkg.go.dev/text/template; Docker's "Format command output".

use serde_json::Value;

mod evaluate;
mod functions;
mod lexer;
mod parser;

use parser::Node;

/// A template that was understood.
#[derive(Debug)]
pub(crate) struct Template {
    nodes: Vec<Node>,
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
        // Docker lets people write \t and \n in a shell's single quotes.
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        Ok(Self { nodes: parser::parse(lexer::lex(&text)?)? })
    }

    /// Fills it in.
    ///
    /// # Errors
    /// When a field does not exist, or a function is given what it does not take.
    pub(crate) fn render(&self, value: &Value) -> Result<String, TemplateError> {
        evaluate::render(&self.nodes, value)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(text: &str) -> String {
        let value = json!({
            "State": { "Status": "running", "Pid": 42 }, "Name": "/web", "Empty": [], "Config": { "Labels": { "a.b": "c" } },
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
            ("{{.Names}}\\t{{`raw`}}", "web\traw"),
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
        ] {
            assert!(render(text).starts_with("!template: "), "{text}: {}", render(text));
        }
    }
}
