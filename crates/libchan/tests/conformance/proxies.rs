//! Real proxies for HTTP/2: Debian's nginx and haproxy, on a socket that is listened at before they start.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A proxy before servers, ended when dropped.
pub(crate) struct Proxy {
    child: Child,
    url: String,
    _directory: TempDir,
}

/// How a proxy is set up.
#[derive(Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// Hosts and ports, of which a session's token chooses one.
    pub(crate) servers: &'a [String],
    /// The proxy's, with its key, for clients.
    pub(crate) certificate: &'a str,
    /// After how long it ends what is silent.
    pub(crate) silence: &'a str,
    /// Of one connection of a client's. haproxy has no such limit.
    pub(crate) requests: u32,
}

impl Proxy {
    /// nginx as a gRPC proxy, with TLS to clients.
    pub(crate) fn nginx(Setup { servers, certificate, silence, requests }: Setup<'_>) -> Self {
        Self::start(certificate, |directory, address| {
            let servers: String =
                servers.iter().map(|server| format!("server {server};")).collect();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .iter()
                .map(|kind| format!("{kind}_temp_path {directory}/{kind};\n"))
                .collect();
            let config = format!(
                "daemon off; worker_processes 1; pid {directory}/pid; error_log stderr crit;
                events {{ worker_connections 4096; }}
                http {{
                    access_log off;
                    {temporary}
                    upstream channels {{ hash $http_libchan_session consistent; {servers} }}
                    server {{
                        listen {address} ssl http2;
                        ssl_certificate {directory}/certificate;
                        ssl_certificate_key {directory}/certificate;
                        keepalive_requests {requests};
                        client_max_body_size 0;
                        client_body_timeout {silence};
                        location /channels {{
                            grpc_pass grpc://channels;
                            grpc_read_timeout {silence};
                            grpc_send_timeout {silence};
                        }}
                    }}
                }}"
            );
            let path = format!("{directory}/nginx.conf");
            write(&path, &config);
            let mut command = Command::new("nginx");
            // The socket that nginx takes over, as when it replaces its own program.
            command.args(["-p", directory, "-e", "stderr", "-c", &path]).env("NGINX", "0;");
            command
        })
    }

    /// haproxy with TLS to clients, and HTTP/2 on both sides.
    pub(crate) fn haproxy(Setup { servers, certificate, silence, .. }: Setup<'_>) -> Self {
        Self::start(certificate, |directory, _address| {
            let servers: String = servers
                .iter()
                .enumerate()
                .map(|(number, server)| format!("    server s{number} {server} proto h2\n"))
                .collect();
            let config = format!(
                "global
    maxconn 1000
defaults
    mode http
    timeout connect 10s
    timeout client {silence}
    timeout server {silence}
frontend clients
    bind fd@0 ssl crt {directory}/certificate alpn h2
    default_backend channels
backend channels
    balance hdr(libchan-session)
    hash-type consistent
{servers}"
            );
            let path = format!("{directory}/haproxy.cfg");
            write(&path, &config);
            let mut command = Command::new("haproxy");
            command.args(["-db", "-f", &path]);
            command
        })
    }

    fn start(certificate: &str, command: impl FnOnce(&str, SocketAddr) -> Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(&format!("{}/certificate", directory.path().display()), certificate);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut command = command(directory.path().to_str().unwrap(), address);
        command.stdin(Stdio::from(OwnedFd::from(listener)));
        let child = command.spawn().unwrap_or_else(|error| panic!("run {command:?}: {error}"));
        let url = format!("https://localhost:{}/channels", address.port());
        Self { child, url, _directory: directory }
    }

    /// Where clients connect to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

fn write(path: &str, text: &str) {
    let written = std::fs::File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.unwrap_or_else(|error| panic!("write {path}: {error}"));
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // nginx ends its worker then. Where it has ended already, nothing is left to do.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
