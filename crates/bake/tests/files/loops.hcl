variable "names" { default = ["b", "a"] }
target "default" {
  args = {
    upper   = join(",", [for n in names : upper(n)])
    indexed = join(",", [for i, n in names : "${i}${n}"])
    kept    = join(",", [for n in ["x", "", "y"] : n if n != ""])
    map     = jsonencode({ for n in names : n => strlen(n) })
    grouped = jsonencode({ for n in ["ax", "ay", "b"] : substr(n, 0, 1) => n... })
    pairs   = join(",", [for k, v in { z = 1, y = 2 } : "${k}=${v}"])
    nested  = jsonencode([for a in [1, 2] : [for b in [3, 4] : a * b]])
  }
}
