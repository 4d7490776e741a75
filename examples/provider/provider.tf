terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

provider "session" {
  alicloud    = { region = "cn-hangzhou" }
  huaweicloud = { region = "cn-north-4" }
  postgresql  = { username = "ops" } # PGPASSWORD, or ~/.pgpass
  redis       = { username = "ops", password = var.redis_password }
}
