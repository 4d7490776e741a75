variable "host" {
  type        = string
  description = "The server's name or address."
}

variable "port" {
  type        = number
  description = "The server's port."
  default     = 6379
}

variable "quiet" {
  type        = string
  description = "For how long nobody may come; null leaves newcomers alone."
  default     = null
}

variable "patience" {
  type        = string
  description = "How long the teardown may take."
  default     = "5m"
}
