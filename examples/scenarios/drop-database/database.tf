# A database that is dropped when its block goes, as a provider for PostgreSQL would drop it.
resource "terraform_data" "database" {
  input = {
    psql = var.psql
    host = var.host
    port = var.port
    user = var.user
    name = "shop"
  }

  provisioner "local-exec" {
    when    = destroy
    command = "\"$PSQL\" --no-psqlrc --quiet --command=\"DROP DATABASE $NAME\""
    environment = {
      PSQL       = self.input.psql
      NAME       = self.input.name
      PGHOST     = self.input.host
      PGPORT     = self.input.port
      PGUSER     = self.input.user
      PGDATABASE = "postgres"
    }
  }
}
