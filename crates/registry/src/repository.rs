//! One repository, on the hosts that serve it: the calls of the distribution specification.
//!
//! Each call tries the mirrors in order where it only reads, then the registry itself; waits and tries again where a later try may
//! succeed; asks for a token when the registry wants one. The body of a blob is the caller's to go on with when it breaks. No
//! document is read here but lists of tags and of referrers: what a manifest says is the caller's matter. Start at [`Repository`].

mod blobs;
mod body;
mod manifests;
mod pages;
mod referrers;
mod uploads;

use std::sync::Arc;

use spec::image::Descriptor;
use spec::{Digest, Reference};

use crate::auth::Scope;
use crate::endpoint::plan;
use crate::host::{Ask, Host, Shared, chain};
use crate::{Kind, RegistryError};

pub use body::Body;
pub(crate) use referrers::list_tag;
pub use uploads::{Mount, Upload};
pub(crate) use uploads::{is_forgotten, is_refused};

/// A repository. Threads share it.
#[derive(Clone, Debug)]
pub struct Repository {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    name: String,
    shared: Arc<Shared>,
    /// Why the settings do not let it be asked, where they do not.
    hosts: Result<Hosts, String>,
}

#[derive(Debug)]
struct Hosts {
    mirrors: Vec<Host>,
    origin: Host,
    mirrors_only: bool,
}

/// Where a field `Link` leads, as fuzz/ sees it.
#[cfg(fuzzing)]
pub(crate) fn next_page(
    field: &str,
    from: &crate::address::Address,
) -> Option<crate::address::Address> {
    pages::next_page(Some(field), from).ok()?
}

/// What names a manifest.
#[derive(Clone, Copy, Debug)]
pub enum Pointer<'a> {
    /// Whatever the tag points at now.
    Tag(&'a str),
    /// One content for ever.
    Digest(&'a Digest),
}

/// A manifest or an index as it came: its digest is that of the bytes, and the one that was asked for.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Media type, digest, length.
    pub descriptor: Descriptor,
    /// Byte for byte.
    pub bytes: Vec<u8>,
}

impl Pointer<'_> {
    fn in_path(self) -> String {
        match self {
            Self::Tag(tag) => tag.to_owned(),
            Self::Digest(digest) => digest.to_string(),
        }
    }

    /// As it stands behind a repository's name.
    fn suffix(self) -> String {
        match self {
            Self::Tag(tag) => format!(":{tag}"),
            Self::Digest(digest) => format!("@{digest}"),
        }
    }
}

impl Repository {
    pub(crate) fn new(shared: &Arc<Shared>, reference: &Reference) -> Self {
        let (domain, path) = (reference.domain(), reference.path());
        let host = |endpoint| Host::new(endpoint, Arc::clone(shared));
        let hosts = plan(&shared.settings.rules, domain, path).map(|plan| Hosts {
            mirrors: plan.mirrors.into_iter().map(host).collect(),
            origin: host(plan.origin),
            mirrors_only: plan.mirrors_only,
        });
        let (name, shared) = (format!("{domain}/{path}"), Arc::clone(shared));
        Self { inner: Arc::new(Inner { name, shared, hosts }) }
    }

    /// Registry and path: `docker.io/library/busybox`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// How patient its calls are.
    #[must_use]
    pub fn limits(&self) -> crate::TransferLimits {
        self.inner.shared.settings.limits
    }

    /// Waits before one more try of something that broke `tried` times without progress; whether it makes sense.
    pub(crate) fn pause(&self, tried: u32) -> bool {
        let Shared { patience, settings, .. } = &*self.inner.shared;
        let wait = crate::patience::wait_after(tried, None, &settings.limits);
        tried < settings.limits.tries && patience.wait(wait)
    }

    /// Asks a mirror no more in this command: what it gave turned out to be wrong. `source` is [`Body::source`]; whether somebody
    /// else is left to be asked. The registry itself is never passed over.
    #[must_use]
    pub fn distrust(&self, source: &str) -> bool {
        let Ok(hosts) = &self.inner.hosts else { return false };
        if !hosts.mirrors.iter().any(|mirror| mirror.name() == source) {
            return false;
        }
        self.inner.shared.pass_over(source);
        !hosts.mirrors_only || hosts.mirrors.iter().any(|mirror| !self.is_passed_over(mirror))
    }

    /// Ends every wait and every connection of this repository's client, now and in future: somebody has failed for good, and what
    /// the others wait for helps nobody.
    pub(crate) fn stop(&self) {
        self.inner.shared.stop();
    }

    fn is_passed_over(&self, host: &Host) -> bool {
        self.inner.shared.is_passed_over(host.name())
    }

    /// The registry itself.
    fn origin(&self) -> Result<&Host, RegistryError> {
        let hosts = self.inner.hosts.as_ref();
        hosts.map(|hosts| &hosts.origin).map_err(|why| RegistryError::Invalid(why.clone()))
    }

    /// Asks mirrors in order, then the registry. Who fails has one try, the last one all that are allowed.
    fn read<T>(
        &self,
        by_digest: bool,
        mut ask: impl FnMut(&Host, u32) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let hosts = self.inner.hosts.as_ref();
        let hosts = hosts.map_err(|why| RegistryError::Invalid(why.clone()))?;
        let fits = |mirror: &&Host| match by_digest {
            true => !mirror.endpoint.tags_only,
            false => !mirror.endpoint.digests_only,
        };
        let fitting: Vec<&Host> = hosts.mirrors.iter().filter(fits).collect();
        let mut asked: Vec<&Host> =
            fitting.iter().copied().filter(|mirror| !self.is_passed_over(mirror)).collect();
        if !hosts.mirrors_only {
            asked.push(&hosts.origin);
        } else if asked.is_empty() {
            asked = fitting;
        }
        let tries = self.inner.shared.settings.limits.tries;
        let Some((last, first)) = asked.split_last() else {
            let why = format!("no mirror may be asked for {}", self.inner.name);
            return Err(RegistryError::Invalid(why));
        };
        for (mirror, next) in first.iter().zip(asked.iter().skip(1)) {
            match ask(mirror, 1) {
                Ok(value) => return Ok(value),
                Err(error) => self.tell(mirror, next, &error),
            }
        }
        ask(last, tries)
    }

    /// Says why a mirror is passed over; that it has no copy is nobody's failure.
    fn tell(&self, mirror: &Host, next: &Host, error: &RegistryError) {
        if error.kind() == Kind::NotFound {
            return;
        }
        // Who cannot be reached is not waited for again with each layer.
        if matches!(error, RegistryError::Connection { .. } | RegistryError::Dishonest { .. }) {
            self.inner.shared.pass_over(mirror.name());
        }
        let notice = format!(
            "mirror {} is passed over, {} is asked: {}",
            mirror.name(),
            next.name(),
            chain(error)
        );
        self.inner.shared.settings.progress.notice(notice);
    }

    fn scope(host: &Host, actions: &str) -> Scope {
        format!("repository:{}:{actions}", host.endpoint.path)
    }

    /// A call that reads.
    fn pull<'a>(host: &Host, ask: Ask<'a>, tries: u32) -> Ask<'a> {
        Ask { scopes: vec![Self::scope(host, "pull")], tries, ..ask }
    }

    /// A call that writes.
    fn push<'a>(host: &Host, ask: Ask<'a>) -> Ask<'a> {
        let tries = host.shared.settings.limits.tries;
        Ask { scopes: vec![Self::scope(host, "pull,push")], tries, ..ask }
    }
}
