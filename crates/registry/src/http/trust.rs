//! Which certificates are believed, and which one is shown: files read once per host.
//!
//! Never connects. Start at [`Trust::tls`]. Sources: Docker's documentation of certs.d, RFC 7468 (PEM).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::hosts::TlsRule;

/// How a host proves itself, and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Trust {
    verify: bool,
    ca: Vec<PathBuf>,
    client: Vec<(PathBuf, Option<PathBuf>)>,
    /// Directories of `certs.d` for this host.
    directories: Vec<PathBuf>,
    /// Directories of a host that sent us here: for their authorities alone.
    authorities: Vec<PathBuf>,
    /// Whether somebody without TLS will do, so that nobody's certificate need be known.
    optional: bool,
}

/// What the files say.
#[derive(Default)]
struct Found {
    roots: Vec<Certificate<'static>>,
    client: Option<(Vec<Certificate<'static>>, PrivateKey<'static>)>,
}

impl Trust {
    pub(crate) fn new(rule: &TlsRule, verify: bool, optional: bool) -> Self {
        let (ca, client) = (rule.ca.clone(), rule.client.clone());
        Self { verify, ca, client, directories: Vec::new(), authorities: Vec::new(), optional }
    }

    /// Adds what `certs.d` has for a host under its names.
    pub(crate) fn add_directories(&mut self, certs_d: &[PathBuf], names: &[&str]) {
        for name in names {
            for directory in certs_d.iter().map(|directory| directory.join(name)) {
                if !self.directories.contains(&directory) {
                    self.directories.push(directory);
                }
            }
        }
    }

    /// For hosts that a registry sends us to: its authorities are believed, our certificate is not shown.
    pub(crate) fn for_others(&self) -> Self {
        let authorities = [self.directories.as_slice(), &self.authorities].concat();
        let (verify, ca, optional) = (self.verify, self.ca.clone(), self.optional);
        Self { verify, ca, client: Vec::new(), directories: Vec::new(), authorities, optional }
    }

    /// Where a certificate for this host would be looked for.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directories.first().map(PathBuf::as_path)
    }

    /// Reads the files. Of `ca_files` the first that exists counts.
    pub(crate) fn tls(&self, ca_files: &[PathBuf]) -> Result<TlsConfig, String> {
        let mut found = Found::default();
        if self.verify {
            if let Some(system) = ca_files.iter().find(|path| path.exists()) {
                found.roots.extend(certificates(system)?);
            }
            for path in &self.ca {
                found.roots.extend(certificates(path)?);
            }
        }
        for directory in &self.directories {
            read_directory(directory, true, &mut found)?;
        }
        for directory in &self.authorities {
            read_directory(directory, false, &mut found)?;
        }
        if let Some((certificate, key)) = self.client.first() {
            found.client = Some(pair(certificate, key.as_deref().unwrap_or(certificate))?);
        }
        if self.verify && !self.optional && found.roots.is_empty() {
            let names: Vec<String> =
                ca_files.iter().map(|path| path.display().to_string()).collect();
            return Err(format!(
                "find trusted certificates: none of {} is there",
                names.join(", ")
            ));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut builder = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::clone(&provider))
            .disable_verification(!self.verify)
            .root_certs(RootCerts::Specific(Arc::new(found.roots)));
        if let Some((chain, key)) = found.client {
            check_pair(provider, &chain, &key)?;
            builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        Ok(builder.build())
    }
}

/// `*.crt` are authorities, `NAME.cert` and `NAME.key` a client's certificate and its key.
fn read_directory(directory: &Path, own: bool, found: &mut Found) -> Result<(), String> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(said("read", directory, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| said("read", directory, error))?.path());
    }
    paths.sort();
    for path in paths {
        match path.extension().and_then(std::ffi::OsStr::to_str) {
            Some("crt") => found.roots.extend(certificates(&path)?),
            Some("cert") if own && found.client.is_none() => {
                let key = path.with_extension("key");
                found.client = Some(pair(&path, &key)?);
            }
            _ => {}
        }
    }
    Ok(())
}

fn said(verb: &str, path: &Path, error: std::io::Error) -> String {
    format!("{verb} {}: {}", path.display(), sys::Errno::from(error))
}

fn items(path: &Path) -> Result<Vec<PemItem<'static>>, String> {
    let bytes = std::fs::read(path).map_err(|error| said("read", path, error))?;
    let items = parse_pem(&bytes).collect::<Result<Vec<_>, _>>();
    items.map_err(|_bad| format!("read {}: it is no PEM file", path.display()))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let certificate = |item| if let PemItem::Certificate(one) = item { Some(one) } else { None };
    Ok(items(path)?.into_iter().filter_map(certificate).collect())
}

fn pair(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<Certificate<'static>>, PrivateKey<'static>), String> {
    let chain = certificates(certificate)?;
    if chain.is_empty() {
        return Err(format!("read {}: it holds no certificate", certificate.display()));
    }
    let private = |item| if let PemItem::PrivateKey(one) = item { Some(one) } else { None };
    let found = items(key)?.into_iter().find_map(private);
    let key = found.ok_or_else(|| format!("read {}: it holds no private key", key.display()))?;
    Ok((chain, key))
}

/// ureq takes for granted that certificate and key belong together.
fn check_pair(
    provider: Arc<rustls::crypto::CryptoProvider>,
    chain: &[Certificate<'static>],
    key: &PrivateKey<'static>,
) -> Result<(), String> {
    let bad = |_| "use the client's key: its kind is unknown".to_owned();
    let key = PrivateKeyDer::try_from(key.der().to_vec()).map_err(bad)?;
    let chain = chain.iter().map(|one| CertificateDer::from(one.der().to_vec())).collect();
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("set up TLS: {error}"))?;
    let builder = builder.with_root_certificates(rustls::RootCertStore::empty());
    let checked = builder.with_client_auth_cert(chain, key);
    checked.map(drop).map_err(|error| format!("use the client's certificate: {error}"))
}
