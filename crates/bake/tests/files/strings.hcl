variable "NAME" { default = "World" }
target "default" {
  args = {
    escapes  = "tab\t quote\" back\\ line\n unicode\u00e9 \U0001F600"
    plain    = "$${NAME} %%{if}"
    template = "Hello, ${NAME}!"
    choice   = "%{ if NAME == "World" }all%{ else }${NAME}%{ endif }"
    loop     = "%{ for i, n in ["a", "b"] }${i}=${n};%{ endfor }"
    trimmed  = "a   ${~ NAME ~}   b"
    number   = "${1 + 1}"
    dollar   = "cost: $5 and 5%"
  }
}
