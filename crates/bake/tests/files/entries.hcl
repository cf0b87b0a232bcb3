target "default" {
  cache-from = ["user/app:cache,user/app:more", "type=local,src=a", { type = "registry", ref = "user/app:cache" }]
  cache-to   = ["type=inline", { type = "local", dest = "out", mode = "max" }]
  output     = ["dest", "-", "type=oci,\"dest=a,b.tar\"", { type = "image", name = "x" }]
  secret     = ["id=a,src=/x", "type=env,id=b,src=TOKEN", { id = "c", env = "C" }]
  ssh        = ["default", "key=/a,/b", { id = "k", paths = ["/c"] }]
  attest     = ["type=provenance,mode=max", "type=sbom,disabled=true", { type = "sbom", generator = "x" }]
  ulimits    = ["nofile=1024:2048"]
  entitlements    = ["network.host"]
  no-cache-filter = ["a", "b", "a"]
  extra-hosts     = { "my.host" = "10.0.0.1" }
  network         = "host"
  resources       = { memory = "1g", cpu-shares = 512, cpuset-cpus = "0-1" }
}
