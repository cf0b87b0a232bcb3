//! What is wrong with bake files is told with its place, whatever the text; and no text takes the program down.
#![cfg(test)]

use std::collections::BTreeMap;

use bake::{BakeError, BakeFile, Definition, Machine, Selection};
use proptest::prelude::*;

fn select(
    name: &str,
    text: &str,
    names: &[&str],
    overrides: &[&str],
    environment: &[(&str, &str)],
) -> Result<Selection, BakeError> {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let environment: BTreeMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let machine = Machine {
        environment: &environment,
        compose_environment: &environment,
        command_context: "cwd://",
        local_platform: "linux/amd64",
        now: 0,
        home: "/root",
        random: &|| [0; 16],
        is_address: &|context| context.starts_with("https://") || context.starts_with("git@"),
    };
    let file = BakeFile { name: name.to_owned(), text: text.to_owned() };
    Definition::read(&[file], &machine)?.select(&own(names), &own(overrides), &machine)
}

fn refusal(text: &str) -> String {
    select("bake.hcl", text, &[], &[], &[]).expect_err(text).render()
}

#[test]
fn a_file_is_refused_at_its_place() {
    let target = |attributes: &str| format!("target \"default\" {{\n  {attributes}\n}}\n");
    for (text, wanted) in [
        (target("tags = [VERSON]"), "bake.hcl:2:11: there is no variable VERSON"),
        (target("tags = \"x\""), "bake.hcl:2:10: tags: list of string is needed, not string"),
        (target("tags = [[\"x\"]]"), "bake.hcl:2:10: tags: list of string is needed, not a list with a list"),
        (target("args = { A = { b = 1 } }"), "bake.hcl:2:10: args: map of string is needed, not a map whose A is a map"),
        (target("pull = \"maybe\""), "bake.hcl:2:10: pull: bool is needed, not string"),
        (target("tag = []"), "bake.hcl:2:3: attribute tag is unknown in a target"),
        (target("tags = [uper(\"x\")]"), "bake.hcl:2:11: there is no function uper"),
        (target("tags = [upper()]"), "bake.hcl:2:11: call upper: it takes 1 arguments, not 0"),
        (target("tags = [\"${null}\"]\n  target = \"${[]}x\""), "bake.hcl:3:15: a part of a string: string is needed, not list"),
        (target("target = 1 / 0"), "bake.hcl:2:12: the division is by zero"),
        (target("target = -\"x\""), "bake.hcl:2:12: the operand: number is needed, not string"),
        (target("target = true ? \"a\" : []"), "bake.hcl:2:12: the branches of the condition"),
        (target("target = [1][3]"), "bake.hcl:2:15: it has no element 3"),
        (target("target = { alpha = 1 }.alpa"), "bake.hcl:2:25: it has no element alpa"),
        (target("target = target.other.context"), "bake.hcl:2:18: there is no target other"),
        (target("target = target.default.target"), "target.default.target depends on itself"),
        (target("output = [\"dest=x,y=z\"]"), "bake.hcl:2:12: read output \"dest=x,y=z\": it has no type"),
        (target("secret = [\"id=x,what=y\"]"), "bake.hcl:2:12: read secret \"id=x,what=y\": what is unknown"),
        (target("name = \"x\""), "bake.hcl:2:3: name needs a matrix"),
        (target("matrix = { a = [1, 2] }"), "bake.hcl:1:8: name default stands twice"),
        (target("matrix = [1]"), "bake.hcl:2:12: matrix is a map of lists"),
        (target("target = bcrypt(\"x\")"), "bake.hcl:2:12: function bcrypt is not offered"),
        (target("target = {"), "bake.hcl:"),
        (target("target = 1\n  target = 2"), "bake.hcl:3:"),
        ("target \"a b\" {}".to_owned(), "bake.hcl:1:8: name \"a b\" has other characters"),
        ("target {}".to_owned(), "bake.hcl:1:1: a target takes one name"),
        ("thing \"x\" {}".to_owned(), "bake.hcl:1:7: a block thing cannot stand here"),
        ("group \"default\" {}".to_owned(), "bake.hcl:1:7: attribute targets is missing in group default"),
        ("a = b\nb = a\n".to_owned(), "depends on itself"),
        ("variable \"A\" {\n  type = strin\n}".to_owned(), "bake.hcl:2:10: this is no type"),
        ("variable \"A\" {\n  type = number\n  default = \"x\"\n}".to_owned(), "bake.hcl:3:13: read the \"default of A\": number is needed"),
        ("variable \"A\" {\n  validation {\n    condition = A != \"\"\n    error_message = \"A is empty\"\n  }\n}".to_owned(), "bake.hcl:3:17: A is empty"),
        ("function \"f\" {\n  params = [x]\n  result = f(x)\n}\ntarget \"default\" { target = f(1) }".to_owned(), "function f depends on itself"),
    ] {
        let found = refusal(&text);
        assert!(found.starts_with(wanted) || (!wanted.starts_with("bake") && found.contains(wanted)), "{text}\n{found}");
    }
}

