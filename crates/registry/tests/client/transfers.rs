//! Bytes to Debian's registry and back: manifests, blobs, ranges, uploads that break and go on, mounts, tags, referrers.

use std::io::Read;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use registry::{Kind, Mount, Pointer};
use spec::image::media_type;
use testkit::{RegistryServer, Request, Response, ScriptedServer};

use crate::setup::{blob, bytes, digest, repository};
use crate::shared::{settings, told};

/// Sends a blob in chunks.
fn push(repository: &registry::Repository, content: &[u8], chunk: usize) {
    let mut upload = repository.begin_upload().unwrap();
    for part in content.chunks(chunk) {
        upload.send(part).unwrap();
    }
    assert_eq!(upload.offset(), content.len() as u64);
    upload.finish(&digest(content)).unwrap();
}

fn read(repository: &registry::Repository, content: &[u8], from: u64, to: Option<u64>) -> Vec<u8> {
    let mut body = repository.open_blob(&blob(content), from, to).unwrap();
    assert_eq!((body.start(), body.has_ranges()), (from, true));
    let mut read = Vec::new();
    body.read_to_end(&mut read).unwrap();
    read
}

#[test]
fn what_is_sent_comes_back() {
    let server = RegistryServer::start();
    let repository = repository(settings(), &server.host());
    let content = bytes(300_000);
    assert_eq!(repository.has_blob(&digest(&content)).unwrap(), None);
    push(&repository, &content, 70_000);
    assert_eq!(repository.has_blob(&digest(&content)).unwrap(), Some(300_000));
    assert!(read(&repository, &content, 0, None) == content);
    assert!(read(&repository, &content, 100, None) == content[100..]);
    assert!(read(&repository, &content, 100, Some(101)) == content[100..101]);
    assert!(repository.small_blob(&blob(&content), 300_000).unwrap() == content);
    let error = repository.small_blob(&blob(&content), 299_999).unwrap_err();
    assert_eq!(error.kind(), Kind::Dishonest);
    let error = repository.open_blob(&blob(b"never sent"), 0, None).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{}", told(&error));
    // An empty blob is one, too.
    push(&repository, b"", 1);
    assert_eq!(repository.small_blob(&blob(b""), 0).unwrap(), b"");
}

#[test]
fn a_manifest_has_a_tag_and_a_digest() {
    let server = RegistryServer::start();
    let repository = repository(settings(), &server.host());
    push(&repository, b"{}", 100);
    let layer = blob(b"{}");
    let manifest = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": {"mediaType": media_type::OCI_CONFIG, "digest": layer.digest, "size": 2},
        "layers": [],
    })
    .to_string();
    assert_eq!(repository.resolve(Pointer::Tag("one")).unwrap(), None);
    let put = |name| {
        repository.put_manifest(Pointer::Tag(name), media_type::OCI_MANIFEST, manifest.as_bytes())
    };
    let named = put("one").unwrap();
    assert_eq!(put("two").unwrap(), named);
    assert_eq!(named, digest(manifest.as_bytes()));
    for pointer in [Pointer::Tag("one"), Pointer::Digest(&named)] {
        let resolved = repository.resolve(pointer).unwrap().unwrap();
        let fetched = repository.manifest(pointer).unwrap();
        assert_eq!(fetched.descriptor, resolved);
        assert_eq!(
            (fetched.bytes.as_slice(), resolved.size),
            (manifest.as_bytes(), manifest.len() as u64)
        );
        assert_eq!(resolved.media_type, media_type::OCI_MANIFEST);
    }
    let mut tags = repository.tags().unwrap();
    tags.sort();
    assert_eq!(tags, ["one", "two"]);
    let error = repository.manifest(Pointer::Tag("three")).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound);
    let host = server.host();
    assert_eq!(
        told(&error),
        format!("get manifest {host}/a/b:three: {host} answers 404: manifest unknown: three")
    );
    // Debian's release knows no referrers API: the tag that stands in for it is asked.
    assert!(repository.referrers(&named, None).unwrap().is_empty());
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [{
        "mediaType": media_type::OCI_MANIFEST, "digest": named, "size": manifest.len(), "artifactType": "x/y",
    }]})
    .to_string();
    let tag = format!("sha256-{}", named.hex());
    repository.put_manifest(Pointer::Tag(&tag), media_type::OCI_INDEX, index.as_bytes()).unwrap();
    assert_eq!(repository.referrers(&named, Some("x/y")).unwrap().len(), 1);
    assert_eq!(repository.referrers(&named, Some("x/z")).unwrap().len(), 0);
}

