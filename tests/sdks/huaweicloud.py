"""Lists and kills sessions with the official SDK of Huawei Cloud."""

import time

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdcs.v2 import DcsClient, model as dcs
from huaweicloudsdkddm.v1 import DdmClient, model as ddm
from huaweicloudsdkdds.v3 import DdsClient, model as dds
from huaweicloudsdkgaussdb.v3 import GaussDBClient, model as gaussdb
from huaweicloudsdkgaussdbforopengauss.v3 import GaussDBforopenGaussClient, model as opengauss
from huaweicloudsdkgaussdbfornosql.v3 import GaussDBforNoSQLClient, model as nosql
from huaweicloudsdkvpn.v5 import VpnClient, model as vpn

from calls import Calls, task

TASK = task()


def refused(exception):
    if isinstance(exception, ServiceResponseException):
        return exception.status_code, exception.error_code
    return None


def connected(client, key):
    """A client; without a project, the SDK asks IAM for it."""
    credentials = BasicCredentials(key["access_key"], key["secret_key"], key.get("project_id"))
    credentials = credentials.with_iam_endpoint(TASK["endpoint"])
    if key.get("security_token"):
        credentials = credentials.with_security_token(key["security_token"])
    region = Region(TASK["region"], TASK["endpoint"])
    return client.new_builder().with_credentials(credentials).with_region(region).build()


def of_dcs(calls, key, target):
    client = connected(DcsClient, key)
    instance, node = target["instance_id"], target["node_id"]

    def make(call, function):
        return calls.make("huaweicloud_dcs", key["name"], call, function)

    def listed():
        fresh = dcs.ScanClientsRequestBody(node_id=node, clean_cache=True)
        scan = client.scan_clients(dcs.ScanClientsRequest(instance_id=instance, body=fresh))
        finish(scan.body["job_id"])
        request = dcs.ListClientsRequest(instance_id=instance, node_id=node, limit=10, offset=0)
        return [one.peer or one.addr for one in client.list_clients(request).clients]

    def finish(job):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            status = client.show_job_info(dcs.ShowJobInfoRequest(job_id=job)).status
            if status == "SUCCESS":
                return
            assert status != "FAIL", job
            time.sleep(0.05)
        raise TimeoutError(job)

    def killed(addresses):
        body = dcs.HangUpClientsRequestBody(node_id=node, client_addrs=addresses)
        client.hang_up_clients(dcs.HangUpClientsRequest(instance_id=instance, body=body))
        return addresses

    def killed_all():
        body = dcs.HangUpKillAllClientsRequestBody(kill_all_nodes=True)
        request = dcs.HangUpKillAllClientsRequest(instance_id=instance, body=body)
        finish(client.hang_up_kill_all_clients(request).body["job_id"])

    sessions = make("list", listed)
    make("kill", lambda: killed((sessions or [target["guess"]])[:1]))
    if sessions is not None:
        make("list again", listed)
        if key.get("and_all"):
            make("kill all", killed_all)
            make("list at last", listed)


def of_dds(calls, key, target):
    client = connected(DdsClient, key)
    node = target["node_id"]

    def make(call, function):
        return calls.make("huaweicloud_dds", key["name"], call, function)

    def listed():
        request = dds.ListSessionsRequest(node_id=node, limit=20, offset=0)
        return [one.id for one in client.list_sessions(request).sessions if one.active]

    def killed(sessions):
        body = dds.DeleteSessionRequestBody(sessions=sessions)
        client.delete_session(dds.DeleteSessionRequest(node_id=node, body=body))
        return sessions

    named(make, listed, killed, target)


def of_geminidb(calls, key, target):
    client = connected(GaussDBforNoSQLClient, key)
    instance, node = target["instance_id"], target["node_id"]

    def make(call, function):
        return calls.make("huaweicloud_geminidb_redis", key["name"], call, function)

    def listed():
        request = nosql.ListInstancesSessionRequest(node_id=node, limit=20, offset=0)
        return [one.id for one in client.list_instances_session(request).sessions]

    def listed_whole():
        request = nosql.ListInstanceSessionsRequest(instance_id=instance)
        nodes = client.list_instance_sessions(request).node_sessions
        return [one.id for of_node in nodes for one in of_node.sessions]

    def killed(sessions):
        body = nosql.DeleteInstancesSessionRequestBody(is_all=False, session_ids=sessions)
        request = nosql.DeleteInstancesSessionRequest(node_id=node, body=body)
        client.delete_instances_session(request)
        return sessions

    def killed_all():
        client.clear_instance_sessions(nosql.ClearInstanceSessionsRequest(instance_id=instance))

    sessions = make("list", listed)
    make("kill", lambda: killed((sessions or [target["guess"]])[:1]))
    if sessions is not None:
        make("list again", listed)
        if key.get("and_all"):
            make("kill all", killed_all)
            make("list at last", listed_whole)


