//! What is admitted, and what is refused.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use registry::{
    Admission, Client, Found, Identity, KeySource, Pointer, Policy, Progress, Pull, Require,
    Resolution, SignatureForm, Signed, admit, fetch, look_up, resolve,
};
use serde_json::Value;
use spec::Reference;
use spec::image::Platform;
use store::{Paths, Store};
use testkit::{RegistryServer, Response, ScriptedServer, Signer};

use crate::shared::told;
use crate::shelf::{
    BUNDLE, SIGNATURES, SIMPLE_TYPE, Shelf, bundle, client, digest_of, good, payload, text,
};

fn reference(host: &str, rest: &str) -> Reference {
    format!("{host}/{rest}").parse().unwrap()
}

fn keys(signers: &[&Signer], require: Require) -> Signed {
    let file = |signer: &&Signer| KeySource::File(signer.public_key().to_owned());
    let keys = signers.iter().map(file).collect();
    Signed { keys, require, signatures_in: None, identity: Identity::Any }
}

fn by(signer: &Signer) -> Policy {
    Policy::signed(keys(&[signer], Require::Any))
}

/// An admission, or every word of the refusal.
fn ask(policy: &Policy, client: &Client, resolution: &Resolution) -> Result<Admission, String> {
    admit(policy, client, resolution).map_err(|error| told(&error))
}

/// The same for a shelf that is pushed to a registry, and its tag `1`.
fn ask_pushed(shelf: &Shelf, policy: &Policy) -> Result<Admission, String> {
    let (server, client) = (RegistryServer::start(), client());
    let reference = reference(&server.host(), "app:1");
    shelf.push(&client.repository(&reference));
    ask(policy, &client, &look_up(&client, &reference, &Platform::native()).unwrap())
}

#[test]
fn a_signature_under_the_tag_of_the_digest_admits() {
    for signer in [Signer::p256(), Signer::ed25519()] {
        let mut shelf = Shelf::default();
        let image = shelf.image("a");
        shelf.tag("1", &image);
        let layer = good(&mut shelf, &signer, &image);
        shelf.sign_by_tag(&image, &[layer]);
        let admission = ask_pushed(&shelf, &by(&signer)).unwrap();
        let [signature] = &admission.signatures[..] else { panic!("{admission:?}") };
        assert_eq!(Path::new(&signature.key), signer.public_key());
        assert_eq!(signature.digest, admission.root);
        assert_eq!(signature.form, SignatureForm::SimpleSigning);
        assert_eq!(admission.root.to_string(), text(&image["digest"]));
    }
}

#[test]
fn of_an_index_either_it_or_the_manifest_for_this_machine_is_signed() {
    let signer = Signer::p256();
    for signed in ["index", "native", "foreign"] {
        let mut shelf = Shelf::default();
        let (native, foreign) = (shelf.image("native"), shelf.image("foreign"));
        let index = shelf.index(&native, &foreign);
        shelf.tag("1", &index);
        let which = match signed {
            "index" => &index,
            "native" => &native,
            _ => &foreign,
        };
        let layer = good(&mut shelf, &signer, which);
        shelf.sign_by_tag(which, &[layer]);
        let answer = ask_pushed(&shelf, &by(&signer));
        if signed == "foreign" {
            let words = answer.unwrap_err();
            assert!(words.contains("no valid signature by"), "{words}");
            assert!(words.ends_with("(there is none)"), "{words}");
        } else {
            let admission = answer.unwrap();
            assert_eq!(admission.root.to_string(), text(&index["digest"]));
            assert_eq!(admission.signatures[0].digest.to_string(), text(&which["digest"]));
        }
    }
}

/// Puts something under the tag of an image's signatures.
type Bend = fn(&mut Shelf, &Signer, &Value) -> Value;

