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

ephemeral "session_termination_huaweicloud_geminidb_redis" "maintenance" {
  applying    = terraform.applying
  instance_id = var.instance_id
  all         = true
  protect     = { client_cidrs = ["10.0.9.10/32"] }
}
