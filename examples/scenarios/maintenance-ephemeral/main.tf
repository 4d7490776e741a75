# A maintenance run: the application is cut off from its cache, then the job works. Every apply of
# this configuration is such a run, and nothing of it stays in the state, so keep it apart from the
# configuration that makes the cache.
#
# - A plan only lists who would go. The apply cuts them before the job starts, because the job
#   refers to the ephemeral resource; if somebody survives, the job does not start.
# - With `when = "close"` the same block would cut them when the job is done, also if it failed.
#
# Needs Terraform 1.10, OpenTofu 1.11, or newer.

terraform {
  required_version = ">= 1.10"

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

ephemeral "session_termination_huaweicloud_dcs" "quiet" {
  applying    = terraform.applying
  instance_id = var.instance_id
  match       = { users = ["app"] }
}

# The job itself. `timestamp()` makes it new in every apply.
resource "terraform_data" "job" {
  triggers_replace = timestamp()

  provisioner "local-exec" {
    command = var.job

    environment = {
      INSTANCE_ID = ephemeral.session_termination_huaweicloud_dcs.quiet.instance_id
    }
  }
}
