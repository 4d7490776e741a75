# An application and a reporting job are logged in to a Redis cache.
#
# - When the report user's password is rotated, sessions that were opened with the old one go.
# - When the environment is torn down, everybody goes before the cache does, except for the user
#   `admin`, who watches until the end. If somebody cannot be made to go, the cache stays.
#
# `cargo run -- demo` plays it on your own machine. With credentials for Huawei Cloud in the
# environment (HW_ACCESS_KEY, HW_SECRET_KEY, HW_REGION_NAME) and TF_VAR_instance_id it does the
# same to a real DCS instance.

terraform {
  required_version = ">= 1.4"

  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

provider "session" {
  huaweicloud = {
    region     = var.region
    access_key = var.access_key
    secret_key = var.secret_key
    project_id = var.project_id
    endpoints  = var.endpoints
  }
}

# Stands for the cache itself, in real life a huaweicloud_dcs_instance.
resource "terraform_data" "cache" {
  input = var.instance_id
}

# Cuts the report user's sessions now, and again whenever the password changes.
resource "session_termination_huaweicloud_dcs" "rotation" {
  instance_id = terraform_data.cache.input
  when        = "apply"
  match       = { users = ["report"] }

  triggers = { password_version = var.report_password_version }
}

# Does nothing until the teardown. Depends on the cache, so it goes first.
resource "session_termination_huaweicloud_dcs" "teardown" {
  instance_id = terraform_data.cache.input
  when        = "destroy"
  all         = true
  protect     = { users = ["admin"] }
}