#[test]
fn a_blob_is_mounted_or_sent() {
    let server = RegistryServer::start();
    let client = registry::Client::new(settings());
    let host = server.host();
    let first = client.repository(&format!("{host}/first").parse().unwrap());
    let second = client.repository(&format!("{host}/second").parse().unwrap());
    push(&first, b"content", 100);
    assert!(matches!(second.mount_blob(&digest(b"content"), "first").unwrap(), Mount::Done));
    assert_eq!(second.has_blob(&digest(b"content")).unwrap(), Some(7));
    let Mount::Upload(mut upload) = second.mount_blob(&digest(b"other"), "first").unwrap() else {
        panic!("a blob that nobody has was mounted");
    };
    upload.send(b"other").unwrap();
    upload.finish(&digest(b"other")).unwrap();
}

#[test]
fn an_upload_goes_on_in_another_process() {
    let server = RegistryServer::start();
    let content = bytes(100_000);
    let location = {
        let mut upload = repository(settings(), &server.host()).begin_upload().unwrap();
        upload.send(&content[..60_000]).unwrap();
        upload.location().to_owned()
    };
    let repository = repository(settings(), &server.host());
    let mut upload = repository.resume_upload(&location).unwrap().unwrap();
    assert_eq!(upload.offset(), 60_000);
    upload.send(&content[60_000..]).unwrap();
    upload.finish(&digest(&content)).unwrap();
    assert_eq!(repository.has_blob(&digest(&content)).unwrap(), Some(100_000));
    assert!(repository.resume_upload(&location).unwrap().is_none(), "it is over");
}

#[test]
fn a_wrong_digest_is_refused_by_the_registry() {
    let server = RegistryServer::start();
    let repository = repository(settings(), &server.host());
    let mut upload = repository.begin_upload().unwrap();
    upload.send(b"content").unwrap();
    let error = upload.finish(&digest(b"something else")).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid, "{}", told(&error));
    assert!(told(&error).contains("digest did not match"), "{}", told(&error));
}

/// Joins connections to `to`; of what the client sends on the first ones only so many bytes come through, and then they break.
fn breaking_relay(to: String, mut allowed: Vec<u64>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&to).unwrap());
            let mut first = [0];
            // The greeting of TLS is no request: it breaks by itself.
            let is_tls = client.peek(&mut first).unwrap_or(0) == 1 && first[0] == 0x16;
            let most = if is_tls { Some(0) } else { allowed.pop() };
            std::thread::spawn({
                let (server, client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                move || {
                    let _ = std::io::copy(&mut &server, &mut &client);
                    let _ = client.shutdown(Shutdown::Both);
                }
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut (&client).take(most.unwrap_or(u64::MAX)), &mut &server);
                let _ = server.shutdown(Shutdown::Write);
            });
        }
    });
    address
}

#[test]
fn a_connection_that_breaks_under_a_chunk_is_made_good() {
    let server = RegistryServer::start();
    let content = bytes(3_000_000);
    let host = breaking_relay(server.host(), vec![900_000, 1_000_000]);
    let mut settings = settings();
    settings.limits.tries = 10;
    let progress = Arc::clone(&settings.progress);
    let broken = repository(settings, &host);
    let mut upload = broken.begin_upload().unwrap();
    upload.send(&content).unwrap();
    assert_eq!(upload.offset(), 3_000_000);
    upload.finish(&digest(&content)).unwrap();
    assert!(!progress.take_notices().is_empty(), "nothing broke");
    // What came in an earlier chunk is not at hand any more: whoever has it is told.
    let host = breaking_relay(server.host(), vec![1_500_000]);
    let mut upload = repository(crate::shared::settings(), &host).begin_upload().unwrap();
    upload.send(&content[..1_000_000]).unwrap();
    let error = upload.send(&content[1_000_000..]).unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{}", told(&error));
    let whole = repository(crate::shared::settings(), &server.host());
    assert!(whole.small_blob(&blob(&content), 3_000_000).unwrap() == content);
}

