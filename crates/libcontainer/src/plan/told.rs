//! What a plan tells whoever carries it out: whose its root is, and what people should know.

use spec::runtime::NamespaceKind;

use super::{NamespacePlan, Plan, Step};
use crate::capability;

impl Plan {
    /// User and group of the machine that are the container's root, where it has users of its own.
    #[must_use]
    pub fn root_ids(&self) -> Option<(u32, u32)> {
        self.steps.iter().find_map(|step| {
            if let Step::OverlayRoot { root_ids, .. } | Step::DirectoryRoot { root_ids, .. } = step
            {
                return *root_ids;
            }
            None
        })
    }

    /// What people are told: of limits and of its process, and of capabilities that this caller cannot give.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let mut told = self.cgroup.told(&[]);
        told.extend(self.process.warnings.iter().cloned());
        let NamespacePlan { create, join, .. } = &self.namespaces;
        let mut kinds = create.iter().chain(join.iter().map(|(kind, _)| kind));
        if !kinds.any(|kind| *kind == NamespaceKind::User) {
            told.extend(self.process.capabilities.into_iter().flat_map(capability::out_of_reach));
        }
        told
    }
}