const ATTACKS: &[(&str, &str, Bend)] = &[
    ("a signature of another image", "it is for sha256:", |shelf, signer, _image| {
        let other = shelf.image("other");
        good(shelf, signer, &other)
    }),
    ("another key", "made by another key, or altered", |shelf, _signer, image| {
        good(shelf, &Signer::p256(), image)
    }),
    ("another kind", "what was signed is of type \"atomic", |shelf, signer, image| {
        let payload = payload("atomic container signature", text(&image["digest"]));
        shelf.signature(&payload, Some(&STANDARD.encode(signer.sign(payload.as_bytes()))))
    }),
    ("a payload that was replaced", "made by another key, or altered", |shelf, signer, image| {
        let other = payload(SIMPLE_TYPE, &digest_of(b"other").to_string());
        let signature = STANDARD.encode(signer.sign(other.as_bytes()));
        shelf.signature(&payload(SIMPLE_TYPE, text(&image["digest"])), Some(&signature))
    }),
    ("junk", "its signature is no base64", |shelf, _signer, image| {
        shelf.signature(&payload(SIMPLE_TYPE, text(&image["digest"])), Some("*junk*"))
    }),
    ("no signature", "it carries no signature", |shelf, _signer, image| {
        shelf.signature(&payload(SIMPLE_TYPE, text(&image["digest"])), None)
    }),
    ("signed words that are no payload", "its payload: ", |shelf, signer, _image| {
        shelf.signature("[1]", Some(&STANDARD.encode(signer.sign(b"[1]"))))
    }),
    ("a payload that is too long", "1048576 are the most", |shelf, signer, image| {
        let mut payload = payload(SIMPLE_TYPE, text(&image["digest"]));
        payload.push_str(&" ".repeat(1 << 20));
        shelf.signature(&payload, Some(&STANDARD.encode(signer.sign(payload.as_bytes()))))
    }),
];

#[test]
fn what_only_looks_like_a_signature_is_refused() {
    let (server, client, signer) = (RegistryServer::start(), client(), Signer::p256());
    for (place, (what, words, bend)) in ATTACKS.iter().enumerate() {
        let mut shelf = Shelf::default();
        let image = shelf.image(what);
        shelf.tag("1", &image);
        let layer = bend(&mut shelf, &signer, &image);
        shelf.sign_by_tag(&image, &[layer]);
        let reference = reference(&server.host(), &format!("attack{place}:1"));
        shelf.push(&client.repository(&reference));
        let resolution = look_up(&client, &reference, &Platform::native()).unwrap();
        let answer = ask(&by(&signer), &client, &resolution);
        let refusal = answer.expect_err(what);
        assert!(refusal.contains("1 signature looked at: tag sha256-"), "{what}: {refusal}");
        assert!(refusal.contains(words), "{what}: {refusal}");
    }
}

#[test]
fn junk_beside_a_signature_is_passed_over_up_to_a_limit() {
    let signer = Signer::ed25519();
    for (junk, admitted) in [(63, true), (64, false)] {
        let mut shelf = Shelf::default();
        let image = shelf.image("a");
        shelf.tag("1", &image);
        let bad = shelf.signature("junk", Some("AAAA"));
        let mut layers = vec![bad; junk];
        layers.push(good(&mut shelf, &signer, &image));
        shelf.sign_by_tag(&image, &layers);
        let answer = ask_pushed(&shelf, &by(&signer));
        assert_eq!(answer.is_ok(), admitted, "{answer:?}");
        if let Err(words) = answer {
            assert!(words.contains("64 signatures looked at"), "{words}");
            assert!(words.ends_with("; and 61 more)"), "{words}");
        }
    }
}

#[test]
fn referrers_are_found_by_the_api_and_by_the_tag_that_stands_in_for_it() {
    let (p256, ed25519) = (Signer::p256(), Signer::ed25519());
    for (signer, other) in [(&p256, &ed25519), (&ed25519, &p256)] {
        for kind in [BUNDLE, SIGNATURES] {
            let shelf = || {
                let mut shelf = Shelf::default();
                let image = shelf.image("a");
                shelf.tag("1", &image);
                shelf.sign_by_referrer(&image, "application/spdx+json", &[]);
                let layer = match kind {
                    BUNDLE => shelf.blob(BUNDLE, bundle(signer, text(&image["digest"])).as_bytes()),
                    _ => good(&mut shelf, signer, &image),
                };
                shelf.sign_by_referrer(&image, kind, &[layer]);
                shelf
            };
            let by_tag = ask_pushed(&shelf(), &by(signer)).unwrap();
            let (server, client) = (shelf().serve(), client());
            let name = reference(&server.host(), "app:1");
            let resolution = look_up(&client, &name, &Platform::native()).unwrap();
            let by_api = ask(&by(signer), &client, &resolution).unwrap();
            for admission in [by_tag, by_api] {
                let is_bundle = admission.signatures[0].form == SignatureForm::Bundle;
                assert_eq!(is_bundle, kind == BUNDLE);
                assert!(admission.signatures[0].place.contains("referrer "));
            }
            assert!(server.asked().iter().any(|asked| asked.contains("/referrers/sha256:")));
            let refusal = ask(&by(other), &client, &resolution).unwrap_err();
            assert!(refusal.contains("made by another key"), "{refusal}");
        }
    }
}

