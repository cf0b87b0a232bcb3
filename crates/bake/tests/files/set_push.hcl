target "a" { output = ["type=registry", "type=image,name=x"] }
target "b" {}
target "c" { output = ["type=docker,dest=c.tar"] }
group "default" { targets = ["a", "b", "c"] }
