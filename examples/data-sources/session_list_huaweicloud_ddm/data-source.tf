terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as huaweicloud_ddm_instance.orders.id."
}

data "session_list_huaweicloud_ddm" "idle" {
  instance_id = var.instance_id
  match       = { min_idle = "10m" }
}

output "idle_sessions" {
  value = data.session_list_huaweicloud_ddm.idle.sessions
}
