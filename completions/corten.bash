# bash completion for corten. Made by `corten completion bash`; do not edit.

# Offers what of the words fits what was typed.
_corten_offer() {
    COMPREPLY=($(compgen -W "$1" -- "$current"))
}

_corten_choose() {
    case $1 in
        containers) _corten_offer "$(corten "${globals[@]}" ps --all --format '{{.Names}}' 2>/dev/null)" ;;
        systems) _corten_offer "$(corten "${globals[@]}" lxc ls -1 2>/dev/null)" ;;
        images) _corten_offer "$(corten "${globals[@]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" ;;
        objects)
            _corten_offer "$(corten "${globals[@]}" ps --all --format '{{.Names}}' 2>/dev/null
                corten "${globals[@]}" images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)"
            ;;
        targets) _corten_offer "$(corten bake --list targets 2>/dev/null | sed -e 1d -e 's/ .*//')" ;;
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")) ;;
        directories) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$current")) ;;
        *) _corten_offer "$1" ;;
    esac
}

_corten_family() {
    case $1 in
        apparmor) members="inspect list load ls print unload" ;;
        builder) members="bake build du history prune" ;;
        buildx) members="bake build du f history prune" ;;
        chan) members="dump recv relay send serve" ;;
        checkpoint) members="create list ls remove rm" ;;
        config) members="create exists inspect list ls remove rm" ;;
        container) members="attach clone commit console cp create diff exec exists export inspect kill list logs ls mount pause port prune ps remove rename restart rm run start stats stop top umount unmount unpause update wait" ;;
        context) members="create export import inspect list ls remove rm show update use" ;;
        healthcheck) members="run" ;;
        image) members="build copy history import inspect list load ls prune pull push remove rm save tag verify" ;;
        lxc) members="attach autostart cgroup checkconfig checkpoint config console copy create destroy device execute freeze info install-links ls monitor snapshot start stop top unfreeze unshare update-config usernsexec wait" ;;
        manifest) members="annotate create inspect push rm" ;;
        network) members="connect create disconnect doctor inspect list ls prune reload remove rm settings" ;;
        oci) members="checkpoint create delete events exec features kill list pause plan ps restore resume run spec start state update" ;;
        seccomp) members="print record" ;;
        secret) members="create exists inspect list ls remove rm" ;;
        selinux) members="inspect load print unload" ;;
        snapshot) members="create list ls remove restore rm" ;;
        system) members="check df dial-stdio doctor events info install-units prune settings start-all stop-all" ;;
        template) members="build list ls show" ;;
        volume) members="clone create exists export import inspect list ls mount prune remove rename restore rm snapshot unmount update" ;;
        "builder history") members="inspect logs ls rm" ;;
        "buildx history") members="inspect logs ls rm" ;;
    esac
}

