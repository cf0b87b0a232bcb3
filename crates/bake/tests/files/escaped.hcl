target "default" {
  args        = { A = "$${HOME} %%{x} ${"<&>"}" }
  labels      = { l = "$${X}" }
  annotations = ["index,manifest:a=$${B}"]
  tags        = ["t"]
  extra-hosts = { h = "$${IP}" }
}
