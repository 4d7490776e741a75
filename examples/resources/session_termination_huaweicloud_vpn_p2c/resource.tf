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

# Before the instance is destroyed, its VPN connections are ended.
# Refer to the instance itself, like huaweicloud_vpn_server.staff.p2c_vgw_id: a variable makes no order.
resource "session_termination_huaweicloud_vpn_p2c" "teardown" {
  p2c_vgw_id = var.p2c_vgw_id
  when       = "destroy"
  all        = true
}

# When a password changes, the VPN connections of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_huaweicloud_vpn_p2c" "rotation" {
  p2c_vgw_id   = var.p2c_vgw_id
  when         = "apply"
  match        = { users = ["contractor"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
