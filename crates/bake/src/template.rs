//! Strings with `${…}` and `%{…}`. Start at [`evaluate`] and [`heredoc`].
//!
//! A template is a row of tokens, as HCL's own parser has them: in a heredoc each line's text is one of its own, so that `~` takes
//! white space no farther than to the end of a line.

use hcl_edit::template::{
    Directive, Element, ForDirective, IfDirective, Interpolation, Strip, Template,
};

use crate::evaluate::{Evaluator, Scope, wrong_type};
use crate::problem::Fault;
use crate::value::Value;

enum Token<'t> {
    Text(String),
    Value(&'t Interpolation),
    If(&'t IfDirective),
    Else,
    EndIf,
    For(&'t ForDirective),
    EndFor,
}

/// What a template makes: a string, or, where it is one interpolation and nothing else, what that makes.
pub(crate) fn evaluate(
    evaluator: &Evaluator<'_, '_>,
    template: &Template,
    scope: &Scope<'_>,
) -> Result<Value, Fault> {
    if let Some(Element::Interpolation(interpolation)) = template.as_single_element() {
        return evaluator.value(&interpolation.expr, scope);
    }
    let mut row = Row { tokens: Vec::new(), by_line: false, takes_next: false };
    row.add(template);
    render(evaluator, &row.tokens, scope).map(Value::Text)
}

/// What a heredoc makes; `is_flush` says whether the white space that all its lines begin with is taken away.
pub(crate) fn heredoc(
    evaluator: &Evaluator<'_, '_>,
    template: &Template,
    is_flush: bool,
    scope: &Scope<'_>,
) -> Result<Value, Fault> {
    let mut row = Row { tokens: Vec::new(), by_line: true, takes_next: false };
    row.add(template);
    if is_flush {
        flush(&mut row.tokens);
    }
    render(evaluator, &row.tokens, scope).map(Value::Text)
}

/// Tokens as they are found.
struct Row<'t> {
    tokens: Vec<Token<'t>>,
    by_line: bool,
    /// Whether the last sequence takes the white space that follows.
    takes_next: bool,
}

impl<'t> Row<'t> {
    fn add(&mut self, template: &'t Template) {
        for element in template {
            match element {
                Element::Literal(literal) if self.by_line => {
                    literal.value().split_inclusive('\n').for_each(|line| self.text(line));
                }
                Element::Literal(literal) => self.text(literal.value()),
                Element::Interpolation(interpolation) => {
                    self.sequence(Token::Value(interpolation), interpolation.strip);
                }
                Element::Directive(directive) => match &**directive {
                    Directive::If(choice) => self.choice(choice),
                    Directive::For(each) => {
                        self.sequence(Token::For(each), each.for_expr.strip);
                        self.add(&each.for_expr.template);
                        self.sequence(Token::EndFor, each.endfor_expr.strip);
                    }
                },
            }
        }
    }

    fn choice(&mut self, choice: &'t IfDirective) {
        self.sequence(Token::If(choice), choice.if_expr.strip);
        self.add(&choice.if_expr.template);
        if let Some(otherwise) = &choice.else_expr {
            self.sequence(Token::Else, otherwise.strip);
            self.add(&otherwise.template);
        }
        self.sequence(Token::EndIf, choice.endif_expr.strip);
    }

    fn text(&mut self, text: &str) {
        let text = if self.takes_next { text.trim_start() } else { text };
        self.takes_next = false;
        self.tokens.push(Token::Text(text.to_owned()));
    }

    fn sequence(&mut self, token: Token<'t>, strip: Strip) {
        if strip.strip_start()
            && let Some(Token::Text(before)) = self.tokens.last_mut()
        {
            before.truncate(before.trim_end().len());
        }
        self.takes_next = strip.strip_end();
        self.tokens.push(token);
    }
}

/// Takes away what all lines begin with. Blank lines do not count; a line whose text was taken by `~` is none.
fn flush(tokens: &mut [Token<'_>]) {
    let mut least = usize::MAX;
    let mut starts = Vec::new();
    let mut is_start = true;
    for (at, token) in tokens.iter().enumerate() {
        let spaces = match token {
            Token::Text(text) => {
                let rest = text.trim_start();
                if rest.is_empty() && text.ends_with('\n') {
                    usize::MAX
                } else {
                    if is_start {
                        starts.push(at);
                    }
                    text.chars().count() - rest.chars().count()
                }
            }
            Token::Value(_)
            | Token::If(_)
            | Token::Else
            | Token::EndIf
            | Token::For(_)
            | Token::EndFor => 0,
        };
        if is_start {
            least = least.min(spaces);
        }
        is_start = matches!(token, Token::Text(text) if text.ends_with('\n'));
    }
    for at in starts {
        if let Some(Token::Text(text)) = tokens.get_mut(at) {
            *text = text.chars().skip(least).collect();
        }
    }
}

fn render(
    evaluator: &Evaluator<'_, '_>,
    tokens: &[Token<'_>],
    scope: &Scope<'_>,
) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = tokens;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        let place = match token {
            Token::Text(text) => {
                out.push_str(text);
                continue;
            }
            Token::Else | Token::EndIf | Token::EndFor => continue,
            Token::Value(interpolation) => {
                let value = evaluator.value(&interpolation.expr, scope)?;
                let place = evaluator.place(&interpolation.expr);
                let part = value.as_text().ok_or_else(|| {
                    Fault::new(place, wrong_type("a part of a string", "string", &value))
                })?;
                out.push_str(&part);
                place
            }
            Token::If(choice) => {
                let condition = &choice.if_expr.cond_expr;
                let (first, second, after) = branches(rest);
                rest = after;
                let holds = evaluator.truth(condition, "the condition", scope)?;
                out.push_str(&render(evaluator, if holds { first } else { second }, scope)?);
                evaluator.place(condition)
            }
            Token::For(each) => {
                let (inner, _, after) = branches(rest);
                rest = after;
                let head = &each.for_expr;
                for (key, value) in evaluator.collection(&head.collection_expr, scope)? {
                    let mut names = vec![(head.value_var.as_str().to_owned(), value)];
                    if let Some(name) = &head.key_var {
                        names.push((name.as_str().to_owned(), key));
                    }
                    out.push_str(&render(evaluator, inner, &Scope::inside(&names, scope))?);
                    evaluator
                        .resolver
                        .budget
                        .holds(out.len(), evaluator.place(&head.collection_expr))?;
                }
                evaluator.place(&head.collection_expr)
            }
        };
        evaluator.resolver.budget.holds(out.len(), place)?;
    }
    Ok(out)
}

/// What stands up to `else`, between that and the end, and behind the end of a directive whose beginning was just read.
fn branches<'a, 't>(
    tokens: &'a [Token<'t>],
) -> (&'a [Token<'t>], &'a [Token<'t>], &'a [Token<'t>]) {
    let mut depth = 0_usize;
    let mut middle = None;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::If(_) | Token::For(_) => depth += 1,
            Token::Else if depth == 0 => middle = Some(at),
            Token::EndIf | Token::EndFor if depth == 0 => {
                let (inside, after) = tokens.split_at(at);
                let (first, second) = inside.split_at(middle.unwrap_or(at));
                return (first, second, after);
            }
            Token::EndIf | Token::EndFor => depth -= 1,
            Token::Else | Token::Text(_) | Token::Value(_) => {}
        }
    }
    (tokens, &[], &[])
}
