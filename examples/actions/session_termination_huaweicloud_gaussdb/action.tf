terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as huaweicloud_gaussdb_instance.orders.id."
}

action "session_termination_huaweicloud_gaussdb" "disconnect" {
  config {
    instance_id = var.instance_id
    match       = { users = ["report"] }
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
      actions = [action.session_termination_huaweicloud_gaussdb.disconnect]
    }
  }
}
