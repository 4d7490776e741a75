terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as alicloud_kvstore_instance.cache.id."
}

action "session_termination_alicloud_das_redis" "disconnect" {
  config {
    instance_id = var.instance_id
    all         = true
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
      actions = [action.session_termination_alicloud_das_redis.disconnect]
    }
  }
}
