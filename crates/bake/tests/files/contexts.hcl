target "base" { entitlements = ["security.insecure"] }
target "lib" { contexts = { base = "target:base", dropped = "" } }
target "default" {
  contexts = {
    lib    = "target:lib"
    alpine = "docker-image://alpine:3"
    src    = "https://example.org/src.git"
  }
}
