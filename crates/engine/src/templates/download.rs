//! The template `download`: images of image servers, as LXC's own script of that name takes them.
//!
//! A server that lists products (Simplestreams) is asked for those, any other for LXC's own list. With a keyring the lists must be signed, and so must be
//! files whose sums they do not have.

use std::path::PathBuf;

use registry::Client;
use spec::image::Platform;
use store::Image;

use super::kept::Kept;
use super::mirror::{Mirror, Trust};
use super::streams::{self, RemoteFile, RemoteFiles, RemoteImage};
use super::systems::SystemName;
use super::{Templates, failed, tell};
use crate::error::EngineError;

const NAME: &str = "download";
/// Where LXC's images are.
const SERVER: &str = "https://images.linuxcontainers.org";
/// The list of lists of products.
const INDEX: &str = "streams/v1/index.json";
/// LXC's own list, for whom it is added, and the version of what is understood that is asked for first.
const LINES: &str = "meta/1.0/index-";
const COMPATIBILITY: u32 = 7;

/// What is wanted of a server. What is not said is anything in a list, and the usual in a build.
#[derive(Clone, Debug, Default)]
pub struct DownloadRequest {
    /// An address, a host, or a directory.
    pub server: Option<String>,
    /// Distribution.
    pub dist: Option<String>,
    /// Its release.
    pub release: Option<String>,
    /// Architecture; the machine's own otherwise.
    pub arch: Option<String>,
    /// Which of several; `default` otherwise.
    pub variant: Option<String>,
    /// How it is believed.
    pub trust: Trust,
}

impl DownloadRequest {
    fn has(&self, image: &RemoteImage) -> bool {
        let same = |wanted: &Option<String>, is: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(is))
        };
        let arch = self.arch.as_deref().map(|arch| architecture(arch).to_owned());
        let release = self.release.as_ref();
        same(&self.dist, &image.dist)
            && (same(&self.release, &image.release)
                || release.is_some_and(|wanted| image.aliases.contains(wanted)))
            && same(&arch, architecture(&image.arch))
            && same(&self.variant, &image.variant)
    }
}

/// As the lists call it, whoever else's name for it was given.
fn architecture(text: &str) -> &str {
    match text {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "i686" | "i586" | "386" => "i386",
        "arm" | "armv7" | "armv7l" => "armhf",
        "ppc64le" => "ppc64el",
        other => other,
    }
}

