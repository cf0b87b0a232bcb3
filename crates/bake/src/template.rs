//! Strings with `${…}` and `%{…}`. Start at [`evaluate`].

use hcl_edit::template::{Directive, Element, ForDirective, IfDirective, Strip, Template};

use crate::evaluate::{Evaluator, Scope, wrong_type};
use crate::problem::Fault;
use crate::value::Value;

/// What a template makes: a string, or, where it is one interpolation and nothing else, what that makes.
pub(crate) fn evaluate(
    evaluator: &Evaluator<'_, '_>,
    template: &Template,
    scope: &Scope<'_>,
) -> Result<Value, Fault> {
    if let Some(Element::Interpolation(interpolation)) = template.as_single_element() {
        return evaluator.value(&interpolation.expr, scope);
    }
    text(evaluator, template, Edges::default(), scope).map(Value::Text)
}

/// Whether what stands around a template takes the white space at its ends.
#[derive(Clone, Copy, Default)]
struct Edges {
    start: bool,
    end: bool,
}

fn text(
    evaluator: &Evaluator<'_, '_>,
    template: &Template,
    edges: Edges,
    scope: &Scope<'_>,
) -> Result<String, Fault> {
    let elements: Vec<&Element> = template.iter().collect();
    let mut out = String::new();
    for (index, element) in elements.iter().enumerate() {
        match element {
            Element::Literal(literal) => {
                let before = index.checked_sub(1).and_then(|before| elements.get(before));
                let after = elements.get(index + 1);
                let trim_start = before.map_or(edges.start, |element| closing(element).strip_end());
                let trim_end = after.map_or(edges.end, |element| opening(element).strip_start());
                let mut part = literal.value().as_str();
                if trim_start {
                    part = part.trim_start();
                }
                if trim_end {
                    part = part.trim_end();
                }
                out.push_str(part);
            }
            Element::Interpolation(interpolation) => {
                let value = evaluator.value(&interpolation.expr, scope)?;
                let Some(part) = value.as_text() else {
                    let place = evaluator.place(&interpolation.expr);
                    return Err(Fault::new(
                        place,
                        wrong_type("a part of a string", "string", &value),
                    ));
                };
                out.push_str(&part);
            }
            Element::Directive(directive) => match &**directive {
                Directive::If(choice) => out.push_str(&choose(evaluator, choice, scope)?),
                Directive::For(each) => out.push_str(&repeat(evaluator, each, scope)?),
            },
        }
        evaluator.resolver.budget.holds(out.len(), evaluator.place(template))?;
    }
    Ok(out)
}

fn choose(
    evaluator: &Evaluator<'_, '_>,
    choice: &IfDirective,
    scope: &Scope<'_>,
) -> Result<String, Fault> {
    let end = choice.endif_expr.strip.strip_start();
    let holds = evaluator.truth(&choice.if_expr.cond_expr, "the condition", scope)?;
    match (&choice.else_expr, holds) {
        (Some(otherwise), true) => {
            let edges = Edges {
                start: choice.if_expr.strip.strip_end(),
                end: otherwise.strip.strip_start(),
            };
            text(evaluator, &choice.if_expr.template, edges, scope)
        }
        (None, true) => {
            let edges = Edges { start: choice.if_expr.strip.strip_end(), end };
            text(evaluator, &choice.if_expr.template, edges, scope)
        }
        (Some(otherwise), false) => {
            let edges = Edges { start: otherwise.strip.strip_end(), end };
            text(evaluator, &otherwise.template, edges, scope)
        }
        (None, false) => Ok(String::new()),
    }
}

fn repeat(
    evaluator: &Evaluator<'_, '_>,
    each: &ForDirective,
    scope: &Scope<'_>,
) -> Result<String, Fault> {
    let head = &each.for_expr;
    let edges = Edges { start: head.strip.strip_end(), end: each.endfor_expr.strip.strip_start() };
    let mut out = String::new();
    for (key, value) in evaluator.collection(&head.collection_expr, scope)? {
        let mut names = vec![(head.value_var.as_str().to_owned(), value)];
        if let Some(name) = &head.key_var {
            names.push((name.as_str().to_owned(), key));
        }
        out.push_str(&text(evaluator, &head.template, edges, &Scope::inside(&names, scope))?);
        evaluator.resolver.budget.holds(out.len(), evaluator.place(&head.collection_expr))?;
    }
    Ok(out)
}

/// What an element takes before it.
fn opening(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match &**directive {
            Directive::If(choice) => choice.if_expr.strip,
            Directive::For(each) => each.for_expr.strip,
        },
    }
}

/// What an element takes behind it.
fn closing(element: &Element) -> Strip {
    match element {
        Element::Literal(_) => Strip::None,
        Element::Interpolation(interpolation) => interpolation.strip,
        Element::Directive(directive) => match &**directive {
            Directive::If(choice) => choice.endif_expr.strip,
            Directive::For(each) => each.endfor_expr.strip,
        },
    }
}
