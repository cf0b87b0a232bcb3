group "default" { targets = ["images", "tool"] }
group "images" {
  description = "what is shipped"
  targets     = ["a", "b"]
}
target "a" {}
target "b" {}
target "tool" { output = ["type=local,dest=bin"] }
