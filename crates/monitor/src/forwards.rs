//! Ports of the host that lead into a user's network: slirp4netns is asked for each one. In the network, rules lead them to their containers.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use network::PortMapping;
use serde_json::{Value, json};

use crate::start::Refused;

/// Ports that lead in. Dropped, they do no more.
#[derive(Debug)]
pub(crate) struct Forwards {
    slirp: PathBuf,
    led: Vec<(PortMapping, u64)>,
}

impl Forwards {
    /// None yet, by the one that listens there.
    pub(crate) const fn by(slirp: PathBuf) -> Self {
        Self { slirp, led: Vec::new() }
    }

    pub(crate) fn ports(&self) -> Vec<PortMapping> {
        self.led.iter().map(|(port, _)| port.clone()).collect()
    }

    /// Has these of the host's ports lead in, and no others. Those that did before do, where one is refused.
    pub(crate) fn change<'a>(
        &mut self,
        ports: impl Iterator<Item = &'a PortMapping>,
    ) -> Result<(), Refused> {
        let mut wanted: Vec<&PortMapping> = Vec::new();
        // It knows no IPv6, and one leads to all addresses of the container.
        for port in ports.filter(|port| port.address.is_ipv4()) {
            if !wanted.iter().any(|other| is_same(other, port)) {
                wanted.push(port);
            }
        }
        let before = self.ports();
        let changed = self.lead(&wanted);
        if changed.is_err() {
            // The first error tells more.
            let _kept = self.lead(&before.iter().collect::<Vec<_>>());
        }
        changed
    }

    fn lead(&mut self, wanted: &[&PortMapping]) -> Result<(), Refused> {
        let is_wanted = |port: &PortMapping| wanted.iter().any(|other| is_same(other, port));
        // Others may be where these were.
        for (_, id) in self.led.extract_if(.., |(port, _)| !is_wanted(port)) {
            remove(&self.slirp, id);
        }
        for port in wanted {
            if self.led.iter().any(|(led, _)| is_same(led, port)) {
                continue;
            }
            let id = add(&self.slirp, port).map_err(|cause| {
                let what = format!("publish port {}/{}", port.host_port, port.transport.word());
                Refused::engine(&what, cause)
            })?;
            self.led.push(((*port).clone(), id));
        }
        Ok(())
    }
}

impl Drop for Forwards {
    fn drop(&mut self) {
        for (_, id) in &self.led {
            remove(&self.slirp, *id);
        }
    }
}

/// Whether the host's ports are the same; where they lead in the network is the rules' matter.
fn is_same(one: &PortMapping, other: &PortMapping) -> bool {
    let key = |port: &PortMapping| (port.published_at(), port.host_port, port.transport);
    key(one) == key(other)
}

fn remove(slirp: &Path, id: u64) {
    let request = json!({"execute": "remove_hostfwd", "arguments": {"id": id}});
    // It has ended, and with it all that it led in.
    let _gone = ask(slirp, &request);
}

fn add(slirp: &Path, port: &PortMapping) -> io::Result<u64> {
    let host: IpAddr = port.published_at().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let request = json!({"execute": "add_hostfwd", "arguments": {
        "proto": port.transport.word(), "host_addr": host.to_string(),
        "host_port": port.host_port, "guest_port": port.host_port,
    }});
    let answer = ask(slirp, &request)?;
    let id = answer.pointer("/return/id").and_then(Value::as_u64);
    // In its words it says no more than that it failed: somebody listens there, or the machine has no such address.
    id.ok_or_else(|| io::Error::from_raw_os_error(libc::EADDRINUSE))
}

/// One request a connection: slirp4netns(1), "API SOCKET".
fn ask(slirp: &Path, request: &Value) -> io::Result<Value> {
    let mut stream = UnixStream::connect(slirp)?;
    let patience = Some(std::time::Duration::from_secs(5));
    stream.set_read_timeout(patience)?;
    stream.write_all(request.to_string().as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(serde_json::from_str(&answer)?)
}
