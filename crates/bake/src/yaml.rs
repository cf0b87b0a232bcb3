//! Values of Compose files with their places, as `spec` reads YAML. Start at [`parse`].

use spec::yaml::{Fault as Wrong, Node as Read, Value};

use crate::problem::{Fault, Problem};
use crate::source::Place;

/// A value and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) yaml: Yaml,
}

#[derive(Clone, Debug)]
pub(crate) enum Yaml {
    Null,
    /// Any scalar, as it is written; what it means is known where it is used.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        let found = self.members().iter().rev().find(|(known, _)| known == name);
        found.map(|(_, node)| node).filter(|node| !matches!(node.yaml, Yaml::Null))
    }

    pub(crate) fn members(&self) -> &[(String, Self)] {
        match &self.yaml {
            Yaml::Map(members) => members,
            Yaml::Null | Yaml::Scalar(_) | Yaml::List(_) => &[],
        }
    }

    fn of(file: usize, read: Read) -> Self {
        let Read { start, end, value } = read;
        let yaml = match value {
            Value::Null => Yaml::Null,
            Value::Scalar { text, .. } => Yaml::Scalar(text),
            Value::List(nodes) => {
                Yaml::List(nodes.into_iter().map(|node| Self::of(file, node)).collect())
            }
            Value::Map(members) => Yaml::Map(
                members.into_iter().map(|(name, node)| (name, Self::of(file, node))).collect(),
            ),
        };
        Self { place: Place { file, start, end }, yaml }
    }
}

/// Reads the first document of a text.
pub(crate) fn parse(file: usize, text: &str) -> Result<Node, Fault> {
    let read = spec::yaml::parse(text).map_err(|error| {
        let place = Place { file, start: error.start, end: error.end };
        let problem = match error.fault {
            Wrong::Syntax(what) => Problem::Syntax(what),
            Wrong::Unusual(what) => Problem::Compose(what),
            Wrong::Twice(name) => Problem::Twice(format!("key {name}")),
        };
        Fault::new(place, problem)
    })?;
    Ok(Node::of(file, read))
}
