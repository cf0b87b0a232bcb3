variable "EXTRA" { default = "" }
group "default" { targets = concat(["app"], EXTRA != "" ? ["extra"] : []) }
target "app" { tags = EXTRA == "" ? ["app"] : ["app", "app:${EXTRA}"] }
target "extra" {}
