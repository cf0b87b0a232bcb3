//! `linux.intelRdt`: which class of service, described how. Source: config-linux.md, "IntelRdt".

use spec::runtime::IntelRdt;

use crate::error::PlanError;
use crate::resctrl::ResctrlPlan;

/// Directories that the kernel keeps in each group.
const KERNELS: &[&str] = &[".", "..", "info", "mon_groups", "mon_data"];

pub(super) fn plan(given: &IntelRdt, id: &str) -> Result<ResctrlPlan, PlanError> {
    let wrong = |name: &str, why: String| PlanError::field(format!("linux.intelRdt.{name}"), why);
    let class = given.clos_id.as_deref().filter(|class| !class.is_empty());
    // The one name with a slash is the root group's.
    let group = match class {
        Some("/") => None,
        Some(name) if is_name(name) => Some(name.to_owned()),
        Some(name) => return Err(wrong("closID", format!("{name:?} is no class of service"))),
        None if is_name(id) => Some(id.to_owned()),
        None => return Err(wrong("closID", format!("is missing, and {id:?} can be none"))),
    };
    let schema = |name: &str, value: &Option<String>, begin: &str| match value.as_deref() {
        None | Some("") => Ok(None),
        Some(line) if line.contains('\n') => Err(wrong(name, "holds a line feed".to_owned())),
        Some(line) if !line.starts_with(begin) => {
            Err(wrong(name, format!("{line:?} does not begin with {begin:?}")))
        }
        Some(line) => Ok(Some(line.to_owned())),
    };
    let cache = schema("l3CacheSchema", &given.l3_cache_schema, "")?;
    let bandwidth = schema("memBwSchema", &given.mem_bw_schema, "MB:")?;
    let agreed: Vec<String> = cache.into_iter().chain(bandwidth).collect();
    if let Some(line) = given.schemata.iter().find(|line| line.contains('\n')) {
        return Err(wrong("schemata", format!("{line:?} holds a line feed")));
    }
    let own = class.is_none();
    Ok(ResctrlPlan {
        group,
        own,
        schemata: agreed.iter().chain(&given.schemata).cloned().collect(),
        agreed: if own { Vec::new() } else { agreed },
        monitor: given.enable_monitoring.then(|| id.to_owned()),
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\n']) && !KERNELS.contains(&name)
}
