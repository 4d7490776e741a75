terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "endpoint_id" {
  type        = string
  description = "Such as aws_ec2_client_vpn_endpoint.staff.id."
}

action "session_termination_aws_client_vpn" "disconnect" {
  config {
    endpoint_id = var.endpoint_id
    match       = { users = ["contractor"] }
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
      actions = [action.session_termination_aws_client_vpn.disconnect]
    }
  }
}
