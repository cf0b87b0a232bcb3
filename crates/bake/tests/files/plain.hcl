target "default" {
  context    = "./src/../app/"
  dockerfile = "app.Dockerfile"
  tags       = ["example.org/app:1", "example.org/app:1", ""]
  target     = "release"
  pull       = true
  no-cache   = "false"
  shm-size   = "128m"
  call       = "check"
}
