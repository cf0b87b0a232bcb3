//! What would help with an error, where that is known: one line, mostly a command.

use store::StoreError;

use crate::error::{EngineError, Kind, of_plugins, of_secret};

impl EngineError {
    /// What would help, where that is known.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most errors need no hint")]
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(StoreError::NotFound { closest, .. }) | Self::NotPulled { closest, .. }
                if !closest.is_empty() =>
            {
                Some(format!("did you mean {}?", closest.join(", ")))
            }
            Self::Store(StoreError::NotFound { what: "image", .. }) => Some(
                "images come from corten pull, corten load, corten import and corten template build"
                    .to_owned(),
            ),
            Self::NotPulled { cause, .. } => cause.hint(),
            Self::Registry(error) => error.hint(),
            Self::Store(StoreError::SeveralNames { .. }) => {
                Some("remove its names one by one, or use --force".to_owned())
            }
            Self::Store(StoreError::InUse { what: "secret" | "config", .. }) => {
                Some("remove the containers first, or use --force".to_owned())
            }
            Self::Store(StoreError::InUse { what: "image", .. }) => {
                Some("remove the containers first".to_owned())
            }
            Self::Store(StoreError::NoQuotas { file_system, asleep, .. }) => {
                Some(crate::quotas::hint(file_system, *asleep))
            }
            Self::Store(StoreError::Unbounded(name)) => Some(format!(
                "make one with -o size=…, and corten volume export {name} | corten volume import NEW"
            )),
            Self::Store(_) | Self::Remember { .. } if self.kind() == Kind::Full => {
                Some("the disk is full".to_owned())
            }
            Self::Store(StoreError::Secret(error)) => of_secret(error).map(str::to_owned),
            Self::NoMonitor { .. } => Some(
                "what runs goes on; restart the container to have it looked after again".to_owned(),
            ),
            Self::HostMount { action: "unmount", cause, .. } if cause.is_busy() => Some(
                "somebody is in there; --force leaves them what they have open".to_owned(),
            ),
            Self::HostMount { action: "mount", .. } => {
                Some("corten cp and corten exec reach the files too".to_owned())
            }
            Self::Start { why, .. } if why.starts_with(crate::delegation::NO_GROUP) => {
                Some("corten system doctor tells what delegates one".to_owned())
            }
            Self::State { action: "remove", .. } => {
                Some("stop it first, or use --force".to_owned())
            }
            Self::NotRoot => Some("use sudo".to_owned()),
            Self::NoIdRanges | Self::NoOwnIds | Self::Store(StoreError::NoIds { .. }) => {
                Some(self.hint_of_ids().to_owned())
            }
            Self::Value { what: "AppArmor profile", .. } => {
                Some(crate::apparmor::NOT_LOADED_HINT.to_owned())
            }
            Self::AppArmor(error) => error.hint(),
            Self::SelinuxModule(error) => error.hint(),
            Self::Cni(error) => of_plugins(error).1.map(str::to_owned),
            _ => None,
        }
    }

    /// Where more ids come from: a user's lines are written by others.
    fn hint_of_ids(&self) -> &'static str {
        if matches!(self, Self::NoOwnIds) {
            return "corten system doctor tells the line that gives some";
        }
        if matches!(self, Self::Store(_)) && crate::id_pool::own_count() < u32::MAX {
            return "remove containers, or ask for fewer: --userns auto:size=N";
        }
        crate::id_pool::HINT
    }
}
