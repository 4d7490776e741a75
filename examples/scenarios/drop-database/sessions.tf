terraform {
  required_providers {
    session = {
      source = "sessionops/session"
    }
  }
}

provider "session" {
  postgresql = { username = var.user } # the password comes from PGPASSWORD
}

# The reference to the database is the order: this is destroyed first, and the database only when
# everybody is gone.
resource "session_termination_postgresql" "shop" {
  host     = terraform_data.database.output.host
  port     = terraform_data.database.output.port
  database = terraform_data.database.output.name
  when     = "destroy"
  all      = true
}
