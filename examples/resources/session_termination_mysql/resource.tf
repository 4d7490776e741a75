terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "host" {
  type        = string
  description = "Such as aws_db_instance.main.address."
}

# Before the instance is destroyed, its client sessions are ended.
# Refer to the instance itself, like aws_db_instance.main.address: a variable makes no order.
resource "session_termination_mysql" "teardown" {
  host     = var.host
  database = "app"
  when     = "destroy"
  all      = true
}

# When a password changes, the client sessions of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_mysql" "rotation" {
  host         = var.host
  database     = "app"
  when         = "apply"
  match        = { users = ["app"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
