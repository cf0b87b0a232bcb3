//! Which blocks make which names: one each, or one for each combination of a matrix. Start at [`fill`].

use crate::evaluate::{Scope, evaluate};
use crate::problem::{Fault, Problem};
use crate::resolver::Resolver;
use crate::syntax::Block;
use crate::value::Value;

/// The values that a combination of a matrix gives to its names.
pub(crate) type Row = Vec<(String, Value)>;

/// So many combinations a matrix may have.
const MOST: usize = 10_000;

/// Something that a block makes.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) block: usize,
    pub(crate) row: Row,
}

/// Finds the names of all blocks and lets the resolver know them. What a matrix refers to must stand before it.
pub(crate) fn fill(resolver: &Resolver<'_>) -> Result<Vec<Made>, Fault> {
    if resolver.is_filled.replace(true) {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for (index, block) in resolver.blocks.iter().enumerate() {
        let mut names: Vec<String> = Vec::new();
        for row in rows(resolver, block)? {
            let name = name(resolver, block, &row)?;
            if names.contains(&name) {
                return Err(Fault::new(block.place, Problem::Twice(format!("name {name}"))));
            }
            names.push(name.clone());
            let key = (block.kind.clone(), name.clone());
            resolver.rows.borrow_mut().entry(key).or_default().push((index, row.clone()));
            all.push(Made { kind: block.kind.clone(), name, block: index, row });
        }
    }
    Ok(all)
}

/// The combinations of a block's matrix, the first name's values outermost; one without names where it has none.
fn rows(resolver: &Resolver<'_>, block: &Block) -> Result<Vec<Row>, Fault> {
    let mut rows: Vec<Row> = vec![Vec::new()];
    let Some(attribute) = block.body.attribute("matrix") else { return Ok(rows) };
    let wrong = || Fault::new(attribute.value.place(), Problem::Matrix);
    let Value::Map(matrix) = evaluate(resolver, &attribute.value, &Scope::default())? else {
        return Err(wrong());
    };
    for (name, values) in matrix {
        let values: Vec<Value> =
            values.pairs().ok_or_else(wrong)?.into_iter().map(|(_, value)| value).collect();
        if rows.len().saturating_mul(values.len()) > MOST {
            return Err(wrong());
        }
        rows = rows
            .iter()
            .flat_map(|row| values.iter().map(|value| (row.clone(), value.clone())))
            .map(|(mut row, value)| {
                row.push((name.clone(), value));
                row
            })
            .collect();
    }
    Ok(rows)
}

fn name(resolver: &Resolver<'_>, block: &Block, row: &Row) -> Result<String, Fault> {
    let label = block.labels.first().cloned().unwrap_or_default();
    let name = match block.body.attribute("name") {
        None => label,
        Some(attribute) if block.body.attribute("matrix").is_none() => {
            return Err(Fault::new(attribute.place, Problem::NameWithoutMatrix));
        }
        Some(attribute) => {
            let value = evaluate(resolver, &attribute.value, &Scope::new(row))?;
            value.as_text().ok_or_else(|| {
                let problem = crate::evaluate::wrong_type("name", "string", &value);
                Fault::new(attribute.value.place(), problem)
            })?
        }
    };
    if is_name(&name) { Ok(name) } else { Err(Fault::new(block.place, Problem::Name(name))) }
}

/// Whether targets and groups can be called so.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
