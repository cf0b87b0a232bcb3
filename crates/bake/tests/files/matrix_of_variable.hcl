variable "versions" { default = ["1", "2"] }
target "t" {
  name   = "t${v}"
  matrix = { v = concat(versions, ["3"]) }
  tags   = [for x in versions : "t:${x}-${v}"]
}
