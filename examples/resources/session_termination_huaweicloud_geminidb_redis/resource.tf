terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as huaweicloud_geminidb_instance.cache.id."
}

# Before the instance is destroyed, its client connections are ended.
# Refer to the instance itself, like huaweicloud_geminidb_instance.cache.id: a variable makes no order.
resource "session_termination_huaweicloud_geminidb_redis" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# When a password changes, all client connections are ended, since the list tells no user.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_huaweicloud_geminidb_redis" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  all          = true
  protect      = { client_cidrs = ["10.0.9.10/32"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