_corten_command() {
    case $1 in
        run | "container run")
            flags="--add-host --annotation --attach --autostart --autostart-delay --autostart-group --autostart-order --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --config --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --detach --detach-keys --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option --dns-search --domainname --entrypoint --env --env-file --env-merge --explain --expose --gidmap --gpus --group-add --hardened --health-cmd --health-interval --health-on-failure --health-retries --health-start-interval --health-start-period --health-timeout --hostname --http-proxy --init --interactive --ip --ip6 --ipc --isolation --label --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck --no-hostname --no-hosts --oom-kill-disable --oom-score-adj --pid --pidfile --pids-limit --platform --privileged --publish --publish-all --pull --quiet --read-only --read-only-tmpfs --replace --requires --restart --rm --rootfs --runtime --secret --security-opt --shm-size --sig-proxy --stop-signal --stop-timeout --storage-opt --subgidname --subuidname --sysctl --system --timeout --tmpfs --tty --ttys --tz --uidmap --ulimit --umask --unsetenv --unsetenv-all --user --userns --uts --volume --volume-driver --volumes-from --workdir"
            valued="--add-host --annotation -a --attach --autostart-delay --autostart-group --autostart-order --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --config --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems --detach-keys --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --dns --dns-option --dns-search --domainname --entrypoint -e --env --env-file --env-merge --expose --gidmap --gpus --group-add --health-cmd --health-interval --health-on-failure --health-retries --health-start-interval --health-start-period --health-timeout -h --hostname --ip --ip6 --ipc --isolation -l --label --label-file --link --link-local-ip --log-driver --log-opt --mac-address -m --memory --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --oom-score-adj --pid --pidfile --pids-limit --platform -p --publish --pull --requires --restart --runtime --secret --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --subgidname --subuidname --sysctl --timeout --tmpfs --ttys --tz --uidmap --ulimit --umask --unsetenv -u --user --userns --uts -v --volume --volume-driver --volumes-from -w --workdir"
            kind="images"
            ;;
        exec | "container exec")
            flags="--detach --detach-keys --env --env-file --interactive --privileged --security-opt --tty --user --workdir"
            valued="--detach-keys -e --env --env-file --security-opt -u --user -w --workdir"
            kind="containers"
            ;;
        ps | "container ls" | "container list" | "container ps")
            flags="--all --filter --format --last --latest --no-trunc --quiet --size"
            valued="-f --filter --format -n --last"
            kind=""
            ;;
        build | "image build" | "builder build" | "buildx build")
            flags="--add-host --allow --annotation --attest --blkio-weight --build-arg --build-context --builder --cache-from --cache-to --call --cgroup-parent --check --compress --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --disable-content-trust --explain --file --force-rm --iidfile --isolation --label --load --memory --memory-reservation --memory-swap --metadata-file --network --no-cache --no-cache-filter --on-error --output --pids-limit --platform --progress --provenance --pull --push --quiet --rm --sbom --secret --security-opt --shm-size --squash --squash-all --ssh --tag --target --ulimit"
            valued="--add-host --allow --annotation --attest --blkio-weight --build-arg --build-context --builder --cache-from --cache-to --call --cgroup-parent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems -f --file --iidfile --isolation --label -m --memory --memory-reservation --memory-swap --metadata-file --network --no-cache-filter --on-error -o --output --pids-limit --platform --progress --provenance --sbom --secret --security-opt --shm-size --ssh -t --tag --target --ulimit"
            kind="directories" repeats=yes
            ;;
        bake | "buildx bake" | "builder bake" | "buildx f")
            flags="--allow --builder --call --check --explain --file --list --list-targets --list-variables --load --metadata-file --no-cache --policy --print --progress --provenance --pull --push --quiet --sbom --set --var"
            valued="--allow --builder --call -f --file --list --metadata-file --policy --progress --provenance --sbom --set --var"
            kind="targets" repeats=yes
            ;;
        "builder prune" | "buildx prune")
            flags="--all --filter --force --keep-storage --max-used-space --min-free-space --reserved-space --verbose"
            valued="--filter --keep-storage --max-used-space --min-free-space --reserved-space"
            kind=""
            ;;
        "builder du" | "buildx du")
            flags="--filter --format --verbose"
            valued="--filter --format"
            kind=""
            ;;
        "builder history ls" | "buildx history ls")
            flags="--filter --format --no-trunc --quiet"
            valued="--filter --format"
            kind=""
            ;;
        "builder history inspect" | "buildx history inspect")
            flags="--format"
            valued="-f --format"
            kind=""
            ;;
        "builder history logs" | "buildx history logs")
            flags="--progress"
            valued="--progress"
            kind=""
            ;;
        "builder history rm" | "buildx history rm")
            flags="--all"
            valued=""
            kind="" repeats=yes
            ;;
        pull | "image pull")
            flags="--all-tags --platform --progress --quiet --tls-verify"
            valued="--platform --progress"
            kind=""
            ;;
        push | "image push")
            flags="--all-platforms --all-tags --authfile --compression --compression-level --digestfile --force-compression --format --platform --progress --quiet --tls-verify"
            valued="--authfile --compression --compression-level --digestfile --format --platform --progress"
            kind=""
            ;;
        images | "image ls" | "image list")
            flags="--all --digests --filter --format --no-trunc --quiet --tree"
            valued="-f --filter --format"
            kind="images"
            ;;
        login)
            flags="--authfile --get-login --password --password-stdin --tls-verify --username"
            valued="--authfile -p --password -u --username"
            kind=""
            ;;
        logout)
            flags="--all --authfile"
            valued="--authfile"
            kind=""
            ;;
        search)
            flags="--filter --format --limit --no-trunc --tls-verify"
            valued="-f --filter --format --limit"
            kind=""
            ;;
        version)
            flags="--format"
            valued="-f --format"
            kind=""
            ;;
        info | "system info")
            flags="--format"
            valued="-f --format"
            kind=""
            ;;
        "template list" | "template ls")
            flags="--format --quiet"
            valued="--format"
            kind=""
            ;;
        "template show")
            flags="--format"
            valued="--format"
            kind="alpine busybox debian download local oci ubuntu"
            ;;
        "template build")
            flags="--apk --arch --dist --keyring --list --metadata --mirror --name --no-validate --package --release --rootfs --server --suite --tag --variant"
            valued="--apk -a --arch -d --dist --keyring -m --metadata --mirror --name --package -r --release -f --rootfs --server --suite -t --tag --variant"
            kind="alpine busybox debian download local oci ubuntu" repeats=yes
            ;;
        load | "image load")
            flags="--input --platform --quiet"
            valued="-i --input --platform"
            kind=""
            ;;
        import | "image import")
            flags="--change --message --platform"
            valued="-c --change -m --message --platform"
            kind="files"
            ;;
        save | "image save")
            flags="--output --platform"
            valued="-o --output --platform"
            kind="images" repeats=yes
            ;;
        rmi | "image rm" | "image remove")
            flags="--force --no-prune --platform"
            valued="--platform"
            kind="images" repeats=yes
            ;;
        tag | "image tag")
            flags=""
            valued=""
            kind="images" repeats=yes
            ;;
        history | "image history")
            flags="--format --human --no-trunc --platform --quiet"
            valued="--format --platform"
            kind="images"
            ;;
        "image inspect")
            flags="--format --platform"
            valued="-f --format --platform"
            kind="images" repeats=yes
            ;;
        "image copy")
            flags="--all-platforms --dest-tls-verify --platform --preserve-digests --progress --quiet --referrers --src-tls-verify"
            valued="--platform --progress"
            kind="" repeats=yes
            ;;
        "manifest create")
            flags="--amend --insecure"
            valued=""
            kind="" repeats=yes
            ;;
        "manifest annotate")
            flags="--arch --os --os-features --os-version --variant"
            valued="--arch --os --os-features --os-version --variant"
            kind="" repeats=yes
            ;;
        "manifest inspect")
            flags="--insecure --verbose"
            valued=""
            kind="" repeats=yes
            ;;
        "manifest push")
            flags="--insecure --purge"
            valued=""
            kind=""
            ;;
        "manifest rm")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "image verify")
            flags="--authfile --format --key --platform --policy --signatures-in --tls-verify"
            valued="--authfile --format --key --platform --policy --signatures-in"
            kind="images"
            ;;
        "image prune")
            flags="--all --filter --force --keep --unused-for"
            valued="--filter --keep --unused-for"
            kind=""
            ;;
        "container prune")
            flags="--filter --force"
            valued="--filter"
            kind=""
            ;;
        "system dial-stdio")
            flags=""
            valued=""
            kind=""
            ;;
        "system df")
            flags="--format --verbose"
            valued="--format"
            kind=""
            ;;
        "system prune")
            flags="--all --filter --force --volumes"
            valued="--filter"
            kind=""
            ;;
        "system check")
            flags="--format --quick --repair"
            valued="--format"
            kind=""
            ;;
        "system settings")
            flags="--format --reset --userns"
            valued="--format --userns"
            kind=""
            ;;
        "system doctor")
            flags="--format"
            valued="--format"
            kind=""
            ;;
        "system start-all")
            flags=""
            valued=""
            kind=""
            ;;
        "system stop-all")
            flags="--timeout"
            valued="-t --timeout"
            kind=""
            ;;
        "system install-units")
            flags="--print"
            valued=""
            kind=""
            ;;
        "apparmor load")
            flags=""
            valued=""
            kind="files"
            ;;
        "apparmor ls" | "apparmor list")
            flags="--format --quiet"
            valued="--format"
            kind=""
            ;;
        "apparmor unload")
            flags="--force"
            valued=""
            kind="" repeats=yes
            ;;
        "apparmor print" | "apparmor inspect")
            flags="--system"
            valued=""
            kind=""
            ;;
        "selinux load")
            flags=""
            valued=""
            kind=""
            ;;
        "selinux unload")
            flags="--force"
            valued=""
            kind=""
            ;;
        "selinux print" | "selinux inspect")
            flags=""
            valued=""
            kind=""
            ;;
        "context create")
            flags="--description --docker --from"
            valued="--description --docker --from"
            kind=""
            ;;
        "context ls" | "context list")
            flags="--format --quiet"
            valued="--format"
            kind=""
            ;;
        "context inspect")
            flags="--format"
            valued="-f --format"
            kind="" repeats=yes
            ;;
        "context use")
            flags=""
            valued=""
            kind=""
            ;;
        "context show")
            flags=""
            valued=""
            kind=""
            ;;
        "context rm" | "context remove")
            flags="--force"
            valued=""
            kind="" repeats=yes
            ;;
        "context update")
            flags="--description --docker"
            valued="--description --docker"
            kind=""
            ;;
        "context export")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "context import")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        attach | "container attach")
            flags="--detach-keys --no-stdin --sig-proxy"
            valued="--detach-keys"
            kind="containers"
            ;;
        console | "container console")
            flags="--detach-keys --escape --tty"
            valued="--detach-keys -e --escape -t --tty"
            kind="containers"
            ;;
        commit | "container commit")
            flags="--author --change --message --pause"
            valued="-a --author -c --change -m --message"
            kind="containers" repeats=yes
            ;;
        create | "container create")
            flags="--add-host --annotation --attach --autostart --autostart-delay --autostart-group --autostart-order --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --config --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option --dns-search --domainname --entrypoint --env --env-file --env-merge --explain --expose --gidmap --gpus --group-add --hardened --health-cmd --health-interval --health-on-failure --health-retries --health-start-interval --health-start-period --health-timeout --hostname --http-proxy --init --interactive --ip --ip6 --ipc --isolation --label --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck --no-hostname --no-hosts --oom-kill-disable --oom-score-adj --pid --pidfile --pids-limit --platform --privileged --publish --publish-all --pull --quiet --read-only --read-only-tmpfs --replace --requires --restart --rm --rootfs --runtime --secret --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --subgidname --subuidname --sysctl --system --timeout --tmpfs --tty --ttys --tz --uidmap --ulimit --umask --unsetenv --unsetenv-all --user --userns --uts --volume --volume-driver --volumes-from --workdir"
            valued="--add-host --annotation -a --attach --autostart-delay --autostart-group --autostart-order --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --config --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --dns --dns-option --dns-search --domainname --entrypoint -e --env --env-file --env-merge --expose --gidmap --gpus --group-add --health-cmd --health-interval --health-on-failure --health-retries --health-start-interval --health-start-period --health-timeout -h --hostname --ip --ip6 --ipc --isolation -l --label --label-file --link --link-local-ip --log-driver --log-opt --mac-address -m --memory --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --oom-score-adj --pid --pidfile --pids-limit --platform -p --publish --pull --requires --restart --runtime --secret --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --subgidname --subuidname --sysctl --timeout --tmpfs --ttys --tz --uidmap --ulimit --umask --unsetenv -u --user --userns --uts -v --volume --volume-driver --volumes-from -w --workdir"
            kind="images"
            ;;
        diff | "container diff")
            flags=""
            valued=""
            kind="containers"
            ;;
        serve)
            flags="--group --idle-exit --listen --log-requests --mode --policy --tlscacert --tlscert --tlskey"
            valued="--group --idle-exit --listen --mode --policy --tlscacert --tlscert --tlskey"
            kind=""
            ;;
        events | "system events")
            flags="--filter --format --no-trunc --since --until"
            valued="-f --filter --format --since --until"
            kind=""
            ;;
        export | "container export")
            flags="--output"
            valued="-o --output"
            kind="containers"
            ;;
        inspect)
            flags="--format --size --type"
            valued="-f --format --type"
            kind="objects" repeats=yes
            ;;
        "container inspect")
            flags="--format --size"
            valued="-f --format"
            kind="containers" repeats=yes
            ;;
        kill | "container kill")
            flags="--all --filter --signal"
            valued="--filter -s --signal"
            kind="containers" repeats=yes
            ;;
        logs | "container logs")
            flags="--details --follow --since --tail --timestamps --until"
            valued="--since -n --tail --until"
            kind="containers"
            ;;
        pause | "container pause")
            flags="--all --filter"
            valued="--filter"
            kind="containers" repeats=yes
            ;;
        port | "container port")
            flags=""
            valued=""
            kind="containers" repeats=yes
            ;;
        "checkpoint create")
            flags="--checkpoint-dir --leave-running"
            valued="--checkpoint-dir"
            kind="containers" repeats=yes
            ;;
        "checkpoint ls" | "checkpoint list")
            flags="--checkpoint-dir"
            valued="--checkpoint-dir"
            kind="containers"
            ;;
        "checkpoint rm" | "checkpoint remove")
            flags="--checkpoint-dir"
            valued="--checkpoint-dir"
            kind="containers" repeats=yes
            ;;
        "chan send")
            flags="--count --listen --timeout --tlscacert --tlscert --tlskey --tlsverify --verbose"
            valued="--count --timeout --tlscacert --tlscert --tlskey"
            kind="" repeats=yes
            ;;
        "chan recv")
            flags="--count --exec --listen --reply --timeout --tlscacert --tlscert --tlskey --tlsverify --verbose"
            valued="--count --exec --reply --timeout --tlscacert --tlscert --tlskey"
            kind=""
            ;;
        "chan serve")
            flags="--count --exec --reply --timeout --tlscacert --tlscert --tlskey --tlsverify --verbose"
            valued="--count --exec --reply --timeout --tlscacert --tlscert --tlskey"
            kind=""
            ;;
        "chan relay")
            flags="--timeout --tlscacert --tlscert --tlskey --tlsverify --verbose"
            valued="--timeout --tlscacert --tlscert --tlskey"
            kind="" repeats=yes
            ;;
        "chan dump")
            flags="--full --timeout --tlscacert --tlscert --tlskey --tlsverify --verbose"
            valued="--timeout --tlscacert --tlscert --tlskey"
            kind="" repeats=yes
            ;;
        "seccomp record")
            flags="--base --output"
            valued="--base -o --output"
            kind="containers"
            ;;
        "seccomp print")
            flags="--cap-add --cap-drop"
            valued="--cap-add --cap-drop"
            kind=""
            ;;
        rename | "container rename")
            flags=""
            valued=""
            kind="containers" repeats=yes
            ;;
        restart | "container restart")
            flags="--all --filter --signal --timeout"
            valued="--filter -s --signal -t --timeout"
            kind="containers" repeats=yes
            ;;
        rm | "container rm" | "container remove")
            flags="--all --filter --force --volumes"
            valued="--filter"
            kind="containers" repeats=yes
            ;;
        start | "container start")
            flags="--all --attach --checkpoint --checkpoint-dir --detach-keys --filter --interactive --sig-proxy"
            valued="--checkpoint --checkpoint-dir --detach-keys --filter"
            kind="containers" repeats=yes
            ;;
        stats | "container stats")
            flags="--all --format --no-stream --no-trunc"
            valued="--format"
            kind="" repeats=yes
            ;;
        stop | "container stop")
            flags="--all --filter --signal --timeout"
            valued="--filter -s --signal -t --timeout"
            kind="containers" repeats=yes
            ;;
        top | "container top")
            flags=""
            valued=""
            kind="containers"
            ;;
        unpause | "container unpause")
            flags="--all --filter"
            valued="--filter"
            kind="containers" repeats=yes
            ;;
        update | "container update")
            flags="--autostart --autostart-delay --autostart-group --autostart-order --blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --publish-add --publish-rm --restart"
            valued="--autostart-delay --autostart-group --autostart-order --blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems -m --memory --memory-reservation --memory-swap --pids-limit --publish-add --publish-rm --restart"
            kind="containers" repeats=yes
            ;;
        wait | "container wait")
            flags="--condition --interval"
            valued="--condition -i --interval"
            kind="containers" repeats=yes
            ;;
        completion)
            flags=""
            valued=""
            kind="bash fish zsh"
            ;;
        cp | "container cp")
            flags="--archive --follow-link --quiet"
            valued=""
            kind="" repeats=yes
            ;;
        "network create")
            flags="--attachable --aux-address --driver --gateway --internal --ip-range --ipam-driver --ipv4 --ipv6 --label --opt --scope --subnet"
            valued="--aux-address -d --driver --gateway --ip-range --ipam-driver --label -o --opt --scope --subnet"
            kind=""
            ;;
        "network ls" | "network list")
            flags="--filter --format --no-trunc --quiet"
            valued="-f --filter --format"
            kind=""
            ;;
        "network inspect")
            flags="--format"
            valued="-f --format"
            kind="" repeats=yes
            ;;
        "network rm" | "network remove")
            flags="--force"
            valued=""
            kind="" repeats=yes
            ;;
        "network connect")
            flags="--alias --driver-opt --gw-priority --ip --ip6 --link --link-local-ip"
            valued="--alias --driver-opt --gw-priority --ip --ip6 --link --link-local-ip"
            kind="" repeats=yes
            ;;
        "network disconnect")
            flags="--force"
            valued=""
            kind="" repeats=yes
            ;;
        "network prune")
            flags="--filter --force"
            valued="--filter"
            kind=""
            ;;
        "network reload")
            flags=""
            valued=""
            kind=""
            ;;
        "network settings")
            flags="--address-pool --default-network --format --mtu --publish-address --publish-policy --reset"
            valued="--address-pool --default-network --format --mtu --publish-address --publish-policy"
            kind=""
            ;;
        "network doctor")
            flags="--format"
            valued="--format"
            kind=""
            ;;
        "volume create")
            flags="--driver --label --opt"
            valued="-d --driver --label -o --opt"
            kind=""
            ;;
        "volume ls" | "volume list")
            flags="--filter --format --quiet"
            valued="-f --filter --format"
            kind=""
            ;;
        "volume inspect")
            flags="--format"
            valued="-f --format"
            kind="" repeats=yes
            ;;
        "volume rm" | "volume remove")
            flags="--force"
            valued=""
            kind="" repeats=yes
            ;;
        "volume prune")
            flags="--all --filter --force"
            valued="--filter"
            kind=""
            ;;
        "volume rename")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "volume clone")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "volume snapshot")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "volume restore")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "volume update")
            flags="--label --label-rm --opt"
            valued="--label --label-rm -o --opt"
            kind="" repeats=yes
            ;;
        autostart)
            flags="--all --groups --ignore-auto --kill --list --reboot --shutdown --timeout"
            valued="-g --groups -t --timeout"
            kind=""
            ;;
        clone)
            flags="--blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --destroy --force --memory --memory-reservation --memory-swap --name --pids-limit --run"
            valued="--blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems -m --memory --memory-reservation --memory-swap --name --pids-limit"
            kind="containers" repeats=yes
            ;;
        "snapshot create")
            flags="--comment"
            valued="-c --comment"
            kind="containers" repeats=yes
            ;;
        "snapshot ls" | "snapshot list")
            flags="--filter --format --quiet"
            valued="-f --filter --format"
            kind="containers"
            ;;
        "snapshot restore")
            flags="--name --run"
            valued="--name"
            kind="containers" repeats=yes
            ;;
        "snapshot rm" | "snapshot remove")
            flags=""
            valued=""
            kind="containers" repeats=yes
            ;;
        "container clone")
            flags="--blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares --cpus --cpuset-cpus --cpuset-mems --destroy --files --force --memory --memory-reservation --memory-swap --name --pids-limit --run"
            valued="--blkio-weight --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime -c --cpu-shares --cpus --cpuset-cpus --cpuset-mems -m --memory --memory-reservation --memory-swap --name --pids-limit"
            kind="containers" repeats=yes
            ;;
        "container mount" | mount)
            flags="--all --format --no-trunc"
            valued="--format"
            kind="" repeats=yes
            ;;
        "container unmount" | "container umount" | unmount | umount)
            flags="--all --force"
            valued=""
            kind="containers" repeats=yes
            ;;
        "volume mount")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "volume unmount")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "container exists")
            flags=""
            valued=""
            kind="containers"
            ;;
        "healthcheck run")
            flags=""
            valued=""
            kind="containers"
            ;;
        "volume exists")
            flags=""
            valued=""
            kind=""
            ;;
        "volume export")
            flags="--output"
            valued="-o --output"
            kind=""
            ;;
        "volume import")
            flags=""
            valued=""
            kind="" repeats=yes
            ;;
        "secret create")
            flags="--driver --env --ignore --label --replace"
            valued="-d --driver -l --label"
            kind="" repeats=yes
            ;;
        "secret ls" | "secret list")
            flags="--filter --format --quiet"
            valued="-f --filter --format"
            kind=""
            ;;
        "secret inspect")
            flags="--format --pretty --showsecret"
            valued="-f --format"
            kind="" repeats=yes
            ;;
        "secret rm" | "secret remove")
            flags="--all --force --ignore"
            valued=""
            kind="" repeats=yes
            ;;
        "secret exists")
            flags=""
            valued=""
            kind=""
            ;;
        "config create")
            flags="--ignore --label --replace"
            valued="-l --label"
            kind="" repeats=yes
            ;;
        "config ls" | "config list")
            flags="--filter --format --quiet"
            valued="-f --filter --format"
            kind=""
            ;;
        "config inspect")
            flags="--format --pretty"
            valued="-f --format"
            kind="" repeats=yes
            ;;
        "config rm" | "config remove")
            flags="--all --force --ignore"
            valued=""
            kind="" repeats=yes
            ;;
        "config exists")
            flags=""
            valued=""
            kind=""
            ;;
        "oci checkpoint")
            flags="--auto-dedup --empty-ns --ext-unix-sk --file-locks --image-path --lazy-pages --leave-running --link-remap --manage-cgroups-mode --page-server --parent-path --pre-dump --shell-job --status-fd --tcp-established --tcp-skip-in-flight --work-path"
            valued="--empty-ns --image-path --manage-cgroups-mode --page-server --parent-path --status-fd --work-path"
            kind=""
            ;;
        "oci create")
            flags="--bundle --console-socket --no-new-keyring --no-pivot --pid-file --pidfd-socket --preserve-fds"
            valued="-b --bundle --console-socket --pid-file --pidfd-socket --preserve-fds"
            kind=""
            ;;
        "oci delete")
            flags="--force"
            valued=""
            kind=""
            ;;
        "oci events")
            flags="--interval --stats"
            valued="--interval"
            kind=""
            ;;
        "oci exec")
            flags="--additional-gids --apparmor --cap --cgroup --console-socket --cwd --detach --env --ignore-paused --no-new-privs --no-subreaper --pid-file --pidfd-socket --preserve-fds --process --process-label --tty --user"
            valued="-g --additional-gids --apparmor -c --cap --cgroup --console-socket --cwd -e --env --pid-file --pidfd-socket --preserve-fds -p --process --process-label -u --user"
            kind=""
            ;;
        "oci features")
            flags=""
            valued=""
            kind=""
            ;;
        "oci kill")
            flags="--all"
            valued=""
            kind="" repeats=yes
            ;;
        "oci list")
            flags="--format --quiet"
            valued="-f --format"
            kind=""
            ;;
        "oci pause")
            flags=""
            valued=""
            kind=""
            ;;
        "oci plan")
            flags=""
            valued=""
            kind="directories"
            ;;
        "oci ps")
            flags="--format"
            valued="-f --format"
            kind=""
            ;;
        "oci restore")
            flags="--auto-dedup --bundle --console-socket --detach --empty-ns --ext-unix-sk --file-locks --image-path --lazy-pages --lsm-mount-context --lsm-profile --manage-cgroups-mode --no-pivot --no-subreaper --pid-file --pidfd-socket --shell-job --tcp-established --work-path"
            valued="-b --bundle --console-socket --empty-ns --image-path --lsm-mount-context --lsm-profile --manage-cgroups-mode --pid-file --pidfd-socket --work-path"
            kind=""
            ;;
        "oci resume")
            flags=""
            valued=""
            kind=""
            ;;
        "oci run")
            flags="--bundle --console-socket --detach --keep --no-new-keyring --no-pivot --no-subreaper --pid-file --pidfd-socket --preserve-fds"
            valued="-b --bundle --console-socket --pid-file --pidfd-socket --preserve-fds"
            kind=""
            ;;
        "oci spec")
            flags="--bundle --rootless"
            valued="-b --bundle"
            kind=""
            ;;
        "oci start")
            flags=""
            valued=""
            kind=""
            ;;
        "oci state")
            flags=""
            valued=""
            kind=""
            ;;
        "oci update")
            flags="--blkio-weight --cpu-burst --cpu-idle --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-share --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit --resources"
            valued="--blkio-weight --cpu-burst --cpu-idle --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-share --cpuset-cpus --cpuset-mems --memory --memory-reservation --memory-swap --pids-limit -r --resources"
            kind=""
            ;;
        "lxc attach")
            flags="--arch --clear-env --context --elevated-privileges --gid --keep-env --keep-var --logfile --logpriority --lxcpath --name --namespaces --pty-log --quiet --rcfile --remount-sys-proc --set-var --uid --usage --version"
            valued="-a --arch -c --context -g --gid --keep-var -o --logfile -l --logpriority -P --lxcpath -n --name -s --namespaces -L --pty-log -f --rcfile -v --set-var -u --uid"
            kind="systems"
            ;;
        "lxc autostart")
            flags="--all --groups --ignore-auto --kill --list --logfile --logpriority --lxcpath --quiet --reboot --shutdown --timeout --usage --version"
            valued="-g --groups -o --logfile -l --logpriority -P --lxcpath -t --timeout"
            kind="" repeats=yes
            ;;
        "lxc cgroup")
            flags="--logfile --logpriority --lxcpath --name --quiet --rcfile --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile"
            kind="systems"
            ;;
        "lxc checkconfig")
            flags=""
            valued=""
            kind=""
            ;;
        "lxc checkpoint")
            flags="--action-script --checkpoint-dir --daemon --foreground --logfile --logpriority --lxcpath --name --pre-dump --predump-dir --quiet --rcfile --restore --stop --usage --verbose --version"
            valued="-A --action-script -D --checkpoint-dir -o --logfile -l --logpriority -P --lxcpath -n --name --predump-dir --rcfile"
            kind="systems"
            ;;
        "lxc config")
            flags="--list"
            valued=""
            kind="" repeats=yes
            ;;
        "lxc console")
            flags="--escape --logfile --logpriority --lxcpath --name --quiet --rcfile --tty --usage --version"
            valued="-e --escape -o --logfile -l --logpriority -P --lxcpath -n --name --rcfile -t --tty"
            kind="systems"
            ;;
        "lxc copy")
            flags="--allowrunning --backingstorage --daemon --ephemeral --foreground --fssize --keepdata --keepmac --keepname --logfile --logpriority --lxcpath --mount --name --newname --newpath --quiet --rcfile --rename --snapshot --tmpfs --usage --version"
            valued="-B --backingstorage -L --fssize -o --logfile -l --logpriority -P --lxcpath -m --mount -n --name -N --newname -p --newpath --rcfile"
            kind="systems"
            ;;
        "lxc create")
            flags="--bdev --config --dir --fssize --fstype --logfile --logpriority --lvname --lxcpath --name --quiet --rbdname --rbdpool --template --thinpool --usage --version --vgname --zfsroot"
            valued="-B --bdev -f --config --dir --fssize --fstype -o --logfile -l --logpriority --lvname -P --lxcpath -n --name --rbdname --rbdpool -t --template --thinpool --vgname --zfsroot"
            kind="systems"
            ;;
        "lxc destroy")
            flags="--force --logfile --logpriority --lxcpath --name --quiet --rcfile --snapshots --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile"
            kind="systems"
            ;;
        "lxc device")
            flags="--logfile --logpriority --lxcpath --name --quiet --rcfile --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile"
            kind="systems"
            ;;
        "lxc execute")
            flags="--daemon --define --gid --logfile --logpriority --lxcpath --name --quiet --rcfile --share-ipc --share-net --share-pid --share-uts --uid --usage --version"
            valued="-s --define -g --gid -o --logfile -l --logpriority -P --lxcpath -n --name -f --rcfile --share-ipc --share-net --share-pid --share-uts -u --uid"
            kind="systems"
            ;;
        "lxc freeze")
            flags="--logfile --logpriority --lxcpath --name --quiet --rcfile --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile"
            kind="systems"
            ;;
        "lxc info")
            flags="--config --ips --logfile --logpriority --lxcpath --name --no-humanize --pid --quiet --rcfile --state --stats --usage --version"
            valued="-c --config -o --logfile -l --logpriority -P --lxcpath -n --name --rcfile"
            kind="systems"
            ;;
        "lxc install-links")
            flags="--logfile --logpriority --lxcpath --quiet --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath"
            kind="" repeats=yes
            ;;
        "lxc ls")
            flags="--active --defined --fancy --fancy-format --filter --frozen --groups --line --logfile --logpriority --lxcpath --nesting --quiet --running --stopped --usage --version"
            valued="-F --fancy-format --filter -g --groups -o --logfile -l --logpriority -P --lxcpath"
            kind="" repeats=yes
            ;;
        "lxc monitor")
            flags="--logfile --logpriority --lxcpath --name --quiet --quit --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name"
            kind="" repeats=yes
            ;;
        "lxc snapshot")
            flags="--comment --destroy --list --logfile --logpriority --lxcpath --name --newname --quiet --rcfile --restore --showcomments --usage --version"
            valued="-c --comment -d --destroy -o --logfile -l --logpriority -P --lxcpath -n --name -N --newname --rcfile -r --restore"
            kind="systems"
            ;;
        "lxc start")
            flags="--close-all-fds --console --console-log --daemon --define --foreground --logfile --logpriority --lxcpath --name --pidfile --quiet --rcfile --share-ipc --share-net --share-pid --share-uts --usage --version"
            valued="-c --console -L --console-log -s --define -o --logfile -l --logpriority -P --lxcpath -n --name -p --pidfile -f --rcfile --share-ipc --share-net --share-pid --share-uts"
            kind="systems"
            ;;
        "lxc stop")
            flags="--kill --logfile --logpriority --lxcpath --name --nokill --nolock --nowait --quiet --rcfile --reboot --timeout --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile -t --timeout"
            kind="systems"
            ;;
        "lxc top")
            flags="--batch --delay --logfile --logpriority --lxcpath --quiet --reverse --sort --usage --version"
            valued="-d --delay -o --logfile -l --logpriority -P --lxcpath -s --sort"
            kind=""
            ;;
        "lxc unfreeze")
            flags="--logfile --logpriority --lxcpath --name --quiet --rcfile --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile"
            kind="systems"
            ;;
        "lxc unshare")
            flags="--daemon --hostname --ifname --logfile --logpriority --lxcpath --namespaces --quiet --remount --usage --user --version"
            valued="-H --hostname -i --ifname -o --logfile -l --logpriority -P --lxcpath -s --namespaces -u --user"
            kind="" repeats=yes
            ;;
        "lxc update-config")
            flags="--config"
            valued="-c --config"
            kind="" repeats=yes
            ;;
        "lxc usernsexec")
            flags="--map --script"
            valued="-m --map"
            kind=""
            ;;
        "lxc wait")
            flags="--logfile --logpriority --lxcpath --name --quiet --rcfile --state --timeout --usage --version"
            valued="-o --logfile -l --logpriority -P --lxcpath -n --name --rcfile -s --state -t --timeout"
            kind="systems"
            ;;
    esac
}

