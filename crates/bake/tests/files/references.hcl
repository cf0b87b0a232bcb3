target "base" {
  context = "dir"
  args    = { VERSION = 3, NAME = "base" }
  tags    = ["base:1"]
  output  = ["type=image,push=true"]
}
target "app" {
  context  = target.base.context
  args     = { FROM = "${target.base.args.NAME}:${target.base.args.VERSION}" }
  tags     = concat(target.base.tags, ["app:${target.base.args["VERSION"]}"])
  contexts = { base = "target:base" }
  target   = target.base.output[0].push == "true" ? "pushed" : "kept"
}
group "default" { targets = ["app"] }
group "twice" { targets = group.default.targets }
