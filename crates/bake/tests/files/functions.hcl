function "increment" {
  params = [number]
  result = number + 1
}
function "label" {
  params          = [first]
  variadic_params = rest
  result          = join(".", concat([first], [for r in rest : lower(r)]))
}
function "tagged" {
  params = [name]
  result = "${name}:${increment(COUNT)}"
}
variable "COUNT" { default = 41 }
target "default" {
  tags = [tagged("app")]
  args = { N = increment(increment(1)), L = label("Org", "Example", "App"), ONE = label("x") }
}
