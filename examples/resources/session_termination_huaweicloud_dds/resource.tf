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

# Before the instance is destroyed, everybody is disconnected.
resource "session_termination_huaweicloud_dds" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# Another run whenever the password changes.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_huaweicloud_dds" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  match        = { min_age = "10m" }
  protect      = { users = ["backup"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
