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

action "session_termination_aws_ssm" "disconnect" {
  config {
    instance_id = var.instance_id
    match       = { users = ["arn:aws:iam::123456789012:user/contractor"] }
  }
}

variable "password_version" {
  type    = string
  default = "1"
}

resource "terraform_data" "password" {
  input = var.password_version

  lifecycle {
    action_trigger {
      events  = [after_update]
      actions = [action.session_termination_aws_ssm.disconnect]
    }
  }
}
