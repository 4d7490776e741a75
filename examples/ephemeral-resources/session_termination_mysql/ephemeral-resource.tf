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

ephemeral "session_termination_mysql" "maintenance" {
  applying = terraform.applying
  host     = var.host
  database = "app"
  all      = true
  protect  = { users = ["monitor"] }
}
