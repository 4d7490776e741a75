# A cache is about to get another size, which moves it to another node. Whoever is connected then
# would hang until a timeout, so all sessions are cut right before it, in the same apply.
#
# - The action runs before the update of the cache, and only then: creating the cache, an apply
#   without changes and a destroy cut nobody.
# - If somebody cannot be made to go, the action fails and the cache is not touched.
# - By hand, without any change: terraform apply -invoke=action.session_termination_huaweicloud_dcs.clear
#
# Needs Terraform 1.14 or newer. OpenTofu has no actions.

terraform {
  required_version = ">= 1.14"

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

action "session_termination_huaweicloud_dcs" "clear" {
  config {
    instance_id = var.instance_id
    all         = true
    protect     = { users = ["admin"] }
    timeout     = "2m"
  }
}

# Stands for the cache itself, in real life a huaweicloud_dcs_instance with its capacity.
resource "terraform_data" "cache" {
  input = var.capacity

  lifecycle {
    action_trigger {
      events  = [before_update]
      actions = [action.session_termination_huaweicloud_dcs.clear]
    }
  }
}

output "capacity" {
  value = terraform_data.cache.output
}
