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

ephemeral "session_termination_aws_client_vpn" "maintenance" {
  applying    = terraform.applying
  endpoint_id = var.endpoint_id
  all         = true
  protect     = { users = ["oncall"] }
}
