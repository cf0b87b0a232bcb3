//! Contents sealed, and opened again: AES-256-GCM, with a nonce of its own for each seal, bound to kind, id and name of the row,
//! so that rows cannot change places.
//!
//! ```text
//! form (1 byte) | nonce (12) | ciphertext | tag (16)
//! ```
//!
//! Source: NIST SP 800-38D. Nonces are random: below 2³² seals with one key two of them being equal is no concern (8.3).

use ring::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce};

use super::Secret;
use super::key::Key;
use crate::StoreError;

/// The only form there is.
const FORM: u8 = 1;
const DOMAIN: &str = "corten sealed 1";

/// Seals a content for its row.
pub(super) fn seal(key: &Key, of: &Secret, content: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE_LEN];
    rustix::rand::getrandom(&mut nonce, rustix::rand::GetRandomFlags::empty())
        .map_err(StoreError::file("get random bytes for", &of.name))?;
    let mut sealed = Vec::with_capacity(1 + NONCE_LEN + content.len() + AES_256_GCM.tag_len());
    sealed.push(FORM);
    sealed.extend(nonce);
    sealed.extend(content);
    let body = sealed.get_mut(1 + NONCE_LEN..).unwrap_or_default();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = key.cipher.seal_in_place_separate_tag(nonce, Aad::from(bound_to(of)), body);
    match tag {
        Ok(tag) => sealed.extend(tag.as_ref()),
        // Of a length that no row has.
        Err(ring::error::Unspecified) => return Err(super::damaged(of).into()),
    }
    Ok(sealed)
}

/// Opens it; nothing where it is not what was sealed with this key for this row.
pub(super) fn open(key: &Key, of: &Secret, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let (form, rest) = sealed.split_first_mut()?;
    let (nonce, body) = rest.split_first_chunk_mut::<NONCE_LEN>()?;
    if *form != FORM {
        return None;
    }
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key.cipher.open_in_place(nonce, Aad::from(bound_to(of)), body).ok()?.len();
    // In its own place: fewer copies of it.
    sealed.drain(..1 + NONCE_LEN);
    sealed.truncate(length);
    Some(sealed)
}

/// None of the three can hold a NUL.
fn bound_to(of: &Secret) -> Vec<u8> {
    [DOMAIN, of.kind.word(), &of.id, &of.name].join("\0").into_bytes()
}