def of_taurusdb(calls, key, target):
    client = connected(GaussDBClient, key)
    place = {"instance_id": target["instance_id"], "node_id": target["node_id"]}

    def make(call, function):
        return calls.make("huaweicloud_taurusdb", key["name"], call, function)

    def listed():
        request = gaussdb.ListTaurusDbNodeProcessesRequest(offset=0, limit=20, **place)
        return [str(one.id) for one in client.list_taurus_db_node_processes(request).processes]

    def killed(sessions):
        body = gaussdb.DeleteTaurusDbNodeProcessesRequestBody(processes=[int(one) for one in sessions])
        request = gaussdb.DeleteTaurusDbNodeProcessesRequest(body=body, **place)
        done = client.delete_taurus_db_node_processes(request)
        return [str(one) for one in done.processes_killed]

    named(make, listed, killed, target)


def of_gaussdb(calls, key, target):
    client = connected(GaussDBforopenGaussClient, key)
    instance = target["instance_id"]
    node, component = target["node_id"].split("/")
    place = {"node_id": node, "component_id": component}

    def make(call, function):
        return calls.make("huaweicloud_gaussdb", key["name"], call, function)

    def listed():
        body = opengauss.ListRealTimeSessionsRequestBody(**place)
        request = opengauss.ListRealTimeSessionsRequest(instance_id=instance, body=body)
        sessions = client.list_real_time_sessions(request).sessions
        return [one.session_id for one in sessions if one.user_name != "omm"]

    def killed(sessions):
        body = opengauss.KillSessionRequestBody(
            instance_id=instance, session_ids=sessions, **place
        )
        request = opengauss.StopSessionRequest(instance_id=instance, body=body)
        return client.stop_session(request).session_ids

    named(make, listed, killed, target)


def of_ddm(calls, key, target):
    client = connected(DdmClient, key)
    instance = target["instance_id"]

    def make(call, function):
        return calls.make("huaweicloud_ddm", key["name"], call, function)

    def listed():
        request = ddm.ShowLogicalProcessesRequest(instance_id=instance, offset=0, limit=20)
        return [one.id for one in client.show_logical_processes(request).logical_processes]

    def killed(sessions):
        body = ddm.KillProcessesOpenRequest(process_ids=sessions)
        request = ddm.ExecuteKillLogicalProcessesRequest(instance_id=instance, body=body)
        client.execute_kill_logical_processes(request)
        return sessions

    named(make, listed, killed, target)


def of_vpn(calls, key, target):
    client = connected(VpnClient, key)
    gateway = target["instance_id"]

    def make(call, function):
        return calls.make("huaweicloud_vpn_p2c", key["name"], call, function)

    def listed():
        request = vpn.ListP2cVgwConnectionsRequest(p2c_vgw_id=gateway, offset=0, limit=20)
        return [one.connection_id for one in client.list_p2c_vgw_connections(request).connections]

    def killed(connections):
        for one in connections:
            request = vpn.DeleteP2cVgwConnectionRequest(p2c_vgw_id=gateway, connection_id=one)
            client.delete_p2c_vgw_connection(request)
        return connections

    named(make, listed, killed, target)


def named(make, listed, killed, target):
    """Ends the first that is listed, by name, and lists again."""
    sessions = make("list", listed)
    make("kill", lambda: killed((sessions or [target["guess"]])[:1]))
    if sessions is not None:
        make("list again", listed)


def main():
    calls = Calls(refused)
    for key in TASK["keys"]:
        targets = key["targets"]
        of_dcs(calls, key, targets["huaweicloud_dcs"])
        of_dds(calls, key, targets["huaweicloud_dds"])
        of_geminidb(calls, key, targets["huaweicloud_geminidb_redis"])
        of_taurusdb(calls, key, targets["huaweicloud_taurusdb"])
        of_gaussdb(calls, key, targets["huaweicloud_gaussdb"])
        of_ddm(calls, key, targets["huaweicloud_ddm"])
        of_vpn(calls, key, targets["huaweicloud_vpn_p2c"])
    calls.tell()


main()
