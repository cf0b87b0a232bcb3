//! `image verify`: what is signed, by whom, and what the policy says of it. Nothing is pulled; what is in the store does not count.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry::{
    Admission, AdmitError, Client, Identity, KeySource, Policy, Progress, Refusal, Require,
    SignatureForm, Signed, Verified,
};
use serde_json::{Value, json};
use spec::Reference;
use spec::image::Platform;

use super::list::print;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::{config, output, registries, table};

/// What a template or `table` can show.
const COLUMNS: &[(&str, &str)] =
    &[("Image", "IMAGE"), ("Digest", "DIGEST"), ("Accepted", "ACCEPTED"), ("By", "BY")];

pub(super) fn verify(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let words = |error: &dyn std::error::Error| Failure::Words(error.to_string());
    let reference: Reference = matches.word(0).parse().map_err(|error| words(&error))?;
    let platform = match matches.text("platform") {
        Some(text) => text.parse().map_err(|error: spec::image::BadPlatform| words(&error))?,
        None => Platform::native(),
    };
    let policy = policy(matches)?;
    let tls_verify = matches.value("tls-verify").map(|value| value == "true");
    let progress = Arc::new(Progress::default());
    let settings = registries::settings(progress, tls_verify, matches.text("authfile"))?;
    let client = Client::new(settings);
    let resolution = registry::look_up(&client, &reference, &platform)?;
    let admitted = registry::admit(&policy, &client, &resolution);
    if let Some(format) = matches.text("format") {
        let value = match &admitted {
            Ok(admission) => accepted(&reference, admission),
            Err(AdmitError::Refused(refusal)) => {
                refused(&reference, &resolution.root.to_string(), refusal)
            }
            Err(AdmitError::Look { .. }) => Value::Null,
        };
        if !value.is_null() {
            print(Some(format), COLUMNS, &[value])?;
        }
    }
    let admission = admitted?;
    if matches.text("format").is_none() {
        let text = text(&reference, &admission);
        output::write(&text)?;
    }
    Ok(0)
}

/// The keys that were given, the policy that was given, or the one in force.
fn policy(matches: &Matches) -> Result<Policy, Failure> {
    let keys: Vec<KeySource> =
        matches.values("key").map(|path| KeySource::File(PathBuf::from(path))).collect();
    let signatures_in = matches.text("signatures-in");
    match (keys.is_empty(), matches.text("policy")) {
        (false, Some(_)) => Err(Failure::Words("--key and --policy exclude each other".to_owned())),
        (true, _) if signatures_in.is_some() => {
            Err(Failure::Words("--signatures-in needs --key; a policy says it itself".to_owned()))
        }
        (false, None) => {
            let signatures_in = signatures_in.map(registry::repository_of).transpose();
            Ok(Policy::signed(Signed {
                keys,
                require: Require::Any,
                signatures_in: signatures_in.map_err(Failure::Words)?,
                identity: Identity::Any,
            }))
        }
        (true, Some(path)) => Ok(Policy::read(Path::new(path))),
        (true, None) => {
            let files = config::policy_files();
            let policy = Policy::in_force(&files);
            if policy.is_none() {
                let own = files.own.display();
                let why = format!("nothing to verify by: give --key, or write a policy to {own}");
                return Err(Failure::Words(why));
            }
            Ok(policy)
        }
    }
}

/// For people: who signed what.
fn text(reference: &Reference, admission: &Admission) -> String {
    let Admission { by, root, listed, signatures } = admission;
    match (listed, signatures.is_empty()) {
        (Some(digest), true) => format!("{reference}: {by} accepts it: {digest} is in its list\n"),
        (None, true) => format!("{reference}: {by} accepts it without a signature\n"),
        (_, false) => {
            let head = ["KEY", "SIGNED", "DIGEST", "KIND", "FOUND"].map(str::to_owned).to_vec();
            let row = |one: &Verified| {
                let part = part_of(one, admission).to_owned();
                let (kind, place) = (kind_of(one).to_owned(), one.place.clone());
                vec![one.key.clone(), part, one.digest.to_string(), kind, place]
            };
            let rows: Vec<Vec<String>> =
                [head].into_iter().chain(signatures.iter().map(row)).collect();
            format!("{reference}: {by} accepts {root}\n{}", table::layout(&rows, table::LIST))
        }
    }
}

fn accepted(reference: &Reference, admission: &Admission) -> Value {
    let signature = |one: &Verified| {
        json!({
            "Key": one.key,
            "Digest": one.digest,
            "Signed": part_of(one, admission),
            "Kind": kind_of(one),
            "Found": one.place,
        })
    };
    json!({
        "Image": reference.to_string(),
        "Digest": admission.root,
        "Accepted": true,
        "By": admission.by,
        "Listed": admission.listed,
        "Signatures": admission.signatures.iter().map(signature).collect::<Vec<_>>(),
    })
}

fn refused(reference: &Reference, root: &str, refusal: &Refusal) -> Value {
    json!({
        "Image": reference.to_string(),
        "Digest": root,
        "Accepted": false,
        "By": refusal.by,
        "Why": engine::chain(&refusal.why),
        "Signatures": [],
    })
}

/// Whether what the name points at is signed, or what that leads to on this platform.
fn part_of(one: &Verified, admission: &Admission) -> &'static str {
    if one.digest == admission.root { "name" } else { "platform" }
}

const fn kind_of(one: &Verified) -> &'static str {
    match one.form {
        SignatureForm::SimpleSigning => "cosign",
        SignatureForm::Bundle => "bundle",
    }
}