#[test]
fn the_closest_name_is_told_with_its_line() {
    let found = refusal(
        "variable \"VERSION\" { default = \"1\" }\ntarget \"default\" { tags = [\"a:${VERSON}\"] }",
    );
    insta::assert_snapshot!(found, @r#"
    bake.hcl:2:33: there is no variable VERSON
      2 | target "default" { tags = ["a:${VERSON}"] }
        |                                 ^
    hint: did you mean VERSION?
    "#);
    let found = select("b.hcl", "target \"web-app\" {}", &["web-ap"], &[], &[]).unwrap_err();
    insta::assert_snapshot!(found.render(), @r"
    there is no target web-ap
    hint: did you mean web-app?
    ");
}

#[test]
fn json_and_compose_tell_places_too() {
    for (name, text, wanted) in [
        (
            "b.json",
            "{\n  \"target\": { \"a\": { \"tags\": \"x\" } }\n}",
            "b.json:2:30: tags: list of string is needed",
        ),
        (
            "b.json",
            "{\n  \"target\": { \"a\": { \"tags\": [\"${NO}\"] } }\n}",
            "b.json:2:31: there is no variable NO",
        ),
        ("b.json", "{ \"a\": 1, }", "b.json:1:11: a name in double quotes is missing"),
        ("b.json", "{ \"a\": \"x }", "b.json:1:12: the string has no end"),
        (
            "b.yaml",
            "services:\n  a:\n    build: { contxt: x }\n",
            "b.yaml:3:22: attribute contxt is unknown in a build section",
        ),
        (
            "b.yaml",
            "services:\n  a: { build: x, extends: b }\n",
            "b.yaml:2:27: extends is not offered in Compose files",
        ),
        (
            "b.yaml",
            "services:\n  a: { build: \"${NO:?set it}\" }\n",
            "b.yaml:2:15: read the string",
        ),
        ("b.yaml", "services:\n  a: !reset { build: x }\n", "b.yaml:2:"),
        ("b.yaml", "services: [\n", "b.yaml:"),
    ] {
        let found = select(name, text, &["a"], &[], &[]).expect_err(text).render();
        assert!(found.starts_with(wanted), "{text}\n{found}");
    }
}

#[test]
fn overrides_and_the_environment_are_checked() {
    let file = "variable \"N\" { default = 1 }\ntarget \"default\" { args = { A = N } }";
    for (overrides, environment, wanted) in [
        (&["x.tags=a"][..], &[][..], "no target matches \"x\""),
        (&["tags=a"], &[], "override \"tags=a\": TARGET.KEY=VALUE is needed"),
        (
            &["default.tag=a"],
            &[],
            "override \"default.tag=a\": key tag is unknown, did you mean tags?",
        ),
        (&["default.args=a"], &[], "override \"default.args=a\": args needs a name"),
        (&["default.pull=maybe"], &[], "override \"default.pull=maybe\": it is true or false"),
        (
            &["default.secret.x=env=Y"],
            &[],
            "override \"default.secret.x=env=Y\": the target has no secret x",
        ),
        (
            &[],
            &[("N", "x")],
            "bake.hcl:1:10: variable N is \"x\" in the environment, which is no number",
        ),
    ] {
        let found = select("bake.hcl", file, &[], overrides, environment).unwrap_err().render();
        assert!(found.starts_with(wanted), "{found}");
    }
}

#[test]
fn contexts_are_no_circle_and_platforms_fit() {
    let circle = "target \"a\" { contexts = { b = \"target:b\" } }\ntarget \"b\" { contexts = { a = \"target:a\" } }";
    let found = select("b.hcl", circle, &["a"], &[], &[]).unwrap_err().render();
    assert!(found.contains("depends on itself"), "{found}");
    let platforms = "target \"a\" {\n contexts = { b = \"target:b\" }\n platforms = [\"linux/amd64\", \"linux/arm64\"]\n}\ntarget \"b\" { platforms = [\"linux/amd64\", \"linux/s390x\"] }";
    let found = select("b.hcl", platforms, &["a"], &[], &[]).unwrap_err().render();
    assert!(found.contains("has platforms that its context b is not built for"), "{found}");
}

#[test]
fn what_would_take_for_ever_is_ended() {
    let mut doubling = "a0 = \"0123456789\"\n".to_owned();
    let mut lists = "l0 = [1, 2]\n".to_owned();
    let mut chain = "c0 = 1\n".to_owned();
    for step in 1..200 {
        doubling.push_str(&format!("a{step} = \"${{a{}}}${{a{}}}\"\n", step - 1, step - 1));
        lists.push_str(&format!("l{step} = concat(l{0}, l{0})\n", step - 1));
    }
    for step in 1..5_000 {
        chain.push_str(&format!("c{step} = c{}\n", step - 1));
    }
    let deep = format!("x = {}1{}\n", "(".repeat(500), ")".repeat(500));
    let deep_json = format!("{{\"x\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for text in [
        doubling.as_str(),
        &lists,
        &format!("{chain}target \"default\" {{ target = c4999 }}"),
        &deep,
        "x = range(100000000)",
        "x = setproduct(range(1000), range(1000))",
        "x = [for a in range(3000) : [for b in range(3000) : b]]",
        "x = indent(1000000000, \"a\\nb\")",
        "target \"t\" {\n name = \"t${a}${b}\"\n matrix = { a = range(1000), b = range(1000) }\n}",
    ] {
        let _ = refusal(text);
    }
    select("b.json", &deep_json, &[], &[], &[]).unwrap_err();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\nservices: {}\n";
    select("b.yaml", bomb, &[], &[], &[]).unwrap_err();
}

#[test]
fn lists_show_types_values_and_no_private_targets() {
    let text = "variable \"L\" {\n  type = list(string)\n  default = [\"a\"]\n  description = \"letters\"\n}\nvariable \"N\" { type = string }\ntarget \"_base\" {}\ntarget \"app\" { description = \"it\" }\ngroup \"default\" { targets = [\"app\"] }";
    let environment = BTreeMap::new();
    let machine = Machine {
        environment: &environment,
        compose_environment: &environment,
        command_context: "cwd://",
        local_platform: "linux/amd64",
        now: 0,
        home: "/root",
        random: &|| [0; 16],
        is_address: &|context| context.starts_with("https://") || context.starts_with("git@"),
    };
    let file = BakeFile { name: "b.hcl".to_owned(), text: text.to_owned() };
    let definition = Definition::read(&[file], &machine).unwrap();
    let json = serde_json::to_string(&(&definition.variables, definition.list_targets())).unwrap();
    insta::assert_snapshot!(json, @r#"[[{"name":"L","description":"letters","type":"list of string","value":"[\"a\"]"},{"name":"N","type":"string"}],[{"name":"app","description":"it"},{"name":"default","description":"app","group":true}]]"#);
}

/// Pieces of the languages, put together at random.
const PIECES: &[&str] = &[
    "target \"a\" {",
    "}",
    "variable \"V\" {",
    "default = ",
    "matrix = { x = [1] }",
    "name = \"${x}\"",
    "[",
    "]",
    "(",
    ")",
    "{",
    "\"",
    "${",
    "%{ for x in [1] ~}",
    "%{ endfor }",
    "<<-E\n  x\n  E\n",
    "args = ",
    "a = 1\n",
    "target.a.args",
    "?",
    ":",
    "==",
    "-",
    "1.5e3",
    "for k, v in ",
    "=>",
    "...",
    "[*]",
    ".*.",
    "\n",
    " ",
    ",",
    "upper(",
    "format(\"%5.2f\", 1)",
    "null",
    "é",
    "services:\n  a:\n    build: .\n",
    "- x\n",
    "&a ",
    "*a ",
    "<<: ",
    "\\",
    "\u{0}",
    "{\"target\": {\"a\": ",
    "try(",
    "convert(1, list(",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn no_text_takes_it_down(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40), kind in 0..4_usize) {
        let text = pieces.concat();
        let name = ["b.hcl", "b.json", "b.yaml", "b"][kind];
        if let Err(error) = select(name, &text, &["a"], &["*.args.X=1"], &[("V", "1")]) {
            let _ = error.render();
        }
    }
}