#[test]
fn a_bundle_of_another_image_is_refused_wherever_it_hangs() {
    let signer = Signer::p256();
    let mut shelf = Shelf::default();
    let (image, other) = (shelf.image("a"), shelf.image("b"));
    shelf.tag("1", &image);
    let layer = shelf.blob(BUNDLE, bundle(&signer, text(&other["digest"])).as_bytes());
    shelf.sign_by_referrer(&image, BUNDLE, &[layer]);
    let refusal = ask_pushed(&shelf, &by(&signer)).unwrap_err();
    assert!(refusal.contains(&format!("it is for {}", text(&other["digest"]))), "{refusal}");
}

#[test]
fn where_all_must_sign_one_is_not_enough() {
    let (first, second) = (Signer::p256(), Signer::ed25519());
    let mut shelf = Shelf::default();
    let image = shelf.image("a");
    shelf.tag("1", &image);
    let one = good(&mut shelf, &first, &image);
    shelf.sign_by_tag(&image, std::slice::from_ref(&one));
    let all = Policy::signed(keys(&[&first, &second], Require::All));
    let refusal = ask_pushed(&shelf, &all).unwrap_err();
    let missing = second.public_key().display().to_string();
    assert!(refusal.contains(&format!("no valid signature by {missing} (")), "{refusal}");
    assert!(ask_pushed(&shelf, &Policy::signed(keys(&[&second, &first], Require::Any))).is_ok());
    let two = good(&mut shelf, &second, &image);
    shelf.sign_by_tag(&image, &[one, two]);
    assert_eq!(ask_pushed(&shelf, &all).unwrap().signatures.len(), 2);
    let twice = Policy::signed(keys(&[&first, &first], Require::All));
    assert!(ask_pushed(&shelf, &twice).unwrap_err().contains("hold the same key"));
}

#[test]
fn signatures_may_lie_in_another_repository() {
    let (server, client, signer) = (RegistryServer::start(), client(), Signer::p256());
    let app = reference(&server.host(), "app:1");
    let place = reference(&server.host(), "signatures");
    let (mut shelf, mut signatures) = (Shelf::default(), Shelf::default());
    let image = shelf.image("a");
    shelf.tag("1", &image);
    let layer = good(&mut signatures, &signer, &image);
    signatures.sign_by_tag(&image, &[layer]);
    shelf.push(&client.repository(&app));
    signatures.push(&client.repository(&place));
    let resolution = look_up(&client, &app, &Platform::native()).unwrap();
    assert!(ask(&by(&signer), &client, &resolution).is_err());
    let signed = Signed { signatures_in: Some(place), ..keys(&[&signer], Require::Any) };
    let admission = ask(&Policy::signed(signed), &client, &resolution).unwrap();
    assert!(admission.signatures[0].place.contains("/signatures, tag sha256-"));
}

