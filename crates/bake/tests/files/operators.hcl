target "default" {
  args = {
    sum        = 1 + 2 * 3 - 4 / 2
    grouped    = (1 + 2) * 3
    remainder  = 7 % 3
    negative   = -5 + 2
    quotient   = 7 / 2
    fraction   = 0.1 + 0.2
    and        = true && !false
    or         = false || 1 > 2
    compare    = 1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3
    equal      = "a" == "a" && 1 != 2
    types      = "1" == 1
    strings    = "2" + 3
    chosen     = 1 > 2 ? "a" : 1 == 1 ? "b" : "c"
    mixed      = true ? 1 : "x"
    large      = 9007199254740993 * 1000
  }
}
