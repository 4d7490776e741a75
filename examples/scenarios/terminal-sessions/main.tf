# People work on a bastion through terminals in the browser (Session Manager). When the bastion is
# replaced, by a new image or another type, their terminals are ended first, so that nobody works on
# a machine that is being taken away.
#
# `cargo run -- demo` plays it on your own machine. With credentials for Alibaba Cloud in the
# environment (ALICLOUD_ACCESS_KEY, ALICLOUD_SECRET_KEY, ALICLOUD_REGION) and TF_VAR_instance_id it
# does the same to a real ECS instance.

terraform {
  required_version = ">= 1.4"

  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

provider "session" {
  alicloud = {
    region     = var.region
    access_key = var.access_key
    secret_key = var.secret_key
    endpoints  = var.endpoints
  }
}

# Stands for the bastion, in real life an alicloud_instance, whose id is new after a replacement.
resource "terraform_data" "bastion" {
  input            = var.instance_id
  triggers_replace = var.image
}

# Its target is the bastion's id, so it is replaced with the bastion: Terraform destroys it first,
# which ends all terminals, then the old bastion, and only then makes the new ones. A terminal that
# cannot be ended holds the replacement back.
resource "session_termination_alicloud_ecs" "terminals" {
  instance_id = terraform_data.bastion.output
  when        = "destroy"
  all         = true
}
