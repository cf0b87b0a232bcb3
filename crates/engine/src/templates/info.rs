//! What is told about templates: what each makes, which options it takes, what it needs, and what of that is not on this machine.

use std::path::PathBuf;

use super::distribution::{self, DEBIAN, Distribution, UBUNTU};
use super::{HELLO, alpine, busybox};

/// A template, as people are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateInfo {
    /// Its name.
    pub name: String,
    /// In one line.
    pub description: String,
    /// The image that it makes.
    pub makes: String,
    /// What must be on the machine.
    pub needs: String,
    /// What of that is not.
    pub missing: Option<String>,
    /// Options of `template build` that it takes, by their long names.
    pub options: Vec<&'static str>,
    /// The file of a script.
    pub script: Option<PathBuf>,
}

impl TemplateInfo {
    /// Of a script.
    #[must_use]
    pub fn of_script(name: &str, script: PathBuf) -> Self {
        let file = script.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        Self {
            name: name.to_owned(),
            description: "a script with LXC's template interface".to_owned(),
            makes: format!("{file}:latest"),
            needs: "what the script needs".to_owned(),
            missing: None,
            options: vec!["tag", "name"],
            script: Some(script),
        }
    }

    fn own(name: &str, description: &str, makes: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: description.to_owned(),
            makes: makes.to_owned(),
            needs: "nothing".to_owned(),
            missing: None,
            options: vec!["tag"],
            script: None,
        }
    }

    fn needing(mut self, needs: &str, is_here: bool) -> Self {
        self.missing = (!is_here).then(|| needs.to_owned());
        needs.clone_into(&mut self.needs);
        self
    }

    fn with(mut self, options: &[&'static str]) -> Self {
        self.options.extend(options);
        self
    }
}

/// Those of this program, sorted by name.
pub(super) fn own_templates() -> Vec<TemplateInfo> {
    let mut hello =
        TemplateInfo::own(HELLO, "shows the isolation that it finds around it", "hello:latest");
    hello.options.clear();
    let mut alpine = TemplateInfo::own("alpine", "an Alpine system", "alpine:RELEASE").with(&[
        "release",
        "arch",
        "mirror",
        "package",
        "apk",
        "keyring",
        "no-validate",
    ]);
    if alpine::installer().is_none() {
        "apk for packages of one's own".clone_into(&mut alpine.needs);
    }
    let from_server =
        ["dist", "release", "arch", "variant", "server", "list", "keyring", "no-validate"];
    vec![
        alpine,
        TemplateInfo::own("busybox", "a small system of one program", "busybox:latest")
            .needing("busybox-static", busybox::program().is_some()),
        of_distribution(&DEBIAN, "a Debian system"),
        TemplateInfo::own("download", "an image of an image server", "DIST:RELEASE")
            .with(&from_server),
        hello,
        TemplateInfo::own("local", "a root file system in an archive", "local:latest")
            .with(&["rootfs", "metadata"]),
        TemplateInfo::own(
            "oci",
            "an image of a registry, a layout or an archive",
            "as it is called there",
        ),
        of_distribution(&UBUNTU, "an Ubuntu system"),
    ]
}

fn of_distribution(distribution: &Distribution, description: &str) -> TemplateInfo {
    let makes = format!("{}:SUITE", distribution.name);
    let mut info = TemplateInfo::own(distribution.name, description, &makes)
        .with(&["suite", "mirror", "package", "keyring"])
        .needing("mmdebstrap or debootstrap", distribution::builder().is_some());
    if !distribution.is_own() {
        let keys = format!("{}, or --keyring", distribution.keys);
        info.needs = format!("{}; {keys}", info.needs);
        if distribution.keyring().is_none() {
            info.missing = Some(match info.missing {
                Some(missing) => format!("{missing}; {keys}"),
                None => keys,
            });
        }
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_templates_are_sorted_and_take_the_name() {
        let all = own_templates();
        assert!(all.is_sorted_by(|one, other| one.name < other.name));
        assert!(all.iter().all(|info| info.name == HELLO || info.options.contains(&"tag")));
        assert!(all.iter().all(|info| info.script.is_none()));
    }
}
