"""What programs on the Python client do. Prints one line per step; any surprise ends it with a traceback."""

import sys
import threading

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException

config.load_kube_config(config_file=sys.argv[1])
core = client.CoreV1Api()
custom = client.CustomObjectsApi()
NAMESPACE = "default"


def config_map(name, data, **metadata):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, **metadata), data=data)


def refused(code, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except ApiException as error:
        assert error.status == code, (error.status, code, error.body)
        return error
    raise AssertionError("the server should have refused")


def typed():
    created = core.create_namespaced_config_map(NAMESPACE, config_map("typed", {"a": "1"}))
    assert created.metadata.creation_timestamp.tzinfo is not None
    created.data["a"] = "2"
    assert core.replace_namespaced_config_map("typed", NAMESPACE, created).data == {"a": "2"}
    refused(409, core.replace_namespaced_config_map, "typed", NAMESPACE, created)
    patched = core.patch_namespaced_config_map("typed", NAMESPACE, {"data": {"b": "3"}})
    assert patched.data == {"a": "2", "b": "3"}, patched.data
    operations = [{"op": "remove", "path": "/data/a"}]
    assert core.patch_namespaced_config_map("typed", NAMESPACE, operations).data == {"b": "3"}
    status = core.delete_namespaced_config_map("typed", NAMESPACE)
    assert status.status == "Success"
    assert "not found" in refused(404, core.read_namespaced_config_map, "typed", NAMESPACE).body


def secrets():
    body = client.V1Secret(metadata=client.V1ObjectMeta(name="hidden"), string_data={"a": "b"})
    assert core.create_namespaced_secret(NAMESPACE, body).data == {"a": "Yg=="}


def pages():
    for number in range(5):
        core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}", {}, labels={"page": "yes"}))
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(NAMESPACE, label_selector="page=yes", limit=2, _continue=token)
        names += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"page-{number}" for number in range(5)], names
    core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="page=yes")


def watching():
    version = core.list_namespaced_config_map(NAMESPACE).metadata.resource_version

    def change():
        core.create_namespaced_config_map(NAMESPACE, config_map("seen", {"n": "1"}))
        core.patch_namespaced_config_map("seen", NAMESPACE, {"data": {"n": "2"}})
        core.delete_namespaced_config_map("seen", NAMESPACE)

    writer = threading.Thread(target=change)
    writer.start()
    told = []
    stream = watch.Watch()
    for event in stream.stream(
        core.list_namespaced_config_map, NAMESPACE, resource_version=version, timeout_seconds=60
    ):
        told.append((event["type"], event["object"].data["n"]))
        if event["type"] == "DELETED":
            stream.stop()
    writer.join()
    assert told == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")], told


def custom_objects(group, plural, body):
    place = (group, "v1", NAMESPACE, plural)
    custom.create_namespaced_custom_object(*place, body)
    name = body["metadata"]["name"]
    custom.patch_namespaced_custom_object(*place, name, {"spec": {"color": "blue"}})
    custom.patch_namespaced_custom_object_status(*place, name, {"status": {"replicas": 2}})
    custom.patch_namespaced_custom_object_scale(*place, name, {"spec": {"replicas": 3}})
    read = custom.get_namespaced_custom_object(*place, name)
    assert read["spec"]["color"] == "blue" and read["spec"]["replicas"] == 3, read
    assert read["status"]["replicas"] == 2, read
    refused(422, custom.patch_namespaced_custom_object, *place, name, {"spec": {"color": "pink"}})


def dynamic_objects():
    objects = dynamic.DynamicClient(client.ApiClient())
    maps = objects.resources.get(api_version="v1", kind="ConfigMap")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "1"}}
    created = maps.create(body=body, namespace=NAMESPACE)
    assert created.metadata.uid
    patched = maps.patch(
        body={"data": {"a": "2"}}, name="applied", namespace=NAMESPACE, content_type="application/merge-patch+json"
    )
    assert patched.data.a == "2"
    widgets = objects.resources.get(api_version="test.example.org/v1", kind="Widget")
    assert [item.metadata.name for item in widgets.get(namespace=NAMESPACE).items] == ["one"]
    version = widgets.get(namespace=NAMESPACE).metadata.resourceVersion
    widgets.delete(name="one", namespace=NAMESPACE)
    for event in widgets.watch(namespace=NAMESPACE, resource_version=version, timeout=60):
        assert event["type"] == "DELETED", event["type"]
        break
    maps.delete(name="applied", namespace=NAMESPACE)


def reviews():
    attributes = client.V1ResourceAttributes(verb="get", resource="secrets", namespace=NAMESPACE)
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    )
    assert client.AuthorizationV1Api().create_self_subject_access_review(review).status.allowed


def versions():
    assert client.VersionApi().get_code().major == "1"
    assert "v1" in client.CoreApi().get_api_versions().versions
    assert any(group.name == "apps" for group in client.ApisApi().get_api_versions().groups) is False


WIDGET = {
    "apiVersion": "test.example.org/v1",
    "kind": "Widget",
    "metadata": {"name": "one"},
    "spec": {"color": "red"},
}

for step in [
    versions,
    typed,
    secrets,
    pages,
    watching,
    lambda: custom_objects("test.example.org", "widgets", WIDGET),
    dynamic_objects,
    reviews,
]:
    step()
print("done")
