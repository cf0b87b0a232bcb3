target "one" {
  args        = { A = "one", B = "one", C = "one" }
  tags        = ["one"]
  cache-from  = ["type=gha", "type=local,src=one"]
  annotations = ["a=1"]
  secret      = ["id=s,src=one"]
}
target "two" {
  args        = { B = "two", C = "two" }
  tags        = ["two"]
  cache-from  = ["type=local,src=two", "type=gha"]
  annotations = ["b=2"]
  secret      = ["id=s,src=two"]
}
target "app" {
  inherits = ["one", "two"]
  args     = { C = "app", A = null }
}
