terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "instance_id" {
  type        = string
  description = "Such as aws_instance.bastion.id."
}

data "session_list_aws_ssm" "long" {
  instance_id = var.instance_id
  match       = { min_age = "8h" }
}

output "long_sessions" {
  value = data.session_list_aws_ssm.long.sessions
}
