# The report user gets a new password. That does not disconnect anyone who is already logged in, so
# whoever logged in with the old one is cut.
#
# - The sessions go after the password was changed, because the termination refers to the account:
#   who comes back needs the new one.
# - Once per change. An apply without a change cuts nobody; if somebody survived, the next apply
#   tries again.
# - Other users stay. If more than 20 sessions are found, nobody is cut and it is an error: something
#   is not as we think.

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

# Stands for the account, in real life a huaweicloud_dcs_account with its password.
resource "terraform_data" "account" {
  input = {
    name             = "report"
    password_version = var.password_version
  }
}

resource "session_termination_huaweicloud_dcs" "old_logins" {
  instance_id  = var.instance_id
  when         = "apply"
  match        = { users = [terraform_data.account.input.name] }
  max_sessions = 20

  triggers = { password_version = terraform_data.account.output.password_version }
}

output "cut" {
  description = "Whom the last change cut."
  value       = session_termination_huaweicloud_dcs.old_logins.last_run.terminated_ids
}
