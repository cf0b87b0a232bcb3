target "app" { tags = ["app:2"] }
group "default" { targets = ["app", "other"] }
