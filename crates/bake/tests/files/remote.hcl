target "a" { context = "https://example.org/x/../y.git#main:dir" }
target "b" { context = "cwd://sub/../other" }
target "c" { context = "git@example.org:a/b.git" }
target "d" { dockerfile = "" }
