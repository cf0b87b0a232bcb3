//! Options of `--output` that say how layers are packed and what is said of the image: BuildKit's. What has no meaning here is refused by name.

use build::Annotation;
use engine::{Compress, Compression};
use registry::{Form, Format};
use spec::Reference;

use super::given::bad;
use super::order::tag;
use super::said::annotation_option;
use crate::failure::Failure;

/// How layers are packed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packing {
    /// How they are compressed; nothing is what is usual there.
    pub(super) compress: Option<Compress>,
    /// Whether what is there in another form is passed over.
    force: bool,
    /// Whether the media types are Docker's.
    pub(super) is_docker: Option<bool>,
}

/// What an output wants of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) names: Vec<Reference>,
    pub(super) annotations: Vec<Annotation>,
    /// Whether no file may be younger than `SOURCE_DATE_EPOCH`.
    pub(super) rewrites_times: bool,
}

impl Packing {
    /// As a push has it.
    pub(super) fn form(&self) -> Form {
        let format =
            self.is_docker.map(|is_docker| if is_docker { Format::Docker } else { Format::Oci });
        Form { compress: self.compress.unwrap_or_default(), force: self.force, format }
    }
}

/// Reads the options of an output that is none of the common ones; `kind` is its type, with whether it is an archive and whether it is pushed.
pub(super) fn packing(
    text: &str,
    (kind, is_archive, pushes): (&str, bool, bool),
    options: Vec<(String, String)>,
    wanted: &mut Wanted,
) -> Result<Packing, Failure> {
    let is_image = matches!(kind, "image" | "registry" | "docker" | "oci");
    let is_packed = kind == "registry" || pushes || is_archive;
    let (mut packing, mut method, mut level) = (Packing::default(), None, None);
    for (name, value) in options {
        let refused = |why: &str| bad("output", text, &format!("{name}={value}: {why}"));
        if let Some(why) = meaningless(kind, &name, &value) {
            return Err(refused(why));
        }
        if !is_image {
            return Err(refused("it is an option of images"));
        }
        if !is_packed && (name.starts_with("compression") || name == "force-compression") {
            return Err(refused(
                "the store keeps layers unpacked: it is an option of what is pushed or written",
            ));
        }
        match (name.as_str(), value.as_str()) {
            ("compression", word) => method = Some(word_of(word).map_err(refused)?),
            ("compression-level", _) => {
                let number = value.parse::<u32>();
                level = Some(number.map_err(|_no_number| refused("it is no number"))?);
            }
            ("force-compression", _) => packing.force = switch(&value).map_err(refused)?,
            ("oci-mediatypes", _) => {
                let is_oci = switch(&value).map_err(refused)?;
                let is_pushed = kind == "registry" || pushes;
                if !is_oci && !is_pushed {
                    return Err(refused("an archive and the store have those of OCI"));
                }
                packing.is_docker = Some(!is_oci);
            }
            ("name", _) => {
                let names = value.split(',').filter(|name| !name.is_empty());
                wanted.names.extend(names.map(tag).collect::<Result<Vec<_>, _>>()?);
            }
            ("rewrite-timestamp", _) => wanted.rewrites_times |= switch(&value).map_err(refused)?,
            // They are so.
            ("store" | "unpack", "true") | ("name-canonical", "false") => {}
            _ => match annotation_option(&name, &value) {
                Some(annotation) => wanted.annotations.push(annotation),
                None => return Err(super::not_yet(&format!("--output {name}={value}"))),
            },
        }
    }
    if method.is_some() || level.is_some() {
        let compress = Compress::new(method.unwrap_or(Compression::Gzip), level);
        packing.compress = Some(compress.map_err(|error| bad("output", text, &error.to_string()))?);
    }
    Ok(packing)
}

/// Why an option of BuildKit's has no meaning here.
fn meaningless(kind: &str, name: &str, value: &str) -> Option<&'static str> {
    match (name, value) {
        ("compression", "estargz") => {
            Some("eStargz is not written: use gzip, zstd or uncompressed")
        }
        ("store", "false") => {
            Some("what is pushed goes out of the store; cacheonly keeps no image")
        }
        ("unpack", "false") => Some("layers are kept unpacked"),
        ("name-canonical", "true") => {
            Some("a digest is a name once it was pushed, and image inspect has it in RepoDigests")
        }
        ("dangling-name-prefix", _) => Some("an image without a name has its id"),
        ("push-by-digest", "true") => Some("a push is to a tag"),
        ("tar", "false") => Some("a layout is an archive; corten copy makes a directory of one"),
        ("platform-split", _) if kind == "local" || kind == "tar" => {
            Some("each platform has a directory where there are several")
        }
        _ => None,
    }
}

fn word_of(word: &str) -> Result<Compression, &'static str> {
    match word {
        "gzip" => Ok(Compression::Gzip),
        "zstd" => Ok(Compression::Zstd),
        "uncompressed" => Ok(Compression::Plain),
        _ => Err("it is not one of gzip, zstd, uncompressed"),
    }
}

fn switch(value: &str) -> Result<bool, &'static str> {
    match value {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("it is neither true nor false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        (kind, is_archive, pushes): (&str, bool, bool),
        options: &[(&str, &str)],
    ) -> Result<(Packing, Wanted), String> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut wanted = Wanted::default();
        packing("x", (kind, is_archive, pushes), options.collect(), &mut wanted)
            .map(|packing| (packing, wanted))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn options_of_images() {
        let (packing, wanted) = read(
            ("image", false, true),
            &[
                ("compression", "zstd"),
                ("compression-level", "7"),
                ("force-compression", "true"),
                ("oci-mediatypes", "true"),
                ("name", "a,example.test/b:2"),
                ("annotation.Org.Key", "v"),
                ("store", "true"),
                ("rewrite-timestamp", "true"),
            ],
        )
        .unwrap();
        assert_eq!(packing.compress.unwrap().to_string(), "zstd:7");
        assert!(packing.force && packing.is_docker == Some(false) && wanted.rewrites_times);
        let names: Vec<String> = wanted.names.iter().map(Reference::familiar).collect();
        assert_eq!(names, ["a:latest", "example.test/b:2"]);
        assert_eq!(wanted.annotations[0].key, "Org.Key");
    }

    #[test]
    fn what_has_no_meaning_is_refused_by_name() {
        for (output, name, value) in [
            (("oci", true, false), "compression", "estargz"),
            (("oci", true, false), "compression", "lzma"),
            (("oci", true, false), "oci-mediatypes", "false"),
            (("image", false, false), "compression", "zstd"),
            (("image", false, true), "store", "false"),
            (("image", false, true), "name-canonical", "true"),
            (("image", false, true), "dangling-name-prefix", "x"),
            (("image", false, true), "unpack", "false"),
            (("image", false, true), "registry.insecure", "true"),
            (("local", false, false), "compression", "gzip"),
            (("local", false, false), "platform-split", "false"),
            (("registry", false, true), "compression-level", "99"),
            (("registry", false, true), "compression-level", "x"),
        ] {
            let refused = read(output, &[(name, value)]).unwrap_err();
            let words = if value == "99" { value } else { name };
            assert!(refused.contains(words), "{name}={value}: {refused}");
        }
    }
}
