//! An authority, and certificates of it for a server and a client.

use std::sync::Arc;

use libchan::Options;
use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::WantsClientCert;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig};

/// Both sides have a certificate, and want one of the other side.
pub(crate) fn options() -> Options {
    with_and_without().0
}

/// What clients, a proxy and the servers behind it show each other: the proxy has one certificate for both.
pub(crate) struct OfProxy {
    /// A client trusts the proxy, and a server wants the proxy's certificate.
    pub(crate) options: Options,
    /// The proxy's, with its key, as PEM.
    pub(crate) certificate: String,
    /// Which all trust, as PEM.
    pub(crate) authority: String,
}

pub(crate) fn of_proxy() -> OfProxy {
    let (root, issuer) = authority();
    let (certificate, key) = signed("localhost", &issuer);
    let options = with(trust(&root).with_no_client_auth(), server(&root, &issuer));
    let certificate = certificate.pem() + &key.serialize_pem();
    OfProxy { options, certificate, authority: root.pem() }
}

/// The same, and with a client that trusts the server and has nothing to show.
pub(crate) fn with_and_without() -> (Options, Options) {
    let (root, issuer) = authority();
    let server = server(&root, &issuer);
    let (chain, own) = certificate("client", &issuer);
    let known = trust(&root).with_client_auth_cert(chain, own).unwrap();
    (with(known, Arc::clone(&server)), with(trust(&root).with_no_client_auth(), server))
}

fn with(client: ClientConfig, server: Arc<ServerConfig>) -> Options {
    let mut options = Options::default();
    options.tls_client = Some(Arc::new(client));
    options.tls_server = Some(server);
    options
}

fn roots(root: &Certificate) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(root.der().clone()).unwrap();
    roots
}

fn trust(root: &Certificate) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(root))
}

/// One that wants a certificate of its clients.
fn server(root: &Certificate, issuer: &Issuer<'_, KeyPair>) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(roots(root));
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let (chain, own) = certificate("localhost", issuer);
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, own)
        .unwrap();
    Arc::new(server)
}

fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // OpenSSL takes what has its issuer's name for signed by itself.
    authority.distinguished_name.push(DnType::CommonName, "authority");
    let root = authority.self_signed(&key).unwrap();
    (root, Issuer::new(authority, key))
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
