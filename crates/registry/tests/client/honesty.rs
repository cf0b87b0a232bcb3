//! A registry that lies: digests, lengths, ranges, sizes. Each lie has its own words.

use std::io::Read;

use registry::{Fetched, Kind, Pointer, RegistryError};
use testkit::{Response, ScriptedServer};

use crate::setup::{blob, digest, repository};
use crate::shared::{settings, told};

const CONTENT: &[u8] = b"0123456789";

fn manifest(response: &Response, by_digest: bool) -> Result<Fetched, RegistryError> {
    let response = response.clone();
    let server = ScriptedServer::start(move |_| response.clone());
    let digest = digest(CONTENT);
    let pointer = if by_digest { Pointer::Digest(&digest) } else { Pointer::Tag("x") };
    repository(settings(), &server.host()).manifest(pointer)
}

/// What reading bytes 2 to 8 of a blob comes to, and on which side it fails.
fn part(response: &Response) -> Result<(u64, Vec<u8>), String> {
    let response = response.clone();
    let server = ScriptedServer::start(move |_| response.clone());
    let repository = repository(settings(), &server.host());
    let mut body = repository
        .open_blob(&blob(CONTENT), 2, Some(8))
        .map_err(|error| format!("{:?}: {}", error.kind(), told(&error)))?;
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(|error| format!("read: {:?}: {error}", error.kind()))?;
    Ok((body.start(), bytes))
}

#[test]
fn digests_are_checked_three_ways() {
    let honest = Response::new(200).header("Content-Type", "a/b; charset=utf-8").body(CONTENT);
    let fetched = manifest(&honest, true).unwrap();
    assert_eq!(
        (fetched.bytes.as_slice(), fetched.descriptor.media_type.as_str()),
        (CONTENT, "a/b")
    );
    assert_eq!(fetched.descriptor.digest, digest(CONTENT));
    let other = digest(b"other").to_string();
    for (response, by_digest, words) in [
        (honest.clone().header("Docker-Content-Digest", &other), true, "the answer names"),
        (honest.clone().header("Docker-Content-Digest", &other), false, "the answer names"),
        (honest.clone().header("Docker-Content-Digest", "md5:1"), false, "which is none"),
        (Response::new(200).body("other"), true, "the bytes that came have digest"),
    ] {
        let error = manifest(&response, by_digest).unwrap_err();
        assert_eq!(error.kind(), Kind::Dishonest);
        assert!(told(&error).contains(words), "{}", told(&error));
    }
}

#[test]
fn sha512_is_checked_as_well() {
    use sha2::Digest as _;
    let name = spec::Digest::sha512(sha2::Sha512::digest(CONTENT).into());
    let server = ScriptedServer::start({
        let name = name.to_string();
        move |_| Response::new(200).header("Docker-Content-Digest", &name).body(CONTENT)
    });
    let repository = repository(settings(), &server.host());
    for pointer in [Pointer::Tag("x"), Pointer::Digest(&name)] {
        assert_eq!(repository.manifest(pointer).unwrap().descriptor.digest, name);
        assert_eq!(repository.resolve(pointer).unwrap().unwrap().digest, name);
    }
    let other = spec::Digest::sha512(sha2::Sha512::digest(b"other").into());
    let error = repository.manifest(Pointer::Digest(&other)).unwrap_err();
    assert_eq!(error.kind(), Kind::Dishonest);
}

#[test]
fn sizes_have_limits() {
    let long = Response::new(200).body(vec![b'x'; (4 << 20) + 1]);
    let error = manifest(&long, false).unwrap_err();
    assert!(told(&error).contains("more than the 4194304 bytes allowed"), "{}", told(&error));
    let chunk = format!("{:x}\r\n{}\r\n0\r\n\r\n", (4 << 20) + 1, "x".repeat((4 << 20) + 1));
    let unsaid = Response::new(200).header("Transfer-Encoding", "chunked").body(chunk);
    let error = manifest(&unsaid, false).unwrap_err();
    assert!(told(&error).contains("more than the 4194304 bytes allowed"), "{}", told(&error));
    let header = Response::new(200).header("X-Long", &"x".repeat(100_000)).body(CONTENT);
    let error = manifest(&header, false).unwrap_err();
    assert_eq!(error.kind(), Kind::Dishonest);
    assert!(told(&error).contains("header of more than 65536 bytes"), "{}", told(&error));
    // An error's words are cut, and never reach the terminal as they came.
    let words =
        format!("{{\"errors\":[{{\"message\":\"\\u001b[2Jno\\n{}\"}}]}}", "y".repeat(50_000));
    let error = manifest(&Response::new(403).body(words), false).unwrap_err();
    assert!(told(&error).len() < 500 && !told(&error).contains('\u{1b}'), "{}", told(&error));
    assert_eq!(error.kind(), Kind::Denied);
    let endless = Response::new(403).body(vec![b'z'; 10 << 20]);
    assert_eq!(manifest(&endless, false).unwrap_err().kind(), Kind::Denied);
}

