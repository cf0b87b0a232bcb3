//! From names to the builds that they ask for. Start at [`Definition::select`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::definition::Definition;
use crate::entry::Entry;
use crate::machine::Machine;
use crate::overrides::Overrides;
use crate::pattern::matches;
use crate::problem::{BakeError, Problem, closest};
use crate::target::{Group, Target, once};
use crate::value::escape_html;

/// What is to be built. Its JSON is what `bake --print` shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// The groups that were named, and `default`: all that was named.
    #[serde(rename = "group", skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Group>,
    /// The targets, with all that they take over, and those that others have as contexts.
    #[serde(rename = "target")]
    pub targets: BTreeMap<String, Target>,
}

impl Definition {
    /// Finds what `names` ask for, `default` where there are none, changed by `overrides` (`TARGET.KEY=VALUE`).
    ///
    /// # Errors
    /// A target that does not exist, an override that is wrong, targets that are each other's contexts.
    pub fn select(
        &self,
        names: &[String],
        overrides: &[String],
        machine: &Machine<'_>,
    ) -> Result<Selection, BakeError> {
        let mut wanted = Vec::new();
        for name in names {
            wanted.extend(self.names(&name.replace('.', "_"))?);
        }
        if names.is_empty() {
            wanted.push("default".to_owned());
        }
        once(&mut wanted);
        let overrides = Overrides::read(overrides, &self.targets, machine.environment)?;
        let mut selection = Selection::default();
        for name in &wanted {
            let (targets, groups) = self.members(name, &mut BTreeMap::new());
            for target in targets {
                let resolved = self.resolve(&target, &overrides)?;
                selection.targets.insert(target, resolved);
            }
            for group in self.groups.iter().filter(|group| groups.contains(&group.name)) {
                selection.groups.entry(group.name.clone()).or_insert_with(|| group.clone());
            }
        }
        selection.name_default(&wanted);
        let chosen: Vec<String> = selection.targets.keys().cloned().collect();
        for name in chosen {
            self.link(&name, &mut selection, &overrides, &mut Vec::new())?;
        }
        selection.clean_contexts(machine.is_address);
        Ok(selection)
    }

    /// Groups and targets that a pattern means.
    fn names(&self, pattern: &str) -> Result<Vec<String>, BakeError> {
        if !pattern.contains(['*', '?', '[', ']']) {
            return Ok(vec![pattern.to_owned()]);
        }
        let groups = self.groups.iter().map(|group| &group.name);
        let all = groups.chain(self.targets.iter().map(|target| &target.name));
        let found: Vec<String> = all.filter(|name| matches(pattern, name)).cloned().collect();
        if found.is_empty() {
            return Err(BakeError::outside(Problem::NoMatch(pattern.to_owned())));
        }
        Ok(found)
    }

    /// The targets and groups of a group, and of groups in it. A group that is in itself adds nothing.
    fn members(
        &self,
        name: &str,
        visited: &mut BTreeMap<String, (Vec<String>, Vec<String>)>,
    ) -> (Vec<String>, Vec<String>) {
        if let Some(known) = visited.get(name) {
            return known.clone();
        }
        let Some(group) = self.groups.iter().find(|group| group.name == name) else {
            return (vec![name.to_owned()], Vec::new());
        };
        visited.insert(name.to_owned(), (Vec::new(), Vec::new()));
        let (mut targets, mut groups) = (Vec::new(), vec![name.to_owned()]);
        for member in &group.targets {
            let (inner, inner_groups) = self.members(member, visited);
            let is_target = inner.is_empty() && inner_groups.is_empty();
            targets.extend(inner);
            if is_target && self.targets.iter().any(|target| target.name == *member) {
                targets.push(member.clone());
            }
            groups.extend(inner_groups);
        }
        once(&mut targets);
        once(&mut groups);
        visited.insert(name.to_owned(), (targets.clone(), groups.clone()));
        (targets, groups)
    }

    /// A target with all that it takes over, the overrides, and what is usual where nothing is said.
    fn resolve(&self, name: &str, overrides: &Overrides) -> Result<Target, BakeError> {
        let mut visited = BTreeMap::new();
        let resolved = self.inherit(name, overrides, &mut visited, 0)?;
        let mut target = resolved.unwrap_or_default();
        target.inherits.clear();
        target.context.get_or_insert_with(|| ".".to_owned());
        if target.dockerfile.as_deref().unwrap_or_default().is_empty() {
            target.dockerfile = Some("Dockerfile".to_owned());
        }
        Ok(target)
    }

