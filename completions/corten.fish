# fish completion for corten. Made by `corten completion fish`; do not edit.

# The global flags of the line, for questions to the program.
function __corten_globals
    set -l words (commandline -opc)
    for at in (seq 2 (count $words))
        switch $words[$at]
            case --root --state --host -H --context -c --tlscacert --tlscert --tlskey
                test $at -lt (count $words); and printf '%s\n' $words[$at] $words[(math $at + 1)]
            case '--root=*' '--state=*' '--host=*' '--context=*' '--tls*=*'
                printf '%s\n' $words[$at]
        end
    end
end

function __corten_containers
    corten (__corten_globals) ps --all --format '{{.Names}}' 2>/dev/null
end

function __corten_systems
    corten (__corten_globals) lxc ls -1 2>/dev/null
end

function __corten_images
    corten (__corten_globals) images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null
end

function __corten_targets
    corten bake --list targets 2>/dev/null | sed -e 1d -e 's/ .*//'
end

# The words of the line without the program and its global flags.
function __corten_words
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]; and string match -q -- '-*' $words[1]
        contains -- $words[1] --root --state --host -H --context -c --tlscacert --tlscert --tlskey
        and set -e words[1]
        set -e words[1]
    end
    set -q words[1]; and printf '%s\n' $words
end

# Whether no command was given yet.
function __corten_first
    set -l words (__corten_words)
    test (count $words) -eq 0; or test "$words" = help
end

# Whether a family was given, and none of its members.
function __corten_family
    set -l words (__corten_words)
    test "$words" = "$argv"
end

# Whether the command is one of these.
function __corten_is
    set -l words (__corten_words)
    contains -- "$words[1]" $argv; or contains -- "$words[1] $words[2]" $argv
    or contains -- "$words[1] $words[2] $words[3]" $argv
end

complete -c corten -f
complete -c corten -n __corten_first -s c -l context -x -d 'Name of the context to connect to (or CORTEN_CONTEXT)'
complete -c corten -n __corten_first -s H -l host -x -d 'Server to connect to: unix://PATH, tcp://HOST:PORT or ssh://USER@HOST (or CORTEN_HOST)'
complete -c corten -n __corten_first -l root -x -a '(__fish_complete_directories)' -d 'Directory of images, layers and records (default "/var/lib/corten", or CORTEN_ROOT)'
complete -c corten -n __corten_first -l state -x -a '(__fish_complete_directories)' -d 'Directory of what does not survive a reboot (default "/run/corten", or CORTEN_STATE)'
complete -c corten -n __corten_first -l tlscacert -r -F -d 'Trust only servers with certificates signed by this CA'
complete -c corten -n __corten_first -l tlscert -r -F -d 'TLS certificate for the server to know the caller by'
complete -c corten -n __corten_first -l tlskey -r -F -d 'Key of that certificate'
complete -c corten -n __corten_first -s v -l version -d 'Print version information and quit'
complete -c corten -n __corten_first -a apparmor -d 'Manage AppArmor profiles'
complete -c corten -n __corten_first -a attach -d 'Attach local standard input, output, and error streams to a running container'
complete -c corten -n __corten_first -a autostart -d 'Start what starts with the machine in turn, or restart, stop or list it'
complete -c corten -n __corten_first -a bake -d 'Build the targets of a bake file or a Compose file'
complete -c corten -n __corten_first -a build -d 'Build an image from a Dockerfile'
complete -c corten -n __corten_first -a builder -d 'Manage builds'
complete -c corten -n __corten_first -a buildx -d 'Build images: Docker\'s other name for it'
complete -c corten -n __corten_first -a chan -d 'Speak libchan, and look at who speaks it'
complete -c corten -n __corten_first -a checkpoint -d 'Manage checkpoints of containers'
complete -c corten -n __corten_first -a clone -d 'Create a new container with the configuration and the files of another one, without copying them'
complete -c corten -n __corten_first -a commit -d 'Create a new image from a container\'s changes'
complete -c corten -n __corten_first -a completion -d 'Print the completion script of a shell'
complete -c corten -n __corten_first -a config -d 'Manage configs'
complete -c corten -n __corten_first -a console -d 'Look at the console or a terminal of a running container'
complete -c corten -n __corten_first -a container -d 'Manage containers'
complete -c corten -n __corten_first -a context -d 'Manage contexts: servers that have names'
complete -c corten -n __corten_first -a cp -d 'Copy files/folders between a container and the local filesystem'
complete -c corten -n __corten_first -a create -d 'Create a new container'
complete -c corten -n __corten_first -a diff -d 'Inspect changes to files or directories on a container\'s filesystem'
complete -c corten -n __corten_first -a events -d 'Get real time events'
complete -c corten -n __corten_first -a exec -d 'Execute a command in a running container'
complete -c corten -n __corten_first -a export -d 'Export a container\'s filesystem as a tar archive'
complete -c corten -n __corten_first -a healthcheck -d 'Manage health checks of containers'
complete -c corten -n __corten_first -a help -d 'Help about a command'
complete -c corten -n __corten_first -a history -d 'Show the history of an image'
complete -c corten -n __corten_first -a image -d 'Manage images'
complete -c corten -n __corten_first -a images -d 'List images'
complete -c corten -n __corten_first -a import -d 'Import the contents from a tarball to create a filesystem image'
complete -c corten -n __corten_first -a info -d 'Display system-wide information'
complete -c corten -n __corten_first -a inspect -d 'Return low-level information on containers and images'
complete -c corten -n __corten_first -a kill -d 'Kill one or more running containers'
complete -c corten -n __corten_first -a load -d 'Load an image from a tar archive or STDIN'
complete -c corten -n __corten_first -a login -d 'Authenticate to a registry'
complete -c corten -n __corten_first -a logout -d 'Log out from a registry'
complete -c corten -n __corten_first -a logs -d 'Fetch the logs of a container'
complete -c corten -n __corten_first -a lxc -d 'Manage whole systems by LXC\'s tools and configurations'
complete -c corten -n __corten_first -a manifest -d 'Manage lists of manifests for several platforms'
complete -c corten -n __corten_first -a mount -d 'Mount the files of containers on the host and print where, or list what is mounted'
complete -c corten -n __corten_first -a network -d 'Manage networks'
complete -c corten -n __corten_first -a oci -d 'Run OCI bundles, as runc does'
complete -c corten -n __corten_first -a pause -d 'Pause all processes within one or more containers'
complete -c corten -n __corten_first -a port -d 'List port mappings or a specific mapping for the container'
complete -c corten -n __corten_first -a ps -d 'List containers'
complete -c corten -n __corten_first -a pull -d 'Download an image from a registry'
complete -c corten -n __corten_first -a push -d 'Upload an image to a registry'
complete -c corten -n __corten_first -a rename -d 'Rename a container'
complete -c corten -n __corten_first -a restart -d 'Restart one or more containers'
complete -c corten -n __corten_first -a rm -d 'Remove one or more containers'
complete -c corten -n __corten_first -a rmi -d 'Remove one or more images'
complete -c corten -n __corten_first -a run -d 'Create and run a new container from an image'
complete -c corten -n __corten_first -a save -d 'Save one or more images to a tar archive (streamed to STDOUT by default)'
complete -c corten -n __corten_first -a search -d 'Search Docker Hub, or the registry before the term, for images'
complete -c corten -n __corten_first -a seccomp -d 'Manage profiles of system calls'
complete -c corten -n __corten_first -a secret -d 'Manage secrets'
complete -c corten -n __corten_first -a selinux -d 'Manage Corten\'s types in the SELinux policy'
complete -c corten -n __corten_first -a serve -d 'Answer the Docker Engine API on a socket'
complete -c corten -n __corten_first -a snapshot -d 'Manage snapshots of containers'
complete -c corten -n __corten_first -a start -d 'Start one or more stopped containers'
complete -c corten -n __corten_first -a stats -d 'Display a live stream of container(s) resource usage statistics'
complete -c corten -n __corten_first -a stop -d 'Stop one or more running containers'
complete -c corten -n __corten_first -a system -d 'Manage Corten'
complete -c corten -n __corten_first -a tag -d 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE'
complete -c corten -n __corten_first -a template -d 'Manage what images are built of'
complete -c corten -n __corten_first -a top -d 'Display the running processes of a container'
complete -c corten -n __corten_first -a umount -d 'Take the files of containers away from the host'
complete -c corten -n __corten_first -a unmount -d 'Take the files of containers away from the host'
complete -c corten -n __corten_first -a unpause -d 'Unpause all processes within one or more containers'
complete -c corten -n __corten_first -a update -d 'Update configuration of one or more containers'
complete -c corten -n __corten_first -a version -d 'Show the Corten version information'
complete -c corten -n __corten_first -a volume -d 'Manage volumes'
complete -c corten -n __corten_first -a wait -d 'Block until one or more containers stop, then print their exit codes'
complete -c corten -n '__corten_family apparmor' -a inspect -d 'Print the default AppArmor profile, or the same as NAME to begin one of your own with'
complete -c corten -n '__corten_family apparmor' -a list -d 'List the AppArmor profiles that are loaded'
complete -c corten -n '__corten_family apparmor' -a load -d 'Load an AppArmor profile: the default one, or those of FILE or STDIN'
complete -c corten -n '__corten_family apparmor' -a ls -d 'List the AppArmor profiles that are loaded'
complete -c corten -n '__corten_family apparmor' -a print -d 'Print the default AppArmor profile, or the same as NAME to begin one of your own with'
complete -c corten -n '__corten_family apparmor' -a unload -d 'Unload one or more AppArmor profiles'
complete -c corten -n '__corten_family builder' -a bake -d 'Build the targets of a bake file or a Compose file'
complete -c corten -n '__corten_family builder' -a build -d 'Build an image from a Dockerfile'
complete -c corten -n '__corten_family builder' -a du -d 'List what builds keep, and what it takes'
complete -c corten -n '__corten_family builder' -a history -d 'Manage records of builds'
complete -c corten -n '__corten_family builder' -a prune -d 'Remove build cache'
complete -c corten -n '__corten_family buildx' -a bake -d 'Build the targets of a bake file or a Compose file'
complete -c corten -n '__corten_family buildx' -a build -d 'Build an image from a Dockerfile'
complete -c corten -n '__corten_family buildx' -a du -d 'List what builds keep, and what it takes'
complete -c corten -n '__corten_family buildx' -a f -d 'Build the targets of a bake file or a Compose file'
complete -c corten -n '__corten_family buildx' -a history -d 'Manage records of builds'
complete -c corten -n '__corten_family buildx' -a prune -d 'Remove build cache'
complete -c corten -n '__corten_family chan' -a dump -d 'Print the frames between two peers, or those of recorded bytes, with the messages in them'
complete -c corten -n '__corten_family chan' -a recv -d 'Print the messages of all channels that a peer opens, in JSON'
complete -c corten -n '__corten_family chan' -a relay -d 'Listen, and pass all channels on to another peer and back'
complete -c corten -n '__corten_family chan' -a send -d 'Send messages on a channel, in JSON, and print what comes back'
complete -c corten -n '__corten_family chan' -a serve -d 'Listen, print the messages of all peers in JSON, and answer them'
complete -c corten -n '__corten_family checkpoint' -a create -d 'Create a checkpoint from a running container'
complete -c corten -n '__corten_family checkpoint' -a list -d 'List checkpoints for a container'
complete -c corten -n '__corten_family checkpoint' -a ls -d 'List checkpoints for a container'
complete -c corten -n '__corten_family checkpoint' -a remove -d 'Remove one or more checkpoints'
complete -c corten -n '__corten_family checkpoint' -a rm -d 'Remove one or more checkpoints'
complete -c corten -n '__corten_family config' -a create -d 'Create a config from a file or STDIN, encrypted at rest'
complete -c corten -n '__corten_family config' -a exists -d 'Exit with 0 if there is such a config, with 1 if not'
complete -c corten -n '__corten_family config' -a inspect -d 'Display detailed information on one or more configs'
complete -c corten -n '__corten_family config' -a list -d 'List configs'
complete -c corten -n '__corten_family config' -a ls -d 'List configs'
complete -c corten -n '__corten_family config' -a remove -d 'Remove one or more configs'
complete -c corten -n '__corten_family config' -a rm -d 'Remove one or more configs'
complete -c corten -n '__corten_family container' -a attach -d 'Attach local standard input, output, and error streams to a running container'
complete -c corten -n '__corten_family container' -a clone -d 'Create a new container with the configuration of another one, without its files'
complete -c corten -n '__corten_family container' -a commit -d 'Create a new image from a container\'s changes'
complete -c corten -n '__corten_family container' -a console -d 'Look at the console or a terminal of a running container'
complete -c corten -n '__corten_family container' -a cp -d 'Copy files/folders between a container and the local filesystem'
complete -c corten -n '__corten_family container' -a create -d 'Create a new container'
complete -c corten -n '__corten_family container' -a diff -d 'Inspect changes to files or directories on a container\'s filesystem'
complete -c corten -n '__corten_family container' -a exec -d 'Execute a command in a running container'
complete -c corten -n '__corten_family container' -a exists -d 'Exit with 0 if there is such a container, with 1 if not'
complete -c corten -n '__corten_family container' -a export -d 'Export a container\'s filesystem as a tar archive'
complete -c corten -n '__corten_family container' -a inspect -d 'Display detailed information on one or more containers'
complete -c corten -n '__corten_family container' -a kill -d 'Kill one or more running containers'
complete -c corten -n '__corten_family container' -a list -d 'List containers'
complete -c corten -n '__corten_family container' -a logs -d 'Fetch the logs of a container'
complete -c corten -n '__corten_family container' -a ls -d 'List containers'
complete -c corten -n '__corten_family container' -a mount -d 'Mount the files of containers on the host and print where, or list what is mounted'
complete -c corten -n '__corten_family container' -a pause -d 'Pause all processes within one or more containers'
complete -c corten -n '__corten_family container' -a port -d 'List port mappings or a specific mapping for the container'
complete -c corten -n '__corten_family container' -a prune -d 'Remove all stopped containers'
complete -c corten -n '__corten_family container' -a ps -d 'List containers'
complete -c corten -n '__corten_family container' -a remove -d 'Remove one or more containers'
complete -c corten -n '__corten_family container' -a rename -d 'Rename a container'
complete -c corten -n '__corten_family container' -a restart -d 'Restart one or more containers'
complete -c corten -n '__corten_family container' -a rm -d 'Remove one or more containers'
complete -c corten -n '__corten_family container' -a run -d 'Create and run a new container from an image'
complete -c corten -n '__corten_family container' -a start -d 'Start one or more stopped containers'
complete -c corten -n '__corten_family container' -a stats -d 'Display a live stream of container(s) resource usage statistics'
complete -c corten -n '__corten_family container' -a stop -d 'Stop one or more running containers'
complete -c corten -n '__corten_family container' -a top -d 'Display the running processes of a container'
complete -c corten -n '__corten_family container' -a umount -d 'Take the files of containers away from the host'
complete -c corten -n '__corten_family container' -a unmount -d 'Take the files of containers away from the host'
complete -c corten -n '__corten_family container' -a unpause -d 'Unpause all processes within one or more containers'
complete -c corten -n '__corten_family container' -a update -d 'Update configuration of one or more containers'
complete -c corten -n '__corten_family container' -a wait -d 'Block until one or more containers stop, then print their exit codes'
complete -c corten -n '__corten_family context' -a create -d 'Create a context'
complete -c corten -n '__corten_family context' -a export -d 'Export a context to a tar archive FILE or a tar stream on STDOUT'
complete -c corten -n '__corten_family context' -a import -d 'Import a context from a tar archive'
complete -c corten -n '__corten_family context' -a inspect -d 'Display detailed information on one or more contexts'
complete -c corten -n '__corten_family context' -a list -d 'List contexts'
complete -c corten -n '__corten_family context' -a ls -d 'List contexts'
complete -c corten -n '__corten_family context' -a remove -d 'Remove one or more contexts'
complete -c corten -n '__corten_family context' -a rm -d 'Remove one or more contexts'
complete -c corten -n '__corten_family context' -a show -d 'Print the name of the current context'
complete -c corten -n '__corten_family context' -a update -d 'Update a context'
complete -c corten -n '__corten_family context' -a use -d 'Set the context that commands go by'
complete -c corten -n '__corten_family healthcheck' -a run -d 'Run a container\'s health check now, and exit with 0 if it is healthy, with 1 if not'
complete -c corten -n '__corten_family image' -a build -d 'Build an image from a Dockerfile'
complete -c corten -n '__corten_family image' -a copy -d 'Copy an image among registries, OCI layouts, archives and the store, byte for byte'
complete -c corten -n '__corten_family image' -a history -d 'Show the history of an image'
complete -c corten -n '__corten_family image' -a import -d 'Import the contents from a tarball to create a filesystem image'
complete -c corten -n '__corten_family image' -a inspect -d 'Display detailed information on one or more images'
complete -c corten -n '__corten_family image' -a list -d 'List images'
complete -c corten -n '__corten_family image' -a load -d 'Load an image from a tar archive or STDIN'
complete -c corten -n '__corten_family image' -a ls -d 'List images'
complete -c corten -n '__corten_family image' -a prune -d 'Remove unused images'
complete -c corten -n '__corten_family image' -a pull -d 'Download an image from a registry'
complete -c corten -n '__corten_family image' -a push -d 'Upload an image to a registry'
complete -c corten -n '__corten_family image' -a remove -d 'Remove one or more images'
complete -c corten -n '__corten_family image' -a rm -d 'Remove one or more images'
complete -c corten -n '__corten_family image' -a save -d 'Save one or more images to a tar archive (streamed to STDOUT by default)'
complete -c corten -n '__corten_family image' -a tag -d 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE'
complete -c corten -n '__corten_family image' -a verify -d 'Verify the signatures of an image at its registry'
complete -c corten -n '__corten_family lxc' -a attach -d 'Run a program in a container that runs'
complete -c corten -n '__corten_family lxc' -a autostart -d 'Start what starts with the machine, or stop it'
complete -c corten -n '__corten_family lxc' -a cgroup -d 'Read or write a file of a container\'s control groups'
complete -c corten -n '__corten_family lxc' -a checkconfig -d 'Show what the kernel has for containers'
complete -c corten -n '__corten_family lxc' -a checkpoint -d 'Write a container\'s processes to the disk, or go on from there'
complete -c corten -n '__corten_family lxc' -a config -d 'Show LXC\'s own configuration'
complete -c corten -n '__corten_family lxc' -a console -d 'Use a container\'s console; ^a q leaves it'
complete -c corten -n '__corten_family lxc' -a copy -d 'Copy a container, or give it another name'
complete -c corten -n '__corten_family lxc' -a create -d 'Make a container'
complete -c corten -n '__corten_family lxc' -a destroy -d 'Remove a container with its files'
complete -c corten -n '__corten_family lxc' -a device -d 'Give a container that runs a device, or take it away'
complete -c corten -n '__corten_family lxc' -a execute -d 'Run a program in a container of its own'
complete -c corten -n '__corten_family lxc' -a freeze -d 'Make a container\'s processes stand still'
complete -c corten -n '__corten_family lxc' -a info -d 'Show a container\'s state and what it uses'
complete -c corten -n '__corten_family lxc' -a install-links -d 'Make links by LXC\'s names to this program'
complete -c corten -n '__corten_family lxc' -a ls -d 'List containers'
complete -c corten -n '__corten_family lxc' -a monitor -d 'Show what happens to containers'
complete -c corten -n '__corten_family lxc' -a snapshot -d 'Keep a container as it is now, and restore it'
complete -c corten -n '__corten_family lxc' -a start -d 'Start a container'
complete -c corten -n '__corten_family lxc' -a stop -d 'Stop a container, or have it start anew'
complete -c corten -n '__corten_family lxc' -a top -d 'Show what containers use'
complete -c corten -n '__corten_family lxc' -a unfreeze -d 'Let a container\'s processes go on'
complete -c corten -n '__corten_family lxc' -a unshare -d 'Run a program in namespaces of its own'
complete -c corten -n '__corten_family lxc' -a update-config -d 'Make a configuration of before LXC 2.1 a new one'
complete -c corten -n '__corten_family lxc' -a usernsexec -d 'Run a program in a user namespace of its own'
complete -c corten -n '__corten_family lxc' -a wait -d 'Wait until a container is in a state'
complete -c corten -n '__corten_family manifest' -a annotate -d 'Add additional information to a local image manifest'
complete -c corten -n '__corten_family manifest' -a create -d 'Create a local manifest list for annotating and pushing to a registry'
complete -c corten -n '__corten_family manifest' -a inspect -d 'Display an image manifest, or manifest list'
complete -c corten -n '__corten_family manifest' -a push -d 'Push a manifest list to a repository'
complete -c corten -n '__corten_family manifest' -a rm -d 'Delete one or more manifest lists from local storage'
complete -c corten -n '__corten_family network' -a connect -d 'Connect a container to a network'
complete -c corten -n '__corten_family network' -a create -d 'Create a network'
complete -c corten -n '__corten_family network' -a disconnect -d 'Disconnect a container from a network'
complete -c corten -n '__corten_family network' -a doctor -d 'Tell who reaches which published port, and what is wrong with the networks'
complete -c corten -n '__corten_family network' -a inspect -d 'Display detailed information on one or more networks'
complete -c corten -n '__corten_family network' -a list -d 'List networks'
complete -c corten -n '__corten_family network' -a ls -d 'List networks'
complete -c corten -n '__corten_family network' -a prune -d 'Remove all unused networks'
complete -c corten -n '__corten_family network' -a reload -d 'Make the rules and interfaces of every network anew'
complete -c corten -n '__corten_family network' -a remove -d 'Remove one or more networks'
complete -c corten -n '__corten_family network' -a rm -d 'Remove one or more networks'
complete -c corten -n '__corten_family network' -a settings -d 'Show or change what holds for all networks of the machine'
complete -c corten -n '__corten_family oci' -a checkpoint -d 'Write a running container into images, through CRIU'
complete -c corten -n '__corten_family oci' -a create -d 'Create a container'
complete -c corten -n '__corten_family oci' -a delete -d 'Delete what a container holds'
complete -c corten -n '__corten_family oci' -a events -d 'Print what a container uses, and processes killed for want of memory'
complete -c corten -n '__corten_family oci' -a exec -d 'Execute a process in a container'
complete -c corten -n '__corten_family oci' -a features -d 'Print what this runtime can do, as JSON'
complete -c corten -n '__corten_family oci' -a kill -d 'Send a signal to a container\'s first process (default SIGTERM)'
complete -c corten -n '__corten_family oci' -a list -d 'List containers'
complete -c corten -n '__corten_family oci' -a pause -d 'Suspend all processes of a container'
complete -c corten -n '__corten_family oci' -a plan -d 'Print what a bundle\'s configuration comes to, step by step'
complete -c corten -n '__corten_family oci' -a ps -d 'List the processes of a container'
complete -c corten -n '__corten_family oci' -a restore -d 'Make a container out of images, through CRIU'
complete -c corten -n '__corten_family oci' -a resume -d 'Let all processes of a container go on'
complete -c corten -n '__corten_family oci' -a run -d 'Create and start a container'
complete -c corten -n '__corten_family oci' -a spec -d 'Write a configuration to begin with'
complete -c corten -n '__corten_family oci' -a start -d 'Start a container that was created'
complete -c corten -n '__corten_family oci' -a state -d 'Print the state of a container'
complete -c corten -n '__corten_family oci' -a update -d 'Change the limits of a container'
complete -c corten -n '__corten_family seccomp' -a print -d 'Print the default profile, or another that --security-opt seccomp=PROFILE takes, as it is for a container here'
complete -c corten -n '__corten_family seccomp' -a record -d 'Start a container, and propose a profile of the system calls that it makes until it ends'
complete -c corten -n '__corten_family secret' -a create -d 'Create a secret from a file or STDIN, encrypted at rest'
complete -c corten -n '__corten_family secret' -a exists -d 'Exit with 0 if there is such a secret, with 1 if not'
complete -c corten -n '__corten_family secret' -a inspect -d 'Display detailed information on one or more secrets'
complete -c corten -n '__corten_family secret' -a list -d 'List secrets'
complete -c corten -n '__corten_family secret' -a ls -d 'List secrets'
complete -c corten -n '__corten_family secret' -a remove -d 'Remove one or more secrets'
complete -c corten -n '__corten_family secret' -a rm -d 'Remove one or more secrets'
complete -c corten -n '__corten_family selinux' -a inspect -d 'Print what is added'
complete -c corten -n '__corten_family selinux' -a load -d 'Add types for containers to the SELinux policy of this machine'
complete -c corten -n '__corten_family selinux' -a print -d 'Print what is added'
complete -c corten -n '__corten_family selinux' -a unload -d 'Take them out of the policy again'
complete -c corten -n '__corten_family snapshot' -a create -d 'Create a snapshot of a container: its files and its configuration'
complete -c corten -n '__corten_family snapshot' -a list -d 'List snapshots of a container'
complete -c corten -n '__corten_family snapshot' -a ls -d 'List snapshots of a container'
complete -c corten -n '__corten_family snapshot' -a remove -d 'Remove one or more snapshots'
complete -c corten -n '__corten_family snapshot' -a restore -d 'Bring a container back to a snapshot, or make a new one of it'
complete -c corten -n '__corten_family snapshot' -a rm -d 'Remove one or more snapshots'
complete -c corten -n '__corten_family system' -a check -d 'Check that everything on the disk is whole, and mend what is not'
complete -c corten -n '__corten_family system' -a df -d 'Show disk usage'
complete -c corten -n '__corten_family system' -a dial-stdio -d 'Proxy the stdio stream to the server\'s socket'
complete -c corten -n '__corten_family system' -a doctor -d 'Tell what this user needs of this machine, and what mends what is not there'
complete -c corten -n '__corten_family system' -a events -d 'Get real time events'
complete -c corten -n '__corten_family system' -a info -d 'Display system-wide information'
complete -c corten -n '__corten_family system' -a install-units -d 'Install the systemd unit that starts containers at boot and stops them at shutdown'
complete -c corten -n '__corten_family system' -a prune -d 'Remove unused data'
complete -c corten -n '__corten_family system' -a settings -d 'Show or change what holds for containers that are made'
complete -c corten -n '__corten_family system' -a start-all -d 'Start every container that should run after a boot, by its restart policy'
complete -c corten -n '__corten_family system' -a stop-all -d 'Stop every running container for a shutdown; those that should run after a boot will'
complete -c corten -n '__corten_family template' -a build -d 'Build an image of a template, or by a script with LXC\'s interface'
complete -c corten -n '__corten_family template' -a list -d 'List what images can be built of'
complete -c corten -n '__corten_family template' -a ls -d 'List what images can be built of'
complete -c corten -n '__corten_family template' -a show -d 'Show what a template makes, which options it takes and what this machine lacks for it'
complete -c corten -n '__corten_family volume' -a clone -d 'Make a volume with the contents of another one'
complete -c corten -n '__corten_family volume' -a create -d 'Create a volume'
complete -c corten -n '__corten_family volume' -a exists -d 'Exit with 0 if there is such a volume, with 1 if not'
complete -c corten -n '__corten_family volume' -a export -d 'Export a volume\'s contents as a tar archive'
complete -c corten -n '__corten_family volume' -a import -d 'Fill an empty or new volume from a tar archive'
complete -c corten -n '__corten_family volume' -a inspect -d 'Display detailed information on one or more volumes'
complete -c corten -n '__corten_family volume' -a list -d 'List volumes'
complete -c corten -n '__corten_family volume' -a ls -d 'List volumes'
complete -c corten -n '__corten_family volume' -a mount -d 'Print where the files of volumes are on the host, and mount there what their options say'
complete -c corten -n '__corten_family volume' -a prune -d 'Remove unused local volumes'
complete -c corten -n '__corten_family volume' -a remove -d 'Remove one or more volumes'
complete -c corten -n '__corten_family volume' -a rename -d 'Rename a volume that no container has'
complete -c corten -n '__corten_family volume' -a restore -d 'Give a volume what a snapshot of it holds'
complete -c corten -n '__corten_family volume' -a rm -d 'Remove one or more volumes'
complete -c corten -n '__corten_family volume' -a snapshot -d 'Keep what a volume holds now under a name'
complete -c corten -n '__corten_family volume' -a unmount -d 'Take away what volume mount has mounted'
complete -c corten -n '__corten_family volume' -a update -d 'Change labels of one or more volumes'
complete -c corten -n '__corten_family builder history' -a inspect -d 'Show what is known of a build, the last one where none is named'
complete -c corten -n '__corten_family builder history' -a logs -d 'Print what a build told, the last one where none is named'
complete -c corten -n '__corten_family builder history' -a ls -d 'List builds that were'
complete -c corten -n '__corten_family builder history' -a rm -d 'Remove records of builds'
complete -c corten -n '__corten_family buildx history' -a inspect -d 'Show what is known of a build, the last one where none is named'
complete -c corten -n '__corten_family buildx history' -a logs -d 'Print what a build told, the last one where none is named'
complete -c corten -n '__corten_family buildx history' -a ls -d 'List builds that were'
complete -c corten -n '__corten_family buildx history' -a rm -d 'Remove records of builds'

