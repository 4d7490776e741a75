terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

provider "session" {} # the login comes from REDIS_URL

# Stands for the cache.
resource "terraform_data" "cache" {
  input = { host = var.host, port = var.port }
}

# A pool is back within milliseconds. With `quiet` newcomers are ended too, until none has come for so
# long: until what they come from is gone.
resource "session_termination_redis" "teardown" {
  host  = terraform_data.cache.output.host
  port  = terraform_data.cache.output.port
  when  = "destroy"
  match = { users = ["app"] }
  quiet = var.quiet

  timeouts {
    delete = var.patience
  }
}