impl Templates<'_> {
    /// The images of a server that are asked for, sorted.
    ///
    /// # Errors
    /// When it does not answer, or not as it should.
    pub fn remote_images(
        &self,
        request: &DownloadRequest,
        client: &Client,
    ) -> Result<Vec<RemoteImage>, EngineError> {
        let scratch = self.engine.store.scratch()?;
        let server = request.server.as_deref().unwrap_or(SERVER);
        let mirror = Mirror::new(NAME, server, (client, &scratch), &request.trust)?;
        let mut images = self.images_of(&mirror)?;
        images.retain(|image| request.has(image));
        let key = |image: &RemoteImage| {
            let RemoteImage { dist, release, arch, variant, .. } = image;
            (dist.clone(), release.clone(), arch.clone(), variant.clone())
        };
        images.sort_by_cached_key(key);
        Ok(images)
    }

    /// Builds an image of the newest image of a server that is asked for: `DIST:RELEASE`, with the variant where it is a special one.
    ///
    /// # Errors
    /// When there is none, a sum or a signature is wrong, or the store refuses. Nothing is left then.
    pub fn build_download(
        &self,
        request: &DownloadRequest,
        client: &Client,
        named: &SystemName,
    ) -> Result<Image, EngineError> {
        let native = || Some(architecture(&Platform::native().architecture).to_owned());
        let wanted = DownloadRequest {
            arch: request.arch.clone().or_else(native),
            variant: request.variant.clone().or_else(|| Some("default".to_owned())),
            ..request.clone()
        };
        let (Some(dist), Some(release)) = (&wanted.dist, &wanted.release) else {
            return Err(failed(NAME, "--dist and --release say what: --list shows what there is"));
        };
        let variant = wanted.variant.as_deref().filter(|variant| *variant != "default");
        let end = variant.map(|variant| format!("-{variant}")).unwrap_or_default();
        let reference = named.or(&format!("{dist}:{release}{end}"))?;
        let scratch = self.engine.store.scratch()?;
        let server = wanted.server.as_deref().unwrap_or(SERVER);
        let mirror = Mirror::new(NAME, server, (client, &scratch), &wanted.trust)?;
        tell("fetching the list of images");
        let mut images = self.images_of(&mirror)?;
        images.retain(|image| wanted.has(image));
        images.sort_by(|one, other| one.build.cmp(&other.build));
        let image = images.pop().ok_or_else(|| {
            failed(NAME, &format!("{server} has no such image: --list shows what there is"))
        })?;
        tell(&format!("fetching {dist} {release} of {}", image.build));
        let (root, metadata) = fetch(&mirror, &image.files)?;
        let kept = metadata.map(|archive| self.kept(archive)).transpose()?;
        let kept = kept.unwrap_or_else(Kept::default);
        let made_of = format!("{dist} {release} {} of {server}", image.build);
        self.import_root(root, (&reference, &scratch), &kept, (&made_of, named.created_ns))
    }

    fn images_of(&self, mirror: &Mirror<'_>) -> Result<Vec<RemoteImage>, EngineError> {
        let unreadable =
            |path: &str, error: &serde_json::Error| failed(NAME, &format!("read {path}: {error}"));
        if let Some(index) = mirror.index(INDEX)? {
            let lists =
                streams::product_lists(&index).map_err(|error| unreadable(INDEX, &error))?;
            let mut images = Vec::new();
            for path in lists {
                let list = mirror.index(&path)?.ok_or_else(|| missing(&path))?;
                images.extend(streams::products(&list).map_err(|error| unreadable(&path, &error))?);
            }
            return Ok(images);
        }
        let mode = if self.engine.keeper.is_some() { "user" } else { "system" };
        let paths = [format!("{LINES}{mode}.{COMPATIBILITY}"), format!("{LINES}{mode}")];
        for path in &paths {
            if let Some(list) = mirror.index(path)? {
                return Ok(streams::lines(&String::from_utf8_lossy(&list)));
            }
        }
        Err(failed(NAME, &format!("there is neither {INDEX} nor {LINES}{mode}")))
    }
}

/// The root file system, and LXC's metadata where there is some.
fn fetch(
    mirror: &Mirror<'_>,
    files: &RemoteFiles,
) -> Result<(std::fs::File, Option<std::fs::File>), EngineError> {
    match files {
        RemoteFiles::Known { root, metadata } => {
            let known = |file: &RemoteFile| {
                let fetched = mirror.archive(&file.path, file.size, Some(&file.sha256))?;
                fetched.ok_or_else(|| missing(&file.path))
            };
            let root = root.as_ref().ok_or_else(|| {
                failed(NAME, "the image has no root file system in an archive or in squashfs")
            })?;
            // A few lines: what is wrong with them is known before the long one is fetched.
            let metadata = metadata.as_ref().map(known).transpose()?;
            Ok((known(root)?, metadata))
        }
        RemoteFiles::Directory(directory) => {
            let sums = mirror.sums(&format!("{directory}/SHA256SUMS"))?.unwrap_or_default();
            let file = |name: &str| {
                let sum = sums.iter().find(|(known, _)| known == name).map(|(_, sum)| sum.as_str());
                let path = PathBuf::from(directory).join(name);
                let path = path.to_string_lossy();
                mirror.archive(&path, None, sum)?.ok_or_else(|| missing(&path))
            };
            let metadata = file("meta.tar.xz")?;
            Ok((file("rootfs.tar.xz")?, Some(metadata)))
        }
    }
}

fn missing(path: &str) -> EngineError {
    failed(NAME, &format!("the list names {path}, which is not there"))
}
