target "default" {
  args = {
    b64      = base64encode("hello")
    un64     = base64decode("aGVsbG8=")
    md5      = md5("")
    sha1     = sha1("")
    sha256   = sha256("")
    sha512   = substr(sha512(""), 0, 16)
    url      = urlencode("a b&c")
    json     = jsondecode("{\"a\": [1, true, null]}").a[0]
    encoded  = jsonencode({ a = "<x>", b = [1.5, null, true] })
    csv      = csvdecode("a,b\n1,2\n")[0].b
    uuid     = uuidv5("dns", "example.org")
    host     = cidrhost("10.1.0.0/16", 5)
    mask     = cidrnetmask("10.1.0.0/16")
    subnet   = cidrsubnet("10.1.0.0/16", 8, 2)
    subnets  = join(" ", cidrsubnets("10.0.0.0/8", 4, 8, 4))
    six      = cidrsubnet("fd00::/48", 16, 162)
    date     = formatdate("DD MMM YYYY hh:mm ZZZ", "2024-03-09T07:05:06Z")
    stamp    = formattimestamp("YYYY-MM-DD", 0)
    seconds  = formattimestamp("X", "1970-01-02T00:00:00Z")
    added    = timeadd("2024-02-28T23:00:00Z", "2h30m")
    parsed   = unixtimestampparse(1690328596).iso_week
    semver   = semvercmp("1.4.2", "^1.2 || >= 3")
  }
}