# run
complete -c corten -n '__corten_is run "container run"' -l add-host -x -d 'Add a custom host-to-IP mapping (host:ip)'
complete -c corten -n '__corten_is run "container run"' -l annotation -x -d 'Add an annotation to the container (passed through to the OCI runtime)'
complete -c corten -n '__corten_is run "container run"' -s a -l attach -x -d 'Attach to STDIN, STDOUT or STDERR'
complete -c corten -n '__corten_is run "container run"' -l autostart -d 'Start the container with the machine'
complete -c corten -n '__corten_is run "container run"' -l autostart-delay -x -d 'Seconds that the next container waits behind this one'
complete -c corten -n '__corten_is run "container run"' -l autostart-group -x -d 'Group of the container: a boot starts onboot, then those of no group'
complete -c corten -n '__corten_is run "container run"' -l autostart-order -x -d 'Turn of the container: lower ones are started earlier'
complete -c corten -n '__corten_is run "container run"' -l blkio-weight -x -d 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'
complete -c corten -n '__corten_is run "container run"' -l blkio-weight-device -x -d 'Block IO weight (relative device weight)'
complete -c corten -n '__corten_is run "container run"' -l cap-add -x -d 'Add Linux capabilities'
complete -c corten -n '__corten_is run "container run"' -l cap-drop -x -d 'Drop Linux capabilities'
complete -c corten -n '__corten_is run "container run"' -l cgroup-parent -x -d 'Optional parent cgroup for the container'
complete -c corten -n '__corten_is run "container run"' -l cgroupns -x -d 'Cgroup namespace to use (host|private)'
complete -c corten -n '__corten_is run "container run"' -l cidfile -r -F -d 'Write the container ID to the file'
complete -c corten -n '__corten_is run "container run"' -l config -x -d 'Give the container a config (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])'
complete -c corten -n '__corten_is run "container run"' -l cpu-period -x -d 'Limit CPU CFS (Completely Fair Scheduler) period'
complete -c corten -n '__corten_is run "container run"' -l cpu-quota -x -d 'Limit CPU CFS (Completely Fair Scheduler) quota'
complete -c corten -n '__corten_is run "container run"' -l cpu-rt-period -x -d 'Limit CPU real-time period in microseconds'
complete -c corten -n '__corten_is run "container run"' -l cpu-rt-runtime -x -d 'Limit CPU real-time runtime in microseconds'
complete -c corten -n '__corten_is run "container run"' -s c -l cpu-shares -x -d 'CPU shares (relative weight)'
complete -c corten -n '__corten_is run "container run"' -l cpus -x -d 'Number of CPUs'
complete -c corten -n '__corten_is run "container run"' -l cpuset-cpus -x -d 'CPUs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is run "container run"' -l cpuset-mems -x -d 'MEMs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is run "container run"' -s d -l detach -d 'Run container in background and print container ID'
complete -c corten -n '__corten_is run "container run"' -l detach-keys -x -d 'Override the key sequence for detaching a container'
complete -c corten -n '__corten_is run "container run"' -l device -r -F -d 'Add a host device to the container, or a CDI device (vendor.com/class=name)'
complete -c corten -n '__corten_is run "container run"' -l device-cgroup-rule -x -d 'Add a rule to the cgroup allowed devices list'
complete -c corten -n '__corten_is run "container run"' -l device-read-bps -x -d 'Limit read rate (bytes per second) from a device'
complete -c corten -n '__corten_is run "container run"' -l device-read-iops -x -d 'Limit read rate (IO per second) from a device'
complete -c corten -n '__corten_is run "container run"' -l device-write-bps -x -d 'Limit write rate (bytes per second) to a device'
complete -c corten -n '__corten_is run "container run"' -l device-write-iops -x -d 'Limit write rate (IO per second) to a device'
complete -c corten -n '__corten_is run "container run"' -l disable-content-trust -d 'Has no effect: signatures are verified as the policy says (default true)'
complete -c corten -n '__corten_is run "container run"' -l dns -x -d 'Set custom DNS servers'
complete -c corten -n '__corten_is run "container run"' -l dns-option -x -d 'Set DNS options'
complete -c corten -n '__corten_is run "container run"' -l dns-search -x -d 'Set custom DNS search domains'
complete -c corten -n '__corten_is run "container run"' -l domainname -x -d 'Container NIS domain name'
complete -c corten -n '__corten_is run "container run"' -l entrypoint -x -d 'Overwrite the default ENTRYPOINT of the image'
complete -c corten -n '__corten_is run "container run"' -s e -l env -x -d 'Set environment variables'
complete -c corten -n '__corten_is run "container run"' -l env-file -r -F -d 'Read in a file of environment variables'
complete -c corten -n '__corten_is run "container run"' -l env-merge -x -d 'Set a variable in which ${NAME} stands for what the image says (Podman)'
complete -c corten -n '__corten_is run "container run"' -l explain -d 'Print what would be done, step by step, and do nothing'
complete -c corten -n '__corten_is run "container run"' -l expose -x -d 'Expose a port or a range of ports'
complete -c corten -n '__corten_is run "container run"' -l gidmap -x -d 'Groups of a namespace of its own: INSIDE:OUTSIDE:COUNT'
complete -c corten -n '__corten_is run "container run"' -l gpus -x -d 'GPU devices to add to the container (\'all\' to pass all GPUs), by their CDI names'
complete -c corten -n '__corten_is run "container run"' -l group-add -x -d 'Add additional groups to join'
complete -c corten -n '__corten_is run "container run"' -l hardened -d 'Tighten every wall of the container'
complete -c corten -n '__corten_is run "container run"' -l health-cmd -x -d 'Command to run to check health'
complete -c corten -n '__corten_is run "container run"' -l health-interval -x -d 'Time between running the check (default 30s)'
complete -c corten -n '__corten_is run "container run"' -l health-on-failure -x -d 'What to do with an unhealthy container: "none", "kill", "restart" or "stop" (default "none")'
complete -c corten -n '__corten_is run "container run"' -l health-retries -x -d 'Consecutive failures needed to report unhealthy (default 3)'
complete -c corten -n '__corten_is run "container run"' -l health-start-interval -x -d 'Time between running the check during the start period (default 5s)'
complete -c corten -n '__corten_is run "container run"' -l health-start-period -x -d 'Start period for the container to initialize, in which failures do not count (default 0s)'
complete -c corten -n '__corten_is run "container run"' -l health-timeout -x -d 'Maximum time to allow one check to run (default 30s)'
complete -c corten -n '__corten_is run "container run"' -s h -l hostname -x -d 'Container host name'
complete -c corten -n '__corten_is run "container run"' -l http-proxy -d 'Pass the caller\'s proxy variables into the container (default: those of Docker\'s config.json)'
complete -c corten -n '__corten_is run "container run"' -l init -d 'Run an init inside the container that forwards signals and reaps processes'
complete -c corten -n '__corten_is run "container run"' -s i -l interactive -d 'Keep STDIN open even if not attached'
complete -c corten -n '__corten_is run "container run"' -l ip -x -d 'IPv4 address (e.g., 172.30.100.104)'
complete -c corten -n '__corten_is run "container run"' -l ip6 -x -d 'IPv6 address (e.g., 2001:db8::33)'
complete -c corten -n '__corten_is run "container run"' -l ipc -x -d 'IPC mode to use: private, shareable, host, none or container:NAME'
complete -c corten -n '__corten_is run "container run"' -l isolation -x -d 'Container isolation technology: default'
complete -c corten -n '__corten_is run "container run"' -s l -l label -x -d 'Set meta data on a container'
complete -c corten -n '__corten_is run "container run"' -l label-file -x -d 'Read in a line delimited file of labels'
complete -c corten -n '__corten_is run "container run"' -l link -x -d 'Add link to another container: NAME[:ALIAS]'
complete -c corten -n '__corten_is run "container run"' -l link-local-ip -x -d 'Container IPv4/IPv6 link-local addresses'
complete -c corten -n '__corten_is run "container run"' -l log-driver -x -d 'Logging driver for the container'
complete -c corten -n '__corten_is run "container run"' -l log-opt -x -d 'Log driver options'
complete -c corten -n '__corten_is run "container run"' -l mac-address -x -d 'Container MAC address (e.g., 92:d0:c6:0a:29:33)'
complete -c corten -n '__corten_is run "container run"' -s m -l memory -x -d 'Memory limit'
complete -c corten -n '__corten_is run "container run"' -l memory-reservation -x -d 'Memory soft limit'
complete -c corten -n '__corten_is run "container run"' -l memory-swap -x -d 'Swap limit equal to memory plus swap: \'-1\' to enable unlimited swap'
complete -c corten -n '__corten_is run "container run"' -l memory-swappiness -x -d 'Tune container memory swappiness (0 to 100) (default -1)'
complete -c corten -n '__corten_is run "container run"' -l mount -x -d 'Attach a filesystem mount to the container'
complete -c corten -n '__corten_is run "container run"' -l name -x -d 'Assign a name to the container'
complete -c corten -n '__corten_is run "container run"' -l network -x -a 'container: host none' -d 'Connect a container to networks (NAME[,ip=,alias=,bandwidth=,...]), or to none, host, container:NAME or cni:NAME'
complete -c corten -n '__corten_is run "container run"' -l network-alias -x -d 'Add network-scoped alias for the container'
complete -c corten -n '__corten_is run "container run"' -l no-healthcheck -d 'Disable any container-specified HEALTHCHECK'
complete -c corten -n '__corten_is run "container run"' -l no-hostname -d 'Leave /etc/hostname as the image has it'
complete -c corten -n '__corten_is run "container run"' -l no-hosts -d 'Leave /etc/hosts as the image has it'
complete -c corten -n '__corten_is run "container run"' -l oom-kill-disable -d 'Disable OOM Killer'
complete -c corten -n '__corten_is run "container run"' -l oom-score-adj -x -d 'Tune host\'s OOM preferences (-1000 to 1000)'
complete -c corten -n '__corten_is run "container run"' -l pid -x -d 'PID namespace to use: host or container:NAME'
complete -c corten -n '__corten_is run "container run"' -l pidfile -x -d 'Write the pid of the first process to the file'
complete -c corten -n '__corten_is run "container run"' -l pids-limit -x -d 'Tune container pids limit (set -1 for unlimited)'
complete -c corten -n '__corten_is run "container run"' -l platform -x -d 'Image for this platform: OS/ARCHITECTURE[/VARIANT]'
complete -c corten -n '__corten_is run "container run"' -l privileged -d 'Give extended privileges to this container'
complete -c corten -n '__corten_is run "container run"' -s p -l publish -x -d 'Publish a container\'s port(s) to the host'
complete -c corten -n '__corten_is run "container run"' -s P -l publish-all -d 'Publish all exposed ports to random ports'
complete -c corten -n '__corten_is run "container run"' -l pull -x -a 'always missing never' -d 'Pull image before running ("always", "missing", "never")'
complete -c corten -n '__corten_is run "container run"' -s q -l quiet -d 'Suppress the pull output'
complete -c corten -n '__corten_is run "container run"' -l read-only -d 'Mount the container\'s root filesystem as read only'
complete -c corten -n '__corten_is run "container run"' -l read-only-tmpfs -d 'With --read-only, mount a writable tmpfs on /run, /tmp and /var/tmp'
complete -c corten -n '__corten_is run "container run"' -l replace -d 'Remove the container that has the name first'
complete -c corten -n '__corten_is run "container run"' -l requires -x -d 'Containers that are started before this one'
complete -c corten -n '__corten_is run "container run"' -l restart -x -d 'Restart policy to apply when a container exits: no, on-failure[:N], on-unhealthy[:N], always, unless-stopped (default "no")'
complete -c corten -n '__corten_is run "container run"' -l rm -d 'Automatically remove the container when it exits'
complete -c corten -n '__corten_is run "container run"' -l rootfs -d 'The first argument is a directory, not an image; what the container changes goes elsewhere, or with :rw[,idmap] behind the directory into it'
complete -c corten -n '__corten_is run "container run"' -l runtime -x -d 'Runtime to use for this container: corten'
complete -c corten -n '__corten_is run "container run"' -l secret -x -d 'Give the container a secret (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])'
complete -c corten -n '__corten_is run "container run"' -l security-opt -x -d 'Security Options'
complete -c corten -n '__corten_is run "container run"' -l shm-size -x -d 'Size of /dev/shm (default 64m)'
complete -c corten -n '__corten_is run "container run"' -l sig-proxy -d 'Proxy received signals to the process (default true)'
complete -c corten -n '__corten_is run "container run"' -l stop-signal -x -a 'SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH' -d 'Signal to stop the container'
complete -c corten -n '__corten_is run "container run"' -l stop-timeout -x -d 'Timeout (in seconds) to stop a container'
complete -c corten -n '__corten_is run "container run"' -l storage-opt -x -d 'Storage driver options for the container: size=BYTES, on XFS or ext4 with project quotas'
complete -c corten -n '__corten_is run "container run"' -l subgidname -x -d 'Groups are those that /etc/subgid gives to this name'
complete -c corten -n '__corten_is run "container run"' -l subuidname -x -d 'Users are those that /etc/subuid gives to this name'
complete -c corten -n '__corten_is run "container run"' -l sysctl -x -d 'Sysctl options'
complete -c corten -n '__corten_is run "container run"' -l system -d 'Run a whole system: the image\'s own init is the first process'
complete -c corten -n '__corten_is run "container run"' -l timeout -x -d 'Seconds that the container may run before it is killed (default 0: without end)'
complete -c corten -n '__corten_is run "container run"' -l tmpfs -x -d 'Mount a tmpfs directory'
complete -c corten -n '__corten_is run "container run"' -s t -l tty -d 'Allocate a pseudo-TTY'
complete -c corten -n '__corten_is run "container run"' -l ttys -x -d 'Terminals beside the console: /dev/tty1 and so on (default 4 with --system)'
complete -c corten -n '__corten_is run "container run"' -l tz -x -d 'Time zone of the container, such as Europe/Zurich, or local'
complete -c corten -n '__corten_is run "container run"' -l uidmap -x -d 'Users of a namespace of its own: INSIDE:OUTSIDE:COUNT'
complete -c corten -n '__corten_is run "container run"' -l ulimit -x -d 'Ulimit options'
complete -c corten -n '__corten_is run "container run"' -l umask -x -d 'Umask of the container\'s processes (default 0022)'
complete -c corten -n '__corten_is run "container run"' -l unsetenv -x -d 'Leave out a variable of the image'
complete -c corten -n '__corten_is run "container run"' -l unsetenv-all -d 'Leave out all variables of the image'
complete -c corten -n '__corten_is run "container run"' -s u -l user -x -d 'Username or UID (format: <name|uid>[:<group|gid>])'
complete -c corten -n '__corten_is run "container run"' -l userns -x -d 'User namespace: host, auto[:OPTIONS], nomap, keep-id[:OPTIONS], private, container:NAME'
complete -c corten -n '__corten_is run "container run"' -l uts -x -d 'UTS namespace to use: host'
complete -c corten -n '__corten_is run "container run"' -s v -l volume -r -F -d 'Bind mount a volume'
complete -c corten -n '__corten_is run "container run"' -l volume-driver -x -d 'Optional volume driver for the container (only "local")'
complete -c corten -n '__corten_is run "container run"' -l volumes-from -x -d 'Mount volumes from the specified container(s)'
complete -c corten -n '__corten_is run "container run"' -s w -l workdir -x -d 'Working directory inside the container'
complete -c corten -n '__corten_is run "container run"' -a '(__corten_images)'

