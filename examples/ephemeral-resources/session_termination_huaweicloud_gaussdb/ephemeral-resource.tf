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

ephemeral "session_termination_huaweicloud_gaussdb" "maintenance" {
  applying    = terraform.applying
  instance_id = var.instance_id
  all         = true
  protect     = { users = ["monitor"] }
}
