terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as huaweicloud_dds_instance.orders.id."
}

ephemeral "session_termination_huaweicloud_dds" "maintenance" {
  applying    = terraform.applying
  instance_id = var.instance_id
  match       = { min_age = "10m" }
  protect     = { users = ["backup"] }
}
