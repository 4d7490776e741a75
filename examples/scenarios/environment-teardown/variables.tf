variable "instances" {
  description = "Ids of the instances."

  type = object({
    bastion     = string # ECS
    catalogue   = string # Tair, or ApsaraDB for Redis
    cache       = string # DCS for Redis
    leaderboard = string # GeminiDB Redis
    orders      = string # DDS
  })
}

# Where the clouds are and who we are. Left out, the usual environment variables and profile files
# are asked, as by the clouds' own providers.

variable "alicloud" {
  description = "Access to Alibaba Cloud."
  default     = {}

  type = object({
    region     = optional(string)
    access_key = optional(string)
    secret_key = optional(string)
    endpoints  = optional(map(string))
  })
}

variable "huaweicloud" {
  description = "Access to Huawei Cloud."
  default     = {}

  type = object({
    region     = optional(string)
    access_key = optional(string)
    secret_key = optional(string)
    project_id = optional(string)
    endpoints  = optional(map(string))
  })
}
