//! bollard, the library of Rust programs.

use std::collections::HashMap;
use std::future::Future;

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{
    ContainerConfig, ContainerCreateBody, EndpointSettings, HostConfig, NetworkConnectRequest,
    NetworkCreateRequest, NetworkDisconnectRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CommitContainerOptionsBuilder, CreateContainerOptionsBuilder,
    DownloadFromContainerOptionsBuilder, EventsOptionsBuilder, ImportImageOptionsBuilder,
    ListContainersOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptions, RemoveVolumeOptions, StatsOptionsBuilder, StopContainerOptionsBuilder,
    TagImageOptionsBuilder, UploadToContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use futures_util::{Stream, StreamExt, TryStreamExt};
use testkit::{ApiServer, Corten, archive};
use tokio::io::AsyncWriteExt;

use crate::base;

type Logs = std::pin::Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

#[test]
fn bollard_drives_it() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    let socket = corten.directory().join("api.sock");
    let image = std::fs::read(base::make(corten.directory())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let docker = Docker::connect_with_unix(socket.to_str().unwrap(), 120, API_DEFAULT_VERSION);
        let docker = docker.unwrap().negotiate_version().await.unwrap();
        images(&docker, image).await;
        let heard = tokio::spawn(first_volume(docker.clone()));
        talks(&docker).await;
        stays(&docker).await;
        objects(&docker).await;
        assert_eq!(heard.await.unwrap().as_deref(), Some("create"));
        docker.remove_image("base:1", None::<RemoveImageOptions>, None).await.unwrap();
    });
    drop(api);
}

async fn refused<T>(status: u16, call: impl Future<Output = Result<T, Error>>) {
    match call.await {
        Err(Error::DockerResponseServerError { status_code, .. }) if status_code == status => {}
        Err(other) => panic!("not {status}, but {other:?}"),
        Ok(_) => panic!("not {status}, but done"),
    }
}

/// Both streams to their end.
async fn parted(mut logs: Logs) -> (String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    while let Some(line) = logs.next().await {
        match line.unwrap() {
            LogOutput::StdErr { message } => err += std::str::from_utf8(&message).unwrap(),
            LogOutput::StdOut { message } => out += std::str::from_utf8(&message).unwrap(),
            other @ (LogOutput::StdIn { .. } | LogOutput::Console { .. }) => panic!("{other:?}"),
        }
    }
    (out, err)
}

fn command(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

fn labels() -> HashMap<String, String> {
    HashMap::from([("tier".to_owned(), "front".to_owned())])
}

async fn images(docker: &Docker, image: Vec<u8>) {
    assert_eq!(docker.ping().await.unwrap(), "OK");
    assert_eq!(docker.version().await.unwrap().os.as_deref(), Some("linux"));
    let options = ImportImageOptionsBuilder::default().build();
    let told = docker.import_image(options, body_full(image.into()), None);
    let told: Vec<_> = told.try_collect().await.unwrap();
    let said: Vec<&str> = told.iter().filter_map(|line| line.stream.as_deref()).collect();
    assert_eq!(said, ["Loaded image: base:1\n"]);
    let options = TagImageOptionsBuilder::default().repo("shop/base").tag("2").build();
    docker.tag_image("base:1", Some(options)).await.unwrap();
    assert_eq!(docker.inspect_image("base:1").await.unwrap().repo_tags.unwrap().len(), 2);
    assert_eq!(docker.image_history("base:1").await.unwrap().len(), 3);
    let saved: Vec<_> = docker.export_image("base:1").try_collect().await.unwrap();
    assert!(saved.iter().map(|chunk| chunk.len()).sum::<usize>() > 1_000_000);
    docker.remove_image("shop/base:2", None::<RemoveImageOptions>, None).await.unwrap();
    refused(404, docker.inspect_image("none:1")).await;
}

/// What happens first to a volume.
async fn first_volume(docker: Docker) -> Option<String> {
    let filters = HashMap::from([("type", vec!["volume"])]);
    let options = EventsOptionsBuilder::default().since("1").filters(&filters).build();
    docker.events(Some(options)).next().await.unwrap().unwrap().action
}

/// One that is attached to before it starts, and ends with its input.
async fn talks(docker: &Docker) {
    let body = ContainerCreateBody {
        image: Some("base:1".to_owned()),
        cmd: command(&["sh", "-c", "echo wrong >&2; while read x; do echo got $x; done; exit 4"]),
        open_stdin: Some(true),
        stdin_once: Some(true),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name("talks").build();
    docker.create_container(Some(options), body).await.unwrap();
    let options = AttachContainerOptionsBuilder::default().stdin(true).stdout(true).stderr(true);
    let attached = docker.attach_container("talks", Some(options.stream(true).build())).await;
    let mut attached = attached.unwrap();
    let options = WaitContainerOptionsBuilder::default().condition("next-exit").build();
    let mut waited = Box::pin(docker.wait_container("talks", Some(options)));
    let ended = tokio::join!(waited.next(), async {
        docker.start_container("talks", None).await.unwrap();
        refused_unchanged(docker).await;
        attached.input.write_all(b"word\n").await.unwrap();
        attached.input.shutdown().await.unwrap();
    });
    assert!(
        matches!(&ended.0, Some(Err(Error::DockerContainerWaitError { code: 4, .. }))),
        "{ended:?}"
    );
    assert_eq!(parted(attached.output).await, ("got word\n".to_owned(), "wrong\n".to_owned()));
    let options = LogsOptionsBuilder::default().follow(true).stdout(true).build();
    let logs = parted(Box::pin(docker.logs("talks", Some(options)))).await;
    assert_eq!(logs, ("got word\n".to_owned(), String::new()));
    docker.remove_container("talks", None).await.unwrap();
}

/// A start of what has started changes nothing; the library takes that for done.
async fn refused_unchanged(docker: &Docker) {
    match docker.start_container("talks", None).await {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 304, .. }) => {}
        other => panic!("{other:?}"),
    }
}