/// A server of uploads that keeps what a broken request brought, and answers the first PATCH with `first`.
fn forgetful(kept: usize, first: Option<Response>) -> (ScriptedServer, Arc<AtomicUsize>) {
    let have = Arc::new(AtomicUsize::new(0));
    let patches = AtomicUsize::new(0);
    let server = ScriptedServer::start({
        let have = Arc::clone(&have);
        move |request: &Request| {
            let standing = |status, have: usize| {
                let range = format!("0-{}", have.saturating_sub(1));
                Response::new(status).header("Location", "next?state=1").header("Range", &range)
            };
            match request.method.as_str() {
                "POST" => Response::new(202).header("Location", "/upload/first"),
                "PATCH" if patches.fetch_add(1, Ordering::SeqCst) == 0 => {
                    have.store(kept, Ordering::SeqCst);
                    first.clone().unwrap_or_else(|| standing(202, kept))
                }
                "PATCH" => {
                    let now =
                        have.fetch_add(request.body.len(), Ordering::SeqCst) + request.body.len();
                    standing(202, now)
                }
                "GET" => standing(204, have.load(Ordering::SeqCst)),
                _ => Response::new(201),
            }
        }
    });
    (server, have)
}

#[test]
fn a_broken_chunk_goes_on_at_the_registrys_byte() {
    for (name, first, asks) in [
        ("it is refused", Some(Response::new(416)), true),
        ("the registry is out of order", Some(Response::new(503)), true),
        ("less was taken", None, false),
        ("the state is stale", Some(Response::new(400)), true),
    ] {
        let (server, have) = forgetful(4, first);
        let repository = repository(settings(), &server.host());
        let mut upload = repository.begin_upload().unwrap();
        upload.send(b"0123456789").unwrap();
        assert_eq!((upload.offset(), have.load(Ordering::SeqCst)), (10, 10), "{name}");
        upload.finish(&digest(b"0123456789")).unwrap();
        let requests = server.requests();
        let patches: Vec<_> = requests.iter().filter(|one| one.method == "PATCH").collect();
        let ranges: Vec<_> =
            patches.iter().map(|one| one.header("content-range").unwrap()).collect();
        assert_eq!(ranges, ["0-9", "4-9"], "{name}");
        assert_eq!(patches[1].body, b"456789");
        assert_eq!(requests.iter().any(|one| one.method == "GET"), asks, "{name}");
        let put = requests.last().unwrap();
        assert!(put.target.starts_with("/upload/next?state=1&digest=sha256%3A"), "{}", put.target);
    }
}

#[test]
fn a_registry_that_takes_nothing_or_too_much_ends_the_upload() {
    for (kept, words) in [(0, "took no byte"), (99, "says that it has 99 bytes")] {
        let server = ScriptedServer::start(move |request| match request.method.as_str() {
            "POST" => Response::new(202).header("Location", "/u"),
            _ => {
                let last: i64 = kept - 1;
                Response::new(202).header("Location", "/u").header("Range", &format!("0-{last}"))
            }
        });
        let mut upload = repository(settings(), &server.host()).begin_upload().unwrap();
        let error = upload.send(b"0123456789").unwrap_err();
        assert!(told(&error).contains(words), "{}", told(&error));
        assert_eq!(error.kind(), Kind::Dishonest);
    }
}

#[test]
fn an_answer_lost_at_the_end_is_made_up_for() {
    let server = ScriptedServer::start(|request| match request.method.as_str() {
        "POST" => Response::new(202).header("Location", "/u"),
        "HEAD" => Response::new(200).body("0123456789"),
        _ => Response::new(504),
    });
    let upload = repository(settings(), &server.host()).begin_upload().unwrap();
    upload.finish(&digest(b"0123456789")).unwrap();
}
