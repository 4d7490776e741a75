"""Lists and kills sessions with the official SDKs of Alibaba Cloud."""

from alibabacloud_das20200116 import models as das
from alibabacloud_das20200116.client import Client as Das
from alibabacloud_ecs20140526 import models as ecs
from alibabacloud_ecs20140526.client import Client as Ecs
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.models import Config

from calls import Calls, task

TASK = task()


def refused(exception):
    if isinstance(exception, AlibabaCloudException):
        return exception.status_code, exception.code
    return None


def connected(client, key, region):
    scheme, _, address = TASK["endpoint"].partition("://")
    return client(
        Config(
            access_key_id=key["access_key"],
            access_key_secret=key["secret_key"],
            security_token=key.get("security_token"),
            region_id=region,
            protocol=scheme,
            endpoint=address,
        )
    )


def is_live(session):
    """Whether it is connected: the list is a history."""
    return any(one.status == "Connected" for one in session.connections.connection)


def of_ecs(calls, key, target):
    region, instance = TASK["region"], target["instance_id"]
    client = connected(Ecs, key, region)

    def make(call, function):
        return calls.make("alicloud_ecs", key["name"], call, function)

    def listed():
        sessions, token = [], None
        while True:
            request = ecs.DescribeTerminalSessionsRequest(
                region_id=region, instance_id=instance, max_results=2, next_token=token
            )
            body = client.describe_terminal_sessions(request).body
            sessions += body.sessions.session
            token = body.next_token
            if not token:
                return [one.session_id for one in sessions if is_live(one)]

    def started():
        request = ecs.StartTerminalSessionRequest(region_id=region, instance_id=[instance])
        return client.start_terminal_session(request).body.session_id

    def ended(sessions):
        for session in sessions:
            request = ecs.EndTerminalSessionRequest(region_id=region, session_id=session)
            client.end_terminal_session(request)
        return sessions

    sessions = make("list", listed)
    make("kill", lambda: ended((sessions or [target["guess"]])[:1]))
    if sessions is not None:
        make("list again", listed)
    make("start", started)


def of_das(calls, key, target):
    instance = target["instance_id"]
    client = connected(Das, key, "cn-shanghai")

    def make(call, function):
        return calls.make("alicloud_das_redis", key["name"], call, function)

    def listed():
        request = das.GetRedisAllSessionRequest(instance_id=instance)
        body = client.get_redis_all_session(request).body
        assert body.success is True or body.success == "true", body
        return [one.addr for one in body.data.sessions]

    def killed():
        request = das.KillInstanceAllSessionRequest(instance_id=instance)
        body = client.kill_instance_all_session(request).body
        assert body.success is True or body.success == "true", body

    sessions = make("list", listed)
    make("kill", killed)
    if sessions is not None:
        make("list again", listed)


def main():
    calls = Calls(refused)
    for key in TASK["keys"]:
        targets = key["targets"]
        of_ecs(calls, key, targets["alicloud_ecs"])
        of_das(calls, key, targets["alicloud_das_redis"])
    calls.tell()


main()