# exec
complete -c corten -n '__corten_is exec "container exec"' -s d -l detach -d 'Detached mode: run command in the background'
complete -c corten -n '__corten_is exec "container exec"' -l detach-keys -x -d 'Override the key sequence for detaching a container'
complete -c corten -n '__corten_is exec "container exec"' -s e -l env -x -d 'Set environment variables'
complete -c corten -n '__corten_is exec "container exec"' -l env-file -r -F -d 'Read in a file of environment variables'
complete -c corten -n '__corten_is exec "container exec"' -s i -l interactive -d 'Keep STDIN open even if not attached'
complete -c corten -n '__corten_is exec "container exec"' -l privileged -d 'Give extended privileges to the command'
complete -c corten -n '__corten_is exec "container exec"' -l security-opt -x -d 'Security options of the command (apparmor=PROFILE)'
complete -c corten -n '__corten_is exec "container exec"' -s t -l tty -d 'Allocate a pseudo-TTY'
complete -c corten -n '__corten_is exec "container exec"' -s u -l user -x -d 'Username or UID (format: <name|uid>[:<group|gid>])'
complete -c corten -n '__corten_is exec "container exec"' -s w -l workdir -x -d 'Working directory inside the container'
complete -c corten -n '__corten_is exec "container exec"' -a '(__corten_containers)'

# ps
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -s a -l all -d 'Show all containers (default shows just running)'
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -s f -l filter -x -d 'Filter output based on conditions provided'
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -s n -l last -x -d 'Show n last created containers (includes all states)'
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -s l -l latest -d 'Show the latest created container (includes all states)'
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -l no-trunc -d 'Don\'t truncate output'
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -s q -l quiet -d 'Only display IDs'
complete -c corten -n '__corten_is ps "container ls" "container list" "container ps"' -s s -l size -d 'Display total file sizes'

# build
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l add-host -x -d 'Add a custom host-to-IP mapping (host:ip) for RUN'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l allow -x -d 'Allow what steps ask for: network.host, security.insecure, device[=NAME]'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l annotation -x -d 'Add an annotation: [manifest:|index:|manifest-descriptor:|index-descriptor:]KEY=VALUE'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l attest -x -d 'Say more of the image: type=sbom, type=provenance[,mode=min|max]'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l blkio-weight -x -d 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l build-arg -x -d 'Set build-time variables; a NAME alone takes the caller\'s'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l build-context -x -d 'Additional contexts (NAME=DIRECTORY|URL|docker-image://IMAGE)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l builder -x -d 'There is one builder, this program; others are refused'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cache-from -x -d 'Places to take the cache from (type=local|registry|inline,...)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cache-to -x -d 'Places to put the cache at (type=local|registry|inline,...)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l call -x -d 'What is done: build, check, outline, targets, the last three with ,format=json (default "build")'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cgroup-parent -x -d 'Parent cgroup of RUN instructions'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l check -d 'Check the Dockerfile and build nothing (--call=check)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l compress -d 'Has no effect: the context is not sent anywhere'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpu-period -x -d 'Limit CPU CFS (Completely Fair Scheduler) period'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpu-quota -x -d 'Limit CPU CFS (Completely Fair Scheduler) quota'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpu-rt-period -x -d 'Limit CPU real-time period in microseconds'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpu-rt-runtime -x -d 'Limit CPU real-time runtime in microseconds'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -s c -l cpu-shares -x -d 'CPU shares (relative weight)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpus -x -d 'Number of CPUs'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpuset-cpus -x -d 'CPUs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l cpuset-mems -x -d 'MEMs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l disable-content-trust -d 'Has no effect: signatures are verified as the policy says (default true)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l explain -d 'Say of each step that was not in the cache why it was not'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -s f -l file -r -F -d 'Name of the Dockerfile, or - for standard input (default "PATH/Dockerfile"); a bake file (.hcl, .json) is baked'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l force-rm -d 'Has no effect: no intermediate container is ever left'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l iidfile -r -F -d 'Write the image ID to a file'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l isolation -x -d 'Container isolation technology: default'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l label -x -d 'Set metadata for an image'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l load -d 'Keep the image in the store, which is so unless --output says otherwise'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -s m -l memory -x -d 'Memory limit'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l memory-reservation -x -d 'Memory soft limit'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l memory-swap -x -d 'Swap limit equal to memory plus swap: \'-1\' to enable unlimited swap'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l metadata-file -r -F -d 'Write what was built to a file, as JSON'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l network -x -a 'container: host none' -d 'Network of RUN instructions: default, none, host or the name of one'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l no-cache -d 'Take nothing from the cache'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l no-cache-filter -x -d 'Take nothing from the cache for these stages'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l on-error -x -d 'What to do with a step that failed: shell opens one as the step left everything'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -s o -l output -x -d 'Where the result goes (type=image|registry|docker|oci|tar|local|cacheonly[,dest=PATH]), or a directory, or -'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l pids-limit -x -d 'Tune container pids limit (set -1 for unlimited)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l platform -x -d 'Machines that images are for: OS/ARCHITECTURE[/VARIANT],...'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l progress -x -a 'auto tty plain json quiet' -d 'How progress is shown: auto, plain, tty, json, rawjson, quiet (default "auto")'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l provenance -x -d 'Say how it was built: true, false, mode=min|max (default "false")'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l pull -d 'Ask registries for bases: always (the bare flag), missing, never (default "missing")'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l push -d 'Push the image to the registries of its names'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -s q -l quiet -d 'Suppress the build output and print image ID on success'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l rm -d 'Has no effect: no intermediate container is ever left (default true)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l sbom -x -d 'Say which packages it holds: true, false (default "false")'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l secret -x -d 'Secret of RUN --mount=type=secret: id=NAME[,src=FILE|,env=VARIABLE]'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l security-opt -x -d 'Security options of RUN instructions'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l shm-size -x -d 'Size of /dev/shm of RUN instructions (default 64m)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l squash -d 'Make one layer of those of the build'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l squash-all -d 'Make one layer of all of the image, its base\'s too'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l ssh -x -d 'Agent of RUN --mount=type=ssh: default or NAME[=SOCKET|KEY[,KEY...]]'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -s t -l tag -x -d 'Name and optionally a tag for the image (format: "name:tag")'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l target -x -d 'Stage that is built (default: the last)'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -l ulimit -x -d 'Ulimit options of RUN instructions'
complete -c corten -n '__corten_is build "image build" "builder build" "buildx build"' -a '(__fish_complete_directories)'

# bake
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l allow -x -d 'Let targets have what they ask for: network.host, security.insecure, ssh, fs.read=PATH, fs.write=PATH, fs=PATH'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l builder -x -d 'There is one builder, this program; others are refused'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l call -x -d 'What is done with each target: build, check (default "build")'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l check -d 'Check the Dockerfiles and build nothing (--call=check)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l explain -d 'Say of each step that was not in the cache why it was not'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -s f -l file -r -F -d 'Bake or Compose file, or - for standard input (default: those of the usual names)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l list -x -a 'targets variables' -d 'List targets or variables (targets|variables[,format=json])'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l list-targets -d 'The same as --list targets'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l list-variables -d 'The same as --list variables'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l load -d 'Keep the images in the store, too (--set=*.load=true)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l metadata-file -r -F -d 'Write what was built to a file, as JSON by target'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l no-cache -d 'Take nothing from the cache (--set=*.no-cache=true)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l policy -x -d 'Rules for sources (not there yet)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l print -d 'Print what would be built as JSON, and build nothing'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l progress -x -a 'auto tty plain json quiet' -d 'How progress is shown: auto, plain, tty, json, rawjson, quiet (default "auto")'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l provenance -x -d 'Provenance attestation (--set=*.attest=type=provenance)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l pull -d 'Ask registries for bases always (--set=*.pull=true)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l push -d 'Push the images to the registries of their names (--set=*.push=true)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -s q -l quiet -d 'Suppress the build output and print image IDs on success'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l sbom -x -d 'SBOM attestation (--set=*.attest=type=sbom)'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l set -x -d 'Override a value of targets: PATTERN.KEY[.NAME]=VALUE, += adds to a list'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -l var -x -d 'Set a variable of the files: NAME=VALUE'
complete -c corten -n '__corten_is bake "buildx bake" "builder bake" "buildx f"' -a '(__corten_targets)'

# builder prune
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -s a -l all -d 'Also forget steps whose layers images have, which frees nothing'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -l filter -x -d 'What goes only: until=24h, id=ID, type=exec.cachemount, description~=REGEX, inuse, shared, private or mutable=BOOL (!= says the opposite)'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -s f -l force -d 'Do not prompt for confirmation'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -l keep-storage -x -d 'The same as --reserved-space'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -l max-used-space -x -d 'Maximum amount of disk space allowed to keep for cache'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -l min-free-space -x -d 'Target amount of free disk space after pruning'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -l reserved-space -x -d 'Amount of disk space always allowed to keep for cache'
complete -c corten -n '__corten_is "builder prune" "buildx prune"' -l verbose -d 'Say everything of what has gone'

# builder du
complete -c corten -n '__corten_is "builder du" "buildx du"' -l filter -x -d 'What is listed only, as of prune'
complete -c corten -n '__corten_is "builder du" "buildx du"' -l format -x -d 'json or a Go template for each record'
complete -c corten -n '__corten_is "builder du" "buildx du"' -l verbose -d 'Say everything of each record'

# builder history ls
complete -c corten -n '__corten_is "builder history ls" "buildx history ls"' -l filter -x -d 'Builds only of status=error|completed|running|canceled|killed, ref=ID, name=PART (!= says the opposite)'
complete -c corten -n '__corten_is "builder history ls" "buildx history ls"' -l format -x -d 'json or a Go template for each build'
complete -c corten -n '__corten_is "builder history ls" "buildx history ls"' -l no-trunc -d 'Show names whole'
complete -c corten -n '__corten_is "builder history ls" "buildx history ls"' -s q -l quiet -d 'Only show IDs'

# builder history inspect
complete -c corten -n '__corten_is "builder history inspect" "buildx history inspect"' -s f -l format -x -d 'json or a Go template'

# builder history logs
complete -c corten -n '__corten_is "builder history logs" "buildx history logs"' -l progress -x -a 'auto tty plain json quiet' -d 'How it is shown: plain, json, rawjson (default "plain")'

# builder history rm
complete -c corten -n '__corten_is "builder history rm" "buildx history rm"' -s a -l all -d 'Remove the records of all builds'

# pull
complete -c corten -n '__corten_is pull "image pull"' -s a -l all-tags -d 'Download all tagged images in the repository'
complete -c corten -n '__corten_is pull "image pull"' -l platform -x -d 'Image for this platform: OS/ARCHITECTURE[/VARIANT]'
complete -c corten -n '__corten_is pull "image pull"' -l progress -x -a 'auto tty plain json quiet' -d 'How to show progress: "auto", "tty", "plain", "json" or "quiet"'
complete -c corten -n '__corten_is pull "image pull"' -s q -l quiet -d 'Suppress verbose output'
complete -c corten -n '__corten_is pull "image pull"' -l tls-verify -d 'Require TLS with known certificates (default true)'

# push
complete -c corten -n '__corten_is push "image push"' -l all-platforms -d 'Push the index that the image came with, and every image in it'
complete -c corten -n '__corten_is push "image push"' -s a -l all-tags -d 'Push all tags of an image to the repository'
complete -c corten -n '__corten_is push "image push"' -l authfile -r -F -d 'File of logins (default $REGISTRY_AUTH_FILE, else config.json of $DOCKER_CONFIG or ~/.docker)'
complete -c corten -n '__corten_is push "image push"' -l compression -x -d 'How layers are compressed that the registry lacks: "gzip", "zstd" or "none" (default "gzip")'
complete -c corten -n '__corten_is push "image push"' -l compression-level -x -d '1 to 9 (gzip, default 6), 1 to 19 (zstd, default 3)'
complete -c corten -n '__corten_is push "image push"' -l digestfile -x -d 'Write the digest of what was pushed to the file'
complete -c corten -n '__corten_is push "image push"' -l force-compression -d 'Pass over layers that the registry has in another form'
complete -c corten -n '__corten_is push "image push"' -l format -x -d 'Media types of the manifest: "oci" or "docker"'
complete -c corten -n '__corten_is push "image push"' -l platform -x -d 'Push only what is for the given platform, as linux/arm64'
complete -c corten -n '__corten_is push "image push"' -l progress -x -a 'auto tty plain json quiet' -d 'How to show progress: "auto", "tty", "plain", "json" or "quiet"'
complete -c corten -n '__corten_is push "image push"' -s q -l quiet -d 'Suppress verbose output'
complete -c corten -n '__corten_is push "image push"' -l tls-verify -d 'Require TLS with known certificates (default true)'

