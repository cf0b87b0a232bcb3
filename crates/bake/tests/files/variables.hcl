variable "TAG" { default = "1.0" }
variable "EMPTY" {}
variable "COUNT" { default = 2 }
variable "ON" { default = false }
variable "FROM_OTHERS" { default = "${TAG}-${COUNT}" }
GLOBAL = upper(FROM_OTHERS)
target "default" {
  tags = ["app:${TAG}", "app:${EMPTY}x", GLOBAL]
  args = { COUNT = COUNT + 1, ON = ON ? "yes" : "no" }
}
