//! Real proxies for HTTP/2: Debian's nginx and haproxy, on a socket that is listened at before they start.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::certificates::OfProxy;

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
    /// The proxy's, for clients.
    pub(crate) papers: &'a OfProxy,
    /// Whether it speaks TLS with the servers, too, trusts them, and shows its certificate.
    pub(crate) is_secure: bool,
    /// After how long it ends what is silent.
    pub(crate) silence: &'a str,
    /// Of one connection of a client's. haproxy has no such limit.
    pub(crate) requests: u32,
}

impl Proxy {
    /// nginx as a gRPC proxy, with TLS to clients.
    pub(crate) fn nginx(
        Setup { servers, papers, is_secure, silence, requests }: Setup<'_>,
    ) -> Self {
        Self::start(papers, |directory, address| {
            let scheme = if is_secure { "grpcs" } else { "grpc" };
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
                            grpc_pass {scheme}://channels;
                            grpc_ssl_certificate {directory}/certificate;
                            grpc_ssl_certificate_key {directory}/certificate;
                            grpc_ssl_trusted_certificate {directory}/authority;
                            grpc_ssl_verify on;
                            grpc_ssl_name localhost;
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
    pub(crate) fn haproxy(Setup { servers, papers, is_secure, silence, .. }: Setup<'_>) -> Self {
        Self::start(papers, |directory, _address| {
            let carrier = if is_secure {
                format!(
                    "ssl alpn h2 verify required verifyhost localhost \
                     ca-file {directory}/authority crt {directory}/certificate"
                )
            } else {
                "proto h2".to_owned()
            };
            let servers: String = servers
                .iter()
                .enumerate()
                .map(|(number, server)| format!("    server s{number} {server} {carrier}\n"))
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

    fn start(papers: &OfProxy, command: impl FnOnce(&str, SocketAddr) -> Command) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(&format!("{}/certificate", directory.path().display()), &papers.certificate);
        write(&format!("{}/authority", directory.path().display()), &papers.authority);
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
