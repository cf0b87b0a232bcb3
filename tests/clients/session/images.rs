//! The steps about the machine and its images. `base:1` is there, and `work` is where they run; `$SHAPE` prints what a document consists of.

use super::Step;

pub(crate) const IMAGES: &[Step] = &[
    (
        "version: machine",
        "docker version --format '{{.Server.Os}} {{.Server.Arch}} {{.Server.KernelVersion}}'",
    ),
    ("version: API", "docker version --format '{{.Server.APIVersion}} {{.Server.MinAPIVersion}}'"),
    (
        "info: counts",
        "docker info --format '{{.Containers}} {{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}} {{.Images}}'",
    ),
    (
        "info: machine",
        "docker info --format '{{.OSType}} {{.Architecture}} {{.NCPU}} {{.MemTotal}} {{.KernelVersion}} {{.OperatingSystem}}'",
    ),
    ("info: swarm", "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}'"),
    (
        "info: drivers",
        "docker info --format '{{.Driver}} {{.CgroupDriver}} {{.CgroupVersion}} {{.DefaultRuntime}} {{.LoggingDriver}}'",
    ),
    (
        "info: networks and volumes",
        "docker info --format '{{json .Plugins.Volume}} {{json .Plugins.Network}}'",
    ),
    ("info: log drivers", "docker info --format '{{json .Plugins.Log}}'"),
    ("info: shape", "docker info --format '{{json .}}' | python3 $SHAPE | grep -v ClientInfo"),
    ("images: table", "docker images"),
    (
        "images: format",
        "docker images --format '{{.Repository}} {{.Tag}} {{.ID}} {{.Size}} {{.Digest}}'",
    ),
    ("images: quiet", "docker images --quiet --no-trunc"),
    ("images: digests", "docker images --digests"),
    (
        "images: by name",
        "docker images 'base' ; docker images 'base:2'; docker images --filter reference='ba*:1' --quiet",
    ),
    (
        "images: by label",
        "docker images --quiet --filter label=maker=tests; docker images --quiet --filter label=maker=others",
    ),
    ("images: dangling", "docker images --quiet --filter dangling=true"),
    ("images: wrong filter", "docker images --filter wrong=1"),
    ("history: table", "docker history base:1"),
    (
        "history: format",
        "docker history --no-trunc --human=false --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}' base:1",
    ),
    ("history: no such image", "docker history none:1"),
    ("image inspect: config", "docker image inspect --format '{{json .Config}}' base:1"),
    (
        "image inspect: layers",
        "docker image inspect --format '{{json .RootFS}} {{json .RepoTags}} {{json .RepoDigests}}' base:1",
    ),
    (
        "image inspect: facts",
        "docker image inspect --format '{{.Id}} {{.Architecture}} {{.Os}} {{.Size}} {{.Author}} {{.Created}} {{.Parent}}' base:1",
    ),
    ("image inspect: shape", "docker image inspect base:1 | python3 $SHAPE"),
    (
        "image inspect: none",
        "docker image inspect none:1 2>&1 | sed 's/no such image: [a-z:0-9]*: //'",
    ),
    ("load: from a pipe", "docker load <../base.tar"),
    ("load: quiet", "docker load --quiet --input ../base.tar"),
    ("load: no archive", "echo nonsense | docker load"),
    ("load: no image in it", "tar --create shared | docker load"),
    (
        "tag",
        "docker tag base:1 shop/base:2 && docker images --format '{{.Repository}}:{{.Tag}}' | sort",
    ),
    ("tag: wrong name", "docker tag base:1 'SHOP/UPPER'"),
    ("tag: no such image", "docker tag none:1 some:1"),
    (
        "tag: with a registry",
        "docker tag base:1 localhost:5000/a/b && docker image inspect --format '{{json .RepoTags}}' base:1",
    ),
    ("save and load", "docker save base:1 shop/base:2 | docker load"),
    (
        "save: what is in it",
        "docker save base:1 | tar --extract --to-stdout manifest.json | python3 -c 'import json, sys; print([m[\"RepoTags\"] for m in json.load(sys.stdin)])'",
    ),
    (
        "save: to a file",
        "docker save --output saved.tar base:1 && test -s saved.tar && rm saved.tar",
    ),
    ("save: no such image", "docker save none:1"),
    ("rmi: a name", "docker rmi shop/base:2"),
    ("rmi: a name with a registry", "docker rmi localhost:5000/a/b"),
    ("rmi: no such image", "docker rmi none:1"),
    (
        "import",
        "tar --create --directory shared . | docker import --change 'CMD [\"cat\",\"/file\"]' --change 'ENV A=b' --message 'a message' - small:1",
    ),
    (
        "import: what came of it",
        "docker image inspect --format '{{json .Config.Cmd}} {{json .Config.Env}} {{.Comment}} {{len .RootFS.Layers}}' small:1",
    ),
    ("import: history", "docker history --format '{{.CreatedBy}}|{{.Comment}}' small:1"),
    ("import: wrong change", "tar --create shared | docker import --change 'RUN true' - small:2"),
    ("import: wrong name", "tar --create shared | docker import - small:"),
    (
        "images: before and since",
        "docker images --quiet --filter before=small:1 | wc -l; docker images --quiet --filter since=base:1 | wc -l; docker images --filter since=none:1",
    ),
    ("rmi: an image", "docker rmi small:1"),
    ("pull: nobody answers", "docker pull localhost:1/none"),
    ("pull: wrong name", "docker pull localhost:1/none:"),
    ("push: no such image", "docker push localhost:1/none:1"),
    ("manager's commands", "docker node ls; docker service ls; docker secret ls; docker stack ls"),
    ("swarm leave", "docker swarm leave"),
    ("plugin ls", "docker plugin ls"),
    ("image prune: nothing", "docker image prune --force"),
    ("system df", "docker system df"),
    (
        "system df: shape",
        "docker system df --format '{{json .}}' | python3 -c 'import json, sys; [print(sorted(json.loads(l))) for l in sys.stdin]'",
    ),
    (
        "image inspect: two of which one is missing",
        "docker image inspect --format '{{json .RepoTags}}' base:1 none:1 2>&1 | sed 's/no such image: [a-z:0-9]*: //'",
    ),
    (
        "build: the stream but for what it calls the steps' results",
        "printf 'FROM base:1\\nRUN echo it runs; echo x > /x\\n' | DOCKER_BUILDKIT=0 docker build --network none -t made:1 - 2>/dev/null | grep -v '^ ---> [0-9a-f]*$'",
    ),
    (
        "build: what it made",
        "docker run --rm --network none made:1 cat /x; docker rmi made:1 >/dev/null",
    ),
    (
        "build: a command that fails",
        "printf 'FROM base:1\\nRUN exit 3\\n' | DOCKER_BUILDKIT=0 docker build --network none - >out 2>&1; code=$?; tail -n 1 out; exit $code",
    ),
    (
        "build: wrong name",
        "printf 'FROM base:1\\n' | DOCKER_BUILDKIT=0 docker build -t UPPER - 2>&1 | grep -c 'invalid reference format'",
    ),
];
