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

action "session_termination_huaweicloud_vpn_p2c" "disconnect" {
  config {
    p2c_vgw_id = var.p2c_vgw_id
    match      = { users = ["contractor"] }
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
      actions = [action.session_termination_huaweicloud_vpn_p2c.disconnect]
    }
  }
}