#[test]
fn parts_of_a_blob_are_what_was_asked_for() {
    let range = |range: &str| Response::new(206).header("Content-Range", range);
    assert_eq!(part(&range("bytes 2-7/10").body("234567")).unwrap(), (2, b"234567".to_vec()));
    assert_eq!(part(&Response::new(200).body(CONTENT)).unwrap(), (0, CONTENT.to_vec()));
    for (response, words) in [
        (range("bytes 0-5/10").body("012345"), "Dishonest: get blob"),
        (range("bytes 2-7/11").body("234567"), "\"bytes 2-7/11\" came"),
        (range("bytes 2-8/10").body("2345678"), "\"bytes 2-8/10\" came"),
        (range("bytes 2-7/*").body("234567"), "Dishonest: get blob"),
        (range("nonsense").body("234567"), "\"nonsense\" came"),
        (Response::new(206).body("234567"), "\"\" came"),
        (range("bytes 2-7/10").body("2345"), "sends 4 bytes instead of 6"),
        (Response::new(200).body("0123"), "sends 4 bytes instead of 10"),
        (Response::new(416), "has no byte 2 of 10"),
        (range("bytes 2-7/10").body("234567").cut_after(3), "read: UnexpectedEof"),
        (range("bytes 2-4/10").body("234"), "read: UnexpectedEof"),
        (Response::new(404), "NotFound: get blob"),
    ] {
        let error = part(&response);
        // A server that sends less than was asked for is within its rights: the body ends early, and is gone on with.
        let short = matches!(&error, Ok((2, bytes)) if bytes == b"234");
        let told = error.err().unwrap_or_default();
        assert!(told.contains(words) || short, "{words}: {told}");
    }
    let chunked = |text: &str| {
        let body = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
        range("bytes 2-7/10").header("Transfer-Encoding", "chunked").body(body)
    };
    assert!(part(&chunked("234567")).is_ok());
    assert!(part(&chunked("2345")).unwrap_err().contains("ends the connection early"));
    assert!(part(&chunked("2345678")).unwrap_err().contains("sends more than it promised"));
}

#[test]
fn a_short_blob_is_whole_or_nothing() {
    let server = ScriptedServer::start(|request| {
        let wrong = request.path().ends_with(&digest(CONTENT).to_string());
        Response::new(200).body(if wrong { b"9876543210" } else { CONTENT })
    });
    let repository = repository(settings(), &server.host());
    let error = repository.small_blob(&blob(CONTENT), 100).unwrap_err();
    assert_eq!(error.kind(), Kind::Dishonest);
    assert!(told(&error).contains("the bytes that came have digest"), "{}", told(&error));
    assert_eq!(server.requests().len(), 1, "a lie is not asked for again");
}

#[test]
fn lists_end() {
    let server = ScriptedServer::start(|request| match request.target.as_str() {
        "/v2/a/b/tags/list?n=1000" => Response::new(200)
            .header("Link", "</v2/a/b/tags/list?last=x>; rel=\"next\"")
            .body(r#"{"tags":["x"]}"#),
        "/v2/a/b/tags/list?last=x" => Response::new(200).body(r#"{"tags":null}"#),
        _ => Response::new(404),
    });
    assert_eq!(repository(settings(), &server.host()).tags().unwrap(), ["x"]);
    let elsewhere = ScriptedServer::start(|_| {
        Response::new(200).header("Link", "<http://192.0.2.1/>; rel=next").body(r#"{"tags":[]}"#)
    });
    let error = repository(settings(), &elsewhere.host()).tags().unwrap_err();
    assert!(told(&error).contains("names a next page elsewhere"), "{}", told(&error));
    let circle = ScriptedServer::start(|_| {
        Response::new(200).header("Link", "<?n=1>; rel=next").body(r#"{"tags":[]}"#)
    });
    let error = repository(settings(), &circle.host()).tags().unwrap_err();
    assert!(told(&error).contains("more than 1000 pages"), "{}", told(&error));
}
