variable "TAG" { default = "one" }
target "app" {
  tags = ["app:${TAG}"]
  args = { A = "1", B = "1" }
  cache-from = ["type=local,src=1"]
}
group "default" { targets = ["app"] }
