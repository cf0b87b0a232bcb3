//! `hooks`: programs that run at fixed moments, and what they are told. Source: config.md, "POSIX-platform Hooks".

use std::path::Path;

use spec::runtime::{Hooks, Spec};

use crate::error::PlanError;
use crate::hooks::Moment;
use crate::plan::HookPlan;

pub(super) fn plan(spec: &Spec, id: &str, bundle: &Path) -> Result<Option<HookPlan>, PlanError> {
    let Some(hooks) = spec.hooks.clone().filter(|hooks| *hooks != Hooks::default()) else {
        return Ok(None);
    };
    let plan = HookPlan {
        hooks,
        oci_version: spec.oci_version.clone(),
        id: id.to_owned(),
        bundle: bundle.to_owned(),
        annotations: spec.annotations.clone(),
    };
    for moment in Moment::ALL {
        for (number, hook) in moment.hooks(&plan).iter().enumerate() {
            let field = |name: &str| format!("hooks.{}[{number}].{name}", moment.name());
            if !hook.path.is_absolute() {
                let why = format!("{} is not absolute", hook.path.display());
                return Err(PlanError::field(field("path"), why));
            }
            if hook.timeout == Some(0) {
                return Err(PlanError::field(field("timeout"), "is not greater than zero"));
            }
        }
    }
    Ok(Some(plan))
}
