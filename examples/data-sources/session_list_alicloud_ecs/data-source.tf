terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as alicloud_instance.bastion.id."
}

data "session_list_alicloud_ecs" "idle" {
  instance_id = var.instance_id
  match       = { min_age = "8h" }
}

output "idle_sessions" {
  value = data.session_list_alicloud_ecs.idle.sessions
}
