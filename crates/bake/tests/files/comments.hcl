# one
// two
/* three
   four */
target "default" { # behind
  args = {
    a = 1, b : 2 // both signs
    "c.d" = 3
    (upper("e")) = 4
    /* inside */
  }
  tags = [
    "x", # first
    "y",
  ]
}
