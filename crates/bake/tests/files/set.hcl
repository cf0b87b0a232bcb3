target "base" { args = { A = "1" } }
target "app-a" {
  inherits   = ["base"]
  tags       = ["a:1"]
  cache-from = ["type=local,src=x"]
  secret     = ["id=token,src=/old"]
  platforms  = ["linux/amd64"]
}
target "app-b" { output = ["type=registry"] }
group "default" { targets = ["app-a", "app-b"] }