# images
complete -c corten -n '__corten_is images "image ls" "image list"' -s a -l all -d 'Show all images'
complete -c corten -n '__corten_is images "image ls" "image list"' -l digests -d 'Show digests'
complete -c corten -n '__corten_is images "image ls" "image list"' -s f -l filter -x -d 'Filter output based on conditions provided'
complete -c corten -n '__corten_is images "image ls" "image list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is images "image ls" "image list"' -l no-trunc -d 'Don\'t truncate output'
complete -c corten -n '__corten_is images "image ls" "image list"' -s q -l quiet -d 'Only display IDs'
complete -c corten -n '__corten_is images "image ls" "image list"' -l tree -d 'List each image below the index that it came in'
complete -c corten -n '__corten_is images "image ls" "image list"' -a '(__corten_images)'

# login
complete -c corten -n '__corten_is login' -l authfile -r -F -d 'File of logins (default $REGISTRY_AUTH_FILE, else config.json of $DOCKER_CONFIG or ~/.docker)'
complete -c corten -n '__corten_is login' -l get-login -d 'Print the user\'s name that is logged in, and do nothing'
complete -c corten -n '__corten_is login' -s p -l password -x -d 'Password or access token; seen by other users of the machine'
complete -c corten -n '__corten_is login' -l password-stdin -d 'Take the password from stdin'
complete -c corten -n '__corten_is login' -l tls-verify -d 'Require TLS with known certificates (default true)'
complete -c corten -n '__corten_is login' -s u -l username -x -d 'Username'

# logout
complete -c corten -n '__corten_is logout' -s a -l all -d 'Remove the logins for every registry'
complete -c corten -n '__corten_is logout' -l authfile -r -F -d 'File of logins (default $REGISTRY_AUTH_FILE, else config.json of $DOCKER_CONFIG or ~/.docker)'

# search
complete -c corten -n '__corten_is search' -s f -l filter -x -d 'Filter output based on conditions provided: stars=N, is-official=BOOL'
complete -c corten -n '__corten_is search' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is search' -l limit -x -d 'Max number of search results (default 25)'
complete -c corten -n '__corten_is search' -l no-trunc -d 'Don\'t truncate output'
complete -c corten -n '__corten_is search' -l tls-verify -d 'Require TLS with known certificates (default true)'

# version
complete -c corten -n '__corten_is version' -s f -l format -x -d 'Format output using a Go template, or \'json\''

# info
complete -c corten -n '__corten_is info "system info"' -s f -l format -x -d 'Format output using a Go template, or \'json\''

# template list
complete -c corten -n '__corten_is "template list" "template ls"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "template list" "template ls"' -s q -l quiet -d 'Only display names'

# template show
complete -c corten -n '__corten_is "template show"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "template show"' -a 'alpine busybox debian download local oci ubuntu'

# template build
complete -c corten -n '__corten_is "template build"' -l apk -x -d 'Program apk to build with, statically linked (alpine)'
complete -c corten -n '__corten_is "template build"' -s a -l arch -x -d 'Architecture (alpine, download; default: this machine\'s own)'
complete -c corten -n '__corten_is "template build"' -s d -l dist -x -d 'Distribution (download)'
complete -c corten -n '__corten_is "template build"' -l keyring -x -d 'Keys that must have signed what is fetched (debian, ubuntu, alpine, download)'
complete -c corten -n '__corten_is "template build"' -s l -l list -d 'List the images that there are (download)'
complete -c corten -n '__corten_is "template build"' -s m -l metadata -x -d 'Archive of LXC\'s metadata for it (local)'
complete -c corten -n '__corten_is "template build"' -l mirror -x -d 'Package archive (debian, ubuntu, alpine; default: this machine\'s own)'
complete -c corten -n '__corten_is "template build"' -l name -x -d 'Name of a container that the script is told (scripts)'
complete -c corten -n '__corten_is "template build"' -l no-validate -d 'Take what nobody has signed over an open connection (alpine, download)'
complete -c corten -n '__corten_is "template build"' -l package -x -d 'Package to install beside the essential ones (debian, ubuntu, alpine)'
complete -c corten -n '__corten_is "template build"' -s r -l release -x -d 'Release (alpine, download)'
complete -c corten -n '__corten_is "template build"' -s f -l rootfs -x -d 'Archive of the root file system (local)'
complete -c corten -n '__corten_is "template build"' -l server -x -d 'Image server, or a directory (download; default "https://images.linuxcontainers.org")'
complete -c corten -n '__corten_is "template build"' -l suite -x -d 'Release to build (debian, ubuntu; default: this machine\'s own)'
complete -c corten -n '__corten_is "template build"' -s t -l tag -x -d 'Name of the image (default: the template\'s, with its release)'
complete -c corten -n '__corten_is "template build"' -l variant -x -d 'Variant of the image (download; default "default")'
complete -c corten -n '__corten_is "template build"' -a 'alpine busybox debian download local oci ubuntu'

# load
complete -c corten -n '__corten_is load "image load"' -s i -l input -r -F -d 'Read from an archive file or an OCI layout directory, instead of STDIN'
complete -c corten -n '__corten_is load "image load"' -l platform -x -d 'Load only what is for the given platform, as linux/arm64'
complete -c corten -n '__corten_is load "image load"' -s q -l quiet -d 'Suppress the load output'

# import
complete -c corten -n '__corten_is import "image import"' -s c -l change -x -d 'Apply Dockerfile instruction to the created image'
complete -c corten -n '__corten_is import "image import"' -s m -l message -x -d 'Set commit message for imported image'
complete -c corten -n '__corten_is import "image import"' -l platform -x -d 'Set platform if the image is for another machine'
complete -c corten -n '__corten_is import "image import"' -F

# save
complete -c corten -n '__corten_is save "image save"' -s o -l output -x -d 'Write to a file, instead of STDOUT'
complete -c corten -n '__corten_is save "image save"' -l platform -x -d 'Save only what is for the given platform, as linux/arm64'
complete -c corten -n '__corten_is save "image save"' -a '(__corten_images)'

# rmi
complete -c corten -n '__corten_is rmi "image rm" "image remove"' -s f -l force -d 'Force removal of the image'
complete -c corten -n '__corten_is rmi "image rm" "image remove"' -l no-prune -d 'Do not delete untagged parents (there are none to delete)'
complete -c corten -n '__corten_is rmi "image rm" "image remove"' -l platform -x -d 'Remove only what is for the given platform, as linux/arm64'
complete -c corten -n '__corten_is rmi "image rm" "image remove"' -a '(__corten_images)'

# tag
complete -c corten -n '__corten_is tag "image tag"' -a '(__corten_images)'

# history
complete -c corten -n '__corten_is history "image history"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is history "image history"' -s H -l human -d 'Print sizes and dates in human readable format (default true)'
complete -c corten -n '__corten_is history "image history"' -l no-trunc -d 'Don\'t truncate output'
complete -c corten -n '__corten_is history "image history"' -l platform -x -d 'Show the history of what is for the given platform only'
complete -c corten -n '__corten_is history "image history"' -s q -l quiet -d 'Only display IDs'
complete -c corten -n '__corten_is history "image history"' -a '(__corten_images)'

# image inspect
complete -c corten -n '__corten_is "image inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "image inspect"' -l platform -x -d 'Inspect what is for the given platform only'
complete -c corten -n '__corten_is "image inspect"' -a '(__corten_images)'

# image copy
complete -c corten -n '__corten_is "image copy"' -l all-platforms -d 'Copy the whole index: every platform, and what stands beside them'
complete -c corten -n '__corten_is "image copy"' -l dest-tls-verify -d 'Require HTTPS and known certificates of the destination\'s registry (default true)'
complete -c corten -n '__corten_is "image copy"' -l platform -x -d 'Image for this platform: OS/ARCHITECTURE[/VARIANT]'
complete -c corten -n '__corten_is "image copy"' -l preserve-digests -d 'Refuse a destination that cannot keep the digest; where it can, it is kept anyway'
complete -c corten -n '__corten_is "image copy"' -l progress -x -a 'auto tty plain json quiet' -d 'How to show progress: "auto", "tty", "plain", "json" or "quiet"'
complete -c corten -n '__corten_is "image copy"' -s q -l quiet -d 'Suppress verbose output'
complete -c corten -n '__corten_is "image copy"' -s r -l referrers -d 'Copy what belongs to it, too: referrers and cosign\'s tags, and theirs (with all platforms, unless one is named)'
complete -c corten -n '__corten_is "image copy"' -l src-tls-verify -d 'Require HTTPS and known certificates of the source\'s registry (default true)'

# manifest create
complete -c corten -n '__corten_is "manifest create"' -s a -l amend -d 'Amend an existing manifest list'
complete -c corten -n '__corten_is "manifest create"' -l insecure -d 'Allow communication with an insecure registry'

# manifest annotate
complete -c corten -n '__corten_is "manifest annotate"' -l arch -x -d 'Set architecture'
complete -c corten -n '__corten_is "manifest annotate"' -l os -x -d 'Set operating system'
complete -c corten -n '__corten_is "manifest annotate"' -l os-features -x -d 'Set operating system feature'
complete -c corten -n '__corten_is "manifest annotate"' -l os-version -x -d 'Set operating system version'
complete -c corten -n '__corten_is "manifest annotate"' -l variant -x -d 'Set architecture variant'

# manifest inspect
complete -c corten -n '__corten_is "manifest inspect"' -l insecure -d 'Allow communication with an insecure registry'
complete -c corten -n '__corten_is "manifest inspect"' -s v -l verbose -d 'Output additional info including layers and platform'

# manifest push
complete -c corten -n '__corten_is "manifest push"' -l insecure -d 'Allow communication with an insecure registry'
complete -c corten -n '__corten_is "manifest push"' -s p -l purge -d 'Remove the local manifest list after push'

# manifest rm

# image verify
complete -c corten -n '__corten_is "image verify"' -l authfile -r -F -d 'File of logins (default $REGISTRY_AUTH_FILE, else config.json of $DOCKER_CONFIG or ~/.docker)'
complete -c corten -n '__corten_is "image verify"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "image verify"' -l key -x -d 'File of public keys (PEM); a signature by one of them is enough'
complete -c corten -n '__corten_is "image verify"' -l platform -x -d 'Platform whose image is verified: OS/ARCHITECTURE[/VARIANT]'
complete -c corten -n '__corten_is "image verify"' -l policy -x -d 'Verify by this policy instead of the one in force'
complete -c corten -n '__corten_is "image verify"' -l signatures-in -x -d 'Repository of the signatures, where they are not beside the image; with --key'
complete -c corten -n '__corten_is "image verify"' -l tls-verify -d 'Require TLS with known certificates (default true)'
complete -c corten -n '__corten_is "image verify"' -a '(__corten_images)'

# image prune
complete -c corten -n '__corten_is "image prune"' -s a -l all -d 'Remove all unused images, not just dangling ones'
complete -c corten -n '__corten_is "image prune"' -l filter -x -d 'Provide filter values (e.g. "until=<timestamp>", "label!=<name>")'
complete -c corten -n '__corten_is "image prune"' -s f -l force -d 'Do not prompt for confirmation'
complete -c corten -n '__corten_is "image prune"' -l keep -x -d 'Keep so many images of each repository, those that were used last'
complete -c corten -n '__corten_is "image prune"' -l unused-for -x -d 'Remove only images that were not used for so long (e.g. 30d)'

# container prune
complete -c corten -n '__corten_is "container prune"' -l filter -x -d 'Provide filter values (e.g. "until=<timestamp>", "label!=<name>")'
complete -c corten -n '__corten_is "container prune"' -s f -l force -d 'Do not prompt for confirmation'

# system dial-stdio

# system df
complete -c corten -n '__corten_is "system df"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "system df"' -s v -l verbose -d 'Show detailed information on space usage'

# system prune
complete -c corten -n '__corten_is "system prune"' -s a -l all -d 'Remove all unused images not just dangling ones'
complete -c corten -n '__corten_is "system prune"' -l filter -x -d 'Provide filter values (e.g. "until=<timestamp>", "label!=<name>")'
complete -c corten -n '__corten_is "system prune"' -s f -l force -d 'Do not prompt for confirmation'
complete -c corten -n '__corten_is "system prune"' -l volumes -d 'Prune anonymous volumes'

# system check
complete -c corten -n '__corten_is "system check"' -l format -x -d 'Format output as \'json\''
complete -c corten -n '__corten_is "system check"' -l quick -d 'Do not read the contents of layers'
complete -c corten -n '__corten_is "system check"' -l repair -d 'Mend what can be mended without a registry'

# system settings
complete -c corten -n '__corten_is "system settings"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "system settings"' -l reset -d 'Take everything back that was changed'
complete -c corten -n '__corten_is "system settings"' -l userns -x -d 'User namespace of containers where nobody says another one: host, auto[:OPTIONS]'

# system doctor
complete -c corten -n '__corten_is "system doctor"' -l format -x -d 'Format output using a Go template, or \'json\''

# system start-all

# system stop-all
complete -c corten -n '__corten_is "system stop-all"' -s t -l timeout -x -d 'Seconds to wait before killing a container (default: its own)'

# system install-units
complete -c corten -n '__corten_is "system install-units"' -l print -d 'Print the unit instead of installing it'

# apparmor load
complete -c corten -n '__corten_is "apparmor load"' -F

# apparmor ls
complete -c corten -n '__corten_is "apparmor ls" "apparmor list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "apparmor ls" "apparmor list"' -s q -l quiet -d 'Only show names of profiles'

# apparmor unload
complete -c corten -n '__corten_is "apparmor unload"' -s f -l force -d 'Also a profile that containers run in: they are unconfined then'

# apparmor print
complete -c corten -n '__corten_is "apparmor print" "apparmor inspect"' -l system -d 'Print the profile of whole systems instead (corten-system)'

# selinux load

# selinux unload
complete -c corten -n '__corten_is "selinux unload"' -s f -l force -d 'Also while containers have such labels: they are nobody\'s then'

# selinux print

# context create
complete -c corten -n '__corten_is "context create"' -l description -x -d 'Description of the context'
complete -c corten -n '__corten_is "context create"' -l docker -x -d 'The server: host=ADDRESS, and for tcp:// ca=FILE,cert=FILE,key=FILE'
complete -c corten -n '__corten_is "context create"' -l from -x -d 'Create the context from another one'

# context ls
complete -c corten -n '__corten_is "context ls" "context list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "context ls" "context list"' -s q -l quiet -d 'Only show context names'

# context inspect
complete -c corten -n '__corten_is "context inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''

# context use

# context show

# context rm
complete -c corten -n '__corten_is "context rm" "context remove"' -s f -l force -d 'Force the removal of a context in use'

# context update
complete -c corten -n '__corten_is "context update"' -l description -x -d 'Description of the context'
complete -c corten -n '__corten_is "context update"' -l docker -x -d 'The server: host=ADDRESS, and for tcp:// ca=FILE,cert=FILE,key=FILE'

# context export

# context import

# attach
complete -c corten -n '__corten_is attach "container attach"' -l detach-keys -x -d 'Override the key sequence for detaching a container'
complete -c corten -n '__corten_is attach "container attach"' -l no-stdin -d 'Do not attach STDIN'
complete -c corten -n '__corten_is attach "container attach"' -l sig-proxy -d 'Proxy received signals to the process (default true)'
complete -c corten -n '__corten_is attach "container attach"' -a '(__corten_containers)'

# console
complete -c corten -n '__corten_is console "container console"' -l detach-keys -x -d 'Override the key sequence for detaching a container'
complete -c corten -n '__corten_is console "container console"' -s e -l escape -x -d 'Key before q that leaves it: a letter, pressed with ctrl (default ^a)'
complete -c corten -n '__corten_is console "container console"' -s t -l tty -x -d 'Terminal beside the console: N for /dev/ttyN, or free for the first that nobody looks at (default 0: the console)'
complete -c corten -n '__corten_is console "container console"' -a '(__corten_containers)'

# commit
complete -c corten -n '__corten_is commit "container commit"' -s a -l author -x -d 'Author (e.g., "Ada Lovelace <ada@example.org>")'
complete -c corten -n '__corten_is commit "container commit"' -s c -l change -x -d 'Apply Dockerfile instruction to the created image'
complete -c corten -n '__corten_is commit "container commit"' -s m -l message -x -d 'Commit message'
complete -c corten -n '__corten_is commit "container commit"' -s p -l pause -d 'Pause container during commit (default true)'
complete -c corten -n '__corten_is commit "container commit"' -a '(__corten_containers)'

