variable "host" {
  type        = string
  description = "The server's name or address."
}

variable "port" {
  type        = number
  description = "The server's port."
  default     = 5432
}

variable "user" {
  type        = string
  description = "A role that may drop the database, see who is connected, and end sessions."
}

variable "psql" {
  type        = string
  description = "The command line client."
  default     = "psql"
}
