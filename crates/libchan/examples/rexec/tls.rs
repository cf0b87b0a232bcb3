//! Certificates, from files that the environment names.

use std::sync::Arc;

use libchan::Options;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Failure;

/// What `TLS_CERT`, `TLS_KEY` and `TLS_CA` say; transports without TLS need none of them.
pub(crate) fn options() -> Result<Options, Failure> {
    let own = match (file("TLS_CERT"), file("TLS_KEY")) {
        (Some(chain), Some(key)) => Some((chain, key)),
        _ => None,
    };
    options_of(own, file("TLS_CA"))
}

#[expect(clippy::disallowed_methods, reason = "an example has no configuration but this")]
fn file(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Of an own certificate with its key, and an authority, each a file in PEM.
pub(crate) fn options_of(
    own: Option<(String, String)>,
    authority: Option<String>,
) -> Result<Options, Failure> {
    let mut options = Options::default();
    let Some(authority) = authority else { return Ok(options) };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&authority)? {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots.clone());
    let Some((chain, key)) = own else {
        options.tls_client = Some(Arc::new(client.with_no_client_auth()));
        return Ok(options);
    };
    let chain = CertificateDer::pem_file_iter(&chain)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&key)?;
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
        )
        .with_single_cert(chain.clone(), key.clone_key())?;
    options.tls_client = Some(Arc::new(client.with_client_auth_cert(chain, key)?));
    options.tls_server = Some(Arc::new(server));
    Ok(options)
}