# create
complete -c corten -n '__corten_is create "container create"' -l add-host -x -d 'Add a custom host-to-IP mapping (host:ip)'
complete -c corten -n '__corten_is create "container create"' -l annotation -x -d 'Add an annotation to the container (passed through to the OCI runtime)'
complete -c corten -n '__corten_is create "container create"' -s a -l attach -x -d 'Attach to STDIN, STDOUT or STDERR'
complete -c corten -n '__corten_is create "container create"' -l autostart -d 'Start the container with the machine'
complete -c corten -n '__corten_is create "container create"' -l autostart-delay -x -d 'Seconds that the next container waits behind this one'
complete -c corten -n '__corten_is create "container create"' -l autostart-group -x -d 'Group of the container: a boot starts onboot, then those of no group'
complete -c corten -n '__corten_is create "container create"' -l autostart-order -x -d 'Turn of the container: lower ones are started earlier'
complete -c corten -n '__corten_is create "container create"' -l blkio-weight -x -d 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'
complete -c corten -n '__corten_is create "container create"' -l blkio-weight-device -x -d 'Block IO weight (relative device weight)'
complete -c corten -n '__corten_is create "container create"' -l cap-add -x -d 'Add Linux capabilities'
complete -c corten -n '__corten_is create "container create"' -l cap-drop -x -d 'Drop Linux capabilities'
complete -c corten -n '__corten_is create "container create"' -l cgroup-parent -x -d 'Optional parent cgroup for the container'
complete -c corten -n '__corten_is create "container create"' -l cgroupns -x -d 'Cgroup namespace to use (host|private)'
complete -c corten -n '__corten_is create "container create"' -l cidfile -r -F -d 'Write the container ID to the file'
complete -c corten -n '__corten_is create "container create"' -l config -x -d 'Give the container a config (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])'
complete -c corten -n '__corten_is create "container create"' -l cpu-period -x -d 'Limit CPU CFS (Completely Fair Scheduler) period'
complete -c corten -n '__corten_is create "container create"' -l cpu-quota -x -d 'Limit CPU CFS (Completely Fair Scheduler) quota'
complete -c corten -n '__corten_is create "container create"' -l cpu-rt-period -x -d 'Limit CPU real-time period in microseconds'
complete -c corten -n '__corten_is create "container create"' -l cpu-rt-runtime -x -d 'Limit CPU real-time runtime in microseconds'
complete -c corten -n '__corten_is create "container create"' -s c -l cpu-shares -x -d 'CPU shares (relative weight)'
complete -c corten -n '__corten_is create "container create"' -l cpus -x -d 'Number of CPUs'
complete -c corten -n '__corten_is create "container create"' -l cpuset-cpus -x -d 'CPUs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is create "container create"' -l cpuset-mems -x -d 'MEMs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is create "container create"' -l device -r -F -d 'Add a host device to the container, or a CDI device (vendor.com/class=name)'
complete -c corten -n '__corten_is create "container create"' -l device-cgroup-rule -x -d 'Add a rule to the cgroup allowed devices list'
complete -c corten -n '__corten_is create "container create"' -l device-read-bps -x -d 'Limit read rate (bytes per second) from a device'
complete -c corten -n '__corten_is create "container create"' -l device-read-iops -x -d 'Limit read rate (IO per second) from a device'
complete -c corten -n '__corten_is create "container create"' -l device-write-bps -x -d 'Limit write rate (bytes per second) to a device'
complete -c corten -n '__corten_is create "container create"' -l device-write-iops -x -d 'Limit write rate (IO per second) to a device'
complete -c corten -n '__corten_is create "container create"' -l disable-content-trust -d 'Has no effect: signatures are verified as the policy says (default true)'
complete -c corten -n '__corten_is create "container create"' -l dns -x -d 'Set custom DNS servers'
complete -c corten -n '__corten_is create "container create"' -l dns-option -x -d 'Set DNS options'
complete -c corten -n '__corten_is create "container create"' -l dns-search -x -d 'Set custom DNS search domains'
complete -c corten -n '__corten_is create "container create"' -l domainname -x -d 'Container NIS domain name'
complete -c corten -n '__corten_is create "container create"' -l entrypoint -x -d 'Overwrite the default ENTRYPOINT of the image'
complete -c corten -n '__corten_is create "container create"' -s e -l env -x -d 'Set environment variables'
complete -c corten -n '__corten_is create "container create"' -l env-file -r -F -d 'Read in a file of environment variables'
complete -c corten -n '__corten_is create "container create"' -l env-merge -x -d 'Set a variable in which ${NAME} stands for what the image says (Podman)'
complete -c corten -n '__corten_is create "container create"' -l explain -d 'Print what would be done, step by step, and do nothing'
complete -c corten -n '__corten_is create "container create"' -l expose -x -d 'Expose a port or a range of ports'
complete -c corten -n '__corten_is create "container create"' -l gidmap -x -d 'Groups of a namespace of its own: INSIDE:OUTSIDE:COUNT'
complete -c corten -n '__corten_is create "container create"' -l gpus -x -d 'GPU devices to add to the container (\'all\' to pass all GPUs), by their CDI names'
complete -c corten -n '__corten_is create "container create"' -l group-add -x -d 'Add additional groups to join'
complete -c corten -n '__corten_is create "container create"' -l hardened -d 'Tighten every wall of the container'
complete -c corten -n '__corten_is create "container create"' -l health-cmd -x -d 'Command to run to check health'
complete -c corten -n '__corten_is create "container create"' -l health-interval -x -d 'Time between running the check (default 30s)'
complete -c corten -n '__corten_is create "container create"' -l health-on-failure -x -d 'What to do with an unhealthy container: "none", "kill", "restart" or "stop" (default "none")'
complete -c corten -n '__corten_is create "container create"' -l health-retries -x -d 'Consecutive failures needed to report unhealthy (default 3)'
complete -c corten -n '__corten_is create "container create"' -l health-start-interval -x -d 'Time between running the check during the start period (default 5s)'
complete -c corten -n '__corten_is create "container create"' -l health-start-period -x -d 'Start period for the container to initialize, in which failures do not count (default 0s)'
complete -c corten -n '__corten_is create "container create"' -l health-timeout -x -d 'Maximum time to allow one check to run (default 30s)'
complete -c corten -n '__corten_is create "container create"' -s h -l hostname -x -d 'Container host name'
complete -c corten -n '__corten_is create "container create"' -l http-proxy -d 'Pass the caller\'s proxy variables into the container (default: those of Docker\'s config.json)'
complete -c corten -n '__corten_is create "container create"' -l init -d 'Run an init inside the container that forwards signals and reaps processes'
complete -c corten -n '__corten_is create "container create"' -s i -l interactive -d 'Keep STDIN open even if not attached'
complete -c corten -n '__corten_is create "container create"' -l ip -x -d 'IPv4 address (e.g., 172.30.100.104)'
complete -c corten -n '__corten_is create "container create"' -l ip6 -x -d 'IPv6 address (e.g., 2001:db8::33)'
complete -c corten -n '__corten_is create "container create"' -l ipc -x -d 'IPC mode to use: private, shareable, host, none or container:NAME'
complete -c corten -n '__corten_is create "container create"' -l isolation -x -d 'Container isolation technology: default'
complete -c corten -n '__corten_is create "container create"' -s l -l label -x -d 'Set meta data on a container'
complete -c corten -n '__corten_is create "container create"' -l label-file -x -d 'Read in a line delimited file of labels'
complete -c corten -n '__corten_is create "container create"' -l link -x -d 'Add link to another container: NAME[:ALIAS]'
complete -c corten -n '__corten_is create "container create"' -l link-local-ip -x -d 'Container IPv4/IPv6 link-local addresses'
complete -c corten -n '__corten_is create "container create"' -l log-driver -x -d 'Logging driver for the container'
complete -c corten -n '__corten_is create "container create"' -l log-opt -x -d 'Log driver options'
complete -c corten -n '__corten_is create "container create"' -l mac-address -x -d 'Container MAC address (e.g., 92:d0:c6:0a:29:33)'
complete -c corten -n '__corten_is create "container create"' -s m -l memory -x -d 'Memory limit'
complete -c corten -n '__corten_is create "container create"' -l memory-reservation -x -d 'Memory soft limit'
complete -c corten -n '__corten_is create "container create"' -l memory-swap -x -d 'Swap limit equal to memory plus swap: \'-1\' to enable unlimited swap'
complete -c corten -n '__corten_is create "container create"' -l memory-swappiness -x -d 'Tune container memory swappiness (0 to 100) (default -1)'
complete -c corten -n '__corten_is create "container create"' -l mount -x -d 'Attach a filesystem mount to the container'
complete -c corten -n '__corten_is create "container create"' -l name -x -d 'Assign a name to the container'
complete -c corten -n '__corten_is create "container create"' -l network -x -a 'container: host none' -d 'Connect a container to networks (NAME[,ip=,alias=,bandwidth=,...]), or to none, host, container:NAME or cni:NAME'
complete -c corten -n '__corten_is create "container create"' -l network-alias -x -d 'Add network-scoped alias for the container'
complete -c corten -n '__corten_is create "container create"' -l no-healthcheck -d 'Disable any container-specified HEALTHCHECK'
complete -c corten -n '__corten_is create "container create"' -l no-hostname -d 'Leave /etc/hostname as the image has it'
complete -c corten -n '__corten_is create "container create"' -l no-hosts -d 'Leave /etc/hosts as the image has it'
complete -c corten -n '__corten_is create "container create"' -l oom-kill-disable -d 'Disable OOM Killer'
complete -c corten -n '__corten_is create "container create"' -l oom-score-adj -x -d 'Tune host\'s OOM preferences (-1000 to 1000)'
complete -c corten -n '__corten_is create "container create"' -l pid -x -d 'PID namespace to use: host or container:NAME'
complete -c corten -n '__corten_is create "container create"' -l pidfile -x -d 'Write the pid of the first process to the file'
complete -c corten -n '__corten_is create "container create"' -l pids-limit -x -d 'Tune container pids limit (set -1 for unlimited)'
complete -c corten -n '__corten_is create "container create"' -l platform -x -d 'Image for this platform: OS/ARCHITECTURE[/VARIANT]'
complete -c corten -n '__corten_is create "container create"' -l privileged -d 'Give extended privileges to this container'
complete -c corten -n '__corten_is create "container create"' -s p -l publish -x -d 'Publish a container\'s port(s) to the host'
complete -c corten -n '__corten_is create "container create"' -s P -l publish-all -d 'Publish all exposed ports to random ports'
complete -c corten -n '__corten_is create "container create"' -l pull -x -a 'always missing never' -d 'Pull image before running ("always", "missing", "never")'
complete -c corten -n '__corten_is create "container create"' -s q -l quiet -d 'Suppress the pull output'
complete -c corten -n '__corten_is create "container create"' -l read-only -d 'Mount the container\'s root filesystem as read only'
complete -c corten -n '__corten_is create "container create"' -l read-only-tmpfs -d 'With --read-only, mount a writable tmpfs on /run, /tmp and /var/tmp'
complete -c corten -n '__corten_is create "container create"' -l replace -d 'Remove the container that has the name first'
complete -c corten -n '__corten_is create "container create"' -l requires -x -d 'Containers that are started before this one'
complete -c corten -n '__corten_is create "container create"' -l restart -x -d 'Restart policy to apply when a container exits: no, on-failure[:N], on-unhealthy[:N], always, unless-stopped (default "no")'
complete -c corten -n '__corten_is create "container create"' -l rm -d 'Automatically remove the container when it exits'
complete -c corten -n '__corten_is create "container create"' -l rootfs -d 'The first argument is a directory, not an image; what the container changes goes elsewhere, or with :rw[,idmap] behind the directory into it'
complete -c corten -n '__corten_is create "container create"' -l runtime -x -d 'Runtime to use for this container: corten'
complete -c corten -n '__corten_is create "container create"' -l secret -x -d 'Give the container a secret (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])'
complete -c corten -n '__corten_is create "container create"' -l security-opt -x -d 'Security Options'
complete -c corten -n '__corten_is create "container create"' -l shm-size -x -d 'Size of /dev/shm (default 64m)'
complete -c corten -n '__corten_is create "container create"' -l stop-signal -x -a 'SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH' -d 'Signal to stop the container'
complete -c corten -n '__corten_is create "container create"' -l stop-timeout -x -d 'Timeout (in seconds) to stop a container'
complete -c corten -n '__corten_is create "container create"' -l storage-opt -x -d 'Storage driver options for the container: size=BYTES, on XFS or ext4 with project quotas'
complete -c corten -n '__corten_is create "container create"' -l subgidname -x -d 'Groups are those that /etc/subgid gives to this name'
complete -c corten -n '__corten_is create "container create"' -l subuidname -x -d 'Users are those that /etc/subuid gives to this name'
complete -c corten -n '__corten_is create "container create"' -l sysctl -x -d 'Sysctl options'
complete -c corten -n '__corten_is create "container create"' -l system -d 'Run a whole system: the image\'s own init is the first process'
complete -c corten -n '__corten_is create "container create"' -l timeout -x -d 'Seconds that the container may run before it is killed (default 0: without end)'
complete -c corten -n '__corten_is create "container create"' -l tmpfs -x -d 'Mount a tmpfs directory'
complete -c corten -n '__corten_is create "container create"' -s t -l tty -d 'Allocate a pseudo-TTY'
complete -c corten -n '__corten_is create "container create"' -l ttys -x -d 'Terminals beside the console: /dev/tty1 and so on (default 4 with --system)'
complete -c corten -n '__corten_is create "container create"' -l tz -x -d 'Time zone of the container, such as Europe/Zurich, or local'
complete -c corten -n '__corten_is create "container create"' -l uidmap -x -d 'Users of a namespace of its own: INSIDE:OUTSIDE:COUNT'
complete -c corten -n '__corten_is create "container create"' -l ulimit -x -d 'Ulimit options'
complete -c corten -n '__corten_is create "container create"' -l umask -x -d 'Umask of the container\'s processes (default 0022)'
complete -c corten -n '__corten_is create "container create"' -l unsetenv -x -d 'Leave out a variable of the image'
complete -c corten -n '__corten_is create "container create"' -l unsetenv-all -d 'Leave out all variables of the image'
complete -c corten -n '__corten_is create "container create"' -s u -l user -x -d 'Username or UID (format: <name|uid>[:<group|gid>])'
complete -c corten -n '__corten_is create "container create"' -l userns -x -d 'User namespace: host, auto[:OPTIONS], nomap, keep-id[:OPTIONS], private, container:NAME'
complete -c corten -n '__corten_is create "container create"' -l uts -x -d 'UTS namespace to use: host'
complete -c corten -n '__corten_is create "container create"' -s v -l volume -r -F -d 'Bind mount a volume'
complete -c corten -n '__corten_is create "container create"' -l volume-driver -x -d 'Optional volume driver for the container (only "local")'
complete -c corten -n '__corten_is create "container create"' -l volumes-from -x -d 'Mount volumes from the specified container(s)'
complete -c corten -n '__corten_is create "container create"' -s w -l workdir -x -d 'Working directory inside the container'
complete -c corten -n '__corten_is create "container create"' -a '(__corten_images)'

# diff
complete -c corten -n '__corten_is diff "container diff"' -a '(__corten_containers)'

# serve
complete -c corten -n '__corten_is serve' -l group -x -d 'Group of the socket (name or number)'
complete -c corten -n '__corten_is serve' -l idle-exit -x -d 'Exit when no client was connected for so long'
complete -c corten -n '__corten_is serve' -l listen -x -d 'Where to listen: unix://PATH, tcp://ADDRESS:PORT or fd:// (default "unix:///run/corten/docker.sock")'
complete -c corten -n '__corten_is serve' -l log-requests -d 'Write a line for each request'
complete -c corten -n '__corten_is serve' -l mode -x -d 'Permissions of the socket (default "0660")'
complete -c corten -n '__corten_is serve' -l policy -x -d 'Limited sockets to listen on too, each with what it allows'
complete -c corten -n '__corten_is serve' -l tlscacert -r -F -d 'Trust only clients with certificates signed by this CA'
complete -c corten -n '__corten_is serve' -l tlscert -r -F -d 'TLS certificate of the server'
complete -c corten -n '__corten_is serve' -l tlskey -r -F -d 'TLS key of the server'

# events
complete -c corten -n '__corten_is events "system events"' -s f -l filter -x -d 'Filter output based on conditions provided'
complete -c corten -n '__corten_is events "system events"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is events "system events"' -l no-trunc -d 'Don\'t truncate output (default true)'
complete -c corten -n '__corten_is events "system events"' -l since -x -d 'Show all events created since timestamp'
complete -c corten -n '__corten_is events "system events"' -l until -x -d 'Stream events until this timestamp'

# export
complete -c corten -n '__corten_is export "container export"' -s o -l output -x -d 'Write to a file, instead of STDOUT'
complete -c corten -n '__corten_is export "container export"' -a '(__corten_containers)'

# inspect
complete -c corten -n '__corten_is inspect' -s f -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is inspect' -s s -l size -d 'Display total file sizes if the type is container'
complete -c corten -n '__corten_is inspect' -l type -x -a 'container image' -d 'Return JSON for specified type: container or image'
complete -c corten -n '__corten_is inspect' -a '(__corten_containers; __corten_images)'

# container inspect
complete -c corten -n '__corten_is "container inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "container inspect"' -s s -l size -d 'Display total file sizes'
complete -c corten -n '__corten_is "container inspect"' -a '(__corten_containers)'

# kill
complete -c corten -n '__corten_is kill "container kill"' -s a -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is kill "container kill"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is kill "container kill"' -s s -l signal -x -a 'SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH' -d 'Signal to send to the container'
complete -c corten -n '__corten_is kill "container kill"' -a '(__corten_containers)'

# logs
complete -c corten -n '__corten_is logs "container logs"' -l details -d 'Show extra details provided to logs'
complete -c corten -n '__corten_is logs "container logs"' -s f -l follow -d 'Follow log output'
complete -c corten -n '__corten_is logs "container logs"' -l since -x -d 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'
complete -c corten -n '__corten_is logs "container logs"' -s n -l tail -x -d 'Number of lines to show from the end of the logs (default "all")'
complete -c corten -n '__corten_is logs "container logs"' -s t -l timestamps -d 'Show timestamps'
complete -c corten -n '__corten_is logs "container logs"' -l until -x -d 'Show logs before a timestamp or relative (e.g. "42m")'
complete -c corten -n '__corten_is logs "container logs"' -a '(__corten_containers)'

# pause
complete -c corten -n '__corten_is pause "container pause"' -s a -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is pause "container pause"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is pause "container pause"' -a '(__corten_containers)'

# port
complete -c corten -n '__corten_is port "container port"' -a '(__corten_containers)'

# checkpoint create
complete -c corten -n '__corten_is "checkpoint create"' -l checkpoint-dir -x -d 'Directory of checkpoints (default: the container\'s own)'
complete -c corten -n '__corten_is "checkpoint create"' -l leave-running -d 'Leave the container running after checkpoint'
complete -c corten -n '__corten_is "checkpoint create"' -a '(__corten_containers)'

# checkpoint ls
complete -c corten -n '__corten_is "checkpoint ls" "checkpoint list"' -l checkpoint-dir -x -d 'Directory of checkpoints (default: the container\'s own)'
complete -c corten -n '__corten_is "checkpoint ls" "checkpoint list"' -a '(__corten_containers)'

# checkpoint rm
complete -c corten -n '__corten_is "checkpoint rm" "checkpoint remove"' -l checkpoint-dir -x -d 'Directory of checkpoints (default: the container\'s own)'
complete -c corten -n '__corten_is "checkpoint rm" "checkpoint remove"' -a '(__corten_containers)'

# chan send
complete -c corten -n '__corten_is "chan send"' -l count -x -d 'End once so many messages came back'
complete -c corten -n '__corten_is "chan send"' -l listen -d 'Listen at the URL, and let the peer connect'
complete -c corten -n '__corten_is "chan send"' -l timeout -x -d 'Give up, and fail, when it is not over after so long'
complete -c corten -n '__corten_is "chan send"' -l tlscacert -r -F -d 'Trust only peers with certificates signed by this CA (default: servers by the machine\'s)'
complete -c corten -n '__corten_is "chan send"' -l tlscert -r -F -d 'TLS certificate for the peer to know this side by'
complete -c corten -n '__corten_is "chan send"' -l tlskey -r -F -d 'Key of that certificate'
complete -c corten -n '__corten_is "chan send"' -l tlsverify -d 'Where it listens, demand certificates of clients (with --tlscacert)'
complete -c corten -n '__corten_is "chan send"' -s v -l verbose -d 'Tell on standard error how connections and channels begin and end'

# chan recv
complete -c corten -n '__corten_is "chan recv"' -l count -x -d 'End once so many messages came'
complete -c corten -n '__corten_is "chan recv"' -l exec -x -d 'Answer with the lines of a shell command, which has the message on its standard input'
complete -c corten -n '__corten_is "chan recv"' -l listen -d 'Listen at the URL, and let the peer connect'
complete -c corten -n '__corten_is "chan recv"' -l reply -x -d 'Answer with this message on each channel that a message brings'
complete -c corten -n '__corten_is "chan recv"' -l timeout -x -d 'Give up, and fail, when it is not over after so long'
complete -c corten -n '__corten_is "chan recv"' -l tlscacert -r -F -d 'Trust only peers with certificates signed by this CA (default: servers by the machine\'s)'
complete -c corten -n '__corten_is "chan recv"' -l tlscert -r -F -d 'TLS certificate for the peer to know this side by'
complete -c corten -n '__corten_is "chan recv"' -l tlskey -r -F -d 'Key of that certificate'
complete -c corten -n '__corten_is "chan recv"' -l tlsverify -d 'Where it listens, demand certificates of clients (with --tlscacert)'
complete -c corten -n '__corten_is "chan recv"' -s v -l verbose -d 'Tell on standard error how connections and channels begin and end'

