target "base" { platforms = ["linux/amd64", "linux/arm64", "linux/s390x"] }
target "default" {
  contexts  = { base = "target:base" }
  platforms = ["linux/amd64", "linux/arm64"]
}
