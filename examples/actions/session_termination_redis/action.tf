terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "host" {
  type        = string
  description = "Such as aws_elasticache_replication_group.main.primary_endpoint_address."
}

action "session_termination_redis" "disconnect" {
  config {
    host  = var.host
    match = { users = ["report"] }
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
      actions = [action.session_termination_redis.disconnect]
    }
  }
}
