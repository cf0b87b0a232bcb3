variable "pkgs" { default = ["git", "make"] }
target "default" {
  dockerfile-inline = <<EOT
FROM alpine
RUN echo "$${HOME}" \
  && true
EOT
}
target "flush" {
  dockerfile-inline = <<-EOT
    FROM alpine
      RUN indented
    %{ for p in pkgs }
    RUN install ${p}
    %{ endfor }
    EOT
}
target "trim" {
  dockerfile-inline = <<-EOT
    FROM alpine
    %{~ if length(pkgs) > 1 ~}
    RUN many
    %{~ else ~}
    RUN few
    %{~ endif ~}
    END
  EOT
}
