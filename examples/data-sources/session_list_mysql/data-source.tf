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

data "session_list_mysql" "idle" {
  host     = var.host
  database = "app"
  match    = { min_idle = "10m" }
}

output "idle_sessions" {
  value = data.session_list_mysql.idle.sessions
}