# chan serve
complete -c corten -n '__corten_is "chan serve"' -l count -x -d 'End once so many messages came'
complete -c corten -n '__corten_is "chan serve"' -l exec -x -d 'Answer with the lines of a shell command, which has the message on its standard input'
complete -c corten -n '__corten_is "chan serve"' -l reply -x -d 'Answer with this message on each channel that a message brings'
complete -c corten -n '__corten_is "chan serve"' -l timeout -x -d 'Give up, and fail, when it is not over after so long'
complete -c corten -n '__corten_is "chan serve"' -l tlscacert -r -F -d 'Trust only peers with certificates signed by this CA (default: servers by the machine\'s)'
complete -c corten -n '__corten_is "chan serve"' -l tlscert -r -F -d 'TLS certificate for the peer to know this side by'
complete -c corten -n '__corten_is "chan serve"' -l tlskey -r -F -d 'Key of that certificate'
complete -c corten -n '__corten_is "chan serve"' -l tlsverify -d 'Where it listens, demand certificates of clients (with --tlscacert)'
complete -c corten -n '__corten_is "chan serve"' -s v -l verbose -d 'Tell on standard error how connections and channels begin and end'

# chan relay
complete -c corten -n '__corten_is "chan relay"' -l timeout -x -d 'Give up, and fail, when it is not over after so long'
complete -c corten -n '__corten_is "chan relay"' -l tlscacert -r -F -d 'Trust only peers with certificates signed by this CA (default: servers by the machine\'s)'
complete -c corten -n '__corten_is "chan relay"' -l tlscert -r -F -d 'TLS certificate for the peer to know this side by'
complete -c corten -n '__corten_is "chan relay"' -l tlskey -r -F -d 'Key of that certificate'
complete -c corten -n '__corten_is "chan relay"' -l tlsverify -d 'Where it listens, demand certificates of clients (with --tlscacert)'
complete -c corten -n '__corten_is "chan relay"' -s v -l verbose -d 'Tell on standard error how connections and channels begin and end'

# chan dump
complete -c corten -n '__corten_is "chan dump"' -l full -d 'Show all of long data'
complete -c corten -n '__corten_is "chan dump"' -l timeout -x -d 'Give up, and fail, when it is not over after so long'
complete -c corten -n '__corten_is "chan dump"' -l tlscacert -r -F -d 'Trust only peers with certificates signed by this CA (default: servers by the machine\'s)'
complete -c corten -n '__corten_is "chan dump"' -l tlscert -r -F -d 'TLS certificate for the peer to know this side by'
complete -c corten -n '__corten_is "chan dump"' -l tlskey -r -F -d 'Key of that certificate'
complete -c corten -n '__corten_is "chan dump"' -l tlsverify -d 'Where it listens, demand certificates of clients (with --tlscacert)'
complete -c corten -n '__corten_is "chan dump"' -s v -l verbose -d 'Tell on standard error how connections and channels begin and end'

# seccomp record
complete -c corten -n '__corten_is "seccomp record"' -l base -x -d 'Add to this earlier profile what it lacks'
complete -c corten -n '__corten_is "seccomp record"' -s o -l output -x -d 'Write the profile to a file (default: standard output)'
complete -c corten -n '__corten_is "seccomp record"' -a '(__corten_containers)'

# seccomp print
complete -c corten -n '__corten_is "seccomp print"' -l cap-add -x -d 'Capabilities that the container has beside the default ones'
complete -c corten -n '__corten_is "seccomp print"' -l cap-drop -x -d 'Capabilities that it lacks'

# rename
complete -c corten -n '__corten_is rename "container rename"' -a '(__corten_containers)'

# restart
complete -c corten -n '__corten_is restart "container restart"' -s a -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is restart "container restart"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is restart "container restart"' -s s -l signal -x -a 'SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH' -d 'Signal to send to the container'
complete -c corten -n '__corten_is restart "container restart"' -s t -l timeout -x -d 'Seconds to wait before killing the container'
complete -c corten -n '__corten_is restart "container restart"' -a '(__corten_containers)'

# rm
complete -c corten -n '__corten_is rm "container rm" "container remove"' -s a -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is rm "container rm" "container remove"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is rm "container rm" "container remove"' -s f -l force -d 'Force the removal of a running container (uses SIGKILL)'
complete -c corten -n '__corten_is rm "container rm" "container remove"' -s v -l volumes -d 'Remove anonymous volumes associated with the container'
complete -c corten -n '__corten_is rm "container rm" "container remove"' -a '(__corten_containers)'

# start
complete -c corten -n '__corten_is start "container start"' -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is start "container start"' -s a -l attach -d 'Attach STDOUT/STDERR and forward signals'
complete -c corten -n '__corten_is start "container start"' -l checkpoint -x -d 'Restore from this checkpoint'
complete -c corten -n '__corten_is start "container start"' -l checkpoint-dir -x -d 'Directory of checkpoints (default: the container\'s own)'
complete -c corten -n '__corten_is start "container start"' -l detach-keys -x -d 'Override the key sequence for detaching a container'
complete -c corten -n '__corten_is start "container start"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is start "container start"' -s i -l interactive -d 'Attach container\'s STDIN'
complete -c corten -n '__corten_is start "container start"' -l sig-proxy -d 'Proxy received signals to the process (default true)'
complete -c corten -n '__corten_is start "container start"' -a '(__corten_containers)'

# stats
complete -c corten -n '__corten_is stats "container stats"' -s a -l all -d 'Show all containers (default shows just running)'
complete -c corten -n '__corten_is stats "container stats"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is stats "container stats"' -l no-stream -d 'Disable streaming stats and only pull the first result'
complete -c corten -n '__corten_is stats "container stats"' -l no-trunc -d 'Don\'t truncate output'

# stop
complete -c corten -n '__corten_is stop "container stop"' -s a -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is stop "container stop"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is stop "container stop"' -s s -l signal -x -a 'SIGHUP SIGINT SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGTERM SIGCONT SIGSTOP SIGWINCH' -d 'Signal to send to the container'
complete -c corten -n '__corten_is stop "container stop"' -s t -l timeout -x -d 'Seconds to wait before killing the container'
complete -c corten -n '__corten_is stop "container stop"' -a '(__corten_containers)'

# top
complete -c corten -n '__corten_is top "container top"' -a '(__corten_containers)'

# unpause
complete -c corten -n '__corten_is unpause "container unpause"' -s a -l all -d 'All containers that it can be done to'
complete -c corten -n '__corten_is unpause "container unpause"' -l filter -x -d 'Those that meet conditions, as in ps'
complete -c corten -n '__corten_is unpause "container unpause"' -a '(__corten_containers)'

# update
complete -c corten -n '__corten_is update "container update"' -l autostart -d 'Start the container with the machine'
complete -c corten -n '__corten_is update "container update"' -l autostart-delay -x -d 'Seconds that the next container waits behind this one'
complete -c corten -n '__corten_is update "container update"' -l autostart-group -x -d 'Group of the container: a boot starts onboot, then those of no group'
complete -c corten -n '__corten_is update "container update"' -l autostart-order -x -d 'Turn of the container: lower ones are started earlier'
complete -c corten -n '__corten_is update "container update"' -l blkio-weight -x -d 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'
complete -c corten -n '__corten_is update "container update"' -l cpu-period -x -d 'Limit CPU CFS (Completely Fair Scheduler) period'
complete -c corten -n '__corten_is update "container update"' -l cpu-quota -x -d 'Limit CPU CFS (Completely Fair Scheduler) quota'
complete -c corten -n '__corten_is update "container update"' -l cpu-rt-period -x -d 'Limit CPU real-time period in microseconds'
complete -c corten -n '__corten_is update "container update"' -l cpu-rt-runtime -x -d 'Limit CPU real-time runtime in microseconds'
complete -c corten -n '__corten_is update "container update"' -s c -l cpu-shares -x -d 'CPU shares (relative weight)'
complete -c corten -n '__corten_is update "container update"' -l cpus -x -d 'Number of CPUs'
complete -c corten -n '__corten_is update "container update"' -l cpuset-cpus -x -d 'CPUs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is update "container update"' -l cpuset-mems -x -d 'MEMs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is update "container update"' -s m -l memory -x -d 'Memory limit'
complete -c corten -n '__corten_is update "container update"' -l memory-reservation -x -d 'Memory soft limit'
complete -c corten -n '__corten_is update "container update"' -l memory-swap -x -d 'Swap limit equal to memory plus swap: \'-1\' to enable unlimited swap'
complete -c corten -n '__corten_is update "container update"' -l pids-limit -x -d 'Tune container pids limit (set -1 for unlimited)'
complete -c corten -n '__corten_is update "container update"' -l publish-add -x -d 'Publish a further port to the host'
complete -c corten -n '__corten_is update "container update"' -l publish-rm -x -d 'Publish a port no more'
complete -c corten -n '__corten_is update "container update"' -l restart -x -d 'Restart policy to apply when a container exits: no, on-failure[:N], on-unhealthy[:N], always, unless-stopped'
complete -c corten -n '__corten_is update "container update"' -a '(__corten_containers)'

# wait
complete -c corten -n '__corten_is wait "container wait"' -l condition -x -d 'Wait for not-running, next-exit, removed, created, running, paused, exited, healthy or unhealthy (default not-running)'
complete -c corten -n '__corten_is wait "container wait"' -s i -l interval -x -d 'Look at least so often (default 250ms)'
complete -c corten -n '__corten_is wait "container wait"' -a '(__corten_containers)'

# completion
complete -c corten -n '__corten_is completion' -a 'bash fish zsh'

# cp
complete -c corten -n '__corten_is cp "container cp"' -s a -l archive -d 'Archive mode (copy all uid/gid information)'
complete -c corten -n '__corten_is cp "container cp"' -s L -l follow-link -d 'Always follow symbol link in SRC_PATH'
complete -c corten -n '__corten_is cp "container cp"' -s q -l quiet -d 'Suppress the line that says what was copied'

# network create
complete -c corten -n '__corten_is "network create"' -l attachable -d 'Containers may be attached by hand, as they always may on one machine'
complete -c corten -n '__corten_is "network create"' -l aux-address -x -d 'Addresses that others have: NAME=ADDRESS'
complete -c corten -n '__corten_is "network create"' -s d -l driver -x -d 'Driver to manage the network (default "bridge")'
complete -c corten -n '__corten_is "network create"' -l gateway -x -d 'Gateway of the subnet that it is in'
complete -c corten -n '__corten_is "network create"' -l internal -d 'Restrict external access to the network'
complete -c corten -n '__corten_is "network create"' -l ip-range -x -d 'Allocate container addresses from a part of a subnet'
complete -c corten -n '__corten_is "network create"' -l ipam-driver -x -d 'Who chooses addresses (default "default", the one that there is)'
complete -c corten -n '__corten_is "network create"' -l ipv4 -d 'Give the network addresses of IPv4 (default true)'
complete -c corten -n '__corten_is "network create"' -l ipv6 -d 'Give the network addresses of IPv6 (default true)'
complete -c corten -n '__corten_is "network create"' -l label -x -d 'Set metadata on a network'
complete -c corten -n '__corten_is "network create"' -s o -l opt -x -d 'Set driver specific options'
complete -c corten -n '__corten_is "network create"' -l scope -x -d 'Where the network is known (default "local", this machine)'
complete -c corten -n '__corten_is "network create"' -l subnet -x -d 'Subnet in CIDR format; the next one that is free where none is given'

# network ls
complete -c corten -n '__corten_is "network ls" "network list"' -s f -l filter -x -d 'Provide filter values (e.g. "driver=bridge")'
complete -c corten -n '__corten_is "network ls" "network list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "network ls" "network list"' -l no-trunc -d 'Do not truncate the output'
complete -c corten -n '__corten_is "network ls" "network list"' -s q -l quiet -d 'Only display network IDs'

# network inspect
complete -c corten -n '__corten_is "network inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''

# network rm
complete -c corten -n '__corten_is "network rm" "network remove"' -s f -l force -d 'Do not error if the network does not exist'

# network connect
complete -c corten -n '__corten_is "network connect"' -l alias -x -d 'Add network-scoped alias for the container'
complete -c corten -n '__corten_is "network connect"' -l driver-opt -x -d 'Driver options for the network'
complete -c corten -n '__corten_is "network connect"' -l gw-priority -x -d 'Highest gw-priority provides the default gateway (default 0)'
complete -c corten -n '__corten_is "network connect"' -l ip -x -d 'IPv4 address (e.g., "172.30.100.104")'
complete -c corten -n '__corten_is "network connect"' -l ip6 -x -d 'IPv6 address (e.g., "2001:db8::33")'
complete -c corten -n '__corten_is "network connect"' -l link -x -d 'Add link to another container: NAME[:ALIAS]'
complete -c corten -n '__corten_is "network connect"' -l link-local-ip -x -d 'Add a link-local address for the container'

# network disconnect
complete -c corten -n '__corten_is "network disconnect"' -s f -l force -d 'Do not error if there is no such container or network'

# network prune
complete -c corten -n '__corten_is "network prune"' -l filter -x -d 'Provide filter values (e.g. "until=<timestamp>", "label!=<name>")'
complete -c corten -n '__corten_is "network prune"' -s f -l force -d 'Do not prompt for confirmation'

# network reload

# network settings
complete -c corten -n '__corten_is "network settings"' -l address-pool -x -d 'Where new networks\' addresses come from: base=CIDR,size=PREFIX (empty: Docker\'s)'
complete -c corten -n '__corten_is "network settings"' -l default-network -x -d 'Network of containers where nobody says another one, or none (default "bridge")'
complete -c corten -n '__corten_is "network settings"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "network settings"' -l mtu -x -d 'Bytes of the largest packet in new networks (default 1500, a user\'s 65520)'
complete -c corten -n '__corten_is "network settings"' -l publish-address -x -d 'Address of the machine that ports are published at (empty: every one)'
complete -c corten -n '__corten_is "network settings"' -l publish-policy -x -d 'Whether the machine\'s input rules hold for published ports: open, respect-host'
complete -c corten -n '__corten_is "network settings"' -l reset -d 'Set back what no other option sets'

# network doctor
complete -c corten -n '__corten_is "network doctor"' -l format -x -d 'Format output using a Go template, or \'json\''

# volume create
complete -c corten -n '__corten_is "volume create"' -s d -l driver -x -d 'Specify volume driver name (default "local")'
complete -c corten -n '__corten_is "volume create"' -l label -x -d 'Set metadata for a volume'
complete -c corten -n '__corten_is "volume create"' -s o -l opt -x -d 'Set driver specific options: size, or type, device, o'

# volume ls
complete -c corten -n '__corten_is "volume ls" "volume list"' -s f -l filter -x -d 'Provide filter values (e.g. "dangling=true")'
complete -c corten -n '__corten_is "volume ls" "volume list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "volume ls" "volume list"' -s q -l quiet -d 'Only display volume names'

# volume inspect
complete -c corten -n '__corten_is "volume inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''

# volume rm
complete -c corten -n '__corten_is "volume rm" "volume remove"' -s f -l force -d 'Do not fail where there is no such volume'

# volume prune
complete -c corten -n '__corten_is "volume prune"' -s a -l all -d 'Remove all unused volumes, not just anonymous ones'
complete -c corten -n '__corten_is "volume prune"' -l filter -x -d 'Provide filter values (e.g. "label=<label>")'
complete -c corten -n '__corten_is "volume prune"' -s f -l force -d 'Do not prompt for confirmation'

# volume rename

# volume clone

# volume snapshot

# volume restore

# volume update
complete -c corten -n '__corten_is "volume update"' -l label -x -d 'Set metadata of the volume'
complete -c corten -n '__corten_is "volume update"' -l label-rm -x -d 'Take metadata away from the volume'
complete -c corten -n '__corten_is "volume update"' -s o -l opt -x -d 'Set driver specific options: size (0 for none)'

# autostart
complete -c corten -n '__corten_is autostart' -s a -l all -d 'All containers that start with the machine, whatever their groups'
complete -c corten -n '__corten_is autostart' -s g -l groups -x -d 'Groups one after the other; an empty one is of containers in none'
complete -c corten -n '__corten_is autostart' -s A -l ignore-auto -d 'Also containers that do not start with the machine'
complete -c corten -n '__corten_is autostart' -s k -l kill -d 'Kill them instead'
complete -c corten -n '__corten_is autostart' -s L -l list -d 'Only list them, with their delays'
complete -c corten -n '__corten_is autostart' -s r -l reboot -d 'Restart those that run instead'
complete -c corten -n '__corten_is autostart' -s s -l shutdown -d 'Stop them instead'
complete -c corten -n '__corten_is autostart' -s t -l timeout -x -d 'Seconds to wait before killing a container (default: its own)'

# clone
complete -c corten -n '__corten_is clone' -l blkio-weight -x -d 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'
complete -c corten -n '__corten_is clone' -l cpu-period -x -d 'Limit CPU CFS (Completely Fair Scheduler) period'
complete -c corten -n '__corten_is clone' -l cpu-quota -x -d 'Limit CPU CFS (Completely Fair Scheduler) quota'
complete -c corten -n '__corten_is clone' -l cpu-rt-period -x -d 'Limit CPU real-time period in microseconds'
complete -c corten -n '__corten_is clone' -l cpu-rt-runtime -x -d 'Limit CPU real-time runtime in microseconds'
complete -c corten -n '__corten_is clone' -s c -l cpu-shares -x -d 'CPU shares (relative weight)'
complete -c corten -n '__corten_is clone' -l cpus -x -d 'Number of CPUs'
complete -c corten -n '__corten_is clone' -l cpuset-cpus -x -d 'CPUs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is clone' -l cpuset-mems -x -d 'MEMs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is clone' -l destroy -d 'Remove the original container'
complete -c corten -n '__corten_is clone' -s f -l force -d 'Remove the original even if it runs (uses SIGKILL)'
complete -c corten -n '__corten_is clone' -s m -l memory -x -d 'Memory limit'
complete -c corten -n '__corten_is clone' -l memory-reservation -x -d 'Memory soft limit'
complete -c corten -n '__corten_is clone' -l memory-swap -x -d 'Swap limit equal to memory plus swap: \'-1\' to enable unlimited swap'
complete -c corten -n '__corten_is clone' -l name -x -d 'Assign a name to the new container (default: the original\'s with -clone behind)'
complete -c corten -n '__corten_is clone' -l pids-limit -x -d 'Tune container pids limit (set -1 for unlimited)'
complete -c corten -n '__corten_is clone' -l run -d 'Start the new container'
complete -c corten -n '__corten_is clone' -a '(__corten_containers)'

# snapshot create
complete -c corten -n '__corten_is "snapshot create"' -s c -l comment -x -d 'Words about the snapshot'
complete -c corten -n '__corten_is "snapshot create"' -a '(__corten_containers)'

# snapshot ls
complete -c corten -n '__corten_is "snapshot ls" "snapshot list"' -s f -l filter -x -d 'Filter output based on conditions provided: name'
complete -c corten -n '__corten_is "snapshot ls" "snapshot list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "snapshot ls" "snapshot list"' -s q -l quiet -d 'Only display IDs'
complete -c corten -n '__corten_is "snapshot ls" "snapshot list"' -a '(__corten_containers)'

