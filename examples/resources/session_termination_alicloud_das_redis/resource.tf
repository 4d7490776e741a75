terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as alicloud_kvstore_instance.cache.id."
}

# Before the instance is destroyed, its client sessions are ended.
# Refer to the instance itself, like alicloud_kvstore_instance.cache.id: a variable makes no order.
resource "session_termination_alicloud_das_redis" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# When a password changes, all client sessions are ended, since the list tells no user.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_alicloud_das_redis" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  all          = true
  max_sessions = 50
  triggers     = { password = var.password_version }
}
