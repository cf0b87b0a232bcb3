target "app" {
  name     = "app-${item}-${replace(version, ".", "-")}"
  matrix   = { item = ["web", "db"], version = ["1.0", "2.0"] }
  target   = item
  args     = { VERSION = version }
  inherits = ["common"]
}
target "common" { platforms = ["linux/amd64", "linux/arm64"] }
group "default" { targets = ["app"] }
