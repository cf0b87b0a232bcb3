TAG = "two"
target "app" {
  args = { B = "2" }
  cache-from = ["type=local,src=2"]
  platforms = ["linux/arm64"]
}
target "more" { args = { A = target.app.args.B } }
group "default" { targets = ["app", "more"] }
