variable "A" {
  type    = tuple([string, number])
  default = ["a", "1"]
}
variable "B" {
  type    = object({ x = number, y = optional(string) })
  default = { x = "3" }
}
variable "C" { type = any }
variable "D" {
  type        = bool
  default     = "true"
  description = "whether"
}
target "default" { args = { A = jsonencode(A), B = jsonencode(B), C = C, D = jsonencode(D) } }
