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

# Before the instance is destroyed, its client sessions are ended.
# Refer to the instance itself, like huaweicloud_gaussdb_instance.orders.id: a variable makes no order.
resource "session_termination_huaweicloud_gaussdb" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# When a password changes, the client sessions of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_huaweicloud_gaussdb" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  match        = { users = ["report"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
