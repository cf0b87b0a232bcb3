group "app" { targets = ["app", "side"] }
target "app" {}
target "side" {}
