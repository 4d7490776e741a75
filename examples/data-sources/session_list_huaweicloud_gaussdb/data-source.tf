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

data "session_list_huaweicloud_gaussdb" "long" {
  instance_id = var.instance_id
  match       = { min_age = "12h" }
}

output "long_sessions" {
  value = data.session_list_huaweicloud_gaussdb.long.sessions
}
