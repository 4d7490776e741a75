variable "instance_id" {
  description = "Id of the DCS for Redis instance."
  type        = string
}

variable "capacity" {
  description = "Size of the cache in GB."
  type        = number
  default     = 1
}

# Where the cloud is and who we are. Left out, the usual environment variables and profile files
# are asked, as by Huawei Cloud's own provider.

variable "region" {
  description = "Region of the instance."
  type        = string
  default     = null
}

variable "access_key" {
  description = "Access key."
  type        = string
  default     = null
}

variable "secret_key" {
  description = "Secret key."
  type        = string
  default     = null
  sensitive   = true
}

variable "project_id" {
  description = "Project of the instance; looked up if left out."
  type        = string
  default     = null
}

variable "endpoints" {
  description = "Endpoint by product, for another cloud than the public one."
  type        = map(string)
  default     = null
}
