//! What may be built.

use build::{BuildRequest, ContextSource};
use engine::Engine;

use super::{Policy, Refusal};

impl Policy {
    /// Refuses a build whose steps would have less confinement than containers of this socket may, or whose files the server would fetch.
    /// Steps of a build have no directory of the host.
    ///
    /// # Errors
    /// The rule that it offends.
    pub(crate) fn check_build(&self, request: &BuildRequest) -> Result<(), Refusal> {
        if !self.limits_containers() {
            return Ok(());
        }
        let refuse = |what: &str| Err(Refusal::new("privileged", format!("{what} is not allowed")));
        let steps = &request.steps;
        if !matches!(steps.network.as_str(), "" | "none") {
            return refuse("a network of its own choice");
        }
        if steps.security != engine::config::Security::default() {
            return refuse("less confinement than the default one");
        }
        if !steps.cgroup_parent.is_empty() {
            return refuse("a control group of its own choice");
        }
        match &request.context {
            ContextSource::Empty | ContextSource::Archive(_) => Ok(()),
            ContextSource::Directory(_) | ContextSource::Git(_) | ContextSource::Url(_) => {
                refuse("a context that the server fetches")
            }
        }
    }

    /// Whether a build may have an image.
    ///
    /// # Errors
    /// The rule that it offends.
    pub(crate) fn check_base(&self, engine: &Engine, name: &str) -> Result<(), Refusal> {
        self.check_image(engine, name)
    }

    /// Whether the server may fetch something for a build: it reaches what a container does not, itself first of all.
    ///
    /// # Errors
    /// The rule that it offends.
    pub(crate) fn check_fetch(&self, url: &str) -> Result<(), Refusal> {
        if self.limits_containers() {
            let why = format!("fetching {url} by the server is not allowed");
            return Err(Refusal::new("privileged", why));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::understand;

    #[test]
    fn a_build_has_no_more_than_a_container() {
        let policy = |text: &str| {
            let text = format!("[[socket]]\npath = \"/s\"\noperations = [\"all\"]\n{text}");
            understand(&text).unwrap().remove(0).policy
        };
        let (strict, free) = (policy(""), policy("privileged = true"));
        let mut request = BuildRequest::default();
        assert!(strict.check_build(&request).is_ok());
        request.steps.network = "host".to_owned();
        assert!(strict.check_build(&request).is_err());
        assert!(free.check_build(&request).is_ok());
        let mut request = BuildRequest::default();
        request.steps.security.unmasked_paths = true;
        assert!(strict.check_build(&request).is_err());
        let context = ContextSource::Url("http://169.254.169.254/".to_owned());
        assert!(strict.check_build(&BuildRequest { context, ..BuildRequest::default() }).is_err());
    }
}
