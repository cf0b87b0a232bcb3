//! An authority, and certificates of it for a server and a client.

use std::sync::Arc;

use libchan::Options;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Both sides have a certificate, and want one of the other side.
pub(crate) fn options() -> Options {
    with_and_without().0
}

/// The same, and with a client that trusts the server and has nothing to show.
pub(crate) fn with_and_without() -> (Options, Options) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), Arc::clone(&provider));
    let (chain, own) = certificate("localhost", &issuer);
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, own)
        .unwrap();
    let (chain, own) = certificate("client", &issuer);
    let client = || {
        ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
    };
    let server = Arc::new(server);
    let with = |client| {
        let mut options = Options::default();
        options.tls_client = Some(Arc::new(client));
        options.tls_server = Some(Arc::clone(&server));
        options
    };
    let known = client().with_client_auth_cert(chain, own).unwrap();
    (with(known), with(client().with_no_client_auth()))
}

fn certificate(
    name: &str,
    issuer: &Issuer<'_, KeyPair>,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}
