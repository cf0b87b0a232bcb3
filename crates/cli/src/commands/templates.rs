//! `template list`, `template show` and `template build`.

use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{
    AlpineRequest, DEBIAN, Distribution, DistributionRequest, DownloadRequest, Engine, Image,
    LocalRequest, RemoteImage, ScriptRequest, SystemName, TemplateInfo, Trust, UBUNTU, find_script,
};
use registry::{Client, Progress};
use serde_json::{Value, json};
use spec::Reference;

use super::list::print;
use super::pull::with_missing_image;
use crate::arguments::Matches;
use crate::config::{build_time_ns, template_directories};
use crate::failure::Failure;
use crate::program::Session;
use crate::{output, registries};

const COLUMNS: &[(&str, &str)] = &[
    ("Name", "TEMPLATE"),
    ("Available", "AVAILABLE"),
    ("Needs", "NEEDS"),
    ("Description", "DESCRIPTION"),
];

pub(super) fn list(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let all = engine.templates().list(&template_directories());
    if matches.on("quiet") {
        for template in &all {
            output::line(&template.name);
        }
        return Ok(0);
    }
    let rows: Vec<Value> = all.iter().map(row).collect();
    print(matches.value("format"), COLUMNS, &rows)
}

fn row(template: &TemplateInfo) -> Value {
    json!({
        "Name": template.name,
        "Description": template.description,
        "Needs": template.needs,
        "Available": if template.missing.is_none() { "yes" } else { "no" },
        "Missing": template.missing.as_deref().unwrap_or_default(),
        "Makes": template.makes,
        "Options": template.options,
        "Script": template.script.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
    })
}

pub(super) fn show(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let template = find(&engine, matches.word(0))?;
    let format = matches.value("format").filter(|format| !format.is_empty());
    if format.is_some() {
        return print(format, COLUMNS, &[row(&template)]);
    }
    let mut text = format!(
        "Name:         {}\nDescription:  {}\nMakes:        {}\nNeeds:        {}\nMissing:      {}\n",
        template.name,
        template.description,
        template.makes,
        template.needs,
        template.missing.as_deref().unwrap_or("nothing"),
    );
    if let Some(script) = &template.script {
        let _infallible = writeln!(text, "Script:       {}", script.display());
    }
    let flags = crate::flags::TEMPLATE_BUILD.iter();
    let own: Vec<_> = flags.filter(|flag| template.options.contains(&flag.long)).collect();
    text.push_str("Options:\n");
    let width = own.iter().map(|flag| flag.spelling().len()).max().unwrap_or_default();
    for flag in own {
        let _infallible = writeln!(text, "  {:width$}  {}", flag.spelling(), flag.help);
    }
    output::write(&text)?;
    Ok(0)
}

/// The template of that name, or the script of that name or path.
fn find(engine: &Engine, text: &str) -> Result<TemplateInfo, Failure> {
    let directories = template_directories();
    let known = engine.templates().list(&directories);
    if let Some(template) = known.into_iter().find(|known| known.name == text) {
        return Ok(template);
    }
    let script = find_script(text, &directories)?;
    Ok(TemplateInfo::of_script(text, script))
}

pub(super) fn build(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let template = find(&engine, matches.word(0))?;
    refuse(&template, matches)?;
    let named =
        SystemName { name: matches.text("tag").map(str::to_owned), created_ns: build_time_ns()? };
    let Some(image) = make(session, &engine, &template, (matches, &named))? else { return Ok(0) };
    let own = named.name.as_deref().and_then(|name| name.parse::<Reference>().ok());
    let name = own.map(|name| name.pinned()).or_else(|| image.names.first().cloned());
    output::line(&name.map_or_else(|| image.id.to_string(), |name| name.familiar()));
    Ok(0)
}

/// Refuses what is another template's.
fn refuse(template: &TemplateInfo, matches: &Matches) -> Result<(), Failure> {
    let name = &template.name;
    let mut given = crate::flags::TEMPLATE_BUILD.iter();
    if let Some(flag) =
        given.find(|flag| matches.is_given(flag.long) && !template.options.contains(&flag.long))
    {
        return Err(Failure::Words(format!("the template {name} has no --{}", flag.long)));
    }
    let most = if template.script.is_some() { usize::MAX } else { 1 + usize::from(name == "oci") };
    match matches.words.get(most.min(matches.words.len())) {
        Some(word) => Err(Failure::Words(format!("the template {name} takes no {word:?}"))),
        None => Ok(()),
    }
}

