//! An authority, and certificates of it for a server and a client.

use std::sync::Arc;

use libchan::Options;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Both sides have a certificate, and want one of the other side.
pub(crate) fn options() -> Options {
    with_and_without().0
}

/// A client that trusts a proxy, and the proxy's certificate and key as PEM.
pub(crate) fn of_proxy() -> (Options, String) {
    let (root, issuer) = authority();
    let (certificate, key) = signed("localhost", &issuer);
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut options = Options::default();
    options.tls_client = Some(Arc::new(client));
    (options, certificate.pem() + &key.serialize_pem())
}

/// The same, and with a client that trusts the server and has nothing to show.
pub(crate) fn with_and_without() -> (Options, Options) {
    let (root, issuer) = authority();
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
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

fn authority() -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    (root.der().clone(), Issuer::new(authority, key))
}

fn certificate(
    name: &str,
    issuer: &Issuer<'_, KeyPair>,
) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let (certificate, key) = signed(name, issuer);
    (vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
}

fn signed(name: &str, issuer: &Issuer<'_, KeyPair>) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.signed_by(&key, issuer).unwrap(), key)
}
