//! Images from and to registries: the server goes there, by the login that is kept here.

use testkit::{RegistryOptions, RegistryServer};

use crate::base::{Client, Server};

#[test]
fn at_corten() {
    let server = Server::corten();
    transfers(&server.client());
}

#[test]
fn at_dockerd() {
    let server = Server::docker();
    transfers(&server.client());
}

fn transfers(far: &Client) {
    let options = RegistryOptions { basic: Some(("me", "secret")), ..RegistryOptions::default() };
    let registry = RegistryServer::with(&options);
    let name = format!("{}/team/bb", registry.host());
    far.ok(&["tag", "busybox", &format!("{name}:1")]);
    let told = far.fails(&["push", &format!("{name}:1")], 1);
    assert!(told.contains(&format!("push {name}:1: ")), "{told}");
    let login = ["login", "-u", "me", "--password-stdin", &registry.host()];
    let done = far.run_with(&login, b"secret");
    assert!(done.code == 0, "{done:?}");
    let pushed = far.run(&["push", &format!("{name}:1")]);
    assert_eq!(pushed.code, 0, "{pushed:?}");
    assert!(
        pushed.stderr.contains(&format!("The push refers to repository [{name}]")),
        "{pushed:?}"
    );
    assert!(pushed.stderr.contains(": Pushed\n"), "{pushed:?}");
    assert!(pushed.stdout.starts_with("1: digest: sha256:"), "{pushed:?}");
    far.ok(&["rmi", &format!("{name}:1"), "busybox"]);
    let pulled = far.run(&["pull", &format!("{name}:1")]);
    assert_eq!(pulled.code, 0, "{pulled:?}");
    assert!(pulled.stderr.contains(": Pull complete\n"), "{pulled:?}");
    assert!(pulled.stdout.contains("Status: Downloaded newer image"), "{pulled:?}");
    assert!(pulled.stdout.ends_with(&format!("\n{name}:1\n")), "{pulled:?}");
    assert_eq!(far.ok(&["pull", "-q", &format!("{name}:1")]), format!("{name}:1"));
    far.ok(&["rmi", &format!("{name}:1")]);
    // What is missing there is pulled there.
    let ran = far.run(&["run", "--rm", &format!("{name}:1"), "echo", "pulled"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "pulled\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("Unable to find image '{name}:1' at ")), "{}", ran.stderr);
    far.fails(&["run", "--rm", "--pull", "never", &format!("{name}:2"), "true"], 125);
    let told = far.fails(&["pull", &format!("{name}:2")], 1);
    assert!(told.contains(&format!("pull {name}:2: ")), "{told}");
}
