# An environment on two clouds goes away, in an order in which nobody can come back:
#
#   1. the application stops,
#   2. people lose their terminals on the bastion, from which they could log in to a database,
#   3. everybody else loses the connections to the caches, and what the database (DDS) is running
#      is aborted: its API ends operations, not connections,
#   4. and each cache goes when nobody is connected to it any more, the database when nothing runs.
#
# `terraform apply` disconnects nobody. `terraform destroy` does the rest. Whatever cannot be
# disconnected keeps its instance, while the others go; the next destroy takes it from there.

terraform {
  required_version = ">= 1.4"

  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

provider "session" {
  alicloud    = var.alicloud
  huaweicloud = var.huaweicloud
}

# The instances. In real life these are resources of the clouds' own providers: an alicloud_instance,
# an alicloud_kvstore_instance, a huaweicloud_dcs_instance and so on.

resource "terraform_data" "bastion" {
  input = var.instances.bastion
}

resource "terraform_data" "catalogue" {
  input = var.instances.catalogue
}

resource "terraform_data" "cache" {
  input = var.instances.cache
}

resource "terraform_data" "leaderboard" {
  input = var.instances.leaderboard
}

resource "terraform_data" "orders" {
  input = var.instances.orders
}

# Nobody may be connected when they go. Each of these refers to its instance, so it goes first. The
# administrator may watch: who is protected is spared by us, and goes with the cache itself.

resource "session_termination_alicloud_das_redis" "catalogue" {
  instance_id = terraform_data.catalogue.input
  when        = "destroy"
  all         = true
}

resource "session_termination_huaweicloud_dcs" "cache" {
  instance_id = terraform_data.cache.input
  when        = "destroy"
  all         = true
  protect     = { users = ["admin"] }
}

resource "session_termination_huaweicloud_geminidb_redis" "leaderboard" {
  instance_id = terraform_data.leaderboard.input
  when        = "destroy"
  all         = true
}

resource "session_termination_huaweicloud_dds" "orders" {
  instance_id = terraform_data.orders.input
  when        = "destroy"
  all         = true
}

# People first: what this depends on is destroyed after it.
resource "session_termination_alicloud_ecs" "terminals" {
  instance_id = terraform_data.bastion.input
  when        = "destroy"
  all         = true

  depends_on = [
    session_termination_alicloud_das_redis.catalogue,
    session_termination_huaweicloud_dcs.cache,
    session_termination_huaweicloud_geminidb_redis.leaderboard,
    session_termination_huaweicloud_dds.orders,
  ]
}

# Stands for the application's deployment. While it runs, its clients would come back at once.
resource "terraform_data" "application" {
  depends_on = [session_termination_alicloud_ecs.terminals]
}