/// Nothing where no image was asked for.
fn make(
    session: &Session,
    engine: &Engine,
    template: &TemplateInfo,
    (matches, named): (&Matches, &SystemName),
) -> Result<Option<Image>, Failure> {
    let templates = engine.templates();
    let text = |flag| matches.text(flag).map(str::to_owned);
    let path = |flag| matches.text(flag).map(PathBuf::from);
    if let Some(script) = &template.script {
        let arguments = matches.words.iter().skip(1).map(Into::into).collect();
        let request = ScriptRequest { script: script.clone(), container: text("name"), arguments };
        if request.asks_for_help() {
            templates.script_help(&request)?;
            return Ok(None);
        }
        return Ok(Some(templates.build_script(&request, named)?));
    }
    let image = match template.name.as_str() {
        "alpine" => {
            let request = AlpineRequest {
                release: text("release"),
                mirror: text("mirror"),
                arch: text("arch"),
                packages: matches.values("package").map(str::to_owned).collect(),
                apk: path("apk"),
                trust: trust(matches),
            };
            templates.build_alpine(&request, &client()?, named)?
        }
        "busybox" => templates.build_busybox(named)?,
        "debian" => templates.build_distribution(&distribution(&DEBIAN, matches), named)?,
        "ubuntu" => templates.build_distribution(&distribution(&UBUNTU, matches), named)?,
        "download" => return download(engine, matches, named),
        "local" => {
            let rootfs = path("rootfs").ok_or_else(|| {
                Failure::Words("the template local needs --rootfs FILE".to_owned())
            })?;
            templates.build_local(&LocalRequest { rootfs, metadata: path("metadata") }, named)?
        }
        "oci" => oci(session, engine, matches.word(1), named)?,
        _hello => {
            let words = "the template hello is inside the program: corten run hello";
            return Err(Failure::Words(words.to_owned()));
        }
    };
    Ok(Some(image))
}

fn distribution(distribution: &'static Distribution, matches: &Matches) -> DistributionRequest {
    DistributionRequest {
        distribution,
        suite: matches.value("suite").map(str::to_owned),
        mirror: matches.text("mirror").map(str::to_owned),
        packages: matches.values("package").map(str::to_owned).collect(),
        keyring: matches.text("keyring").map(PathBuf::from),
    }
}

fn trust(matches: &Matches) -> Trust {
    let keyring = matches.text("keyring").map(PathBuf::from);
    Trust { keyring, is_blind: matches.on("no-validate") }
}

fn client() -> Result<Client, Failure> {
    let settings = registries::settings(Arc::new(Progress::default()), None, None)?;
    Ok(Client::new(settings))
}

fn download(
    engine: &Engine,
    matches: &Matches,
    named: &SystemName,
) -> Result<Option<Image>, Failure> {
    let text = |flag| matches.text(flag).map(str::to_owned);
    let request = DownloadRequest {
        server: text("server"),
        dist: text("dist"),
        release: text("release"),
        arch: text("arch"),
        variant: text("variant"),
        trust: trust(matches),
    };
    if !matches.on("list") {
        return Ok(Some(engine.templates().build_download(&request, &client()?, named)?));
    }
    let images = engine.templates().remote_images(&request, &client()?)?;
    let rows: Vec<Value> = images.iter().map(remote_row).collect();
    let columns = [
        ("Dist", "DIST"),
        ("Release", "RELEASE"),
        ("Arch", "ARCH"),
        ("Variant", "VARIANT"),
        ("Build", "BUILD"),
    ];
    print(None, &columns, &rows)?;
    Ok(None)
}

fn remote_row(image: &RemoteImage) -> Value {
    let RemoteImage { dist, release, arch, variant, build, .. } = image;
    json!({ "Dist": dist, "Release": release, "Arch": arch, "Variant": variant, "Build": build })
}

/// An image of a registry, of a layout in a directory, or of an archive, in the words of lxc-oci and of skopeo or as it is.
fn oci(
    session: &Session,
    engine: &Engine,
    text: &str,
    named: &SystemName,
) -> Result<Image, Failure> {
    if text.is_empty() {
        let words = "the template oci needs an image: a name, oci:DIRECTORY, oci-archive:FILE or docker-archive:FILE";
        return Err(Failure::Words(words.to_owned()));
    }
    // Before anything is loaded.
    if let Some(Err(bad)) = named.name.as_deref().map(str::parse::<Reference>) {
        return Err(Failure::Words(format!("invalid image name: {bad}")));
    }
    let of_archive =
        ["oci:", "oci-archive:", "docker-archive:"].iter().find_map(|kind| text.strip_prefix(kind));
    let of_path = of_archive.or_else(|| Some(text).filter(|text| text.starts_with(['/', '.'])));
    let image = match of_path {
        Some(path) => loaded(engine, Path::new(path))?,
        None => {
            let name = text.strip_prefix("docker://").unwrap_or(text);
            let resolve = || Ok(engine.images().resolve(name)?);
            with_missing_image(session, name, (None, false), resolve)?
        }
    };
    Ok(engine.templates().adopt(&image, named)?)
}

/// The one image of a layout or of an archive.
fn loaded(engine: &Engine, path: &Path) -> Result<Image, Failure> {
    let images = engine.images();
    let loaded = if path.is_dir() {
        images.load_directory(path, None)?
    } else {
        images.load(File::open(path).map_err(Failure::file("open", path.display()))?, None)?
    };
    match &loaded[..] {
        [one] => Ok(images.resolve(&one.id.to_string())?),
        several => Err(Failure::Words(format!(
            "{} has {} images, which are loaded: template build oci takes the name of one",
            path.display(),
            several.len()
        ))),
    }
}
