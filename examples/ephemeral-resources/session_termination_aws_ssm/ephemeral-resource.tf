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

ephemeral "session_termination_aws_ssm" "maintenance" {
  applying    = terraform.applying
  instance_id = var.instance_id
  all         = true
  protect     = { users = ["arn:aws:sts::123456789012:assumed-role/oncall/alice"] }
}
