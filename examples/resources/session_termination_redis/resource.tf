terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "host" {
  type        = string
  description = "Such as aws_elasticache_replication_group.main.primary_endpoint_address."
}

# Before the instance is destroyed, its client connections are ended.
# Refer to the instance itself, like aws_elasticache_replication_group.main.primary_endpoint_address: a variable makes no order.
resource "session_termination_redis" "teardown" {
  host = var.host
  when = "destroy"
  all  = true
}

# When a password changes, the client connections of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_redis" "rotation" {
  host         = var.host
  when         = "apply"
  match        = { users = ["report"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
