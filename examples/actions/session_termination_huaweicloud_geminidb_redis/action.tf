terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as huaweicloud_geminidb_instance.cache.id."
}

action "session_termination_huaweicloud_geminidb_redis" "disconnect" {
  config {
    instance_id = var.instance_id
    all         = true
    protect     = { client_cidrs = ["10.0.9.10/32"] }
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
      actions = [action.session_termination_huaweicloud_geminidb_redis.disconnect]
    }
  }
}
