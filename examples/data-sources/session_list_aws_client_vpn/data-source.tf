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

data "session_list_aws_client_vpn" "long" {
  endpoint_id = var.endpoint_id
  match       = { min_age = "12h" }
}

output "long_sessions" {
  value = data.session_list_aws_client_vpn.long.sessions
}
