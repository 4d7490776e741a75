"""Lists and ends sessions with the official SDK of AWS."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from calls import Calls, task

TASK = task()


def refused(exception):
    if isinstance(exception, ClientError):
        answer = exception.response
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
    return None


def connected(product, key):
    return boto3.client(
        product,
        aws_access_key_id=key["access_key"],
        aws_secret_access_key=key["secret_key"],
        aws_session_token=key.get("security_token"),
        region_name=TASK["region"],
        endpoint_url=TASK["endpoint"],
        config=Config(retries={"total_max_attempts": 1}),
    )


def of_sts(calls, key):
    client = connected("sts", key)
    calls.make("sts", key["name"], "who", lambda: client.get_caller_identity()["Arn"])


def of_ssm(calls, key, target):
    client = connected("ssm", key)

    def make(call, function):
        return calls.make("aws_ssm", key["name"], call, function)

    def listed():
        pages = client.get_paginator("describe_sessions").paginate(
            State="Active",
            Filters=[{"key": "Target", "value": target["instance_id"]}],
            PaginationConfig={"PageSize": 2},
        )
        return [one["SessionId"] for page in pages for one in page["Sessions"]]

    def ended(sessions):
        return [client.terminate_session(SessionId=one)["SessionId"] for one in sessions]

    def registered():
        filters = [{"Key": "InstanceIds", "Values": [target["instance_id"]]}]
        told = client.describe_instance_information(Filters=filters)
        return [one["InstanceId"] for one in told["InstanceInformationList"]]

    sessions = make("list", listed)
    make("kill", lambda: ended((sessions or [target["guess"]])[:1]))
    if sessions is not None:
        make("list again", listed)
    make("look", registered)


def of_client_vpn(calls, key, target):
    client, endpoint = connected("ec2", key), target["instance_id"]

    def make(call, function):
        return calls.make("aws_client_vpn", key["name"], call, function)

    def listed():
        pages = client.get_paginator("describe_client_vpn_connections").paginate(
            ClientVpnEndpointId=endpoint, PaginationConfig={"PageSize": 5}
        )
        every = [one for page in pages for one in page["Connections"]]
        return [one["ConnectionId"] for one in every if one["Status"]["Code"] == "active"]

    def ended(connections):
        for one in connections:
            told = client.terminate_client_vpn_connections(
                ClientVpnEndpointId=endpoint, ConnectionId=one
            )
            assert told["ConnectionStatuses"][0]["CurrentStatus"]["Code"] == "terminating", told
        return connections

    def looked_at():
        told = client.describe_client_vpn_endpoints(ClientVpnEndpointIds=[endpoint])
        return [one["ClientVpnEndpointId"] for one in told["ClientVpnEndpoints"]]

    connections = make("list", listed)
    make("kill", lambda: ended((connections or [target["guess"]])[:1]))
    if connections is not None:
        make("list again", listed)
    make("look", looked_at)


def main():
    calls = Calls(refused)
    for key in TASK["keys"]:
        targets = key["targets"]
        of_sts(calls, key)
        of_ssm(calls, key, targets["aws_ssm"])
        of_client_vpn(calls, key, targets["aws_client_vpn"])
    calls.tell()


main()