_corten_value() {
    case $previous in
        --authfile | --cidfile | --console-socket | --device | --env-file | --file | --iidfile | --input | --metadata-file | --pid-file | --pidfd-socket | --process | --resources | --tlscacert | --tlscert | --tlskey | --volume | -f | -i | -p | -r | -v) _corten_choose "files" ;;
        --network) _corten_choose "container: host none" ;;
        --pull) _corten_choose "always missing never" ;;
        --signal | --stop-signal | -s) _corten_choose "SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH" ;;
        --progress) _corten_choose "auto tty plain json quiet" ;;
        --list) _corten_choose "targets variables" ;;
        --type) _corten_choose "container image" ;;
        --bundle | --cwd | --state | -b | -s) _corten_choose "directories" ;;
    esac
}

_corten() {
    # Words are parted at spaces only: bash itself parts them at = and : too.
    local line=${COMP_LINE:0:COMP_POINT}
    local -a words globals=()
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local last=$((${#words[@]} - 1)) at=1
    local current=${words[last]} previous=${words[last - 1]}
    COMPREPLY=()

    while ((at < last)) && [[ ${words[at]} == -* ]]; do
        case ${words[at]} in
            --root | --state)
                if ((at + 1 == last)); then
                    _corten_choose directories
                    return
                fi
                globals+=("${words[at]}" "${words[at + 1]}")
                ((at++))
                ;;
            --host | -H | --context | -c | --tlscacert | --tlscert | --tlskey)
                if ((at + 1 == last)); then
                    case ${words[at]} in
                        --context | -c) _corten_offer "$(corten context ls --quiet 2>/dev/null)" ;;
                        --tls*) _corten_choose files ;;
                    esac
                    return
                fi
                globals+=("${words[at]}" "${words[at + 1]}")
                ((at++))
                ;;
            --root=* | --state=* | --host=* | --context=* | --tls*=*) globals+=("${words[at]}") ;;
        esac
        ((at++))
    done
    local command=${words[at]}
    [[ $command == help ]] && ((at < last)) && command=${words[++at]}
    if ((at >= last)); then
        [[ $current == -* ]] && _corten_offer "--context --host --root --state --tlscacert --tlscert --tlskey --version --help" || _corten_offer "apparmor attach autostart bake build builder buildx chan checkpoint clone commit completion config console container context cp create diff events exec export healthcheck help history image images import info inspect kill load login logout logs lxc manifest mount network oci pause port ps pull push rename restart rm rmi run save search seccomp secret selinux serve snapshot start stats stop system tag template top umount unmount unpause update version volume wait"
        return
    fi

    local flags= valued= kind= repeats=no members=
    _corten_family "$command"
    while [[ -n $members ]]; do
        ((++at))
        if ((at >= last)); then
            _corten_offer "$members"
            return
        fi
        command+=" ${words[at]}"
        members=
        _corten_family "$command"
    done
    _corten_command "$command"

    local count=0
    for ((at++; at < last; at++)); do
        if [[ " $valued " == *" ${words[at]} "* ]]; then
            ((++at))
        elif [[ ${words[at]} != -* ]]; then
            ((++count))
        fi
    done
    if [[ $current == --*=* ]]; then
        previous=${current%%=*}
        current=${current#*=}
        _corten_value
    elif [[ " $valued " == *" $previous "* ]]; then
        _corten_value
    elif [[ $current == -* ]]; then
        _corten_offer "$flags --help"
    elif ((count == 0)) || [[ $repeats == yes ]]; then
        _corten_choose "$kind"
    else
        compopt -o default 2>/dev/null
    fi
    # bash replaces only what follows the last of its separators.
    if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
        local before=${current%"${current##*:}"}
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}

complete -F _corten corten
