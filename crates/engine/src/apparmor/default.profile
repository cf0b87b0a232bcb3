# What @WHOSE@ may do on a machine with AppArmor, unless they are told otherwise.
# docs/apparmor.md says what each part is for; `corten apparmor print NAME` gives it as a beginning for a profile of your own.
@ABI@
profile @NAME@ flags=(attach_disconnected, mediate_deleted) {
  # Files, sockets and rights are bounded by the container's mounts, namespaces and capabilities; what these leave open is closed below.
  file,
  network,
  capability,
  # Not one of them makes policy for the machine.
  deny capability mac_admin,
  deny capability mac_override,

@MOUNTS@
  umount,
  deny umount /proc/{,**},
  deny umount /sys/{,**},

  # Processes of containers look at each other, as far as they see each other at all, and at nobody else.
  ptrace (trace, tracedby, read, readby) peer=@NAME@,
  signal (send, receive) peer=@NAME@,
  # Whoever stops them from outside.
@PEERS@
  # Names of sockets that are no files belong to the network namespace: with the host's, to its services.
  deny unix (connect, send) peer=(label=unconfined, addr="@**"),

  # /proc: a process's own directory, and of the machine's settings those that the container's namespaces have for themselves.
  deny /proc/[^0-9]* wlkx,
  deny /proc/[^0-9s]*/** wlkx,
  deny /proc/s[^y]*/** wlkx,
  deny /proc/sy[^s]*/** wlkx,
  deny /proc/sys[^/]*/** wlkx,
@SETTINGS@
  deny /proc/sysrq-trigger rwlkx,
  deny /proc/kcore rwlkx,

  # /sys: read, and written in the container's own control groups only, but for the program that the machine runs when one is empty.
  deny /sys/[^f]** wlkx,
  deny /sys/f[^s]** wlkx,
  deny /sys/fs/[^c]** wlkx,
  deny /sys/fs/c[^g]** wlkx,
  deny /sys/fs/cg[^r]** wlkx,
  deny /sys/fs/cgroup/**release_agent wlkx,
  deny /sys/firmware/** rwlkx,
  deny /sys/devices/virtual/powercap/** rwlkx,
  deny /sys/kernel/security/** rwlkx,
}
