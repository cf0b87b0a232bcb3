variable "TAG" {
  default = "v1.2.3"
  validation {
    condition     = TAG != ""
    error_message = "TAG must not be empty"
  }
  validation {
    condition     = can(regex("^v[0-9]+", TAG))
    error_message = "TAG begins with a v, not ${TAG}"
  }
}
target "default" { tags = [TAG] }
