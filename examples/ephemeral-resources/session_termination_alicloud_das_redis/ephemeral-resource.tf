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

ephemeral "session_termination_alicloud_das_redis" "maintenance" {
  applying    = terraform.applying
  instance_id = var.instance_id
  all         = true
}
