//! `manifest create`, `annotate`, `inspect`, `push` and `rm`, as Docker has them.

use std::sync::Arc;

use engine::{Annotation, ListMember};
use registry::{Client, Pointer, Progress};
use serde_json::{Value, json};
use spec::Reference;

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::progress::{Direction, Mode, show};
use crate::registries;

fn reference(text: &str) -> Result<Reference, Failure> {
    text.parse().map_err(|error: spec::reference::BadReference| Failure::Words(error.to_string()))
}

/// The name of a list: what it will be pushed to.
fn list_name(text: &str) -> Result<Reference, Failure> {
    let list = reference(text)?;
    match list.digest() {
        Some(_) => Err(Failure::Words(format!(
            "a manifest list cannot be called {text}: its digest follows from it"
        ))),
        None => Ok(list),
    }
}

fn client(matches: &Matches, progress: &Arc<Progress>) -> Result<Client, Failure> {
    let verify = matches.on("insecure").then_some(false);
    Ok(Client::new(registries::settings(Arc::clone(progress), verify, None)?))
}

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let list = list_name(matches.word(0))?;
    let client = client(matches, &Arc::new(Progress::default()))?;
    let engine = session.engine()?;
    let members = matches.words.get(1..).unwrap_or_default();
    engine.manifest_lists().create(&client, &list, members, matches.on("amend"))?;
    output::line(&format!("Created manifest list {list}"));
    Ok(0)
}

pub(super) fn annotate(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let text = |flag| matches.text(flag).map(str::to_owned);
    let features = matches.values("os-features").flat_map(|list| list.split(','));
    let annotation = Annotation {
        architecture: text("arch"),
        os: text("os"),
        variant: text("variant"),
        os_version: text("os-version"),
        os_features: features.map(str::to_owned).collect(),
    };
    let (list, member) = (list_name(matches.word(0))?, reference(matches.word(1))?);
    session.engine()?.manifest_lists().annotate(&list, &member, &annotation)?;
    Ok(0)
}

pub(super) fn inspect(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = reference(matches.word(0))?;
    let verbose = matches.on("verbose");
    let shown = if let Some(member) = matches.words.get(1) {
        let member = reference(member)?;
        let members = session.engine()?.manifest_lists().get(&name)?;
        let found = members.iter().find(|known| known.reference == member).ok_or_else(|| {
            let (member, list) = (member.familiar(), name.familiar());
            Failure::Words(format!("manifest for image {member} does not exist in {list}"))
        })?;
        if verbose { whole(found) } else { parsed(&found.content) }
    } else {
        match local(session, &name)? {
            Some(members) if verbose => members.iter().map(whole).collect(),
            Some(members) => parsed(&registry::list_document(&members)?.bytes),
            None => remote(matches, &name, verbose)?,
        }
    };
    let text = serde_json::to_string_pretty(&shown);
    output::line(&text.map_err(|bad| Failure::Words(bad.to_string()))?);
    Ok(0)
}

/// A list of ours, which needs the store: who may not open it has none.
fn local(session: &Session, name: &Reference) -> Result<Option<Vec<ListMember>>, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    match session.engine()?.manifest_lists().get(name) {
        Ok(members) => Ok(Some(members)),
        Err(error) if error.kind() == engine::Kind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the registry has under the name.
fn remote(matches: &Matches, name: &Reference, verbose: bool) -> Result<Value, Failure> {
    let client = client(matches, &Arc::new(Progress::default()))?;
    if verbose {
        return Ok(registry::list_members(&client, name)?.iter().map(whole).collect());
    }
    let pointer = match name.digest() {
        Some(digest) => Pointer::Digest(digest),
        None => Pointer::Tag(name.tag().unwrap_or("latest")),
    };
    Ok(parsed(&client.repository(name).manifest(pointer)?.bytes))
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// All that is known about a member, under Docker's names.
fn whole(member: &ListMember) -> Value {
    let key = match member.descriptor.media_type.as_str() {
        spec::image::media_type::DOCKER_MANIFEST => "SchemaV2Manifest",
        _ => "OCIManifest",
    };
    let mut shown = json!({ "Ref": member.reference.to_string(), "Descriptor": member.descriptor });
    shown[key] = parsed(&member.content);
    shown
}

pub(super) fn push(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let list = list_name(matches.word(0))?;
    let progress = Arc::new(Progress::default());
    let client = client(matches, &progress)?;
    let engine = session.engine()?;
    let push = || engine.manifest_lists().push(&client, &list, matches.on("purge"), &progress);
    let digest = show(Mode::of_terminal(), Direction::Push, &progress, push)?;
    output::line(&digest.to_string());
    Ok(0)
}

pub(super) fn rm(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    super::each(matches, |name| Ok(engine.manifest_lists().remove(&list_name(name)?)?))
}
