variable "instance_id" {
  description = "Id of the ECS instance."
  type        = string
}

variable "image" {
  description = "Image of the bastion. Another one replaces it."
  type        = string
  default     = "2026-10"
}

# Where the cloud is and who we are. Left out, the usual environment variables and profile files
# are asked, as by Alibaba Cloud's own provider.

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

variable "endpoints" {
  description = "Endpoint by product, for another cloud than the public one."
  type        = map(string)
  default     = null
}
