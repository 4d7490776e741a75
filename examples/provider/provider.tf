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
  aws         = { region = "eu-central-1" }
  postgresql  = { username = "ops" } # PGPASSWORD, or ~/.pgpass
  mysql       = { username = "ops" } # MYSQL_PASSWORD, or ~/.my.cnf
  redis       = { username = "ops", password = var.redis_password }
}
