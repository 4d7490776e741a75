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

# Before the instance is destroyed, its Session Manager sessions are ended.
# Refer to the instance itself, like aws_instance.bastion.id: a variable makes no order.
resource "session_termination_aws_ssm" "teardown" {
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}

# When a password changes, the Session Manager sessions of its user are ended.
variable "password_version" {
  type    = string
  default = "1"
}

resource "session_termination_aws_ssm" "rotation" {
  instance_id  = var.instance_id
  when         = "apply"
  match        = { users = ["arn:aws:iam::123456789012:user/contractor"] }
  max_sessions = 50
  triggers     = { password = var.password_version }
}
