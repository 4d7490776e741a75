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

ephemeral "session_termination_redis" "maintenance" {
  applying = terraform.applying
  host     = var.host
  all      = true
  protect  = { users = ["monitor"] }
}
