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

# Before the instance is destroyed, its logical sessions are ended.
# Refer to the instance itself, like huaweicloud_ddm_instance.orders.id: a variable makes no order.
resource "session_termination_huaweicloud_ddm" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# When a password changes, the logical sessions of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_huaweicloud_ddm" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  match        = { users = ["report"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