# snapshot restore
complete -c corten -n '__corten_is "snapshot restore"' -l name -x -d 'Make a new container of this name, and leave the original as it is'
complete -c corten -n '__corten_is "snapshot restore"' -l run -d 'Start the container afterwards'
complete -c corten -n '__corten_is "snapshot restore"' -a '(__corten_containers)'

# snapshot rm
complete -c corten -n '__corten_is "snapshot rm" "snapshot remove"' -a '(__corten_containers)'

# container clone
complete -c corten -n '__corten_is "container clone"' -l blkio-weight -x -d 'Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)'
complete -c corten -n '__corten_is "container clone"' -l cpu-period -x -d 'Limit CPU CFS (Completely Fair Scheduler) period'
complete -c corten -n '__corten_is "container clone"' -l cpu-quota -x -d 'Limit CPU CFS (Completely Fair Scheduler) quota'
complete -c corten -n '__corten_is "container clone"' -l cpu-rt-period -x -d 'Limit CPU real-time period in microseconds'
complete -c corten -n '__corten_is "container clone"' -l cpu-rt-runtime -x -d 'Limit CPU real-time runtime in microseconds'
complete -c corten -n '__corten_is "container clone"' -s c -l cpu-shares -x -d 'CPU shares (relative weight)'
complete -c corten -n '__corten_is "container clone"' -l cpus -x -d 'Number of CPUs'
complete -c corten -n '__corten_is "container clone"' -l cpuset-cpus -x -d 'CPUs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is "container clone"' -l cpuset-mems -x -d 'MEMs in which to allow execution (0-3, 0,1)'
complete -c corten -n '__corten_is "container clone"' -l destroy -d 'Remove the original container'
complete -c corten -n '__corten_is "container clone"' -l files -d 'The new container has the original\'s files, too, as with corten clone'
complete -c corten -n '__corten_is "container clone"' -s f -l force -d 'Remove the original even if it runs (uses SIGKILL)'
complete -c corten -n '__corten_is "container clone"' -s m -l memory -x -d 'Memory limit'
complete -c corten -n '__corten_is "container clone"' -l memory-reservation -x -d 'Memory soft limit'
complete -c corten -n '__corten_is "container clone"' -l memory-swap -x -d 'Swap limit equal to memory plus swap: \'-1\' to enable unlimited swap'
complete -c corten -n '__corten_is "container clone"' -l name -x -d 'Assign a name to the new container (default: the original\'s with -clone behind)'
complete -c corten -n '__corten_is "container clone"' -l pids-limit -x -d 'Tune container pids limit (set -1 for unlimited)'
complete -c corten -n '__corten_is "container clone"' -l run -d 'Start the new container'
complete -c corten -n '__corten_is "container clone"' -a '(__corten_containers)'

# container mount
complete -c corten -n '__corten_is "container mount" mount' -s a -l all -d 'All containers'
complete -c corten -n '__corten_is "container mount" mount' -l format -x -d 'Format the list of what is mounted as \'json\''
complete -c corten -n '__corten_is "container mount" mount' -l no-trunc -d 'Don\'t truncate output'

# container unmount
complete -c corten -n '__corten_is "container unmount" "container umount" unmount umount' -s a -l all -d 'All containers that are mounted'
complete -c corten -n '__corten_is "container unmount" "container umount" unmount umount' -s f -l force -d 'Also where somebody uses the files, or they are not mounted'
complete -c corten -n '__corten_is "container unmount" "container umount" unmount umount' -a '(__corten_containers)'

# volume mount

# volume unmount

# container exists
complete -c corten -n '__corten_is "container exists"' -a '(__corten_containers)'

# healthcheck run
complete -c corten -n '__corten_is "healthcheck run"' -a '(__corten_containers)'

# volume exists

# volume export
complete -c corten -n '__corten_is "volume export"' -s o -l output -x -d 'Write to a file, instead of STDOUT'

# volume import

# secret create
complete -c corten -n '__corten_is "secret create"' -s d -l driver -x -d 'Secret driver (only "file")'
complete -c corten -n '__corten_is "secret create"' -l env -d 'Read the secret from the environment variable that is named in the place of the file'
complete -c corten -n '__corten_is "secret create"' -l ignore -d 'Leave a secret of that name as it is'
complete -c corten -n '__corten_is "secret create"' -s l -l label -x -d 'Secret labels'
complete -c corten -n '__corten_is "secret create"' -l replace -d 'Give a secret of that name the new content'

# secret ls
complete -c corten -n '__corten_is "secret ls" "secret list"' -s f -l filter -x -d 'Filter output based on conditions provided: id, label, name'
complete -c corten -n '__corten_is "secret ls" "secret list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "secret ls" "secret list"' -s q -l quiet -d 'Only display IDs'

# secret inspect
complete -c corten -n '__corten_is "secret inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "secret inspect"' -l pretty -d 'Print the information in a human friendly format'
complete -c corten -n '__corten_is "secret inspect"' -l showsecret -d 'Show the secret itself, too'

# secret rm
complete -c corten -n '__corten_is "secret rm" "secret remove"' -s a -l all -d 'Remove all of them'
complete -c corten -n '__corten_is "secret rm" "secret remove"' -s f -l force -d 'Remove also what containers were given'
complete -c corten -n '__corten_is "secret rm" "secret remove"' -s i -l ignore -d 'Do not fail where there is none of the name'

# secret exists

# config create
complete -c corten -n '__corten_is "config create"' -l ignore -d 'Leave a config of that name as it is'
complete -c corten -n '__corten_is "config create"' -s l -l label -x -d 'Config labels'
complete -c corten -n '__corten_is "config create"' -l replace -d 'Give a config of that name the new content'

# config ls
complete -c corten -n '__corten_is "config ls" "config list"' -s f -l filter -x -d 'Filter output based on conditions provided: id, label, name'
complete -c corten -n '__corten_is "config ls" "config list"' -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "config ls" "config list"' -s q -l quiet -d 'Only display IDs'

# config inspect
complete -c corten -n '__corten_is "config inspect"' -s f -l format -x -d 'Format output using a Go template, or \'json\''
complete -c corten -n '__corten_is "config inspect"' -l pretty -d 'Print the information in a human friendly format'

# config rm
complete -c corten -n '__corten_is "config rm" "config remove"' -s a -l all -d 'Remove all of them'
complete -c corten -n '__corten_is "config rm" "config remove"' -s f -l force -d 'Remove also what containers were given'
complete -c corten -n '__corten_is "config rm" "config remove"' -s i -l ignore -d 'Do not fail where there is none of the name'

# config exists

# oci checkpoint
complete -c corten -n '__corten_is "oci checkpoint"' -l auto-dedup -d 'Free what a newer dump, or a restore, makes superfluous'
complete -c corten -n '__corten_is "oci checkpoint"' -l empty-ns -x -d 'Make a namespace without what was in it: network, always'
complete -c corten -n '__corten_is "oci checkpoint"' -l ext-unix-sk -d 'Allow Unix sockets whose other end is outside'
complete -c corten -n '__corten_is "oci checkpoint"' -l file-locks -d 'Allow file locks'
complete -c corten -n '__corten_is "oci checkpoint"' -l image-path -x -d 'Directory of the images (default "checkpoint")'
complete -c corten -n '__corten_is "oci checkpoint"' -l lazy-pages -d 'Copy memory when it is touched, see userfaultfd(2)'
complete -c corten -n '__corten_is "oci checkpoint"' -l leave-running -d 'Leave the container running'
complete -c corten -n '__corten_is "oci checkpoint"' -l link-remap -d 'Give open files without a name one for a while'
complete -c corten -n '__corten_is "oci checkpoint"' -l manage-cgroups-mode -x -d 'What is done about control groups (default "soft")'
complete -c corten -n '__corten_is "oci checkpoint"' -l page-server -x -d 'Send memory there'
complete -c corten -n '__corten_is "oci checkpoint"' -l parent-path -x -d 'Earlier images, relative to the new ones'
complete -c corten -n '__corten_is "oci checkpoint"' -l pre-dump -d 'Write memory only, and leave the container running'
complete -c corten -n '__corten_is "oci checkpoint"' -l shell-job -d 'Allow a session, or a terminal, of somebody outside'
complete -c corten -n '__corten_is "oci checkpoint"' -l status-fd -x -d 'Write a NUL byte there once pages can be asked for'
complete -c corten -n '__corten_is "oci checkpoint"' -l tcp-established -d 'Allow established TCP connections'
complete -c corten -n '__corten_is "oci checkpoint"' -l tcp-skip-in-flight -d 'Leave out TCP connections that are being made'
complete -c corten -n '__corten_is "oci checkpoint"' -l work-path -x -d 'Directory of CRIU\'s log (default: that of the images)'

# oci create
complete -c corten -n '__corten_is "oci create"' -s b -l bundle -x -a '(__fish_complete_directories)' -d 'Directory of the bundle (default: the working directory)'
complete -c corten -n '__corten_is "oci create"' -l console-socket -r -F -d 'Unix socket that gets the master of the container\'s terminal'
complete -c corten -n '__corten_is "oci create"' -l no-new-keyring -d 'Keep the caller\'s session keyring'
complete -c corten -n '__corten_is "oci create"' -l no-pivot -d 'Move the root instead of pivoting it: for a root in a ramdisk'
complete -c corten -n '__corten_is "oci create"' -l pid-file -r -F -d 'File that gets the pid of the container\'s first process'
complete -c corten -n '__corten_is "oci create"' -l pidfd-socket -r -F -d 'Unix socket that gets a pidfd of the container\'s first process'
complete -c corten -n '__corten_is "oci create"' -l preserve-fds -x -d 'Pass so many descriptors on, from 3 on'

# oci delete
complete -c corten -n '__corten_is "oci delete"' -s f -l force -d 'Kill a container that runs; one that does not exist is no error'

# oci events
complete -c corten -n '__corten_is "oci events"' -l interval -x -d 'Time between two looks (default 5s)'
complete -c corten -n '__corten_is "oci events"' -l stats -d 'Print what it uses now, and end'

# oci exec
complete -c corten -n '__corten_is "oci exec"' -s g -l additional-gids -x -d 'Supplementary group of the process'
complete -c corten -n '__corten_is "oci exec"' -l apparmor -x -d 'AppArmor profile of the process'
complete -c corten -n '__corten_is "oci exec"' -s c -l cap -x -d 'Add a capability'
complete -c corten -n '__corten_is "oci exec"' -l cgroup -x -d 'Run the process in a group below the container\'s'
complete -c corten -n '__corten_is "oci exec"' -l console-socket -r -F -d 'Unix socket that gets the master of the process\'s terminal'
complete -c corten -n '__corten_is "oci exec"' -l cwd -x -a '(__fish_complete_directories)' -d 'Working directory of the process'
complete -c corten -n '__corten_is "oci exec"' -s d -l detach -d 'Leave the process running'
complete -c corten -n '__corten_is "oci exec"' -s e -l env -x -d 'Set an environment variable'
complete -c corten -n '__corten_is "oci exec"' -l ignore-paused -d 'Join a container that stands still'
complete -c corten -n '__corten_is "oci exec"' -l no-new-privs -d 'Set no_new_privs'
complete -c corten -n '__corten_is "oci exec"' -l no-subreaper -d 'Do not adopt the process\'s orphans; this program never does'
complete -c corten -n '__corten_is "oci exec"' -l pid-file -r -F -d 'File that gets the pid of the process'
complete -c corten -n '__corten_is "oci exec"' -l pidfd-socket -r -F -d 'Unix socket that gets a pidfd of the process'
complete -c corten -n '__corten_is "oci exec"' -l preserve-fds -x -d 'Pass so many descriptors on, from 3 on'
complete -c corten -n '__corten_is "oci exec"' -s p -l process -r -F -d 'Configuration of the process, an OCI process object'
complete -c corten -n '__corten_is "oci exec"' -l process-label -x -d 'SELinux label of the process'
complete -c corten -n '__corten_is "oci exec"' -s t -l tty -d 'Give the process a terminal'
complete -c corten -n '__corten_is "oci exec"' -s u -l user -x -d 'User and group of the process'

# oci features

# oci kill
complete -c corten -n '__corten_is "oci kill"' -s a -l all -d 'Send the signal to every process of the container'

# oci list
complete -c corten -n '__corten_is "oci list"' -s f -l format -x -d 'Form of the list (default "table")'
complete -c corten -n '__corten_is "oci list"' -s q -l quiet -d 'Print ids only'

# oci pause

# oci plan
complete -c corten -n '__corten_is "oci plan"' -a '(__fish_complete_directories)'

# oci ps
complete -c corten -n '__corten_is "oci ps"' -s f -l format -x -d 'Form of the list (default "table")'

# oci restore
complete -c corten -n '__corten_is "oci restore"' -l auto-dedup -d 'Free what a newer dump, or a restore, makes superfluous'
complete -c corten -n '__corten_is "oci restore"' -s b -l bundle -x -a '(__fish_complete_directories)' -d 'Directory of the bundle (default: the working directory)'
complete -c corten -n '__corten_is "oci restore"' -l console-socket -r -F -d 'Unix socket that gets the master of the container\'s terminal'
complete -c corten -n '__corten_is "oci restore"' -s d -l detach -d 'Leave the container running'
complete -c corten -n '__corten_is "oci restore"' -l empty-ns -x -d 'Make a namespace without what was in it: network, always'
complete -c corten -n '__corten_is "oci restore"' -l ext-unix-sk -d 'Allow Unix sockets whose other end is outside'
complete -c corten -n '__corten_is "oci restore"' -l file-locks -d 'Allow file locks'
complete -c corten -n '__corten_is "oci restore"' -l image-path -x -d 'Directory of the images (default "checkpoint")'
complete -c corten -n '__corten_is "oci restore"' -l lazy-pages -d 'Copy memory when it is touched, see userfaultfd(2)'
complete -c corten -n '__corten_is "oci restore"' -l lsm-mount-context -x -d 'Another SELinux context for the mounts'
complete -c corten -n '__corten_is "oci restore"' -l lsm-profile -x -d 'Another security profile than that of the dump'
complete -c corten -n '__corten_is "oci restore"' -l manage-cgroups-mode -x -d 'What is done about control groups (default "soft")'
complete -c corten -n '__corten_is "oci restore"' -l no-pivot -d 'Move the root instead of pivoting it: for a root in a ramdisk'
complete -c corten -n '__corten_is "oci restore"' -l no-subreaper -d 'Do not adopt the container\'s orphans; this program never does'
complete -c corten -n '__corten_is "oci restore"' -l pid-file -r -F -d 'File that gets the pid of the container\'s first process'
complete -c corten -n '__corten_is "oci restore"' -l pidfd-socket -r -F -d 'Unix socket that gets a pidfd of the container\'s first process'
complete -c corten -n '__corten_is "oci restore"' -l shell-job -d 'Allow a session, or a terminal, of somebody outside'
complete -c corten -n '__corten_is "oci restore"' -l tcp-established -d 'Allow established TCP connections'
complete -c corten -n '__corten_is "oci restore"' -l work-path -x -d 'Directory of CRIU\'s log (default: that of the images)'

# oci resume

# oci run
complete -c corten -n '__corten_is "oci run"' -s b -l bundle -x -a '(__fish_complete_directories)' -d 'Directory of the bundle (default: the working directory)'
complete -c corten -n '__corten_is "oci run"' -l console-socket -r -F -d 'Unix socket that gets the master of the container\'s terminal'
complete -c corten -n '__corten_is "oci run"' -s d -l detach -d 'Leave the container running'
complete -c corten -n '__corten_is "oci run"' -l keep -d 'Keep the container after its end'
complete -c corten -n '__corten_is "oci run"' -l no-new-keyring -d 'Keep the caller\'s session keyring'
complete -c corten -n '__corten_is "oci run"' -l no-pivot -d 'Move the root instead of pivoting it: for a root in a ramdisk'
complete -c corten -n '__corten_is "oci run"' -l no-subreaper -d 'Do not adopt the container\'s orphans; this program never does'
complete -c corten -n '__corten_is "oci run"' -l pid-file -r -F -d 'File that gets the pid of the container\'s first process'
complete -c corten -n '__corten_is "oci run"' -l pidfd-socket -r -F -d 'Unix socket that gets a pidfd of the container\'s first process'
complete -c corten -n '__corten_is "oci run"' -l preserve-fds -x -d 'Pass so many descriptors on, from 3 on'

# oci spec
complete -c corten -n '__corten_is "oci spec"' -s b -l bundle -x -a '(__fish_complete_directories)' -d 'Directory of the bundle (default: the working directory)'
complete -c corten -n '__corten_is "oci spec"' -l rootless -d 'For a user without rights'

# oci start

# oci state

# oci update
complete -c corten -n '__corten_is "oci update"' -l blkio-weight -x -d 'Weight of block I/O, 10 to 1000'
complete -c corten -n '__corten_is "oci update"' -l cpu-burst -x -d 'Microseconds of CPU time that may be saved up'
complete -c corten -n '__corten_is "oci update"' -l cpu-idle -x -d '1 for SCHED_IDLE'
complete -c corten -n '__corten_is "oci update"' -l cpu-period -x -d 'Microseconds of a CPU period'
complete -c corten -n '__corten_is "oci update"' -l cpu-quota -x -d 'Microseconds of CPU time in a period; -1 is no limit'
complete -c corten -n '__corten_is "oci update"' -l cpu-rt-period -x -d 'Microseconds of a real-time period'
complete -c corten -n '__corten_is "oci update"' -l cpu-rt-runtime -x -d 'Microseconds of real-time scheduling in a period'
complete -c corten -n '__corten_is "oci update"' -l cpu-share -x -d 'Relative weight of CPU time'
complete -c corten -n '__corten_is "oci update"' -l cpuset-cpus -x -d 'CPUs to run on'
complete -c corten -n '__corten_is "oci update"' -l cpuset-mems -x -d 'Memory nodes to use'
complete -c corten -n '__corten_is "oci update"' -l memory -x -d 'Memory limit; -1 is no limit'
complete -c corten -n '__corten_is "oci update"' -l memory-reservation -x -d 'Soft memory limit'
complete -c corten -n '__corten_is "oci update"' -l memory-swap -x -d 'Limit of memory and swap together; -1 is no limit'
complete -c corten -n '__corten_is "oci update"' -l pids-limit -x -d 'Number of processes; -1 is no limit'
complete -c corten -n '__corten_is "oci update"' -s r -l resources -r -F -d 'Limits as an OCI resources object; - for standard input'

