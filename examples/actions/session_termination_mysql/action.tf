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

action "session_termination_mysql" "disconnect" {
  config {
    host     = var.host
    database = "app"
    match    = { users = ["app"] }
  }
}

variable "password_version" {
  type    = string
  default = "1"
}

resource "terraform_data" "password" {
  input = var.password_version

  lifecycle {
    action_trigger {
      events  = [after_update]
      actions = [action.session_termination_mysql.disconnect]
    }
  }
}
