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

data "session_list_alicloud_das_redis" "idle" {
  instance_id = var.instance_id
  match       = { min_idle = "10m" }
}

output "idle_sessions" {
  value = data.session_list_alicloud_das_redis.idle.sessions
}
