hosts = [{ name = "a", ports = [1, 2] }, { name = "b", ports = [3] }]
single = { name = "c" }
nothing = null
target "default" {
  args = {
    names  = join(",", hosts[*].name)
    old    = join(",", hosts.*.name)
    first  = hosts.*.name[0]
    ports  = jsonencode(hosts[*].ports[0])
    one    = join(",", single[*].name)
    none   = length(nothing[*])
    index  = hosts[1].ports[0]
    legacy = hosts.0.name
    key    = single["name"]
  }
}
