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

# Before the instance is destroyed, its terminal sessions are ended.
# Refer to the instance itself, like alicloud_instance.bastion.id: a variable makes no order.
resource "session_termination_alicloud_ecs" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# When a password changes, the terminal sessions of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_alicloud_ecs" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  match        = { users = ["deploy"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
