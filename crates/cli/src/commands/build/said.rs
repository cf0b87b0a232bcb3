//! What a line wants said of the image beside it: annotations and attestations, in the forms of buildx.

use build::attest::Detail;
use build::{Annotation, AnnotationLevel, BuildRequest, ProvenanceWish};
use spec::image::Platform;

use super::given::{bad, fields};
use crate::arguments::Matches;
use crate::failure::Failure;

/// Puts it into the request.
pub(super) fn said(matches: &Matches, request: &mut BuildRequest) -> Result<(), Failure> {
    for text in matches.values("annotation").filter(|text| !text.is_empty()) {
        request.annotations.extend(annotations(text)?);
    }
    let mut wishes = Wishes::default();
    for text in matches.values("attest") {
        wishes.attest(text)?;
    }
    if let Some(text) = matches.value("provenance") {
        wishes.take("provenance", text, &fields_of("provenance", text)?)?;
    }
    if let Some(text) = matches.value("sbom") {
        wishes.take("sbom", text, &fields_of("sbom", text)?)?;
    }
    request.provenance = wishes.provenance.flatten();
    request.sbom = wishes.sbom.unwrap_or_default();
    Ok(())
}

/// `[TYPE[PLATFORM][,TYPE]:]KEY=VALUE`.
pub(super) fn annotations(text: &str) -> Result<Vec<Annotation>, Failure> {
    let wrong = |why: &str| bad("annotation", text, why);
    let (name, value) =
        text.split_once('=').ok_or_else(|| wrong("it is not of the form [TYPE:]KEY=VALUE"))?;
    let (kinds, key) = name.split_once(':').unwrap_or(("manifest", name));
    if key.is_empty() {
        return Err(wrong("its key is empty"));
    }
    let one = |kind: &str| {
        let (word, platform) = kind_of(kind).ok_or_else(|| wrong("its type is not closed by ]"))?;
        let level = level(word).ok_or_else(|| {
            let known = "manifest, index, manifest-descriptor, index-descriptor";
            wrong(&format!("its type {word:?} is not one of {known}"))
        })?;
        let platform = platform.map(str::parse::<Platform>).transpose();
        let platform = platform.map_err(|error| wrong(&error.to_string()))?;
        Ok(Annotation { level, platform, key: key.to_owned(), value: value.to_owned() })
    };
    kinds.split(',').map(one).collect()
}

/// An option of `--output`: `annotation[-TYPE][\[PLATFORM\]].KEY`; nothing for another one.
pub(super) fn annotation_option(name: &str, value: &str) -> Option<Annotation> {
    let rest = name.strip_prefix("annotation")?;
    // A platform has no dot, a key may.
    let (kind, key) = rest.split_once('.')?;
    let (word, platform) = kind_of(kind)?;
    let level = match word {
        "" => AnnotationLevel::Manifest,
        word => level(word.strip_prefix('-')?)?,
    };
    let platform = platform.map(str::parse).transpose().ok()?;
    let (key, value) = (key.to_owned(), value.to_owned());
    (!key.is_empty()).then_some(Annotation { level, platform, key, value })
}

fn kind_of(text: &str) -> Option<(&str, Option<&str>)> {
    match text.split_once('[') {
        Some((word, platform)) => Some((word, Some(platform.strip_suffix(']')?))),
        None => Some((text, None)),
    }
}

fn level(word: &str) -> Option<AnnotationLevel> {
    match word {
        "manifest" => Some(AnnotationLevel::Manifest),
        "index" => Some(AnnotationLevel::Index),
        "manifest-descriptor" => Some(AnnotationLevel::ManifestDescriptor),
        "index-descriptor" => Some(AnnotationLevel::IndexDescriptor),
        _ => None,
    }
}

type Fields = Vec<(String, Option<String>)>;

/// A value of `--provenance` and `--sbom`: a word alone, or fields.
fn fields_of(flag: &'static str, text: &str) -> Result<Fields, Failure> {
    match text {
        "" | "true" | "1" => Ok(Vec::new()),
        "false" | "0" => Ok(vec![("disabled".to_owned(), Some("true".to_owned()))]),
        text => fields(flag, text),
    }
}

/// What was asked for so far.
#[derive(Default)]
struct Wishes {
    provenance: Option<Option<ProvenanceWish>>,
    sbom: Option<bool>,
}

impl Wishes {
    /// `type=sbom|provenance[,...]`.
    fn attest(&mut self, text: &str) -> Result<(), Failure> {
        let mut fields = fields("attest", text)?;
        let at = fields.iter().position(|(name, _)| name == "type");
        let kind = at.and_then(|at| fields.remove(at).1);
        match kind.as_deref() {
            Some("provenance") => self.take("provenance", text, &fields),
            Some("sbom") => self.take("sbom", text, &fields),
            Some(other) => {
                let why = format!("its type {other:?} is not one of sbom, provenance");
                Err(bad("attest", text, &why))
            }
            None => Err(bad("attest", text, "it has no type=")),
        }
    }