    /// Nothing for a target that is being resolved: one that inherits itself adds nothing.
    fn inherit(
        &self,
        name: &str,
        overrides: &Overrides,
        visited: &mut BTreeMap<String, Option<Target>>,
        depth: usize,
    ) -> Result<Option<Target>, BakeError> {
        const DEEPEST: usize = 200;
        if let Some(known) = visited.get(name) {
            return Ok(known.clone());
        }
        if depth > DEEPEST {
            return Err(BakeError::outside(Problem::TooDeep(DEEPEST)));
        }
        visited.insert(name.to_owned(), None);
        let Some(target) = self.targets.iter().find(|target| target.name == name) else {
            let all = self.targets.iter().map(|target| target.name.as_str());
            let closest =
                closest(name, all.chain(self.groups.iter().map(|group| group.name.as_str())));
            let problem = Problem::UnknownTarget { name: name.to_owned(), closest };
            return Err(BakeError::outside(problem));
        };
        let mut merged = Target::default();
        for parent in &target.inherits {
            if let Some(parent) = self.inherit(parent, overrides, visited, depth + 1)? {
                merged.merge(&parent);
            }
        }
        merged.merge(target);
        merged.name.clone_from(&target.name);
        overrides.apply(&mut merged)?;
        merged.normalize();
        visited.insert(name.to_owned(), Some(merged.clone()));
        Ok(Some(merged))
    }

    /// Adds the targets that a target has as contexts; it takes over what they are entitled to.
    fn link(
        &self,
        name: &str,
        selection: &mut Selection,
        overrides: &Overrides,
        above: &mut Vec<String>,
    ) -> Result<(), BakeError> {
        above.push(name.to_owned());
        let Some(target) = selection.targets.get(name).cloned() else { return Ok(()) };
        let mut entitlements = target.entitlements.clone();
        for linked in target.contexts.values().filter_map(|value| value.strip_prefix("target:")) {
            if above.iter().any(|name| name == linked) {
                let problem = Problem::Cycle(format!("the context of target {linked}"));
                return Err(BakeError::outside(problem));
            }
            if !selection.targets.contains_key(linked) {
                let mut resolved = self.resolve(linked, overrides)?;
                let kind = "cacheonly".to_owned();
                resolved.output = Some(vec![Entry { kind, attributes: BTreeMap::new() }]);
                resolved.is_linked = true;
                selection.targets.insert(linked.to_owned(), resolved);
            }
            self.link(linked, selection, overrides, above)?;
            let Some(resolved) = selection.targets.get(linked) else { continue };
            entitlements.extend_from_slice(&resolved.entitlements);
            let platforms = |target: &Target| -> BTreeSet<String> {
                target.platforms.iter().flatten().cloned().collect()
            };
            let (own, theirs) = (platforms(&target), platforms(resolved));
            if own.len() > 1 && theirs.len() > 1 && !own.is_subset(&theirs) {
                let (target, context) = (name.to_owned(), linked.to_owned());
                return Err(BakeError::outside(Problem::Platforms { target, context }));
            }
        }
        once(&mut entitlements);
        if let Some(target) = selection.targets.get_mut(name) {
            target.entitlements = entitlements;
        }
        above.pop();
        Ok(())
    }
}

impl Selection {
    /// `default` is all that was named, unless it was named itself.
    fn name_default(&mut self, wanted: &[String]) {
        for name in wanted {
            if name == "default" && self.groups.contains_key("default") {
                continue;
            }
            let default = self
                .groups
                .entry("default".to_owned())
                .or_insert_with(|| Group { name: "default".to_owned(), ..Group::default() });
            default.targets.push(name.clone());
        }
        if let Some(default) = self.groups.get_mut("default") {
            default.targets.sort();
            default.targets.dedup();
        }
    }

    /// Directories are shown without `.` and `..` in them, and without the mark that they are the caller's.
    fn clean_contexts(&mut self, is_address: &dyn Fn(&str) -> bool) {
        for target in self.targets.values_mut() {
            if let Some(context) = &mut target.context
                && !is_address(context)
            {
                *context = spec::path::clean(context.strip_prefix("cwd://").unwrap_or(context));
            }
        }
    }

    /// The JSON that `bake --print` shows.
    #[must_use]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).unwrap_or_default();
        escape_html(&json)
    }
}
