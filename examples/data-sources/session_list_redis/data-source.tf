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

data "session_list_redis" "idle" {
  host  = var.host
  match = { min_idle = "10m" }
}

output "idle_sessions" {
  value = data.session_list_redis.idle.sessions
}