    fn take(&mut self, kind: &'static str, text: &str, fields: &Fields) -> Result<(), Failure> {
        let is_again = if kind == "sbom" { self.sbom.is_some() } else { self.provenance.is_some() };
        if is_again {
            return Err(bad(kind, text, "it is asked for twice"));
        }
        let (mut wish, mut is_off) = (ProvenanceWish::default(), false);
        for (name, value) in fields {
            let value = value.as_deref().unwrap_or_default();
            match (kind, name.as_str(), value) {
                (_, "disabled", "true") => is_off = true,
                (_, "disabled", "false") | ("provenance", "version", "v1") => {}
                ("provenance", "mode", "min") => wish.detail = Detail::Least,
                ("provenance", "mode", "max") => wish.detail = Detail::Most,
                ("provenance", "builder-id", id) => id.clone_into(&mut wish.builder_id),
                ("provenance", name, value) => {
                    let known = "mode=min|max, builder-id=URI, version=v1, disabled=true|false";
                    return Err(bad(kind, text, &format!("{name}={value} is not one of {known}")));
                }
                (_, "generator", _) => {
                    let why = "there is no generator to choose: this program reads the packages";
                    return Err(bad(kind, text, why));
                }
                (_, name, value) => {
                    let why = format!("{name}={value} is not disabled=true|false");
                    return Err(bad(kind, text, &why));
                }
            }
        }
        match kind {
            "sbom" => self.sbom = Some(!is_off),
            _ => self.provenance = Some((!is_off).then_some(wish)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_have_buildx_forms() {
        let read = |text: &str| -> Vec<String> {
            let shown = |one: Annotation| {
                let platform = one.platform.map(|platform| platform.to_string());
                format!(
                    "{:?} {} {}={}",
                    one.level,
                    platform.unwrap_or_default(),
                    one.key,
                    one.value
                )
            };
            annotations(text).unwrap().into_iter().map(shown).collect()
        };
        assert_eq!(read("a.b=c=d:e"), ["Manifest  a.b=c=d:e"]);
        assert_eq!(read("index:a="), ["Index  a="]);
        assert_eq!(
            read("manifest[linux/arm64],index-descriptor:K=v"),
            ["Manifest linux/arm64 K=v", "IndexDescriptor  K=v"]
        );
        for text in [
            "a",
            "=b",
            "manifest:=b",
            "layer:a=b",
            "manifest[linux/arm64:a=b",
            "index[a/b/c/d]:a=b",
        ] {
            assert!(annotations(text).is_err(), "{text}");
        }
        let option = |name| annotation_option(name, "v").map(|one| (one.level, one.key));
        assert_eq!(option("annotation.Key"), Some((AnnotationLevel::Manifest, "Key".to_owned())));
        assert_eq!(
            option("annotation-index.a.b"),
            Some((AnnotationLevel::Index, "a.b".to_owned()))
        );
        assert_eq!(
            option("annotation-manifest-descriptor[linux/amd64].a"),
            Some((AnnotationLevel::ManifestDescriptor, "a".to_owned()))
        );
        assert!(option("annotation").is_none() && option("annotation-layer.a").is_none());
    }

    #[test]
    fn attestations_are_switches_and_fields() {
        let wished = |flag: &'static str, text: &str| {
            let mut wishes = Wishes::default();
            match flag {
                "attest" => wishes.attest(text),
                flag => fields_of(flag, text).and_then(|fields| wishes.take(flag, text, &fields)),
            }
            .map(|()| (wishes.provenance.flatten().map(|wish| wish.detail), wishes.sbom))
        };
        assert_eq!(wished("provenance", "true").unwrap(), (Some(Detail::Least), None));
        assert_eq!(wished("provenance", "mode=max").unwrap(), (Some(Detail::Most), None));
        assert_eq!(wished("provenance", "false").unwrap(), (None, None));
        assert_eq!(wished("sbom", "true").unwrap(), (None, Some(true)));
        assert_eq!(wished("attest", "type=sbom").unwrap(), (None, Some(true)));
        assert_eq!(
            wished("attest", "type=provenance,mode=min,builder-id=https://x").unwrap().0,
            Some(Detail::Least)
        );
        for (flag, text) in [
            ("provenance", "mode=some"),
            ("sbom", "generator=x"),
            ("sbom", "mode=max"),
            ("attest", "mode=max"),
            ("attest", "type=other"),
        ] {
            assert!(wished(flag, text).is_err(), "{flag}={text}");
        }
        let mut wishes = Wishes::default();
        wishes.attest("type=sbom").unwrap();
        assert!(wishes.take("sbom", "true", &Vec::new()).is_err());
    }
}
