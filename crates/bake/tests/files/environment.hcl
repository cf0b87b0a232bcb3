variable "TAG" { default = "1.0" }
variable "COUNT" { default = 2 }
variable "ON" { default = false }
variable "LIST" {
  type    = list(string)
  default = ["x"]
}
variable "NUMBERS" { type = set(number) }
variable "MAP" { type = map(string) }
variable "OBJECT" { type = object({ name = string, size = number }) }
variable "UNSET" { type = string }
target "default" {
  tags = ["app:${TAG}"]
  args = {
    COUNT = COUNT * 2
    ON    = ON ? "yes" : "no"
    LIST  = join("+", LIST)
    SUM   = join("+", [for n in NUMBERS : n])
    MAP   = jsonencode(MAP)
    NAME  = "${OBJECT.name}-${OBJECT.size + 1}"
    UNSET = UNSET
  }
}
