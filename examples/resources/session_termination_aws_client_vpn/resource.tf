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

# Before the instance is destroyed, its VPN connections are ended.
# Refer to the instance itself, like aws_ec2_client_vpn_endpoint.staff.id: a variable makes no order.
resource "session_termination_aws_client_vpn" "teardown" {
  endpoint_id = var.endpoint_id
  when        = "destroy"
  all         = true
}

# When a password changes, the VPN connections of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_aws_client_vpn" "rotation" {
  endpoint_id  = var.endpoint_id
  when         = "apply"
  match        = { users = ["contractor"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
