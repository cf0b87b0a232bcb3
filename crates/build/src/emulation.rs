//! Which machines' programs this one can run: its own, and those that the kernel has an interpreter for.
//! Source: Documentation/admin-guide/binfmt-misc.rst.

use std::fs;

use dockerfile::Platforms;
use spec::image::Platform;

use crate::error::BuildError;

/// Where interpreters are registered.
const REGISTERED: &str = "/proc/sys/fs/binfmt_misc";
/// Architectures as images name them, and as QEMU's interpreters are called.
const NAMES: [(&str, &str); 9] = [
    ("amd64", "x86_64"),
    ("arm64", "aarch64"),
    ("arm", "arm"),
    ("386", "i386"),
    ("riscv64", "riscv64"),
    ("ppc64le", "ppc64le"),
    ("s390x", "s390x"),
    ("mips64le", "mips64el"),
    ("loong64", "loongarch64"),
];

/// This machine's platform, and that of the image: files can be put into one for any Linux.
pub(crate) fn platforms(wanted: Option<&Platform>) -> Result<Platforms, BuildError> {
    let build = Platform::native();
    let target = wanted.cloned().unwrap_or_else(|| build.clone());
    if target.os == build.os || can_run(&target) {
        return Ok(Platforms { build, target });
    }
    Err(BuildError::Request(refusal(&target)))
}

/// Whether programs for a platform run here.
pub(crate) fn can_run(platform: &Platform) -> bool {
    platform.fit(&Platform::native()).is_some() || has_interpreter(platform)
}

/// Why they do not.
pub(crate) fn refusal(platform: &Platform) -> String {
    let build = Platform::native();
    format!(
        "build for platform {platform}: this machine is {build}, and the kernel has no interpreter for the other one (binfmt_misc)"
    )
}

fn has_interpreter(platform: &Platform) -> bool {
    if platform.os != "linux" {
        return false;
    }
    let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == platform.architecture) else {
        return false;
    };
    let path = format!("{REGISTERED}/qemu-{name}");
    // `F`: the interpreter is open already, a step's root need not have it.
    fs::read_to_string(path).is_ok_and(|text| {
        let mut lines = text.lines();
        lines.next() == Some("enabled")
            && lines
                .any(|line| line.strip_prefix("flags: ").is_some_and(|flags| flags.contains('F')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_can_be_built_for_and_windows_cannot() {
        let own = platforms(None).unwrap();
        assert_eq!(own.build, own.target);
        let arm: Platform = "linux/s390x".parse().unwrap();
        assert_eq!(platforms(Some(&arm)).unwrap().target, arm, "files can be put into it");
        let windows = "windows/amd64".parse().unwrap();
        let refused = platforms(Some(&windows)).unwrap_err().to_string();
        assert!(refused.contains("windows/amd64") && refused.contains("binfmt_misc"), "{refused}");
    }
}
