//! Certificates of files. Where we connect, servers are believed whose certificates the given authority has signed, or one of the machine's;
//! nothing is ever believed unseen. Where we listen, clients are asked for certificates only when that is said.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use libchan::{Address, Options};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::error::ChanError;

/// The machine's authorities: those of Debian, of Fedora, of Alpine and openSUSE.
const OF_THE_MACHINE: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// Files in PEM form.
#[derive(Clone, Debug, Default)]
pub struct TlsFiles {
    /// Authorities that are believed instead of the machine's.
    pub authority: Option<PathBuf>,
    /// Our certificate, with those between it and its authority.
    pub certificate: Option<PathBuf>,
    /// Its key.
    pub key: Option<PathBuf>,
    /// Whether clients are to show a certificate of the authority.
    pub demands_certificates: bool,
}

/// What a file, or what was made of it, lacks.
type Wrong = String;

impl TlsFiles {
    /// For connecting to a URL; files are read only for one with TLS.
    pub(crate) fn for_connecting(&self, url: &str) -> Result<Options, ChanError> {
        let config = || self.client().map(Arc::new).map_err(|why| wrong(url, why));
        let mut options = Options::default();
        options.tls_client = is_secure(url).then(config).transpose()?;
        Ok(options)
    }

    /// For listening at a URL.
    pub(crate) fn for_listening(&self, url: &str) -> Result<Options, ChanError> {
        let config = || self.server().map(Arc::new).map_err(|why| wrong(url, why));
        let mut options = Options::default();
        options.tls_server = is_secure(url).then(config).transpose()?;
        Ok(options)
    }

    fn client(&self) -> Result<ClientConfig, Wrong> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(words)?
            .with_root_certificates(self.roots()?);
        match self.own()? {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(words),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    fn server(&self) -> Result<ServerConfig, Wrong> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(words)?;
        let builder = if self.demands_certificates {
            let roots = Arc::new(self.roots()?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            builder.with_client_cert_verifier(verifier.build().map_err(words)?)
        } else {
            builder.with_no_client_auth()
        };
        let (chain, key) = self.own()?.ok_or("--tlscert and --tlskey are missing")?;
        builder.with_single_cert(chain, key).map_err(words)
    }

    fn roots(&self) -> Result<RootCertStore, Wrong> {
        let of_the_machine = || {
            let mut known = OF_THE_MACHINE.iter().map(Path::new);
            known.find(|path| path.exists()).map(Path::to_owned)
        };
        let path = self.authority.clone().or_else(of_the_machine);
        let path = path.ok_or("the machine has no authorities: --tlscacert names some")?;
        let mut roots = RootCertStore::empty();
        let found = certificates(&path)?;
        if self.authority.is_none() {
            // Of the machine's many some may be of a kind that is not known here.
            roots.add_parsable_certificates(found);
            return Ok(roots);
        }
        for certificate in found {
            roots.add(certificate).map_err(|error| in_file(&path, error))?;
        }
        Ok(roots)
    }

    fn own(&self) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Wrong> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let chain = certificates(certificate)?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| in_file(key, error))?;
                Ok(Some((chain, key)))
            }
            (Some(_), None) => Err("--tlskey is missing".to_owned()),
            (None, Some(_)) => Err("--tlscert is missing".to_owned()),
        }
    }
}

/// An address that is none is told by whoever uses it.
fn is_secure(url: &str) -> bool {
    url.parse().is_ok_and(|address: Address| address.is_secure())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let read = || CertificateDer::pem_file_iter(path)?.collect::<Result<Vec<_>, _>>();
    let found = read().map_err(|error: rustls::pki_types::pem::Error| in_file(path, error))?;
    if found.is_empty() {
        return Err(in_file(path, "it has no certificate"));
    }
    Ok(found)
}

fn in_file(path: &Path, why: impl std::fmt::Display) -> Wrong {
    format!("{}: {why}", path.display())
}

fn words(error: impl std::fmt::Display) -> Wrong {
    error.to_string()
}

fn wrong(url: &str, why: Wrong) -> ChanError {
    ChanError::Tls { url: url.to_owned(), why }
}
