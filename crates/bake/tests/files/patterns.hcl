target "app-a" {}
target "app-b" {}
target "lib" {}
group "apps" { targets = ["app-a", "app-b"] }
