target "app" {
  name   = "${part.name}"
  matrix = {
    part = [
      { name = "small", stage = "s", tags = ["s:1"] },
      { name = "large", stage = "l", tags = ["l:1", "l:2"] },
    ]
  }
  target = part.stage
  tags   = part.tags
  args   = { OTHER = target.small.target }
}
