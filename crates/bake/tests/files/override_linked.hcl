target "base" { args = { A = "1" } }
target "default" { contexts = { base = "target:base" } }