async fn stays(docker: &Docker) {
    let body = || ContainerCreateBody {
        image: Some("base:1".to_owned()),
        cmd: command(&[
            "sh",
            "-c",
            "trap 'exit 5' TERM; echo ready; while :; do sleep 1000 & wait; done",
        ]),
        labels: Some(labels()),
        env: command(&["A=b"]),
        host_config: Some(HostConfig {
            memory: Some(64 << 20),
            binds: command(&["data:/data"]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = || Some(CreateContainerOptionsBuilder::default().name("web").build());
    docker.create_container(options(), body()).await.unwrap();
    refused(409, docker.create_container(options(), body())).await;
    docker.start_container("web", None).await.unwrap();
    refused(409, docker.remove_container("web", None)).await;
    let filters = HashMap::from([("label", vec!["tier=front"])]);
    let options = ListContainersOptionsBuilder::default().filters(&filters).build();
    assert_eq!(docker.list_containers(Some(options)).await.unwrap().len(), 1);
    let about = docker.inspect_container("web", None).await.unwrap();
    assert_eq!(about.state.unwrap().running, Some(true));
    assert_eq!(about.host_config.unwrap().memory, Some(64 << 20));
    let options = LogsOptionsBuilder::default().follow(true).stdout(true).build();
    let first = Box::pin(docker.logs("web", Some(options))).next().await;
    assert_eq!(first.unwrap().unwrap().into_bytes().as_ref(), b"ready\n");
    executes(docker).await;
    files(docker).await;
    let options = StatsOptionsBuilder::default().stream(false).build();
    let numbers = Box::pin(docker.stats("web", Some(options))).next().await.unwrap().unwrap();
    assert_eq!(numbers.name.as_deref(), Some("/web"));
    docker.pause_container("web").await.unwrap();
    docker.unpause_container("web").await.unwrap();
}

async fn executes(docker: &Docker) {
    let options = CreateExecOptions {
        cmd: Some(vec!["sh", "-c", "cat; echo $A >&2; exit 6"]),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec("web", options).await.unwrap().id;
    let StartExecResults::Attached { output, mut input } =
        docker.start_exec(&exec, None).await.unwrap()
    else {
        panic!("it was to be attached");
    };
    input.write_all(b"through\n").await.unwrap();
    input.shutdown().await.unwrap();
    assert_eq!(parted(output).await, ("through\n".to_owned(), "b\n".to_owned()));
    assert_eq!(docker.inspect_exec(&exec).await.unwrap().exit_code, Some(6));
}

async fn files(docker: &Docker) {
    let given = archive(&[("given", b"by archive")]);
    let options = UploadToContainerOptionsBuilder::default().path("/tmp").build();
    docker.upload_to_container("web", Some(options), body_full(given.into())).await.unwrap();
    let options = |path| Some(DownloadFromContainerOptionsBuilder::default().path(path).build());
    let got = docker.download_from_container("web", options("/tmp/given"));
    let got: Vec<_> = got.try_collect().await.unwrap();
    assert!(got.concat().windows(10).any(|piece| piece == b"by archive"));
    let none = docker.download_from_container("web", options("/none"));
    refused(404, none.try_collect::<Vec<_>>()).await;
    let changes = docker.container_changes("web").await.unwrap().unwrap();
    assert!(changes.iter().any(|change| change.path == "/tmp/given"), "{changes:?}");
    let options = CommitContainerOptionsBuilder::default().container("web").repo("copy").tag("1");
    docker.commit_container(options.build(), ContainerConfig::default()).await.unwrap();
    docker.remove_image("copy:1", None::<RemoveImageOptions>, None).await.unwrap();
}

async fn objects(docker: &Docker) {
    let network =
        NetworkCreateRequest { name: "shop".to_owned(), ..NetworkCreateRequest::default() };
    docker.create_network(network).await.unwrap();
    let aliases = Some(vec!["site".to_owned()]);
    let endpoint = EndpointSettings { aliases, ..EndpointSettings::default() };
    let join =
        NetworkConnectRequest { container: "web".to_owned(), endpoint_config: Some(endpoint) };
    docker.connect_network("shop", join).await.unwrap();
    let leave = NetworkDisconnectRequest { container: "web".to_owned(), force: None };
    docker.disconnect_network("shop", leave).await.unwrap();
    docker.remove_network("shop").await.unwrap();
    refused(404, docker.remove_network("shop")).await;
    let volume =
        VolumeCreateRequest { name: Some("more".to_owned()), ..VolumeCreateRequest::default() };
    assert_eq!(docker.create_volume(volume).await.unwrap().driver, "local");
    docker.remove_volume("more", None::<RemoveVolumeOptions>).await.unwrap();
    refused(409, docker.remove_volume("data", None::<RemoveVolumeOptions>)).await;
    docker
        .stop_container("web", Some(StopContainerOptionsBuilder::default().t(60).build()))
        .await
        .unwrap();
    let about = docker.inspect_container("web", None).await.unwrap();
    assert_eq!(about.state.unwrap().exit_code, Some(5));
    let options = RemoveContainerOptionsBuilder::default().v(true).build();
    docker.remove_container("web", Some(options)).await.unwrap();
    docker.remove_volume("data", None::<RemoveVolumeOptions>).await.unwrap();
}