# lxc attach
complete -c corten -n '__corten_is "lxc attach"' -s a -l arch -x -d 'What uname(2) says of the machine'
complete -c corten -n '__corten_is "lxc attach"' -l clear-env -d 'Begin with an empty environment'
complete -c corten -n '__corten_is "lxc attach"' -s c -l context -x -d 'SELinux label of the program'
complete -c corten -n '__corten_is "lxc attach"' -s e -l elevated-privileges -d 'With more rights than the container: CGROUP, CAP, LSM, or all'
complete -c corten -n '__corten_is "lxc attach"' -s g -l gid -x -d 'Group of the program inside'
complete -c corten -n '__corten_is "lxc attach"' -l keep-env -d 'Keep this environment (default)'
complete -c corten -n '__corten_is "lxc attach"' -l keep-var -x -d 'Keep this variable with --clear-env'
complete -c corten -n '__corten_is "lxc attach"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc attach"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc attach"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc attach"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc attach"' -s s -l namespaces -x -d 'Enter these alone: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP'
complete -c corten -n '__corten_is "lxc attach"' -s L -l pty-log -x -d 'What the terminal shows is written there, too'
complete -c corten -n '__corten_is "lxc attach"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc attach"' -s f -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc attach"' -s R -l remount-sys-proc -d 'With --namespaces but not MOUNT: see the container\'s processes in /proc'
complete -c corten -n '__corten_is "lxc attach"' -s v -l set-var -x -d 'Set a variable'
complete -c corten -n '__corten_is "lxc attach"' -s u -l uid -x -d 'User of the program inside'
complete -c corten -n '__corten_is "lxc attach"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc attach"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc attach"' -a '(__corten_systems)'

# lxc autostart
complete -c corten -n '__corten_is "lxc autostart"' -s a -l all -d 'Whatever their groups are'
complete -c corten -n '__corten_is "lxc autostart"' -s g -l groups -x -d 'Those of these groups, with commas between, one group after the other; empty is those without'
complete -c corten -n '__corten_is "lxc autostart"' -s A -l ignore-auto -d 'Although lxc.start.auto is not set'
complete -c corten -n '__corten_is "lxc autostart"' -s k -l kill -d 'Kill them in the place of starting them'
complete -c corten -n '__corten_is "lxc autostart"' -s L -l list -d 'List them, with their delays'
complete -c corten -n '__corten_is "lxc autostart"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc autostart"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc autostart"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc autostart"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc autostart"' -s r -l reboot -d 'Ask those that run to start anew'
complete -c corten -n '__corten_is "lxc autostart"' -s s -l shutdown -d 'Stop those that run'
complete -c corten -n '__corten_is "lxc autostart"' -s t -l timeout -x -d 'How long each may take to stop (default 60)'
complete -c corten -n '__corten_is "lxc autostart"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc autostart"' -l version -d 'Print the version'

# lxc cgroup
complete -c corten -n '__corten_is "lxc cgroup"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc cgroup"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc cgroup"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc cgroup"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc cgroup"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc cgroup"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc cgroup"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc cgroup"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc cgroup"' -a '(__corten_systems)'

# lxc checkconfig

# lxc checkpoint
complete -c corten -n '__corten_is "lxc checkpoint"' -s A -l action-script -x -d 'A program that CRIU runs on the way'
complete -c corten -n '__corten_is "lxc checkpoint"' -s D -l checkpoint-dir -x -d 'Where the checkpoint is'
complete -c corten -n '__corten_is "lxc checkpoint"' -s d -l daemon -d 'Leave it running (default)'
complete -c corten -n '__corten_is "lxc checkpoint"' -s F -l foreground -d 'Stay with it'
complete -c corten -n '__corten_is "lxc checkpoint"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc checkpoint"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc checkpoint"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc checkpoint"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc checkpoint"' -s p -l pre-dump -d 'Write memory alone, and leave it running'
complete -c corten -n '__corten_is "lxc checkpoint"' -l predump-dir -x -d 'Memory that was written before'
complete -c corten -n '__corten_is "lxc checkpoint"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc checkpoint"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc checkpoint"' -s r -l restore -d 'Go on from a checkpoint'
complete -c corten -n '__corten_is "lxc checkpoint"' -s s -l stop -d 'Stop it once it is written'
complete -c corten -n '__corten_is "lxc checkpoint"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc checkpoint"' -s v -l verbose -d 'CRIU\'s log in full'
complete -c corten -n '__corten_is "lxc checkpoint"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc checkpoint"' -a '(__corten_systems)'

# lxc config
complete -c corten -n '__corten_is "lxc config"' -s l -l list -d 'List the keys'

# lxc console
complete -c corten -n '__corten_is "lxc console"' -s e -l escape -x -d 'Key that goes before q to leave, such as ^a'
complete -c corten -n '__corten_is "lxc console"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc console"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc console"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc console"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc console"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc console"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc console"' -s t -l tty -x -d 'Terminal; 0 is the console'
complete -c corten -n '__corten_is "lxc console"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc console"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc console"' -a '(__corten_systems)'

# lxc copy
complete -c corten -n '__corten_is "lxc copy"' -s a -l allowrunning -d 'Although the original runs'
complete -c corten -n '__corten_is "lxc copy"' -s B -l backingstorage -x -d 'What keeps the copy\'s root: dir or overlay'
complete -c corten -n '__corten_is "lxc copy"' -s d -l daemon -d 'Leave an ephemeral one running (default)'
complete -c corten -n '__corten_is "lxc copy"' -s e -l ephemeral -d 'Start it, and remove it at its end'
complete -c corten -n '__corten_is "lxc copy"' -s F -l foreground -d 'Stay with an ephemeral one'
complete -c corten -n '__corten_is "lxc copy"' -s L -l fssize -x -d 'Of block devices; refused'
complete -c corten -n '__corten_is "lxc copy"' -s D -l keepdata -d 'Keep an ephemeral one\'s files'
complete -c corten -n '__corten_is "lxc copy"' -s M -l keepmac -d 'Keep the original\'s hardware addresses'
complete -c corten -n '__corten_is "lxc copy"' -s K -l keepname -d 'Keep the original\'s host name'
complete -c corten -n '__corten_is "lxc copy"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc copy"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc copy"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc copy"' -s m -l mount -x -d 'Mount a directory into an ephemeral one: bind or overlay'
complete -c corten -n '__corten_is "lxc copy"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc copy"' -s N -l newname -x -d 'The copy\'s name'
complete -c corten -n '__corten_is "lxc copy"' -s p -l newpath -x -d 'Directory of the copy (default: that of the original)'
complete -c corten -n '__corten_is "lxc copy"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc copy"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc copy"' -s R -l rename -d 'Give the container another name in the place of a copy'
complete -c corten -n '__corten_is "lxc copy"' -s s -l snapshot -d 'An overlay over the original\'s root'
complete -c corten -n '__corten_is "lxc copy"' -s t -l tmpfs -d 'Keep what an ephemeral one writes in memory'
complete -c corten -n '__corten_is "lxc copy"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc copy"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc copy"' -a '(__corten_systems)'

# lxc create
complete -c corten -n '__corten_is "lxc create"' -s B -l bdev -x -d 'What keeps the root: dir, or none'
complete -c corten -n '__corten_is "lxc create"' -s f -l config -x -d 'What the configuration begins with (default: lxc.default_config)'
complete -c corten -n '__corten_is "lxc create"' -l dir -x -d 'Where the root is (default: rootfs beside the configuration)'
complete -c corten -n '__corten_is "lxc create"' -l fssize -x -d 'Of images of disks; refused'
complete -c corten -n '__corten_is "lxc create"' -l fstype -x -d 'Of images of disks; refused'
complete -c corten -n '__corten_is "lxc create"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc create"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc create"' -l lvname -x -d 'Of volumes; refused'
complete -c corten -n '__corten_is "lxc create"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc create"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc create"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc create"' -l rbdname -x -d 'Of block devices; refused'
complete -c corten -n '__corten_is "lxc create"' -l rbdpool -x -d 'Of block devices; refused'
complete -c corten -n '__corten_is "lxc create"' -s t -l template -x -d 'What fills the root: a script, or none'
complete -c corten -n '__corten_is "lxc create"' -l thinpool -x -d 'Of volumes; refused'
complete -c corten -n '__corten_is "lxc create"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc create"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc create"' -l vgname -x -d 'Of volumes; refused'
complete -c corten -n '__corten_is "lxc create"' -l zfsroot -x -d 'Of data sets; refused'
complete -c corten -n '__corten_is "lxc create"' -a '(__corten_systems)'

# lxc destroy
complete -c corten -n '__corten_is "lxc destroy"' -s f -l force -d 'Kill it first where it runs'
complete -c corten -n '__corten_is "lxc destroy"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc destroy"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc destroy"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc destroy"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc destroy"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc destroy"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc destroy"' -s s -l snapshots -d 'Its snapshots, too'
complete -c corten -n '__corten_is "lxc destroy"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc destroy"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc destroy"' -a '(__corten_systems)'

# lxc device
complete -c corten -n '__corten_is "lxc device"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc device"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc device"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc device"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc device"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc device"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc device"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc device"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc device"' -a '(__corten_systems)'

# lxc execute
complete -c corten -n '__corten_is "lxc execute"' -s d -l daemon -d 'Leave it running'
complete -c corten -n '__corten_is "lxc execute"' -s s -l define -x -d 'Set a key of the configuration for this run'
complete -c corten -n '__corten_is "lxc execute"' -s g -l gid -x -d 'Group of the program inside'
complete -c corten -n '__corten_is "lxc execute"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc execute"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc execute"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc execute"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc execute"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc execute"' -s f -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc execute"' -l share-ipc -x -d 'Share the IPC objects of that container'
complete -c corten -n '__corten_is "lxc execute"' -l share-net -x -d 'Share the network of that container'
complete -c corten -n '__corten_is "lxc execute"' -l share-pid -x -d 'Share the processes of that container'
complete -c corten -n '__corten_is "lxc execute"' -l share-uts -x -d 'Share the host name of that container'
complete -c corten -n '__corten_is "lxc execute"' -s u -l uid -x -d 'User of the program inside'
complete -c corten -n '__corten_is "lxc execute"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc execute"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc execute"' -a '(__corten_systems)'

# lxc freeze
complete -c corten -n '__corten_is "lxc freeze"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc freeze"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc freeze"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc freeze"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc freeze"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc freeze"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc freeze"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc freeze"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc freeze"' -a '(__corten_systems)'

# lxc info
complete -c corten -n '__corten_is "lxc info"' -s c -l config -x -d 'Show a key of the configuration'
complete -c corten -n '__corten_is "lxc info"' -s i -l ips -d 'Show addresses'
complete -c corten -n '__corten_is "lxc info"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc info"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc info"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc info"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc info"' -s H -l no-humanize -d 'Numbers and values alone'
complete -c corten -n '__corten_is "lxc info"' -s p -l pid -d 'Show the pid of its first process'
complete -c corten -n '__corten_is "lxc info"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc info"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc info"' -s s -l state -d 'Show its state'
complete -c corten -n '__corten_is "lxc info"' -s S -l stats -d 'Show what it uses'
complete -c corten -n '__corten_is "lxc info"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc info"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc info"' -a '(__corten_systems)'

# lxc install-links
complete -c corten -n '__corten_is "lxc install-links"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc install-links"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc install-links"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc install-links"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc install-links"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc install-links"' -l version -d 'Print the version'

# lxc ls
complete -c corten -n '__corten_is "lxc ls"' -l active -d 'Those that run or stand still'
complete -c corten -n '__corten_is "lxc ls"' -l defined -d 'Those that have a configuration'
complete -c corten -n '__corten_is "lxc ls"' -s f -l fancy -d 'A table'
complete -c corten -n '__corten_is "lxc ls"' -s F -l fancy-format -x -d 'A table of these: NAME, STATE, PID, RAM, SWAP, AUTOSTART, GROUPS, INTERFACE, IPV4, IPV6, UNPRIVILEGED'
complete -c corten -n '__corten_is "lxc ls"' -l filter -x -d 'Those whose names match a regular expression'
complete -c corten -n '__corten_is "lxc ls"' -l frozen -d 'Those that stand still'
complete -c corten -n '__corten_is "lxc ls"' -s g -l groups -x -d 'Those that are in all of these groups'
complete -c corten -n '__corten_is "lxc ls"' -s 1 -l line -d 'One name a line'
complete -c corten -n '__corten_is "lxc ls"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc ls"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc ls"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc ls"' -l nesting -d 'Containers in containers that run, so many levels deep (default 5)'
complete -c corten -n '__corten_is "lxc ls"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc ls"' -l running -d 'Those that run'
complete -c corten -n '__corten_is "lxc ls"' -l stopped -d 'Those that do not run'
complete -c corten -n '__corten_is "lxc ls"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc ls"' -l version -d 'Print the version'

# lxc monitor
complete -c corten -n '__corten_is "lxc monitor"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc monitor"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc monitor"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc monitor"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc monitor"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc monitor"' -s Q -l quit -d 'End LXC\'s monitor; there is none'
complete -c corten -n '__corten_is "lxc monitor"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc monitor"' -l version -d 'Print the version'

# lxc snapshot
complete -c corten -n '__corten_is "lxc snapshot"' -s c -l comment -x -d 'What to say of a new one'
complete -c corten -n '__corten_is "lxc snapshot"' -s d -l destroy -x -d 'Remove it, or ALL'
complete -c corten -n '__corten_is "lxc snapshot"' -s L -l list -d 'List them'
complete -c corten -n '__corten_is "lxc snapshot"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc snapshot"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc snapshot"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc snapshot"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc snapshot"' -s N -l newname -x -d 'Restore it as a container of this name'
complete -c corten -n '__corten_is "lxc snapshot"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc snapshot"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc snapshot"' -s r -l restore -x -d 'Restore it'
complete -c corten -n '__corten_is "lxc snapshot"' -s C -l showcomments -d 'List what was said of them, too'
complete -c corten -n '__corten_is "lxc snapshot"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc snapshot"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc snapshot"' -a '(__corten_systems)'

# lxc start
complete -c corten -n '__corten_is "lxc start"' -s C -l close-all-fds -d 'Pass no descriptors on; none ever are'
complete -c corten -n '__corten_is "lxc start"' -s c -l console -x -d 'Its console: a device, a file, or none'
complete -c corten -n '__corten_is "lxc start"' -s L -l console-log -x -d 'What its console shows is written there, too'
complete -c corten -n '__corten_is "lxc start"' -s d -l daemon -d 'Leave it running (default)'
complete -c corten -n '__corten_is "lxc start"' -s s -l define -x -d 'Set a key of the configuration for this run'
complete -c corten -n '__corten_is "lxc start"' -s F -l foreground -d 'Stay with it, with this terminal as its console'
complete -c corten -n '__corten_is "lxc start"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc start"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc start"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc start"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc start"' -s p -l pidfile -x -d 'File that gets the pid of its first process'
complete -c corten -n '__corten_is "lxc start"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc start"' -s f -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc start"' -l share-ipc -x -d 'Share the IPC objects of that container'
complete -c corten -n '__corten_is "lxc start"' -l share-net -x -d 'Share the network of that container'
complete -c corten -n '__corten_is "lxc start"' -l share-pid -x -d 'Share the processes of that container'
complete -c corten -n '__corten_is "lxc start"' -l share-uts -x -d 'Share the host name of that container'
complete -c corten -n '__corten_is "lxc start"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc start"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc start"' -a '(__corten_systems)'

# lxc stop
complete -c corten -n '__corten_is "lxc stop"' -s k -l kill -d 'Kill it at once'
complete -c corten -n '__corten_is "lxc stop"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc stop"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc stop"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc stop"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc stop"' -l nokill -d 'Do not kill it when it takes too long'
complete -c corten -n '__corten_is "lxc stop"' -l nolock -d 'Take no lock; none is ever in the way'
complete -c corten -n '__corten_is "lxc stop"' -s W -l nowait -d 'Ask, and do not wait'
complete -c corten -n '__corten_is "lxc stop"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc stop"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc stop"' -s r -l reboot -d 'Ask it to start anew'
complete -c corten -n '__corten_is "lxc stop"' -s t -l timeout -x -d 'How long it may take before it is killed (default 60)'
complete -c corten -n '__corten_is "lxc stop"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc stop"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc stop"' -a '(__corten_systems)'

# lxc top
complete -c corten -n '__corten_is "lxc top"' -s b -l batch -d 'Lines for a file'
complete -c corten -n '__corten_is "lxc top"' -s d -l delay -x -d 'Time between two looks (default 3)'
complete -c corten -n '__corten_is "lxc top"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc top"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc top"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc top"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc top"' -s r -l reverse -d 'The other way round'
complete -c corten -n '__corten_is "lxc top"' -s s -l sort -x -d 'By n name, c CPU, b block devices, m memory, s swap, k kernel memory'
complete -c corten -n '__corten_is "lxc top"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc top"' -l version -d 'Print the version'

# lxc unfreeze
complete -c corten -n '__corten_is "lxc unfreeze"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc unfreeze"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc unfreeze"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc unfreeze"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc unfreeze"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc unfreeze"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc unfreeze"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc unfreeze"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc unfreeze"' -a '(__corten_systems)'

# lxc unshare
complete -c corten -n '__corten_is "lxc unshare"' -s d -l daemon -d 'Do not wait for it'
complete -c corten -n '__corten_is "lxc unshare"' -s H -l hostname -x -d 'Host name, where UTSNAME is new'
complete -c corten -n '__corten_is "lxc unshare"' -s i -l ifname -x -d 'Move this interface there, where NETWORK is new'
complete -c corten -n '__corten_is "lxc unshare"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc unshare"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc unshare"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc unshare"' -s s -l namespaces -x -d 'New ones of these: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP'
complete -c corten -n '__corten_is "lxc unshare"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc unshare"' -s M -l remount -d 'Mount /proc and /dev/shm anew'
complete -c corten -n '__corten_is "lxc unshare"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc unshare"' -s u -l user -x -d 'User, where USER is new'
complete -c corten -n '__corten_is "lxc unshare"' -l version -d 'Print the version'

# lxc update-config
complete -c corten -n '__corten_is "lxc update-config"' -s c -l config -x -d 'The configuration of before LXC 2.1'

# lxc usernsexec
complete -c corten -n '__corten_is "lxc usernsexec"' -s m -l map -x -d 'Which ids inside are which outside'
complete -c corten -n '__corten_is "lxc usernsexec"' -s s -l script -d 'Say what is done'

# lxc wait
complete -c corten -n '__corten_is "lxc wait"' -s o -l logfile -x -d 'Append errors and warnings to this file'
complete -c corten -n '__corten_is "lxc wait"' -s l -l logpriority -x -d 'How much is logged, from TRACE to FATAL'
complete -c corten -n '__corten_is "lxc wait"' -s P -l lxcpath -x -d 'Directory of the containers (default: that of lxc.conf)'
complete -c corten -n '__corten_is "lxc wait"' -s n -l name -x -d 'The container'
complete -c corten -n '__corten_is "lxc wait"' -s q -l quiet -d 'Say nothing on standard error'
complete -c corten -n '__corten_is "lxc wait"' -l rcfile -x -d 'Read this in the place of the container\'s configuration'
complete -c corten -n '__corten_is "lxc wait"' -s s -l state -x -a '(__fish_complete_directories)' -d 'States with | between: STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN, THAWED'
complete -c corten -n '__corten_is "lxc wait"' -s t -l timeout -x -d 'How long to wait'
complete -c corten -n '__corten_is "lxc wait"' -l usage -d 'Print how it is called'
complete -c corten -n '__corten_is "lxc wait"' -l version -d 'Print the version'
complete -c corten -n '__corten_is "lxc wait"' -a '(__corten_systems)'
