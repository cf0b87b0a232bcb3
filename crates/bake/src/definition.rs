//! What the files define: targets, groups, variables. Start at [`Definition::read`].

use serde::Serialize;

use crate::compose;
use crate::decode;
use crate::evaluate::{Scope, evaluate};
use crate::machine::Machine;
use crate::matrix;
use crate::problem::{BakeError, Fault};
use crate::resolver::Resolver;
use crate::source::{BakeFile, tell};
use crate::syntax;
use crate::target::{Group, Target, once};
use crate::value::Value;

/// What files define, targets as they are written: nothing is taken over from others yet.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Groups.
    pub groups: Vec<Group>,
    /// Targets.
    pub targets: Vec<Target>,
    /// Variables.
    pub variables: Vec<Variable>,
}

/// A variable, as `bake --list variables` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its type, where it has one.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub wanted: String,
    /// Its value; lists and maps as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// A target or group, as `bake --list targets` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// For people; of a group, its targets, too.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is a group.
    #[serde(rename = "group", skip_serializing_if = "std::ops::Not::not")]
    pub is_group: bool,
}

impl Definition {
    /// Reads files, later ones over earlier ones. Compose files count before all others.
    ///
    /// # Errors
    /// What is wrong with them, and where.
    pub fn read(files: &[BakeFile], machine: &Machine<'_>) -> Result<Self, BakeError> {
        Self::evaluate(files, machine).map_err(|fault| tell(files, fault))
    }

    fn evaluate(files: &[BakeFile], machine: &Machine<'_>) -> Result<Self, Fault> {
        let mut definition = Self::default();
        let (compose_files, others): (Vec<_>, Vec<_>) =
            files.iter().enumerate().partition(|(_, file)| compose::is_compose(file));
        if !compose_files.is_empty() {
            let (targets, group) = compose::read(&compose_files, machine)?;
            definition.targets = targets;
            definition.groups.extend(group);
        }
        let bodies = others
            .iter()
            .map(|(index, file)| syntax::parse(*index, &file.name, &file.text))
            .collect::<Result<Vec<_>, _>>()?;
        if !bodies.is_empty() {
            definition.take(&Resolver::new(files, bodies, *machine)?)?;
        }
        for group in &mut definition.groups {
            let mut seen = std::collections::BTreeSet::new();
            group.targets.retain(|name| seen.insert(name.clone()));
        }
        Ok(definition)
    }

    fn take(&mut self, resolver: &Resolver<'_>) -> Result<(), Fault> {
        let made = matrix::fill(resolver)?;
        resolver.check()?;
        for (name, variable) in &resolver.variables {
            self.variables.push(Variable::show(resolver, name, variable)?);
        }
        for made in &made {
            if made.kind == "group" {
                let group = decode::group(resolver, made)?;
                match self.groups.iter_mut().find(|known| known.name == group.name) {
                    Some(known) => *known = group,
                    None => self.groups.push(group),
                }
            } else {
                let target = decode::target(resolver, made)?;
                match self.targets.iter_mut().find(|known| known.name == target.name) {
                    Some(known) => known.merge(&target),
                    None => self.targets.push(target),
                }
            }
        }
        self.name_forks(resolver, &made);
        Ok(())
    }

    /// A target that became several under other names is a group of these under its own.
    fn name_forks(&mut self, resolver: &Resolver<'_>, made: &[matrix::Made]) {
        let mut forks: Vec<Group> = Vec::new();
        for made in made.iter().filter(|made| made.kind == "target") {
            let label = resolver.blocks.get(made.block).and_then(|block| block.labels.first());
            let Some(label) = label else { continue };
            match forks.iter_mut().find(|group| group.name == *label) {
                Some(group) => group.targets.push(made.name.clone()),
                None => forks.push(Group {
                    name: label.clone(),
                    description: String::new(),
                    targets: vec![made.name.clone()],
                }),
            }
        }
        for mut group in forks {
            once(&mut group.targets);
            if group.targets.as_slice() != [group.name.clone()] {
                self.groups.push(group);
            }
        }
    }

    /// Targets and groups by their names, without those whose names begin with `_`.
    #[must_use]
    pub fn list_targets(&self) -> Vec<Listed> {
        let targets = self.targets.iter().map(|target| Listed {
            name: target.name.clone(),
            description: target.description.clone(),
            is_group: false,
        });
        let groups = self.groups.iter().map(|group| {
            let mut names = group.targets.clone();
            names.sort();
            let names = names.join(", ");
            let description = match (group.description.as_str(), names.as_str()) {
                (description, "") => description.to_owned(),
                ("", names) => names.to_owned(),
                (description, names) => format!("{description} ({names})"),
            };
            Listed { name: group.name.clone(), description, is_group: true }
        });
        let mut all: Vec<Listed> =
            targets.chain(groups).filter(|listed| !listed.name.starts_with('_')).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

impl Variable {
    fn show(
        resolver: &Resolver<'_>,
        name: &str,
        variable: &crate::resolver::Variable,
    ) -> Result<Self, Fault> {
        let description = match &variable.description {
            None => String::new(),
            Some(expression) => {
                let value = evaluate(resolver, expression, &Scope::default())?;
                value.as_text().unwrap_or_default()
            }
        };
        let value = resolver.variable(name, variable.place, &[])?;
        let shown = match &value {
            Value::Null => None,
            Value::Bool(_) | Value::Number(_) | Value::Text(_) => value.as_text(),
            Value::List(_) | Value::Set(_) | Value::Map(_) => Some(value.to_json()),
        };
        let wanted = variable.wanted.as_ref().map(crate::types::Type::name).unwrap_or_default();
        Ok(Self { name: name.to_owned(), description, wanted, value: shown })
    }
}