#[test]
fn what_was_verified_is_fetched_whatever_the_tag_says_by_then() {
    let (server, client, signer) = (RegistryServer::start(), client(), Signer::p256());
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| -> PathBuf { directory.path().join(name) };
    let store = Store::open(Paths { root: at("root"), state: at("state") }).unwrap();
    let name = reference(&server.host(), "app:1");
    let repository = client.repository(&name);
    let mut shelf = Shelf::default();
    let (image, evil) = (shelf.image("good"), shelf.image("evil"));
    let index = shelf.index(&image, &evil);
    shelf.tag("1", &index);
    let layer = good(&mut shelf, &signer, &image);
    shelf.sign_by_tag(&image, &[layer]);
    shelf.push(&repository);

    let resolution = resolve(&client, &store, &name, None).unwrap();
    let admission = ask(&by(&signer), &client, &resolution).unwrap();
    assert_eq!(admission.root, resolution.root);
    let move_to = |image: &Value| {
        let (kind, bytes) = &shelf.manifests[text(&image["digest"])];
        repository.put_manifest(Pointer::Tag("1"), kind, bytes).unwrap();
    };
    move_to(&evil);
    let progress = Progress::default();
    let pulled = fetch(Pull {
        store: &store,
        resolution: &resolution,
        connections: 1,
        now_ns: 1,
        progress: &progress,
    });
    let id = pulled.unwrap().id.to_string();
    let author = store.images().resolve(&id).unwrap().config.author;
    assert_eq!(author.as_deref(), Some("good"));

    let moved = resolve(&client, &store, &name, None).unwrap();
    assert!(ask(&by(&signer), &client, &moved).is_err());
    // An image that is here is looked at as if it were not: by its index, or by its manifest.
    move_to(&index);
    let again = resolve(&client, &store, &name, None).unwrap();
    assert!(matches!(again.found, Found::Here(_)));
    let admission = ask(&by(&signer), &client, &again).unwrap();
    assert_eq!(admission.signatures[0].digest.to_string(), text(&image["digest"]));
    assert!(ask(&by(&Signer::p256()), &client, &again).is_err());
}

#[test]
fn a_registry_that_does_not_answer_is_no_signature() {
    for status in [401, 403, 500] {
        let mut shelf = Shelf::default();
        let image = shelf.image("a");
        shelf.tag("1", &image);
        let whole = shelf.serve();
        let (client, signer) = (client(), Signer::p256());
        let name = reference(&whole.host(), "app:1");
        let mut resolution = look_up(&client, &name, &Platform::native()).unwrap();
        let broken = ScriptedServer::start(move |_request| Response::new(status));
        resolution.repository = client.repository(&reference(&broken.host(), "app:1"));
        let answer = ask(&by(&signer), &client, &resolution).unwrap_err();
        assert!(answer.starts_with("look for signatures of 127.0.0.1:"), "{answer}");
        assert!(answer.contains(&status.to_string()), "{answer}");
    }
}

#[test]
fn a_policy_that_is_broken_or_says_no_asks_nobody() {
    let mut shelf = Shelf::default();
    let (image, other) = (shelf.image("a"), shelf.image("b"));
    let index = shelf.index(&image, &other);
    shelf.tag("1", &index);
    let (server, client) = (shelf.serve(), client());
    let (host, name) = (server.host(), reference(&server.host(), "app:1"));
    let resolution = look_up(&client, &name, &Platform::native()).unwrap();
    let asked = server.asked().len();
    let own = |text: &str| Policy::from_own(Path::new("/p/policy.toml"), text.as_bytes());
    let rule = |body: &str| {
        let pattern = format!("match = \"{host}/*\"");
        own(&format!("default = \"accept\"\n[[rule]]\nname = \"r\"\n{pattern}\n{body}\n"))
    };
    let listed = |image: &Value| rule(&format!("digests = [{}]", image["digest"]));
    let absent = "/nonexistent/policy.toml";
    for (policy, words) in [
        (own("default = 1"), "a policy that cannot be used refuses"),
        (Policy::read(Path::new(absent)), "read /nonexistent/policy.toml: ENOENT"),
        (own("default = \"reject\""), "the default of /p/policy.toml refuses"),
        (rule("reject = true"), "policy rule \"r\" refuses"),
        (rule("keys = [\"absent.pub\"]"), "read key /p/absent.pub: ENOENT"),
        (listed(&other), "is not in its list"),
    ] {
        let refusal = ask(&policy, &client, &resolution).unwrap_err();
        assert!(refusal.contains(words), "{refusal}");
        assert!(refusal.contains(&format!("refuses {host}/app:1: ")), "{refusal}");
    }
    for (policy, digest) in [
        (Policy::none(), None),
        (own("default = \"accept\""), None),
        (rule("accept = true"), None),
        (listed(&index), Some(&index)),
        (listed(&image), Some(&image)),
    ] {
        let admission = ask(&policy, &client, &resolution).unwrap();
        let expected = digest.map(|image| text(&image["digest"]).to_owned());
        assert_eq!(admission.listed.map(|digest| digest.to_string()), expected);
        assert_eq!(admission.root.to_string(), text(&index["digest"]));
    }
    assert_eq!(server.asked().len(), asked);
}
