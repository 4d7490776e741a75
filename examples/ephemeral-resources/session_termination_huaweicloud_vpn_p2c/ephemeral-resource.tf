terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

variable "p2c_vgw_id" {
  type        = string
  description = "Such as huaweicloud_vpn_server.staff.p2c_vgw_id."
}

ephemeral "session_termination_huaweicloud_vpn_p2c" "maintenance" {
  applying   = terraform.applying
  p2c_vgw_id = var.p2c_vgw_id
  all        = true
  protect    = { users = ["oncall"] }
}
