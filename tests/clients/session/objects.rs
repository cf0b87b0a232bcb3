//! The steps about networks, volumes, events and what is pruned.

use super::Step;

pub(crate) const OBJECTS: &[Step] = &[
    ("began", "date +%s >../began"),
    ("network ls", "docker network ls"),
    (
        "network ls: format",
        "docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}} {{.IPv6}} {{.Internal}}' | sort",
    ),
    (
        "network create",
        "docker network create --subnet 10.77.0.0/24 --ip-range 10.77.0.128/25 --gateway 10.77.0.9 --label a=1 shop",
    ),
    (
        "network inspect",
        "docker network inspect --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}} {{.Attachable}} {{.Ingress}} {{json .IPAM}} {{json .Labels}} {{json .Options}} {{json .Containers}}' shop",
    ),
    ("network inspect: shape", "docker network inspect shop | python3 $SHAPE"),
    (
        "network inspect: bridge",
        "docker network inspect --format '{{json .Options}} {{.EnableIPv6}} {{.IPAM.Driver}}' bridge",
    ),
    (
        "network inspect: host and none",
        "docker network inspect --format '{{.Name}} {{.Driver}} {{.Scope}} {{json .IPAM}}' host none",
    ),
    ("network create: name in use", "docker network create shop"),
    ("network create: addresses in use", "docker network create --subnet 10.77.0.0/16 wide"),
    ("network create: wrong subnet", "docker network create --subnet 10.77.0.0/99 wide"),
    (
        "network create: gateway elsewhere",
        "docker network create --subnet 10.78.0.0/24 --gateway 10.79.0.1 wide",
    ),
    (
        "network create: name of the engine's own",
        "docker network create bridge; docker network create host",
    ),
    (
        "network create: internal",
        "docker network create --internal --opt com.docker.network.bridge.name=inner0 inner >/dev/null && docker network inspect --format '{{.Internal}} {{json .Options}}' inner",
    ),
    (
        "network ls: filters",
        "for f in driver=bridge name=shop label=a label=a=2 type=custom type=builtin scope=local dangling=true; do echo $f: $(docker network ls --filter $f --format '{{.Name}}' | sort); done",
    ),
    (
        "network ls: wrong filters",
        "docker network ls --filter wrong=1; docker network ls --filter type=wrong; docker network ls --filter dangling=wrong",
    ),
    ("network inspect: none", "docker network inspect none-such"),
    (
        "in a network",
        "docker run -d --name one --network shop --network-alias first --ip 10.77.0.200 base:1 sleep 1000 >/dev/null; docker run -d --name two base:1 sleep 1000 >/dev/null; docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.Gateway}} {{.IPPrefixLen}} {{json .IPAMConfig}} {{json .Aliases}}{{end}}' one",
    ),
    (
        "network connect",
        "docker network connect --alias second shop two; docker inspect --format '{{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{json $at.Aliases}} {{end}}' two",
    ),
    (
        "names and addresses",
        "docker exec two ping -c 1 -W 20 -q one >/dev/null && docker exec two ping -c 1 -W 20 -q first >/dev/null && docker exec one ping -c 1 -W 20 -q second >/dev/null && echo all reached",
    ),
    (
        "network inspect: containers",
        "docker network inspect --format '{{range .Containers}}{{.Name}}{{println}}{{end}}' shop | sort",
    ),
    ("network connect: again", "docker network connect shop two"),
    (
        "network connect: address taken",
        "docker create --name three base:1 true >/dev/null; docker network connect --ip 10.77.0.200 shop three && docker start three",
    ),
    ("network connect: address elsewhere", "docker network connect --ip 10.99.0.1 inner three"),
    ("network connect: no such network", "docker network connect none-such two"),
    ("network connect: no such container", "docker network connect shop none"),
    ("network connect: host", "docker network connect host two"),
    ("network rm: in use", "docker network rm shop"),
    ("network rm: the engine's own", "docker network rm bridge; docker network rm host"),
    ("network rm: none", "docker network rm none-such"),
    (
        "network disconnect",
        "docker network disconnect shop two; docker inspect --format '{{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{end}}' two",
    ),
    ("network disconnect: again", "docker network disconnect shop two"),
    ("network disconnect: no such network", "docker network disconnect none-such two"),
    (
        "network disconnect: forced",
        "docker network disconnect --force shop one && docker network inspect --format '{{len .Containers}}' shop",
    ),
    ("network of another", "docker run --rm --network container:two base:1 ls /sys/class/net"),
    (
        "network events",
        "docker events --since $(cat ../began) --until $(date +%s.%N) --filter type=network --filter network=shop --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}'",
    ),
    ("network rm", "docker rm --force one two three; docker network rm shop"),
    (
        "network prune",
        "docker network create --label keep left >/dev/null; docker network prune --force --filter label!=keep; docker network prune --force; docker network ls --quiet | wc -l",
    ),
    ("network prune: wrong filter", "docker network prune --force --filter wrong=1"),
    ("volume create", "docker volume create --label a=1 data"),
    ("volume create: again", "docker volume create data"),
    ("volume create: without a name", "docker volume create"),
    ("volume create: wrong name", "docker volume create 'a b'"),
    ("volume create: wrong option", "docker volume create --opt nonesuch=1 other"),
    (
        "volume create: memory",
        "docker volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m memory && docker run --rm -v memory:/m base:1 sh -c 'df -k /m | tail -n 1'",
    ),
    (
        "volume inspect",
        "docker volume inspect --format '{{.Name}} {{.Driver}} {{.Scope}} {{len .Labels}} {{len .Options}}' data memory",
    ),
    ("volume inspect: shape", "docker volume inspect data | python3 $SHAPE | grep -v Options"),
    ("volume inspect: none", "docker volume inspect none"),
    ("volume ls", "docker volume ls --filter name=data"),
    (
        "volume ls: filters",
        "docker run -d --name user -v data:/data base:1 sleep 1000 >/dev/null; for f in name=mem label=a label=a=2 driver=local dangling=false dangling=true; do echo $f: $(docker volume ls --filter $f --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels}}' | sort); done",
    ),
    (
        "volume ls: wrong filters",
        "docker volume ls --filter wrong=1; docker volume ls --filter dangling=wrong",
    ),
    (
        "volume: in inspect",
        "docker inspect --format '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.Driver}} {{.Mode}} {{.RW}} {{.Propagation}}{{end}} {{json .HostConfig.Binds}} {{json .Config.Volumes}}' user",
    ),
    (
        "volume: in ps",
        "docker ps --filter volume=data --format '{{.Names}} {{.Mounts}} {{.LocalVolumes}}'; docker ps --filter volume=/data --quiet | wc -l",
    ),
    ("volume rm: in use", "docker volume rm data"),
    ("volume rm: none", "docker volume rm none; docker volume rm --force none"),
    ("volume rm", "docker rm --force user && docker volume rm data memory"),
    (
        "volume events",
        "docker events --since $(cat ../began) --until $(date +%s.%N) --filter type=volume --filter volume=data --format '{{.Type}} {{.Action}} {{.Actor.ID}}'",
    ),
    ("volume prune", "docker volume prune --force | sed 's/[0-9.]*k*B$/SIZE/'"),
    (
        "anonymous volumes",
        "docker run --rm -v /anonymous base:1 true; docker volume ls --quiet | wc -l; docker create --name holds -v /anonymous base:1 true >/dev/null; docker volume ls --quiet; docker rm --volumes holds; docker volume ls --quiet",
    ),
    (
        "container events",
        "docker run -d --name seen -l a=1 base:1 sh -c 'exit 5' >/dev/null; docker wait seen; docker rename seen saw; docker rm saw; docker events --since $(cat ../began) --until $(date +%s.%N) --filter type=container --filter label=a=1 --format '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.exitCode}} {{.Actor.Attributes.image}}'",
    ),
    (
        "exec events",
        // No name that dockerd could begin one of its own with: the filter takes prefixes, and `busy_curie` is one.
        "docker run -d --name worker_7 base:1 sleep 1000 >/dev/null; docker exec worker_7 true; docker pause worker_7; docker unpause worker_7; docker kill worker_7; docker wait worker_7; docker rm worker_7; docker events --since $(cat ../began) --until $(date +%s.%N) --filter container=worker_7 --format '{{.Action}} {{.Actor.Attributes.signal}}' | sed 's/: .*//'",
    ),
    (
        "image events",
        "docker tag base:1 tagged:1; docker rmi tagged:1 >/dev/null; docker events --since $(cat ../began) --until $(date +%s.%N) --filter type=image --filter image=tagged:1 --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}'",
    ),
    (
        "events: as a line",
        "docker volume create lined >/dev/null; docker events --since $(cat ../began) --until $(date +%s.%N) --filter volume=lined",
    ),
    (
        "events: JSON",
        "docker events --since $(cat ../began) --until $(date +%s.%N) --filter volume=lined --format '{{json .}}' | sed 's/[0-9]\\{10,\\}/TIME/g'",
    ),
    ("events: wrong filter", "docker events --since 1 --until 2 --filter wrong=1"),
    (
        "events: as they come",
        "docker events --filter volume=later --format '{{.Action}}' >came & until docker volume create later >/dev/null && docker volume rm later >/dev/null && [ -s came ]; do :; done; kill $!; grep -q -e create -e destroy came && echo heard",
    ),
    (
        "df: counts",
        "docker create --name sized base:1 true >/dev/null; docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'",
    ),
    (
        "df: verbose",
        "docker system df --verbose --format '{{range .Containers}}{{.Names}} {{.Status}}{{end}} {{range .Volumes}}{{.Name}} {{.Links}}{{end}} {{range .Images}}{{.Repository}} {{.Tag}} {{.Containers}}{{end}}'",
    ),
    ("system prune", "docker system prune --force | sed 's/[0-9.]*k*B$/SIZE/'"),
    (
        "system prune: all of it",
        "docker system prune --force --all --volumes | sed 's/[0-9.]*[kM]*B$/SIZE/'; docker images --quiet; docker volume ls --quiet",
    ),
];
