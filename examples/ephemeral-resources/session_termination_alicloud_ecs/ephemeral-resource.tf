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

ephemeral "session_termination_alicloud_ecs" "maintenance" {
  applying    = terraform.applying
  instance_id = var.instance_id
  all         = true
  protect     = { users = ["breakglass"] }
}
