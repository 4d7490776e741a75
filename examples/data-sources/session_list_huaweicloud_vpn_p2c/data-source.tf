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

data "session_list_huaweicloud_vpn_p2c" "long" {
  p2c_vgw_id = var.p2c_vgw_id
  match      = { min_age = "12h" }
}

output "long_sessions" {
  value = data.session_list_huaweicloud_vpn_p2c.long.sessions
}
